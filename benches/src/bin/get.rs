//! Reads elements at random numbers, as a shuffled data set does: `get FILE [COUNT [KIND]]`. With a
//! KIND (`auto`, `dense` or `sparse`), writes the index of the file first. Prints the microseconds of
//! an element with a warm page cache (the least of five runs), and the bytes of the index.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use npy_object::IndexKind;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: get FILE [COUNT [auto|dense|sparse]]")?;
    let count: u64 = arguments.next().map_or(Ok(20_000), |count| count.parse())?;
    let kind = match arguments.next().as_deref() {
        None => None,
        Some("auto") => Some(IndexKind::Auto),
        Some("dense") => Some(IndexKind::Dense),
        Some("sparse") => Some(IndexKind::Sparse),
        Some(_) => return Err("expected auto, dense or sparse".into()),
    };
    let mut size = 0;
    if let Some(kind) = kind {
        size = npy_object::open(&file)?.write_index_as(kind)?.metadata()?.len();
    }
    let mut array = npy_object::open(&file)?;
    let len = array.len().max(1);
    // Without an index, the file is surveyed once.
    array.get(len - 1)?;
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let (mut state, begin) = (0x9e37_79b9_7f4a_7c15_u64, Instant::now());
        for _ in 0..count {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            black_box(array.get(state % len)?.is_some());
        }
        least = least.min(begin.elapsed().as_secs_f64() * 1e6 / count as f64);
    }
    println!("{least:.3} us of {len} elements, index: {size} bytes");
    Ok(())
}
