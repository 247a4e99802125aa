//! What the commands have in common: which file, and how it is opened.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use npy_object::header::Header;
use npy_object::{
    At, Container, Encoding, IndexUse, Limits, Member, NpyArray, Options, OwnedElement, Source,
    Subscripts,
};

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

    /// Take no more memory than about N bytes, KB, MB or GB; what needs more is an error
    #[arg(long, value_name = "N", value_parser = bytes, display_order = 101)]
    max_memory: Option<usize>,
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

    /// Fails where the file is an archive.
    pub(crate) fn refuse_archives(&self) -> Result<(), Failure> {
        self.open().map(drop)
    }

    /// Reads what stands before the data, and says where they begin.
    pub(crate) fn header(&self, file: &File) -> npy_object::Result<(Header, u64)> {
        Options::new().limits(self.limits()).read_header(Source::file(file.try_clone()?)?)
    }

    /// Opens the array in a file, and says if its index is of no use.
    pub(crate) fn array(&self, reading: &Reading) -> npy_object::Result<NpyArray> {
        let array = self.options(reading).open(&self.file)?;
        let index = match array.index_use() {
            IndexUse::Stale => "out of date",
            IndexUse::Damaged => "damaged",
            _ => return Ok(array),
        };
        let file = self.file.display();
        eprintln!("npyo: {file}.idx is {index} and not used: `npyo index {file}` writes it again");
        Ok(array)
    }

    /// Opens what there is to be seen of a file, or of what the subscripts lead to: with `entries`
    /// the members of a container that is alone in its array.
    pub(crate) fn contents(
        &self,
        reading: &Reading,
        at: Option<&Subscripts>,
        entries: bool,
    ) -> npy_object::Result<Contents> {
        if let Some(subscripts) = at {
            return Ok(Contents::of(self.options(reading).at(&self.file, subscripts)?));
        }
        let within = || self.options(reading).at(&self.file, &Subscripts::default());
        match self.array(reading) {
            Ok(array) if entries && array.has_objects() && array.shape().is_empty() => {
                Ok(Contents::of(within()?))
            }
            Ok(array) => Ok(Contents::Array(array)),
            // A bare pickle need not be of an array.
            Err(error) if error.clause() == "npy.object.envelope" => {
                within().map(Contents::of).map_err(|_| error)
            }
            Err(error) => Err(error),
        }
    }

    /// How the file is to be read.
    fn options(&self, reading: &Reading) -> Options {
        Options::new()
            .limits(self.limits())
            .encoding(reading.encoding.into())
            .trust_payload(reading.trust_payload)
    }

    fn limits(&self) -> Limits {
        let mut limits = self.max_memory.map_or_else(Limits::default, Limits::within);
        limits.header.header_chars = self.max_header;
        limits
    }
}

/// What there is to be seen.
pub(crate) enum Contents {
    Array(NpyArray),
    Container(Box<Container>),
    Value(OwnedElement),
}

impl Contents {
    fn of(at: At) -> Contents {
        match at {
            At::Container(container) => Contents::Container(container),
            At::Value(value) => Contents::Value(value),
        }
    }

    /// How many elements or members there are, where that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        match self {
            Contents::Array(array) => Some(array.len()),
            Contents::Container(container) => container.len(),
            Contents::Value(_) => Some(1),
        }
    }

    /// How many there are, if they have to be counted.
    pub(crate) fn count(&mut self) -> npy_object::Result<u64> {
        match self {
            Contents::Container(container) => container.count(),
            Contents::Array(_) | Contents::Value(_) => Ok(self.len().unwrap_or(0)),
        }
    }

    /// The one of this number, if there are so many.
    pub(crate) fn get(&mut self, index: u64) -> npy_object::Result<Option<Member<'_>>> {
        let member = |value| Member { key: None, value };
        match self {
            Contents::Array(array) => Ok(array.get(index)?.map(member)),
            Contents::Container(container) => container.get(index),
            Contents::Value(value) => Ok((index == 0).then(|| member(value.element()))),
        }
    }

    /// Does something to each, from one number on and before another.
    pub(crate) fn each(
        &mut self,
        from: u64,
        to: u64,
        mut each: impl FnMut(Member<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self {
            Contents::Array(array) => array.seek(from),
            Contents::Container(container) => container.seek(from),
            Contents::Value(_) => {}
        }
        // Without an end this goes on until there are no more: only then is the file known to be
        // whole.
        for _ in from..to {
            let member = match self {
                Contents::Array(array) => {
                    array.next_element()?.map(|value| Member { key: None, value })
                }
                Contents::Container(container) => container.next_member()?,
                Contents::Value(value) if from == 0 => {
                    return each(Member { key: None, value: value.element() });
                }
                Contents::Value(_) => None,
            };
            match member {
                Some(member) => each(member)?,
                None => break,
            }
        }
        Ok(())
    }
}

/// A number of bytes, as people write it.
fn bytes(text: &str) -> Result<usize, String> {
    let (digits, unit) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = match unit.trim().to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return Err("expected a number and B, KB, MB or GB".to_owned()),
    };
    let number: usize =
        digits.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
    number.checked_mul(unit).ok_or_else(|| "too many bytes".to_owned())
}

/// Whether a file begins as an archive does, which an .npz is.
fn is_zip(file: &mut File) -> npy_object::Result<bool> {
    let mut start = Vec::new();
    file.take(2).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start == b"PK")
}
