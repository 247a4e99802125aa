//! A pickle from values, or from the instructions of another pickle.
//!
//! Uses `lex`, `graph` and, for spans, `survey`.
//!
//! Read `encode` first: the [`Encoder`], which writes what CPython's pickler writes. `frames` holds
//! the bytes it has written. `build` makes values to be encoded. `transcribe` copies instructions
//! from one pickle into another; `list_items` finds those of the items of a list.
//! `in_place` has instructions for a pickle that is changed where it stands.

mod build;
mod encode;
mod frames;
pub mod in_place;
mod list_items;
mod transcribe;

pub use build::Builder;
pub use encode::{Encoder, Savepoint, encode};
pub use list_items::ListItems;
pub use transcribe::{Renumbering, Transcribed, Transcriber};
