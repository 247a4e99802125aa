//! Pickles and values for people: disassembly, short forms of values, and the audit.
//!
//! Uses `lex` and `graph`. Nothing else uses this room.
//!
//! `dis` writes instructions as `pickletools` does. `sketch` writes the beginning of a value;
//! `repr` has Python's way to write it. `signs` tells which program may have written a pickle. [`audit`] says what unpickling would import and call.

pub mod audit;
mod dis;
mod repr;
mod signs;
mod sketch;

pub use dis::{Disassembler, Line};
pub use repr::printable;
pub use signs::Signs;
pub use sketch::{Shown, short_bytes, short_str, sketch};
