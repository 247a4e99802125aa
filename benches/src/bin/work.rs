//! Does one work once, `work NAME [--floor]`, and prints the seconds, the elements, the result, and the
//! peak of memory in KiB (0 where the system does not report it). Used by `compare.py`. With `--floor`,
//! reads the file and sums its bytes instead; the elements are those of the file.

use std::fs::File;
use std::process::ExitCode;
use std::time::Instant;

use npy_object_benches::{WORKS, Work, floor, peak};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(work) = WORKS.iter().find(|work| work.name == name) else {
        eprintln!("work: no work is named '{name}'");
        return ExitCode::from(2);
    };
    match measure(work, arguments.next().as_deref() == Some("--floor")) {
        Ok((seconds, count, result)) => {
            println!("{seconds} {count} {result} {}", peak());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("work: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(work: &Work, is_floor: bool) -> Result<(f64, u64, f64), Box<dyn std::error::Error>> {
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
