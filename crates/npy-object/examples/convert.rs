//! Converts an object array to a table: Parquet, Arrow IPC, JSON lines, CSV or flat `.npy` files, by the
//! name of the output.
//!
//! ```text
//! python3 -c 'import numpy as np; np.save("sales.npy", np.array([{"item": "tea", "price": 2.5}, {"item": "cake", "price": 4.0}]))'
//! cargo run --release -p npy-object --features parquet --example convert -- sales.npy sales.parquet
//! ```

use std::env;
use std::error::Error;

use npy_object::table::Export;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        return Err("expected an array and a new file, such as: sales.npy sales.parquet".into());
    };
    let array = npy_object::open(&from)?;
    let rows = Export::new().write(&array, &to)?;
    println!("{to}: {rows} rows");
    Ok(())
}
