//! What each fuzz target holds: functions of any bytes, which panic where the property that they are
//! named for does not hold. One for each layer, from the header up to files.

mod file;
mod header;
mod stream;

pub use file::{audit, index_file, limits, npy_file, npz, typed_json, written_file};
pub use header::{descr, header};
pub use stream::{disassembler, encoded, fast_machine, lexer_chunks, survey_machine};

/// A function of any bytes.
pub type Body = fn(&[u8]);

/// Every body, by the name of its target.
pub const ALL: [(&str, Body); 14] = [
    ("audit", audit),
    ("descr", descr),
    ("disassembler", disassembler),
    ("encoded", encoded),
    ("fast_machine", fast_machine),
    ("header", header),
    ("index_file", index_file),
    ("lexer_chunks", lexer_chunks),
    ("limits", limits),
    ("npy_file", npy_file),
    ("npz", npz),
    ("survey_machine", survey_machine),
    ("typed_json", typed_json),
    ("written_file", written_file),
];
