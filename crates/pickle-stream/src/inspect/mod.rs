//! Pickles and values for people: disassembly, short forms of values, and the audit.
//!
//! Uses `lex` and `graph`. No other room uses this one.
//!
//! # Reading order
//!
//! - `repr`: floats, bytes and strings as Python's `repr` writes them
//! - `sketch`: the beginning of a value, for `Debug`
//! - `dis`: instructions as `pickletools.dis` writes them
//! - `signs`: hints of the program that wrote a pickle
//! - [`audit`]: what `pickle.load` would import, call and change

pub mod audit;
mod dis;
mod repr;
mod signs;
mod sketch;

pub use dis::{Disassembler, Line};
pub use repr::printable;
pub use signs::Signs;
pub use sketch::{Shown, short_bytes, short_str, sketch};
