//! What the fuzz targets hold, as functions that panic where it does not hold ([`bodies`]), and
//! programs to hold it against: [`program`] makes them, [`mutate`] breaks them, [`digest`] says what
//! they make.
#![forbid(unsafe_code)]

pub mod bodies;
pub mod digest;
pub mod inputs;
pub mod mutate;
pub mod program;
