//! The tests of the rooms of this crate, in one binary, because each binary takes time to link.
//!
//! `cargo test -p npy-object --test rooms source::` runs those of one room. What needs a binary of
//! its own is beside this file: `memory` replaces the allocator, and `unfinished` removes the
//! temporary files of the whole process.

mod audit;
mod error;
mod source;
mod write;
