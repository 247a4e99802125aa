//! Tests of `write`, and of the output files.

mod files;
mod pickled;
