//! What the fuzz targets hold, as functions that panic where it does not hold ([`bodies`]), and
//! programs to hold it against: [`program`] makes them, [`mutate`] breaks them, [`digest`] says what
//! they make. [`bombs`] are files that ask for too much.
#![forbid(unsafe_code)]

pub mod bodies;
pub mod bombs;
pub mod digest;
pub mod inputs;
pub mod mutate;
pub mod program;
