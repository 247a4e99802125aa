//! What the fuzz targets hold, as functions that panic where it does not hold, and programs to
//! hold it against: [`program`] makes them, [`mutate`] breaks them, [`digest`] says what they make.

pub mod digest;
pub mod mutate;
pub mod program;
