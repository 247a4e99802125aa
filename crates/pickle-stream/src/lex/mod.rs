//! Bytes to instructions, at any cut of the input.
//!
//! Uses the opcode table, errors and limits; no other room.
//!
//! Read `instruction` (what is read), `grammar` (nom's streaming parsers, one for each kind of
//! argument), then `lexer` (the incremental reader in front of the grammar). `shortcut` reads
//! frequent instructions without parsers. `text` decodes the text lines of protocol 0 for the rooms
//! that need their values. `numbers` reads runs of number instructions. `fetch` gives an argument to a
//! caller that matches the opcode itself.

mod fetch;
mod grammar;
mod instruction;
mod lexer;
pub(crate) mod numbers;
mod shortcut;
pub(crate) mod text;

pub(crate) use fetch::{Fetch, Parsed, Raw};
pub(crate) use instruction::check_protocol;
pub use instruction::{Argument, Head, Instruction};
pub use lexer::{Lexer, Progress};
