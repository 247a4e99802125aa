//! [`Npz`]: an open archive.

use std::fmt;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::deflated::Deflated;
use super::member::{Member, Method, SUFFIX};
use super::stored::Stored;
use super::{directory, names};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::source::Source;
use crate::source::inflate::Allowance;

/// An open archive.
///
/// Opening reads only the directory. A stored member is read in place, at any offset. A deflated
/// member is a stream, which is decompressed as far as it is read.
///
/// ```
/// use npy_object::{Npz, Options};
///
/// let archive = Npz::open("tests/data/archive.npz")?;
/// let names: Vec<_> = archive.members().iter().map(|member| member.array_name()).collect();
/// assert_eq!(names, ["words", "numbers"]);
/// let words = archive.find("words").expect("it is there");
/// let mut array = Options::new().open(archive.source(words)?)?;
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

impl Npz {
    /// Opens an archive with the default [`Options`].
    ///
    /// Fails where the directory cannot be read.
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
                directory::recover(&source, &allowance, options.limits.directory)?
            }
            _ => Vec::new(),
        };
        match members.is_empty() {
            true => Err(error.without_salvage()),
            false => Ok(Npz { source, members, allowance, spool_memory, broken_off: Some(error) }),
        }
    }

    /// Returns the error of reading the directory, for an archive that [`Options::recover_npz`]
    /// opened without one: members may be missing, and the last one may be truncated.
    pub fn broken_off(&self) -> Option<&Error> {
        self.broken_off.as_ref()
    }

    /// Returns the members, in the order of the directory. Two of them may have the same name.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Returns the first range that belongs neither to a member nor to the directory. No reader of
    /// archives reads it, but other programs may.
    ///
    /// Fails where the header of a member contradicts the directory.
    pub(crate) fn unlisted(&self) -> Result<Option<Range<u64>>> {
        directory::unlisted(&self.source, &self.members)
    }

    /// Returns the number of the member of this name, with or without the `.npy` that NumPy
    /// appends. Of several it is the last, as in Python.
    pub fn find(&self, name: &str) -> Option<usize> {
        let last = |is: &dyn Fn(&Member) -> bool| self.members.iter().rposition(is);
        last(&|member| member.name == name).or_else(|| last(&|member| member.array_name() == name))
    }

    /// Returns the number of the member of this name, as [`find`](Self::find) does.
    ///
    /// Fails with clause `npz.choice` where there is none. The error suggests similar names, or
    /// lists the first names.
    pub fn choose(&self, name: &str) -> Result<usize> {
        self.find(name).ok_or_else(|| {
            let names = self.members.iter().map(Member::array_name);
            Error::usage("npz.choice", names::none_of(name, names))
        })
    }

    /// Returns a source of the data of a member, by its number.
    ///
    /// The size and checksum are compared when the member is read to its end: by a loop over all
    /// elements of an array ([`next_element`](crate::NpyArray::next_element) and what is built on
    /// it) or over all members of a [`Container`](crate::nested::Container), by [`Options::load`],
    /// and by [`Source::verify`]. [`NpyArray::get`](crate::NpyArray::get) and other reads of single
    /// elements compare nothing.
    ///
    /// Fails where the member is encrypted, where its compression is not supported, where its
    /// header contradicts the directory, and where it overlaps another member, as in zip bombs.
    ///
    /// # Panics
    ///
    /// Panics where there is no member of this number.
    pub fn source(&self, member: usize) -> Result<Source> {
        let member = &self.members[member];
        let data = self.data(member)?;
        let name = data.name().map(str::to_owned);
        let source = match member.method {
            // Bytes in memory are borrowed, so no read shows how far they were read.
            Method::Stored if data.in_memory().is_some() => {
                let check = Stored::new(data.clone(), member.clone());
                data.checked(Arc::new(check))
            }
            Method::Stored => {
                let origin = data.origin();
                Source::checking(Stored::new(data, member.clone())).at_origin(origin)
            }
            _ => Source::unpacked(self.deflated(member, data), self.spool_memory),
        };
        Ok(name.into_iter().fold(source, Source::named))
    }

    /// Returns a source of the data of a member as they are in the archive. Its name is that of the
    /// file and of the member.
    fn data(&self, member: &Member) -> Result<Source> {
        let data = directory::data(&self.source, member);
        let data = data.map_err(|error| self.source.explain(error))?;
        let name = data.name().map(|file| format!("{file}:{}", member.array_name()));
        Ok(name.into_iter().fold(data, Source::named))
    }

    /// Reads a member from its first byte to its last, and compares its size and checksum.
    ///
    /// Fails as [`source`](Self::source) and reading do, and with clause `npz.checksum` where the
    /// data are not those that were saved.
    ///
    /// # Panics
    ///
    /// Panics where there is no member of this number.
    pub fn verify(&self, member: usize) -> Result<()> {
        let found = &self.members[member];
        if found.method == Method::Deflated {
            let mut data = self.deflated(found, self.data(found)?);
            let mut buffer = vec![0; 64 << 10];
            while data.read(&mut buffer)? > 0 {}
            return Ok(());
        }
        self.source(member)?.verify()
    }

    fn deflated(&self, member: &Member, data: Source) -> Deflated {
        Deflated::new(data, member.clone(), self.allowance.clone())
    }

    /// Returns the number of the only array: the only member whose name ends in `.npy`, or, if no
    /// name does, the only member.
    ///
    /// Fails with clause `npz.choice` where there is none, or where there are several. The error
    /// names them.
    pub fn only(&self) -> Result<usize> {
        let indices = |is: fn(&Member) -> bool| -> Vec<usize> {
            (0..self.members.len()).filter(|&index| is(&self.members[index])).collect()
        };
        let mut arrays = indices(|member| member.name.ends_with(SUFFIX));
        if arrays.is_empty() {
            arrays = indices(|member| !member.name.ends_with('/'));
        }
        let is_array = |&index: &usize| self.members[index].name.ends_with(SUFFIX);
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
            [] => Err(Error::usage("npz.choice", "the archive has no members")),
            _ => {
                const SHOWN: usize = 20;
                let shown = arrays.iter().take(SHOWN);
                let names: Vec<_> = shown.map(|&index| self.members[index].array_name()).collect();
                let (names, more) =
                    (names.join(", "), if arrays.len() > SHOWN { ", ..." } else { "" });
                let message =
                    format!("the archive has {} arrays: choose one of {names}{more}", arrays.len());
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

impl Options {
    /// Opens an archive.
    pub fn open_npz(&self, path: impl AsRef<Path>) -> Result<Npz> {
        self.read_npz(Source::open_path(path.as_ref())?)
    }

    /// Reads an archive from any [`Source`]. A stream is read to its end, because the directory is
    /// there.
    pub fn read_npz(&self, source: Source) -> Result<Npz> {
        Npz::read(source, self)
    }

    /// Reads an archive as [`read_npz`](Self::read_npz) does. If it is truncated, and so has no
    /// directory, finds its members by the header before each; [`Npz::broken_off`] is the error
    /// then.
    ///
    /// Finds members up to the first that is truncated. Reads those whose length is not in their
    /// header to their end.
    pub fn recover_npz(&self, source: Source) -> Result<Npz> {
        Npz::recover(source, self)
    }
}
