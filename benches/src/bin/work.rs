//! Does one work once and prints the seconds, the elements, the result, and the peak of memory in
//! KiB where the system tells: the other side of `compare.py`.

use std::process::ExitCode;
use std::time::Instant;

use npy_object_benches::{WORKS, peak};

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(work) = WORKS.iter().find(|work| work.name == name) else {
        eprintln!("work: no work is called '{name}'");
        return ExitCode::from(2);
    };
    let begin = Instant::now();
    let done = work.file().and_then(|file| {
        let mut array = npy_object::open(file).map_err(|error| error.to_string())?;
        (work.run)(&mut array).map_err(|error| error.to_string())
    });
    match done {
        Ok((count, result)) => {
            println!("{} {count} {result} {}", begin.elapsed().as_secs_f64(), peak());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("work: {error}");
            ExitCode::FAILURE
        }
    }
}
