//! Reads each element of a work into a Rust value through serde: `deserialize NAME [--methods | --loop]`.
//! Prints the seconds, the elements, the sum of their numbers, and the peak of memory in KiB (0 where the
//! system does not report it). Used by `compare.py`.
//!
//! With `--methods`, reads the same values with the methods of [`Element`] instead. Where these borrow
//! numbers, the numbers are not copied; texts are. With `--loop`, reads no value.

use std::env;
use std::error::Error;
use std::time::Instant;

use npy_object::{Element, NpyArray, Result};
use npy_object_benches::{WORKS, peak};
use serde::Deserialize;

#[derive(Default, Deserialize)]
struct Item {
    id: u32,
    name: String,
    v: Vec<u32>,
}

impl Item {
    fn sum(&self) -> f64 {
        f64::from(self.id) + self.name.len() as f64 + self.v.iter().sum::<u32>() as f64
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let work = WORKS.iter().find(|work| work.name == name).ok_or("no work has this name")?;
    let file = work.file()?;
    let option = arguments.next().unwrap_or_default();
    let begin = Instant::now();
    let array = &mut npy_object::open(file)?;
    let (count, result) = match (name.as_str(), option.as_str()) {
        (_, "--loop") => sum(array, |_| Ok(0.0)),
        ("ints", "") => sum(array, |element| {
            let ints: Vec<i64> = element.deserialize()?;
            Ok(ints.iter().sum::<i64>() as f64)
        }),
        ("ints", "--methods") => {
            sum(array, |element| Ok(element.as_ints()?.iter().sum::<i64>() as f64))
        }
        ("ragged" | "large", "") => sum(array, |element| {
            let floats: Vec<f64> = element.deserialize()?;
            Ok(floats.iter().sum())
        }),
        ("ragged" | "large", "--methods") => {
            sum(array, |element| Ok(element.as_array::<f64>()?.data().iter().sum()))
        }
        ("strings", "") => sum(array, |element| {
            let text: String = element.deserialize()?;
            Ok(text.len() as f64)
        }),
        ("strings", "--methods") => {
            sum(array, |element| Ok(element.as_str()?.into_owned().len() as f64))
        }
        ("dicts", "") => sum(array, |element| Ok(element.deserialize::<Item>()?.sum())),
        ("dicts", "--methods") => sum(array, |element| Ok(item(element)?.sum())),
        _ => return Err("the works are ragged, large, strings, ints and dicts".into()),
    }?;
    println!("{} {count} {result} {}", begin.elapsed().as_secs_f64(), peak());
    Ok(())
}

/// Sums a value of each element. Returns the number of elements and the sum.
#[inline(always)]
fn sum(array: &mut NpyArray, value: impl Fn(Element<'_>) -> Result<f64>) -> Result<(u64, f64)> {
    let (mut count, mut sum) = (0, 0.0);
    while let Some(element) = array.next_element()? {
        sum += value(element)?;
        count += 1;
    }
    Ok((count, sum))
}

fn item(element: Element<'_>) -> Result<Item> {
    let mut item = Item::default();
    for (key, value) in element.as_entries()? {
        match &*key.as_str()? {
            "id" => item.id = value.as_i64()? as u32,
            "name" => item.name = value.as_str()?.into_owned(),
            "v" => item.v = value.as_ints()?.iter().map(|&int| int as u32).collect(),
            _ => {}
        }
    }
    Ok(item)
}
