//! Decodes every element of any file, `growth FILE THREADS`, and prints the seconds, the elements, their
//! bytes, and the peak of memory in KiB (0 where the system does not report it). Used by
//! `peers/growth.py` and `floods.py`.

use std::error::Error;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

use npy_object::Element;
use npy_object_benches::peak;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, threads] = arguments.as_slice() else {
        return Err("usage: growth FILE THREADS".into());
    };
    let threads = threads.parse()?;
    let begin = Instant::now();
    let mut array = npy_object::open(file)?;
    let mut all = Totals::default();
    if threads == 1 {
        while let Some(element) = array.next_element()? {
            all.add(element);
        }
    } else {
        let each = |part: Totals| {
            all.elements += part.elements;
            all.bytes += part.bytes;
            ControlFlow::Continue(())
        };
        array.fold_parallel(threads, Totals::default, Totals::add, each)?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{seconds} {} {} {}", all.elements, all.bytes, peak());
    Ok(())
}

/// The number of elements, and of their bytes.
#[derive(Default)]
struct Totals {
    elements: u64,
    bytes: usize,
}

impl Totals {
    fn add(&mut self, element: Element<'_>) {
        black_box(element.kind());
        self.elements += 1;
        self.bytes += element.encoded_len();
    }
}
