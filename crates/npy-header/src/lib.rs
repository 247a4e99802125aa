//! Reads and writes the preamble of a NumPy `.npy` file: its version, and the header with the
//! dtype, order and shape of the array.
//!
//! The crate reads the headers that `numpy.load` reads, also those of Python 2, with few
//! [differences]. It does no I/O, needs no `std`, and does not read the data after the preamble.
//!
//! [differences]: https://github.com/npy-object/npy-object/blob/main/spec/differences.md
//!
//! # Reading
//!
//! [`parse`] takes the first bytes of a file, and returns the header or the number of bytes that it
//! still [needs](Progress::Need). The preamble has all of these bytes, so a loop can wait for them:
//!
//! ```
//! use npy_header::{Limits, Progress, parse};
//! use std::io::Read;
//!
//! # let text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n";
//! # let file = [b"\x93NUMPY\x01\0", &[text.len() as u8, 0][..], text, &[0; 48]].concat();
//! // `file` can be any reader. Here it is a preamble of 70 bytes and its data.
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
//! assert_eq!(header.nbytes(), Some(file.len() as u64)); // the data is left
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Limits`] bounds the size of a header. An [`Error`] has a message, the offset of the byte that
//! it is about, and the clause of the [specification] that is broken. [`parse`] returns the first
//! error, [`check`] all of them.
//!
//! [specification]: https://github.com/npy-object/npy-object/blob/main/spec/header.md
//!
//! # Writing
//!
//! [`Header::to_bytes`] returns the bytes that NumPy writes:
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
//! # Source files
//!
//! The table is in reading order. A file uses only files below it.
//!
//! | file | content |
//! |---|---|
//! | `preamble` | [`parse`], [`check`]: magic, version, length, charset, and the keys of the header |
//! | `write` | [`Header::to_bytes`], with the padding of each release of NumPy |
//! | `header` | [`Header`] and [`Version`] |
//! | `descr` | a [`DType`] from a Python literal, and back |
//! | `literal` | Python literals: text to a tree of values |
//! | `lexer` | the tokens of Python literals |
//! | `typestr` | a [`DType`] from a string such as `<f8`, and back |
//! | `dtype` | [`DType`] and its parts, with the checks that all of them pass |
//! | `unit` | the units of datetimes and timedeltas |
//! | `repr` | strings and tuples as Python shows them |
//! | `error` | [`Error`], and the clauses of the specification |
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
mod unit;
mod write;

pub use dtype::{ByteOrder, DType, Field, Scalar, ScalarKind, Struct, Subarray};
pub use error::{Error, ErrorKind};
pub use header::{Header, Version};
pub use preamble::{Limits, Progress, check, parse};
pub use unit::{TimeBase, TimeUnit};
pub use write::Padding;

/// Makes `cargo test` run the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
