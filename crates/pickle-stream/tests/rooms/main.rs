//! Tests of the public interface, in one module for each room of the crate.
//!
//! They are one program, as each test program is linked on its own. Most are properties: they run
//! on random streams of `support`. The examples of each rule are unit tests next to the code, and
//! `tests/clauses.rs` holds the code to the spec.

mod graph;
mod inspect;
mod lex;
mod machine;
mod opcode;
mod skeleton;
#[path = "../support/mod.rs"]
mod support;
mod survey;
mod write;
