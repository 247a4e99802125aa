//! Elements of an array in an object store: one of them, or all of them one after another.
//!
//! ```text
//! cargo run --example remote --features object_store -- file:///data/big.npy 123456
//! ```
//!
//! With the features `aws`, `azure`, `gcp` or `http` of the crate `object_store`, the address can
//! be one of these too: `s3://bucket/big.npy`. If `npyo index` has made an index, and it stands
//! beside the object as `big.npy.idx`, one element takes a few kilobytes beside its own bytes.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use npy_object::{OwnedElement, Remote};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("remote ADDRESS [NUMBER]")?;
    let number = arguments.next().map(|number| number.parse()).transpose()?;
    block_on(show(&address, number))
}

async fn show(address: &str, number: Option<u64>) -> Result<(), Box<dyn Error>> {
    let (store, path) = object_store::parse_url(&address.parse()?)?;
    let mut array = Remote::new(Arc::from(store), path).open().await?;
    let (len, index) = (array.array().len(), array.array().index_use());
    println!("{len} elements, index: {index:?}");
    if let Some(number) = number {
        let element = array.get(number).await?.ok_or("there are not so many")?;
        print(number, &element);
        return Ok(());
    }
    let mut elements = pin!(array.elements());
    let mut number = 0;
    while let Some(element) = elements.try_next().await? {
        print(number, &element);
        number += 1;
    }
    Ok(())
}

fn print(number: u64, element: &OwnedElement) {
    println!("{number}: {:?}", element.element().kind());
}
