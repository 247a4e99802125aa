//! [`NpzWriter`]: writes archives (`.npz`), whose members are stored without compression.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use crc32fast::Hasher;

use super::writer::{ArrayWriter, WriteOptions};
use crate::error::{Error, Result};
use crate::output::Output;
use crate::source::Source;

/// A writer of an archive, which `numpy.load` reads as one of `numpy.savez`. It adds one array after
/// another, each under a name, in the memory of one element.
///
/// As in archives of NumPy, all sizes and offsets have 64 bits. The file gets its name when it is
/// whole.
///
/// ```
/// use npy_object::{Npz, Options, Source, WriteOptions, write::NpzWriter};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("new.npz");
/// let mut archive = NpzWriter::create(&path)?;
/// archive.write("texts", WriteOptions::new(), |texts| {
///     ["a", "b"].iter().try_for_each(|text| texts.append_with(|build| build.str(text)))
/// })?;
/// archive.add("copied", "tests/data/strings.npy")?;
/// archive.finish()?;
/// let archive = Npz::open(&path)?;
/// let mut texts = Options::new().open(archive.source(archive.choose("texts")?)?)?;
/// assert_eq!(texts.get(1)?.unwrap().as_str()?, "b");
/// # Ok::<(), npy_object::Error>(())
/// ```
pub struct NpzWriter {
    output: Output<'static>,
    /// Bytes that were written.
    size: u64,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    crc32: u32,
    size: u64,
    offset: u64,
}

/// The version of the zip format with 64-bit numbers.
const VERSION: [u8; 2] = [45, 0];
/// The flag for names in UTF-8.
const FLAGS: [u8; 2] = (1u16 << 11).to_le_bytes();
/// Stored, at midnight of 1 January 1980, the first time of the format.
const METHOD_AND_TIME: [u8; 6] = [0, 0, 0, 0, 0x21, 0];
/// In place of a number whose 64 bits are in the extra field.
const WIDE: [u8; 4] = [0xff; 4];

impl NpzWriter {
    /// Creates an archive. Until [`finish`](Self::finish) it has another name next to `path`, and an
    /// old file at `path` stays.
    ///
    /// Fails where the file cannot be created.
    pub fn create(path: impl AsRef<Path>) -> Result<NpzWriter> {
        Ok(NpzWriter { output: Output::create(path.as_ref())?, size: 0, entries: Vec::new() })
    }

    /// Adds an array under a name. `source` is a `.npy` file.
    ///
    /// Fails where the name is that of another array, or has 64 KiB, and as reading and writing do.
    pub fn add(
        &mut self,
        name: &str,
        source: impl TryInto<Source, Error: Into<Error>>,
    ) -> Result<()> {
        let name = format!("{name}.npy");
        if self.entries.iter().any(|entry| entry.name == name) {
            let message = format!("the archive has an array of the name {name:?}");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message).into());
        }
        self.add_member(&name, &source.try_into().map_err(Into::into)?)
    }

    /// Adds an array of the elements that `append` appends. They are in a temporary file until it
    /// returns.
    ///
    /// Fails as [`add`](Self::add) does, and as `append` does. Then the archive has no such array, and
    /// goes on with the next.
    pub fn write(
        &mut self,
        name: &str,
        options: WriteOptions,
        append: impl FnOnce(&mut ArrayWriter<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut file = tempfile::tempfile()?;
        let mut writer = options.write_to(&mut file)?;
        append(&mut writer)?;
        writer.finish()?;
        self.add(name, file)
    }

    /// Adds a member. Fails where the name has 64 KiB, and as reading and writing do.
    pub(crate) fn add_member(&mut self, name: &str, source: &Source) -> Result<()> {
        let offset = self.size;
        let length = name_length(name)?;
        self.put(&local_header(length, name, 0, 0))?;
        let (mut crc, mut size, mut buffer) = (Hasher::new(), 0, vec![0; 64 << 10]);
        let mut reader = source.to_reader();
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            crc.update(&buffer[..read]);
            self.put(&buffer[..read])?;
            size += read as u64;
        }
        let crc32 = crc.finalize();
        self.output.write_at(offset, &local_header(length, name, crc32, size))?;
        self.entries.push(Entry { name: name.to_owned(), crc32, size, offset });
        Ok(())
    }

    /// Writes the directory, and ends the archive. The file gets its name.
    ///
    /// Fails as writing does.
    pub fn finish(mut self) -> Result<()> {
        let (begin, count) = (self.size, self.entries.len() as u64);
        for Entry { name, crc32, size, offset } in std::mem::take(&mut self.entries) {
            let numbers = [size, size, offset].map(u64::to_le_bytes).concat();
            let entry = [
                &b"PK\x01\x02"[..],
                &VERSION,
                &VERSION,
                &FLAGS,
                &METHOD_AND_TIME,
                &crc32.to_le_bytes(),
                &WIDE,
                &WIDE,
                &name_length(&name)?,
                &28u16.to_le_bytes(),
                // No comment, on the first disk, without attributes.
                &[0; 10],
                &WIDE,
                name.as_bytes(),
                &[1, 0, 24, 0],
                &numbers,
            ];
            self.put(&entry.concat())?;
        }
        let end = self.size;
        let wide_end = [
            &b"PK\x06\x06"[..],
            &44u64.to_le_bytes(),
            &VERSION,
            &VERSION,
            &[0; 8],
            &count.to_le_bytes(),
            &count.to_le_bytes(),
            &(end - begin).to_le_bytes(),
            &begin.to_le_bytes(),
            b"PK\x06\x07",
            &[0; 4],
            &end.to_le_bytes(),
            &1u32.to_le_bytes(),
            b"PK\x05\x06",
            &[0; 4],
            &[0xff; 12],
            &[0; 2],
        ];
        self.put(&wide_end.concat())?;
        self.output.finish()
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.output.write(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }
}

impl fmt::Debug for NpzWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.entries.iter().map(|entry| &entry.name);
        f.debug_list().entries(names).finish()
    }
}

fn name_length(name: &str) -> Result<[u8; 2]> {
    let length = u16::try_from(name.len());
    let length = length.map_err(|_| io::Error::other("the name of a member has over 64 KiB"))?;
    Ok(length.to_le_bytes())
}

fn local_header(length: [u8; 2], name: &str, crc32: u32, size: u64) -> Vec<u8> {
    let header = [
        &b"PK\x03\x04"[..],
        &VERSION,
        &FLAGS,
        &METHOD_AND_TIME,
        &crc32.to_le_bytes(),
        &WIDE,
        &WIDE,
        &length,
        &20u16.to_le_bytes(),
        name.as_bytes(),
        &[1, 0, 16, 0],
        &size.to_le_bytes(),
        &size.to_le_bytes(),
    ];
    header.concat()
}
