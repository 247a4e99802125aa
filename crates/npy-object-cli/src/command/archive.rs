//! `npyo info` of an archive: its members.

use std::io::{self, Write};

use npy_object::Npz;
use npy_object::npz::{Member, Method};
use serde::Serialize;

use crate::failure::{printable, write_json};
use crate::opened::Opened;
use crate::show::{counted, dtype_as_json, python_tuple};

/// The report on an archive.
#[derive(Serialize)]
pub(crate) struct Listing {
    size: u64,
    members: Vec<Entry>,
}

/// The report on a member.
#[derive(Serialize)]
struct Entry {
    name: String,
    size: u64,
    compressed_size: u64,
    /// `null` where the member is stored.
    compression: Option<String>,
    #[serde(flatten)]
    array: Array,
}

/// The facts of a member's header, or why there is none.
#[derive(Serialize)]
#[serde(untagged)]
enum Array {
    Header {
        dtype: serde_json::Value,
        #[serde(skip)]
        dtype_text: String,
        fortran_order: bool,
        shape: Vec<usize>,
    },
    None {
        error: String,
    },
}

impl Listing {
    /// Reads the header of every member.
    pub(crate) fn of(archive: &Npz, opened: &Opened<'_>) -> npy_object::Result<Listing> {
        let members = archive.members().iter().enumerate();
        let members = members.filter(|(_, member)| !member.name().ends_with('/'));
        let entry = |(number, member): (usize, &Member)| Entry {
            name: member.array_name().to_owned(),
            size: member.size(),
            compressed_size: member.compressed_size(),
            compression: match member.method() {
                Method::Stored => None,
                Method::Deflated => Some("deflate".to_owned()),
                other => Some(format!("{other:?}")),
            },
            array: Array::of(archive, number, opened)
                .unwrap_or_else(|error| Array::None { error: error.without_file().to_string() }),
        };
        Ok(Listing { size: opened.source.size()?, members: members.map(entry).collect() })
    }

    pub(crate) fn write(&self, json: bool, out: &mut impl Write) -> io::Result<()> {
        if json {
            return write_json(out, self);
        }
        writeln!(out, "size      {} bytes", self.size)?;
        writeln!(out, "format    zip, {}", counted(self.members.len() as u64, "member"))?;
        let rows: Vec<_> = self.members.iter().map(Entry::columns).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths = [0, 1, 2].map(|column| width(column).unwrap_or(0));
        for [name, dtype, shape, rest] in &rows {
            let [a, b, c] = widths;
            writeln!(out, "  {name:a$}  {dtype:b$}  {shape:c$}  {rest}")?;
        }
        Ok(())
    }
}

impl Array {
    fn of(archive: &Npz, member: usize, opened: &Opened<'_>) -> npy_object::Result<Array> {
        let Some((header, _)) = opened.header(&archive.source(member)?)? else {
            return Ok(Array::None { error: "a bare pickle, or no array".to_owned() });
        };
        Ok(Array::Header {
            dtype: dtype_as_json(&header)?,
            dtype_text: header.dtype.to_string(),
            fortran_order: header.fortran_order,
            shape: header.shape,
        })
    }
}

impl Entry {
    /// Returns name, dtype, shape and sizes as text.
    fn columns(&self) -> [String; 4] {
        let name = printable(&self.name);
        let mut rest = format!("{} bytes", self.size);
        if let Some(compression) = &self.compression {
            rest += &format!(", {} compressed by {compression}", self.compressed_size);
        }
        match &self.array {
            Array::Header { dtype_text, shape, .. } => {
                [name, dtype_text.clone(), python_tuple(shape), rest]
            }
            Array::None { error } => {
                [name, "-".to_owned(), "-".to_owned(), format!("{rest}: {}", printable(error))]
            }
        }
    }
}
