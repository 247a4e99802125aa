//! Reads and writes the preamble of NumPy `.npy` files: the version, and the header that says what
//! dtype, order and shape the array has that follows it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod descr;
mod dtype;
mod error;
mod header;
mod lexer;
mod literal;
mod preamble;
mod repr;
mod typestr;
mod write;

pub use dtype::{
    ByteOrder, DType, Field, Scalar, ScalarKind, Struct, Subarray, TimeBase, TimeUnit,
};
pub use error::{Error, ErrorKind, Limit};
pub use header::{Header, Version};
pub use preamble::{Limits, Progress, parse};
pub use write::Padding;
