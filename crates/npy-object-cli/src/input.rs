//! What the commands have in common: which file, and how it is opened.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use npy_object::header::Header;
use npy_object::{Encoding, Limits, NpyArray, Options, Source};

use crate::failure::Failure;

/// A file, and how much it may ask for.
#[derive(Args)]
pub(crate) struct Input {
    /// The .npy file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Accept a header of up to N characters
    #[arg(long, value_name = "N", default_value_t = Limits::default().header.header_chars)]
    #[arg(display_order = 100)]
    max_header: usize,
}

/// How its elements are read.
#[derive(Args)]
pub(crate) struct Reading {
    /// How to read the str of Python 2; what does not fit the encoding is shown as bytes
    #[arg(long, value_enum, default_value_t = EncodingName::Ascii, hide_possible_values = true)]
    #[arg(value_name = "ascii|latin1|utf8|bytes")]
    encoding: EncodingName,

    /// Where the header disagrees with the pickle, believe the pickle, as NumPy does
    #[arg(long)]
    trust_payload: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum EncodingName {
    Ascii,
    Latin1,
    Utf8,
    Bytes,
}

impl From<EncodingName> for Encoding {
    fn from(name: EncodingName) -> Encoding {
        match name {
            EncodingName::Ascii => Encoding::Ascii,
            EncodingName::Latin1 => Encoding::Latin1,
            EncodingName::Utf8 => Encoding::Utf8,
            EncodingName::Bytes => Encoding::Bytes,
        }
    }
}

impl Input {
    /// Opens the file, unless it is an archive.
    pub(crate) fn open(&self) -> Result<File, Failure> {
        let mut file = File::open(&self.file).map_err(npy_object::Error::from)?;
        if is_zip(&mut file)? {
            let why =
                "a .npz archive cannot be read yet: unzip it, and give a .npy file from inside";
            return Err(Failure::Refused(why.to_owned()));
        }
        Ok(file)
    }

    /// Reads what stands before the data, and says where they begin.
    pub(crate) fn header(&self, file: &File) -> npy_object::Result<(Header, u64)> {
        Options::new().limits(self.limits()).read_header(Source::file(file.try_clone()?)?)
    }

    /// Opens the array in a file.
    pub(crate) fn array(&self, mut file: File, reading: &Reading) -> npy_object::Result<NpyArray> {
        file.rewind()?;
        Options::new()
            .limits(self.limits())
            .encoding(reading.encoding.into())
            .trust_payload(reading.trust_payload)
            .read(file)
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.header.header_chars = self.max_header;
        limits
    }
}

/// Whether a file begins as an archive does, which an .npz is.
fn is_zip(file: &mut File) -> npy_object::Result<bool> {
    let mut start = Vec::new();
    file.take(2).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start == b"PK")
}
