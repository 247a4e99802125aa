//! Bytes to instructions.

pub(crate) mod lexer;
pub(crate) mod text;
