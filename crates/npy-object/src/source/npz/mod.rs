//! Archives of arrays (`.npz`), as `numpy.savez` and `numpy.savez_compressed` write them: zip files,
//! of whose members each is a file.

mod directory;
mod names;
mod stored;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::source::Source;
use crate::source::inflate::{Allowance, Clauses, Inflate};
use stored::Stored;

/// An open archive.
///
/// Only its directory is read to open it. A stored member is then read where it is, in any order; a
/// deflated one is a stream, decompressed as far as somebody asks.
///
/// ```
/// use npy_object::{Npz, Options};
///
/// let archive = Npz::open("tests/data/archive.npz")?;
/// let names: Vec<_> = archive.members().iter().map(|member| member.array_name()).collect();
/// assert_eq!(names, ["words", "numbers"]);
/// let words = archive.find("words").expect("it is there");
/// let mut array = Options::new().read_source(archive.source(words)?)?;
/// assert_eq!(array.next_element()?.unwrap().as_str()?, "loop");
/// # Ok::<(), npy_object::Error>(())
/// ```
pub struct Npz {
    source: Source,
    members: Vec<Member>,
    allowance: Allowance,
    spool_memory: usize,
    broken_off: Option<Error>,
}

/// A member of an archive, as its directory has it.
#[derive(Clone, Debug)]
pub struct Member {
    name: String,
    raw_name: Vec<u8>,
    method: Method,
    encrypted: bool,
    crc32: u32,
    size: u64,
    compressed_size: u64,
    /// Where its header is in the archive.
    offset: u64,
    /// Where what follows it begins: another member, or the directory.
    end: u64,
}

/// How a member is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Not at all: `numpy.savez`.
    Stored,
    /// By deflate: `numpy.savez_compressed`.
    Deflated,
    /// In a way that is not read, by its number in the zip format: 12 is bzip2, 14 LZMA, 93
    /// Zstandard.
    Other(u16),
}

impl Npz {
    /// Opens an archive with the default [`Options`].
    ///
    /// Fails where it has no directory that can be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Npz> {
        Options::new().open_npz(path)
    }

    pub(crate) fn read(source: Source, options: &Options) -> Result<Npz> {
        let members = source.clone().explained(|source| {
            source.limit_memory(options.limits.spool)?;
            directory::read(&source, options.limits.directory)
        });
        let members = members.map_err(Error::naming_salvage)?;
        let (allowance, spool_memory) = (Allowance::of(options), options.spooled());
        Ok(Npz { source, members, allowance, spool_memory, broken_off: None })
    }

    fn recover(source: Source, options: &Options) -> Result<Npz> {
        let error = match Npz::read(source.clone(), options) {
            Ok(archive) => return Ok(archive),
            Err(error) => error,
        };
        let (allowance, spool_memory) = (Allowance::of(options), options.spooled());
        let members = match error.clause() {
            "npz.end" | "npz.directory" => {
                directory::recover(&source, allowance, options.limits.directory)?
            }
            _ => Vec::new(),
        };
        match members.is_empty() {
            true => Err(error.without_salvage()),
            false => Ok(Npz { source, members, allowance, spool_memory, broken_off: Some(error) }),
        }
    }

    /// Why the directory could not be read, of an archive that was opened by
    /// [`Options::recover_npz`]: members may be missing, and the last one may be cut off.
    pub fn broken_off(&self) -> Option<&Error> {
        self.broken_off.as_ref()
    }

    /// What is in it, in the order of its directory. Two members may have one name.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The first bytes that belong neither to a member nor to the directory: no reader of archives
    /// looks at them, but others may.
    ///
    /// Fails where the header of a member is not what the directory says.
    pub(crate) fn unlisted(&self) -> Result<Option<Range<u64>>> {
        directory::unlisted(&self.source, &self.members)
    }

    /// The number of the member of this name, with or without the `.npy` that NumPy appends. Of
    /// several it is the last, as in Python.
    pub fn find(&self, name: &str) -> Option<usize> {
        let last = |is: &dyn Fn(&Member) -> bool| self.members.iter().rposition(is);
        last(&|member| member.name == name).or_else(|| last(&|member| member.array_name() == name))
    }

    /// Returns the number of the member of this name, as [`find`](Self::find) does.
    ///
    /// Fails with clause `npz.choice` where there is none, and says which names are there, those
    /// first that are nearly the same.
    pub fn choose(&self, name: &str) -> Result<usize> {
        self.find(name).ok_or_else(|| {
            let names = self.members.iter().map(Member::array_name);
            Error::usage("npz.choice", names::none_of(name, names))
        })
    }

    /// What the member of this number holds.
    ///
    /// Its size and checksum are compared where it is read to its end: by a loop over all elements
    /// of an array ([`next_element`](crate::NpyArray::next_element) and all that is made of it) or
    /// members of a [`Container`](crate::Container), by [`read_pickle`](Options::read_pickle), and by
    /// [`Source::verify`]. [`NpyArray::get`](crate::NpyArray::get) and other reads of single elements
    /// compare nothing.
    ///
    /// Fails where it is encrypted or compressed in a way that is not read, where its own header is
    /// not what the directory says, and where it overlaps another one, which only zip bombs do.
    ///
    /// # Panics
    ///
    /// Where there is no such member.
    pub fn source(&self, member: usize) -> Result<Source> {
        let member = &self.members[member];
        let data = self.data(member)?;
        let name = data.name().map(str::to_owned);
        let source = match member.method {
            // What is in memory is borrowed from there, and nobody sees how far it was read.
            Method::Stored if data.in_memory().is_some() => {
                let check = Stored::new(data.clone(), member.clone());
                data.checked(Arc::new(check))
            }
            Method::Stored => Source::checking(Stored::new(data, member.clone())),
            _ => Source::unpacked(self.inflated(member, data), self.spool_memory),
        };
        Ok(name.into_iter().fold(source, Source::named))
    }

    /// Returns the bytes of a member as they are in the archive, with the names of both as their name.
    fn data(&self, member: &Member) -> Result<Source> {
        let data = directory::data(&self.source, member);
        let data = data.map_err(|error| self.source.explain(error))?;
        let name = data.name().map(|file| format!("{file}:{}", member.array_name()));
        Ok(name.into_iter().fold(data, Source::named))
    }

    /// Reads a member from its first byte to its last, and compares size and checksum.
    ///
    /// Fails as [`source`](Self::source) does, with clause `npz.checksum` where the data are not
    /// those that were saved, and as reading does.
    ///
    /// # Panics
    ///
    /// Where there is no such member.
    pub fn verify(&self, member: usize) -> Result<()> {
        let found = &self.members[member];
        if found.method == Method::Deflated {
            let mut data = self.inflated(found, self.data(found)?);
            let mut buffer = vec![0; 64 << 10];
            while data.read(&mut buffer)? > 0 {}
            return Ok(());
        }
        self.source(member)?.verify()
    }

    fn inflated(&self, member: &Member, data: Source) -> Inflated {
        Inflated { inflate: Inflate::new(data, self.allowance, CLAUSES), member: member.clone() }
    }

    /// The number of the only array: of the only member whose name ends in `.npy`, or, if no name
    /// does, of the only one.
    ///
    /// Fails with clause `npz.choice` where there is none or there are several, which it names.
    pub fn only(&self) -> Result<usize> {
        let places = |is: fn(&Member) -> bool| -> Vec<usize> {
            (0..self.members.len()).filter(|&place| is(&self.members[place])).collect()
        };
        let mut arrays = places(|member| member.name.ends_with(SUFFIX));
        if arrays.is_empty() {
            arrays = places(|member| !member.name.ends_with('/'));
        }
        let is_array = |&place: &usize| self.members[place].name.ends_with(SUFFIX);
        let torch = self.members.iter().find(|member| member.name.ends_with("/data.pkl"));
        if let (Some(torch), false) = (torch, arrays.iter().any(is_array)) {
            let message = format!(
                "this is a PyTorch file, not an archive of arrays: torch.load reads it; its pickle is \
                 the member {}",
                torch.name
            );
            return Err(Error::usage("npz.choice", message));
        }
        match *arrays {
            [only] => Ok(only),
            [] => Err(Error::usage("npz.choice", "an archive without members")),
            _ => {
                const SHOWN: usize = 20;
                let shown = arrays.iter().take(SHOWN);
                let names: Vec<_> = shown.map(|&place| self.members[place].array_name()).collect();
                let (names, more) =
                    (names.join(", "), if arrays.len() > SHOWN { ", ..." } else { "" });
                let message = format!(
                    "an archive of {} arrays, of which one has to be chosen: {names}{more}",
                    arrays.len()
                );
                Err(Error::usage("npz.choice", message))
            }
        }
    }
}

impl fmt::Debug for Npz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npz").field("members", &self.members).finish_non_exhaustive()
    }
}

/// What NumPy appends to the name of an array.
const SUFFIX: &str = ".npy";

impl Member {
    /// Its name in the archive, as Python reads it: UTF-8 where the archive says so, else in code
    /// page 437, in which every byte is a character.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name without the `.npy` that NumPy appends.
    pub fn array_name(&self) -> &str {
        self.name.strip_suffix(SUFFIX).unwrap_or(&self.name)
    }

    /// The bytes of its name.
    pub fn raw_name(&self) -> &[u8] {
        &self.raw_name
    }

    /// How it is compressed.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Whether a password is needed, so that it cannot be read.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Bytes of what it holds.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that it takes in the archive.
    pub fn compressed_size(&self) -> u64 {
        self.compressed_size
    }

    /// The CRC-32 of what it holds.
    pub fn crc32(&self) -> u32 {
        self.crc32
    }

    /// Where its header begins: bytes from the start of the archive.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Compares what was read with what the directory says.
    fn check(&self, size: u64, crc: u32) -> Result<()> {
        if size != self.size {
            let message = format!("{} bytes in {}, of {}", size, self.name, self.size);
            return Err(self.error(ErrorKind::Malformed, "npz.size", message));
        }
        if crc != self.crc32 {
            let (found, says) = (crc, self.crc32);
            let message = format!(
                "the CRC-32 of {} is {found:08x}, the archive says {says:08x}: its data are damaged",
                self.name
            );
            return Err(self.error(ErrorKind::Malformed, "npz.checksum", message));
        }
        Ok(())
    }

    /// An error at the member's header.
    #[cold]
    fn error(
        &self,
        kind: ErrorKind,
        clause: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Error {
        Error::new(kind, clause, self.offset, message)
    }
}

impl Options {
    /// Opens an archive.
    pub fn open_npz(&self, path: impl AsRef<Path>) -> Result<Npz> {
        self.read_npz(Source::open_path(path.as_ref())?)
    }

    /// Reads an archive from any [`Source`]. A stream is read to its end first, where the directory
    /// is.
    pub fn read_npz(&self, source: Source) -> Result<Npz> {
        Npz::read(source, self)
    }

    /// As [`read_npz`](Self::read_npz), also of an archive that was cut off and so has no directory:
    /// its members are found by the header before each. [`Npz::broken_off`] says whether it is one.
    ///
    /// Members are read up to the first that is cut off, and those whose length is not in their header
    /// to their end.
    pub fn recover_npz(&self, source: Source) -> Result<Npz> {
        Npz::recover(source, self)
    }
}

const CLAUSES: Clauses =
    Clauses { truncated: "npz.truncated", data: "npz.data", limit: "npz.limit" };

/// A reader of the data of a deflated member.
struct Inflated {
    inflate: Inflate,
    member: Member,
}

impl Inflated {
    fn read_stream(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let left = self.member.size.saturating_sub(self.inflate.out());
        let room = left.min(buffer.len() as u64) as usize;
        let read = self.inflate.read(&mut buffer[..room])?;
        if read == 0 {
            // The stream may be longer than the directory says.
            self.inflate.read(&mut [0])?;
            self.member.check(self.inflate.out(), self.inflate.crc().sum())?;
        }
        Ok(read)
    }
}

impl Read for Inflated {
    /// Reads all bytes before it fails on a wrong checksum.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_stream(buffer).map_err(|error| self.inflate.source().explain(error).into())
    }
}
