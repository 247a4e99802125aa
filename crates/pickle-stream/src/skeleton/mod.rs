//! Elements that repeat the instructions of the one before, but for numbers and payloads.
//!
//! Uses `lex`, `graph` and `machine`.
//!
//! Read `template` first (the instructions of an element, with the parts that vary taken out), then
//! `repeat` (fills the graph of the last element with the numbers and payloads of the next).

mod repeat;
mod template;

pub use repeat::{Pattern, Repeater};
pub(crate) use template::{Patience, Steady, Template};
