//! Instructions to a graph: the pickle machine.
//!
//! Uses `lex` for instructions and `graph` for what they make.
//!
//! Read `execute` first: the [`Machine`] with its stack, marks and memo, and what each opcode does.
//! `decode` runs a whole pickle, and `push` one that arrives in pieces.
//! `numbers` runs many numbers at once.

mod decode;
mod execute;
mod numbers;
mod push;
mod sniff;

pub use decode::{Decoded, decode};
pub use execute::{Flow, Machine, Ran};
pub use push::PushDecoder;
pub use sniff::{Sniffer, may_begin_with_global};
