//! `npyo write`: a file from JSON lines.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use clap::Args;
use npy_object::header::{DType, Header};
use npy_object::json::ElementReader;
use npy_object::{ArrayWriter, WriteOptions, json};

use crate::command::{Output, Run};
use crate::failure::Failure;
use crate::show::write_count;

/// Write a file of elements that are read as JSON lines from standard input
///
/// The lines are those of `npyo cat --typed`, or plain JSON, whose objects become dicts, lists lists, and
/// numbers ints or floats. An object of one member that has the name of a type, such as {"tuple": [1]},
/// is typed JSON; all lines are of one form. The first line of typed JSON may give dtype, shape and
/// order; without it the array has one dimension. The file gets its name when it is whole: after an
/// error, the old file is still there.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Write {
    /// The new file
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The protocol of the pickle: 2 for Python 2 too, 4 as NumPy 2 writes
    #[arg(long, value_name = "2..5", default_value_t = 4, conflicts_with = "append")]
    #[arg(value_parser = clap::value_parser!(u8).range(2..=5))]
    protocol: u8,

    /// Add the elements to an array of objects of one dimension that is in the file. If there is no
    /// file, a new one is written
    #[arg(long)]
    append: bool,
}

const EXAMPLES: &str = "\
Examples:
  npyo cat --typed old.npy | grep -v null | npyo write new.npy
  jq -c '.[]' list.json | npyo write dicts.npy
  seq 1000 | npyo write ints.npy
  seq 1000 | npyo write --append ints.npy";

impl Run for Write {
    fn file(&self) -> &Path {
        &self.file
    }

    fn writes(&self) -> bool {
        true
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        if self.file == Path::new("-") {
            let why = "expected a file, as the length of the array is written into its header last";
            return Err(Failure::Refused(why.to_owned()));
        }
        let mut lines = Lines { input: io::stdin().lock(), line: String::new(), number: 0 };
        let mut options = WriteOptions::new().protocol(self.protocol);
        lines.next()?;
        let is_empty = lines.line.is_empty();
        let header = if is_empty { None } else { lines.read(json::read_header)? };
        if let Some(header) = &header {
            lines.next()?;
            options = options.header(header);
            if let [length] = header.shape[..] {
                // Lines may have been filtered out.
                options = options.up_to(length);
            }
        }
        let is_typed = header.is_some();
        let count = match header {
            _ if self.append && self.file.exists() => {
                // The lines may be those of an array of another dtype.
                if let Some(header) = header.filter(|header| header.dtype != DType::OBJECT) {
                    let why = format!("expected elements of dtype object, found {}", header.dtype);
                    return Err(Failure::Refused(why));
                }
                self.elements(lines, ArrayWriter::append_to(&self.file)?, is_typed)?
            }
            Some(header) if !header.dtype.has_object() => self.rows(lines, &header, options)?,
            _ => self.elements(lines, options.create(&self.file)?, is_typed)?,
        };
        Ok(write_count(out, &self.file, count, "element")?)
    }
}

impl Write {
    /// Writes the elements of the lines, and returns how many there are.
    fn elements(
        &self,
        mut lines: Lines<impl BufRead>,
        mut writer: ArrayWriter<'_>,
        is_typed: bool,
    ) -> Result<u64, Failure> {
        let mut reader = ElementReader::new();
        if !is_typed {
            reader = reader.accept_plain();
        }
        while !lines.line.is_empty() {
            lines.read(|line| reader.append(&mut writer, line))?;
            lines.next()?;
        }
        let count = writer.len();
        writer.finish()?;
        Ok(count)
    }

    /// Writes the rows of the lines of an array without objects, and returns how many there are.
    fn rows(
        &self,
        mut lines: Lines<impl BufRead>,
        header: &Header,
        options: WriteOptions,
    ) -> Result<u64, Failure> {
        let mut writer = options.create_rows(&self.file)?;
        while !lines.line.is_empty() {
            lines.read(|line| writer.append(&json::read_row(line, header)?))?;
            lines.next()?;
        }
        let count = writer.len();
        writer.finish()?;
        Ok(count)
    }
}

/// A reader of lines that are counted from 1.
struct Lines<R> {
    input: R,
    line: String,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line, which is empty after the last one.
    fn next(&mut self) -> Result<(), Failure> {
        self.line.clear();
        self.number += 1;
        let read = self.input.read_line(&mut self.line);
        read.map(drop).map_err(|error| self.refused(&error))
    }

    fn read<T>(&self, read: impl FnOnce(&str) -> npy_object::Result<T>) -> Result<T, Failure> {
        read(&self.line).map_err(|error| match error.file() {
            // The error is of the new file, not of the line.
            Some(_) => Failure::Input(error),
            None => self.refused(&error),
        })
    }

    fn refused(&self, why: &dyn std::fmt::Display) -> Failure {
        Failure::Line(format!("line {}: {why}", self.number))
    }
}
