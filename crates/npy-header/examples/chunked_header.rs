//! Reads the header of a file whose bytes arrive in pieces, without reading past it.
//!
//! ```text
//! cargo run -p npy-header --example chunked_header < array.npy
//! ```

use std::error::Error;
use std::io::{self, Read};

use npy_header::{Limits, Progress, parse};

fn main() -> Result<(), Box<dyn Error>> {
    let mut input = io::stdin().lock();
    let mut preamble = Vec::new();
    loop {
        match parse(&preamble, &Limits::default())? {
            Progress::Need(more) => {
                let begin = preamble.len();
                preamble.resize(begin + more, 0);
                input.read_exact(&mut preamble[begin..])?;
            }
            Progress::Done { header, length } => {
                println!("dtype {}, shape {:?}", header.dtype, header.shape);
                println!("the data begins at byte {length}");
                return Ok(());
            }
        }
    }
}
