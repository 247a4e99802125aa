//! Adds up a field of an array of dicts, which are deserialised into a struct one at a time.
//!
//! ```text
//! python3 -c 'import numpy as np; np.save("sales.npy", np.array([{"item": "tea", "price": 2.5}, {"item": "cake", "price": 4.0}]))'
//! cargo run -p npy-object --example serde -- sales.npy
//! ```

use std::env;
use std::error::Error;

use serde::Deserialize;

/// A dict of the array. Keys that are not named here are skipped.
#[derive(Deserialize)]
struct Sale {
    item: String,
    price: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("expected the path of an array of dicts")?;
    let mut total = 0.0;
    for sale in npy_object::open(&path)?.into_deserialize::<Sale>() {
        let Sale { item, price } = sale?;
        println!("{item}: {price}");
        total += price;
    }
    println!("total: {total}");
    Ok(())
}
