//! Decodes pickles that follow one another in standard input, which arrives in pieces.
//!
//! ```text
//! python3 -c 'import pickle, sys; [pickle.dump(v, sys.stdout.buffer) for v in (1, "two", [3.0])]' |
//!     cargo run -p pickle-stream --example chunked_pickle
//! ```

use std::error::Error;
use std::io::{self, Read};

use pickle_stream::{Limits, Progress, PushDecoder};

fn main() -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    let mut input = io::stdin().lock();
    let mut decoder = PushDecoder::new(&limits);
    let mut has_begun = false;
    let mut buffer = [0; 4096];
    loop {
        let len = input.read(&mut buffer)?;
        if len == 0 {
            break;
        }
        let mut chunk = &buffer[..len];
        while !chunk.is_empty() {
            has_begun = true;
            match decoder.feed(chunk)? {
                Progress::Need(_) => break,
                Progress::Done(consumed) => {
                    let next = PushDecoder::new(&limits);
                    let decoded = std::mem::replace(&mut decoder, next).finish()?;
                    println!("{:?}", decoded.value());
                    chunk = &chunk[consumed..];
                    has_begun = false;
                }
            }
        }
    }
    if has_begun {
        // The error of a pickle that is truncated.
        decoder.finish()?;
    }
    Ok(())
}
