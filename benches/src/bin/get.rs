//! Reads elements at random numbers, as a shuffled data set does: `get FILE [COUNT [KIND]]`. With a
//! KIND (`auto`, `dense` or `sparse`), writes the index of the file first. Prints the microseconds of
//! an element with a warm page cache (the least of five runs), one by one, and 1,000 at once that are
//! lent or copied, and the bytes of the index.

use std::error::Error;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

use npy_object::IndexKind;

/// Elements that are read at once.
const AT_ONCE: u64 = 1000;

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
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut numbers = |count: u64| -> Vec<u64> {
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % len
        };
        (0..count).map(next).collect()
    };
    let mut least = [f64::INFINITY; 3];
    let mut note = |way: usize, begin: Instant, count: u64| {
        least[way] = least[way].min(begin.elapsed().as_secs_f64() * 1e6 / count as f64);
    };
    for _ in 0..5 {
        let (one_by_one, begin) = (numbers(count), Instant::now());
        for number in one_by_one {
            black_box(array.get(number)?.is_some());
        }
        note(0, begin, count);
        for _ in 0..count.div_ceil(AT_ONCE) {
            let (at_once, begin) = (numbers(AT_ONCE), Instant::now());
            array.visit(&at_once, |_, element| {
                black_box(element.encoded_len());
                ControlFlow::Continue(())
            })?;
            note(1, begin, AT_ONCE);
            let (at_once, begin) = (numbers(AT_ONCE), Instant::now());
            black_box(array.get_many(&at_once)?);
            note(2, begin, AT_ONCE);
        }
    }
    let [one, lent, copied] = least;
    println!(
        "us of {len} elements: {one:.3} one by one, {lent:.3} lent, {copied:.3} copied, \
         {AT_ONCE} at once; index: {size} bytes"
    );
    Ok(())
}
