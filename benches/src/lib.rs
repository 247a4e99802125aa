//! The works that are measured: what somebody would loop over a file for.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use npy_object::{Element, NpyArray, Result};

/// A file, and what is done with each of its elements.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// The name of the work, and of its file.
    pub name: &'static str,
    /// Does the work: how many elements there were, and the result.
    pub run: fn(&mut NpyArray) -> Result<(u64, f64)>,
    /// The buffer of its [`floor`], if it has one: as large as is best, or as an element, whose
    /// numbers stand side by side.
    pub floor: Option<usize>,
}

/// All of them.
pub const WORKS: [Work; 6] = [
    Work { name: "ragged", run: |array| sum(array, sum_of_floats), floor: None },
    Work { name: "large", run: |array| sum(array, sum_of_floats), floor: Some(512 << 10) },
    Work { name: "huge", run: |array| sum(array, sum_of_floats), floor: Some(12 << 20) },
    Work { name: "strings", run: |array| sum(array, len_of_text), floor: None },
    Work { name: "ints", run: |array| sum(array, sum_of_ints), floor: None },
    Work { name: "dicts", run: |array| sum(array, field_of_dict), floor: None },
];

/// The sum of what each element comes to, and how many there are.
fn sum(array: &mut NpyArray, value: impl Fn(Element<'_>) -> Result<f64>) -> Result<(u64, f64)> {
    let (mut count, mut sum) = (0, 0.0);
    while let Some(element) = array.next_element()? {
        sum += value(element)?;
        count += 1;
    }
    Ok((count, sum))
}

fn sum_of_floats(element: Element<'_>) -> Result<f64> {
    let bytes = element.as_plain_array().filter(|array| array.is::<f64>());
    let Some(bytes) = bytes.map(|array| array.data()) else {
        return Ok(element.as_array::<f64>()?.data().iter().sum());
    };
    Ok(sum_of_bytes(bytes))
}

/// In eight sums side by side, as NumPy does: one alone would take longer than the reading. The
/// numbers are taken from where they lie in the file, mostly at an odd address.
fn sum_of_bytes(bytes: &[u8]) -> f64 {
    let (numbers, _) = bytes.as_chunks::<8>();
    let (eights, rest) = numbers.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        sums.iter_mut().zip(eight).for_each(|(sum, number)| *sum += f64::from_le_bytes(*number));
    }
    sums.iter().sum::<f64>() + rest.iter().copied().map(f64::from_le_bytes).sum::<f64>()
}

/// What no reader of numbers can be faster than: every byte of a file is read into a buffer of so
/// many, which is used again, and summed as if it were of a number.
///
/// # Errors
/// Fails where reading does.
pub fn floor(mut file: impl Read, buffer: usize) -> io::Result<f64> {
    let mut buffer = vec![0; buffer];
    let mut sum = 0.0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(sum),
            read => sum += sum_of_bytes(&buffer[..read]),
        }
    }
}

fn len_of_text(element: Element<'_>) -> Result<f64> {
    Ok(element.as_str()?.len() as f64)
}

fn sum_of_ints(element: Element<'_>) -> Result<f64> {
    Ok(element.as_ints()?.iter().sum::<i64>() as f64)
}

fn field_of_dict(element: Element<'_>) -> Result<f64> {
    for (key, value) in element.as_entries()? {
        if key.as_str()? == "id" {
            return Ok(value.as_i64()? as f64);
        }
    }
    Ok(0.0)
}

impl Work {
    /// The file, where `benches/generate.py` puts it.
    ///
    /// # Errors
    /// Says how to make it where it is not there.
    pub fn file(&self) -> std::result::Result<PathBuf, String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("data")
            .join(self.name)
            .with_extension("npy");
        if file.exists() {
            return Ok(file);
        }
        Err(format!("{} is missing: run `python benches/generate.py` first", file.display()))
    }
}

/// The peak of resident memory in KiB, as Linux has it; 0 elsewhere.
pub fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}
