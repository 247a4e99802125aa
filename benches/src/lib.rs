//! The works that the benches measure: loops over the elements of a file.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use npy_object::{Element, Kind, NpyArray, Result};

/// A loop over the elements of a file.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// The name of the work, and of its file.
    pub name: &'static str,
    /// Does the work, and returns the number of elements and the result.
    pub run: fn(&mut NpyArray) -> Result<(u64, f64)>,
    /// The buffer size of its [`floor`], for the works that have one: the fastest size, or that of the
    /// largest element.
    pub floor: Option<usize>,
}

/// The works of the program `work`.
pub const WORKS: [Work; 11] = [
    Work { name: "ragged", run: sum_floats, floor: None },
    Work { name: "large", run: sum_floats, floor: Some(512 << 10) },
    Work { name: "huge", run: sum_floats, floor: Some(12 << 20) },
    Work { name: "strings", run: sum_lengths, floor: None },
    Work { name: "ints", run: sum_ints, floor: None },
    Work { name: "dicts", run: sum_ids, floor: None },
    Work { name: "labels", run: sum_lengths, floor: None },
    Work { name: "growing", run: sum_ints, floor: None },
    Work { name: "frames", run: sum_ids, floor: None },
    Work { name: "protocol2", run: sum_ids, floor: None },
    Work { name: "python2", run: sum_ids, floor: None },
];

/// The works that use other accessors, of the program `irregular`. They are not in `work`, because the
/// compiler would inline less of the library into the loops that are there.
pub const IRREGULAR: [Work; 4] = [
    Work { name: "records", run: |array| sum(array, time_and_ints), floor: None },
    Work { name: "mixed", run: |array| sum(array, by_kind), floor: None },
    Work { name: "nested", run: |array| sum(array, len_of_dict), floor: None },
    Work { name: "trees", run: |array| sum(array, number_of_tree), floor: None },
];

/// Sums a value of each element. Returns the number of elements and the sum.
fn sum(array: &mut NpyArray, value: impl Fn(Element<'_>) -> Result<f64>) -> Result<(u64, f64)> {
    let (mut count, mut sum) = (0, 0.0);
    while let Some(element) = array.next_element()? {
        sum += value(element)?;
        count += 1;
    }
    Ok((count, sum))
}

// The works on the same kind of element share one loop, so that more works change nothing for the compiler.
fn sum_floats(array: &mut NpyArray) -> Result<(u64, f64)> {
    sum(array, sum_of_floats)
}

fn sum_lengths(array: &mut NpyArray) -> Result<(u64, f64)> {
    sum(array, len_of_text)
}

fn sum_ints(array: &mut NpyArray) -> Result<(u64, f64)> {
    sum(array, sum_of_ints)
}

fn sum_ids(array: &mut NpyArray) -> Result<(u64, f64)> {
    sum(array, id)
}

fn sum_of_floats(element: Element<'_>) -> Result<f64> {
    let bytes = element.as_plain_array().filter(|array| array.is::<f64>());
    let Some(bytes) = bytes.map(|array| array.data()) else {
        return Ok(element.as_array::<f64>()?.data().iter().sum());
    };
    Ok(sum_of_bytes(bytes))
}

/// Sums f8 numbers in eight partial sums, as NumPy does: a single sum would take longer than reading the
/// file. The numbers are read from their bytes in the file, which are not aligned.
fn sum_of_bytes(bytes: &[u8]) -> f64 {
    let (numbers, _) = bytes.as_chunks::<8>();
    let (eights, rest) = numbers.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        sums.iter_mut().zip(eight).for_each(|(sum, number)| *sum += f64::from_le_bytes(*number));
    }
    sums.iter().sum::<f64>() + rest.iter().copied().map(f64::from_le_bytes).sum::<f64>()
}

/// Reads every byte of a file into a buffer of `buffer` bytes that is used again, and sums the bytes as
/// numbers. No reader of numbers can be faster.
///
/// # Errors
/// Fails where reading fails.
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

fn id(element: Element<'_>) -> Result<f64> {
    for (key, value) in element.as_entries()? {
        if key.as_str()? == "id" {
            return Ok(value.as_i64()? as f64);
        }
    }
    Ok(0.0)
}

fn time_and_ints(element: Element<'_>) -> Result<f64> {
    let mut sum = 0;
    for (key, value) in element.as_entries()? {
        match &*key.as_str()? {
            "time" => sum += value.as_i64()?,
            "v" => sum += value.as_ints()?.iter().sum::<i64>(),
            _ => {}
        }
    }
    Ok(sum as f64)
}

/// Does the work of `strings`, of `dicts` or of `ragged`.
fn by_kind(element: Element<'_>) -> Result<f64> {
    match element.kind() {
        Kind::Str(_) => len_of_text(element),
        Kind::Dict(_) => id(element),
        _ => sum_of_floats(element),
    }
}

fn len_of_dict(element: Element<'_>) -> Result<f64> {
    Ok(element.as_entries()?.len() as f64)
}

/// Returns the number in a tree, `(left, number, right)`.
fn number_of_tree(element: Element<'_>) -> Result<f64> {
    element.as_items()?.nth(1).map_or(Ok(0.0), |number| Ok(number.as_i64()? as f64))
}

impl Work {
    /// Returns the path of the file of `benches/generate.py`, in the folder `NPY_OBJECT_DATA` or else in
    /// `benches/data`.
    ///
    /// # Errors
    /// Fails where the file is missing, and says how to make it.
    pub fn file(&self) -> std::result::Result<PathBuf, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        let folder = env::var_os("NPY_OBJECT_DATA").map_or(here, PathBuf::from);
        let file = folder.join(self.name).with_extension("npy");
        if file.exists() {
            return Ok(file);
        }
        Err(format!("{} is missing: run `python benches/generate.py` first", file.display()))
    }
}

/// Does one of these works once, as the arguments `NAME [--floor]` say, and prints the seconds, the
/// elements, the result, and the peak of memory in KiB (0 where the system does not report it). With
/// `--floor`, reads the file and sums its bytes instead; the elements are those of the file.
#[inline(always)]
pub fn run(works: &[Work]) -> ExitCode {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(work) = works.iter().find(|work| work.name == name) else {
        eprintln!("no work is named '{name}'");
        return ExitCode::from(2);
    };
    match measure(work, arguments.next().as_deref() == Some("--floor")) {
        Ok((seconds, count, result)) => {
            println!("{seconds} {count} {result} {}", peak());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(
    work: &Work,
    is_floor: bool,
) -> std::result::Result<(f64, u64, f64), Box<dyn std::error::Error>> {
    let path = work.file()?;
    if is_floor {
        let buffer = work.floor.ok_or("this work has no floor")?;
        let count = npy_object::open(&path)?.len();
        let begin = Instant::now();
        let result = floor(File::open(path)?, buffer)?;
        return Ok((begin.elapsed().as_secs_f64(), count, result));
    }
    let begin = Instant::now();
    let mut array = npy_object::open(path)?;
    let (count, result) = (work.run)(&mut array)?;
    Ok((begin.elapsed().as_secs_f64(), count, result))
}

/// Returns the least seconds of three runs, and the elements and the result of the last one.
///
/// # Errors
/// Fails where a run fails.
pub fn best<E>(
    mut run: impl FnMut() -> std::result::Result<(u64, f64), E>,
) -> std::result::Result<(f64, u64, f64), E> {
    let (mut least, mut done) = (f64::INFINITY, (0, 0.0));
    for _ in 0..3 {
        let begin = Instant::now();
        done = run()?;
        least = least.min(begin.elapsed().as_secs_f64());
    }
    Ok((least, done.0, done.1))
}

/// Returns the peak of resident memory in KiB on Linux, and 0 elsewhere.
pub fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}
