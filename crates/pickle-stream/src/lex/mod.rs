//! Bytes to instructions, at any cut of the input.
//!
//! Uses the opcode table, errors and limits; no other room.
//!
//! Read `lexer` first: the grammar of instructions, and the incremental reader in front of it.
//! `text` decodes the text lines of protocol 0 for the rooms that need their values. `numbers`
//! reads runs of number instructions.

mod lexer;
pub(crate) mod numbers;
pub(crate) mod text;

pub use lexer::{Argument, Head, Instruction, Lexer, Progress};
pub(crate) use lexer::{check_protocol, long_payload, number, short_payload};
