//! Writes an array of strings that is longer than memory, one string at a time.
//!
//!     cargo run --release -p npy-object --example write -- strings.npy 100000000

use std::env;

use npy_object::{ArrayWriter, Error};

fn main() -> Result<(), Error> {
    let mut args = env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "strings.npy".to_owned());
    let count: u64 = args.next().and_then(|count| count.parse().ok()).unwrap_or(1000);

    let mut writer = ArrayWriter::create(&path)?;
    for number in 0..count {
        writer.serialize(&format!("string {number}"))?;
    }
    // The file has its name from here on, and not before.
    writer.finish()
}
