//! The audit and the disassembler.

mod audit;
mod dis;
