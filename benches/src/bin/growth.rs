//! Decodes every element of any file, `growth FILE THREADS`, looks at what it is, and prints the
//! seconds, the elements, their bytes, and the peak of memory in KiB where the system tells: what
//! `peers/growth.py` lets grow.

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
    let mut all = Seen::default();
    if threads == 1 {
        while let Some(element) = array.next_element()? {
            all.see(element);
        }
    } else {
        let each = |seen: Seen| {
            all.elements += seen.elements;
            all.bytes += seen.bytes;
            ControlFlow::Continue(())
        };
        array.fold_parallel(threads, Seen::default, Seen::see, each)?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{seconds} {} {} {}", all.elements, all.bytes, peak());
    Ok(())
}

/// How many elements there were, and their bytes.
#[derive(Default)]
struct Seen {
    elements: u64,
    bytes: usize,
}

impl Seen {
    fn see(&mut self, element: Element<'_>) {
        black_box(element.kind());
        self.elements += 1;
        self.bytes += element.encoded_len();
    }
}
