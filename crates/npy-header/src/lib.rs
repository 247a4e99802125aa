//! Reads and writes the preamble of NumPy `.npy` files: the version, and the header that says which
//! dtype, order and shape the array has whose data follows.
//!
//! It reads what `numpy.load` reads, headers of Python 2 and odd dtypes included, from a prefix of
//! the file of any length. It does no I/O, needs no `std`, and knows nothing of pickles.
//!
//! # Reading
//!
//! [`parse`] is given the beginning of a file. While the preamble is not whole it answers how many
//! more bytes it [needs](Progress::Need); never more than there are, so a loop may wait for them:
//!
//! ```
//! use npy_header::{Limits, Progress, parse};
//! use std::io::Read;
//!
//! # let text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n";
//! # let file = [b"\x93NUMPY\x01\0", &[text.len() as u8, 0][..], text, &[0; 48]].concat();
//! // `file` is anything that can be read; here, a preamble of 70 bytes and its data.
//! let mut file = file.as_slice();
//! let mut bytes = Vec::new();
//! let (header, length) = loop {
//!     match parse(&bytes, &Limits::default())? {
//!         Progress::Done { header, length } => break (header, length),
//!         Progress::Need(more) => {
//!             let start = bytes.len();
//!             bytes.resize(start + more, 0);
//!             file.read_exact(&mut bytes[start..])?;
//!         }
//!     }
//! };
//!
//! assert_eq!(header.dtype.to_string(), "<f8");
//! assert_eq!(header.shape, [2, 3]);
//! assert_eq!(length, 70);
//! assert_eq!(header.nbytes(), Some(file.len() as u64)); // what is left is the data
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Limits`] holds what hostile files run into. Every [`Error`] says what is wrong, at which byte,
//! and which clause of the [specification] it breaks.
//!
//! [specification]: https://github.com/npy-object/npy-object/blob/main/spec/header.md
//!
//! # Writing
//!
//! [`Header::to_bytes`] gives the bytes that NumPy would write:
//!
//! ```
//! use npy_header::{DType, Header, Padding};
//!
//! let dtype: DType = "f4,(2,)i8".parse()?;
//! let bytes = Header::new(dtype, false, vec![10]).to_bytes(Padding::default())?;
//! assert!(bytes.starts_with(b"\x93NUMPY"));
//! assert_eq!(bytes.len() % 64, 0);
//! # Ok::<(), npy_header::Error>(())
//! ```
//!
//! # Reading the source
//!
//! From the file inwards: `preamble` finds the header's text, `lexer` and `literal` make a tree
//! of it, `descr` makes a dtype of a part of the tree, `typestr` one of a string. `dtype` and
//! `header` hold the results; `write` and `repr` go the other way. All of them end in `error`.
#![cfg_attr(docsrs, feature(doc_cfg))]
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

/// Runs the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
