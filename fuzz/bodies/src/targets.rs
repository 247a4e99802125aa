//! The fuzz targets: each function takes any bytes, and panics where its property does not hold.
//!
//! `header` checks preambles and dtypes, `pickle` checks pickles without a file around them, `file`
//! checks arrays, archives, indexes and what is written.

mod file;
mod header;
mod pickle;

pub use file::{audit, index_file, limits, npy_file, npz, typed_json, written_file};
pub use header::{descr, header};
pub use pickle::{disassembler, encoded, lexer_chunks, machine_run, skeletons, survey_machine};

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target, with its name.
pub const ALL: [(&str, Target); 15] = [
    ("audit", audit),
    ("descr", descr),
    ("disassembler", disassembler),
    ("encoded", encoded),
    ("header", header),
    ("index_file", index_file),
    ("lexer_chunks", lexer_chunks),
    ("limits", limits),
    ("machine_run", machine_run),
    ("npy_file", npy_file),
    ("npz", npz),
    ("skeletons", skeletons),
    ("survey_machine", survey_machine),
    ("typed_json", typed_json),
    ("written_file", written_file),
];
