//! Tests of `write`, and of the output files.

mod append;
mod files;
mod pickled;
