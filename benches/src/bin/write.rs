//! Reads the file of a work into memory, writes its elements to a new file, and removes that file:
//! `write NAME`. Prints the seconds of the writing, the elements, the bytes of the file, and the peak of
//! memory in KiB (0 where the system does not report it). Used by `compare.py`.

use std::error::Error;
use std::fs::{self, File};
use std::time::Instant;

use npy_object::{ArrayWriter, Element, NpyArray, WriteOptions};
use npy_object_benches::{WORKS, peak};
use serde::{Deserialize, Serialize};

/// The elements of a file as values of Rust.
enum Values {
    /// The bytes of each array.
    Floats(Vec<Vec<u8>>),
    Strings(Vec<String>),
    Ints(Vec<Vec<i64>>),
    Dicts(Vec<Item>),
}

#[derive(Deserialize, Serialize)]
struct Item {
    id: u32,
    name: String,
    v: Vec<u32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let work = WORKS.iter().find(|work| work.name == name).ok_or("no work has this name")?;
    let file = work.file()?;
    let values = Values::read(&name, &mut npy_object::open(&file)?)?;
    let written = file.with_extension("written.npy");
    let begin = Instant::now();
    // Does not wait for the disk, as np.save does not.
    let mut writer = WriteOptions::new().write_to(File::create(&written)?)?;
    values.write(&mut writer)?;
    let count = writer.len();
    writer.finish()?;
    let seconds = begin.elapsed().as_secs_f64();
    let size = fs::metadata(&written)?.len();
    fs::remove_file(&written)?;
    println!("{seconds} {count} {size} {}", peak());
    Ok(())
}

impl Values {
    fn read(name: &str, array: &mut NpyArray) -> npy_object::Result<Values> {
        Ok(match name {
            "strings" => Values::Strings(all(array, |element| element.deserialize())?),
            "ints" => Values::Ints(all(array, |element| element.deserialize())?),
            "dicts" => Values::Dicts(all(array, |element| element.deserialize())?),
            _ => Values::Floats(all(array, |element| {
                let array = element.as_array::<f64>()?;
                Ok(array.data().iter().flat_map(|value| value.to_le_bytes()).collect())
            })?),
        })
    }

    fn write(&self, writer: &mut ArrayWriter<'_>) -> npy_object::Result<()> {
        match self {
            Values::Floats(arrays) => {
                let dtype = "<f8".parse()?;
                arrays.iter().try_for_each(|data| {
                    writer.append_array(&dtype, &[data.len() / 8], false, data)
                })
            }
            Values::Strings(texts) => texts.iter().try_for_each(|text| writer.serialize(text)),
            Values::Ints(lists) => lists.iter().try_for_each(|list| writer.serialize(list)),
            Values::Dicts(items) => items.iter().try_for_each(|item| writer.serialize(item)),
        }
    }
}

/// Reads each element with `read`.
fn all<T>(
    array: &mut NpyArray,
    read: impl Fn(Element<'_>) -> npy_object::Result<T>,
) -> npy_object::Result<Vec<T>> {
    let mut values = Vec::new();
    while let Some(element) = array.next_element()? {
        values.push(read(element)?);
    }
    Ok(values)
}
