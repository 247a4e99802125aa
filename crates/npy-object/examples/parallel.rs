//! Prints the mean of each array of a ragged array. All processors decode, and the results are in order.
//!
//! ```text
//! python3 -c 'import numpy as np; np.save("ragged.npy", np.array([np.arange(n + 1.0) for n in range(1000)], object))'
//! cargo run --release -p npy-object --example parallel -- ragged.npy
//! ```

use std::env;
use std::error::Error;
use std::ops::ControlFlow;

use npy_object::Element;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("expected the path of an array of arrays of floats")?;
    let mean = |element: Element<'_>| {
        let array = element.as_array::<f64>()?;
        let numbers = array.data();
        Ok(numbers.iter().sum::<f64>() / numbers.len() as f64)
    };
    let mut failed: Option<npy_object::Error> = None;
    // 0 threads: as many as the machine runs at once.
    npy_object::open(&path)?.map_parallel(0, mean, |mean| match mean {
        Ok(mean) => {
            println!("{mean}");
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
