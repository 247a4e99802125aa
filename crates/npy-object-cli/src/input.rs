//! The arguments that name a file and say how it is read.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use npy_object::{Encoding, Limits, Options, Source, nested};

use crate::failure::{Failure, display};
use crate::url;

/// The arguments that name a file and set its limits.
#[derive(Args)]
pub(crate) struct Input {
    /// A .npy file, plain or in gzip, or its URL (http, https, s3); ARCHIVE.npz:NAME for an array of an
    /// archive (both may have colons: the longest path that is a file is the archive); - for standard
    /// input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The array of this name, of an .npz archive
    #[arg(long, value_name = "NAME")]
    member: Option<String>,

    /// The array or pickle of this number, counted from 0, where several follow one another
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) array: u64,

    #[command(flatten)]
    bounds: Bounds,
}

/// The arguments that name one file or several.
#[derive(Args)]
pub(crate) struct Inputs {
    /// The files, each headed by its name where there are several: .npy, .npz or pickle, plain or in
    /// gzip, or their URLs (http, https, s3); ARCHIVE.npz:NAME for an array of an archive (both may have
    /// colons: the longest path that is a file is the archive); - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The array of this name, of an .npz archive
    #[arg(long, value_name = "NAME")]
    member: Option<String>,

    /// The array or pickle of this number, counted from 0, where several follow one another
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    array: u64,

    #[command(flatten)]
    bounds: Bounds,
}

/// Where the names of several files are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Before what is printed of each file.
    Output,
    /// On stderr, where standard output is for other programs.
    Stderr,
}

impl Names {
    /// Returns where they are printed beside text, or beside lines of JSON, which are for other programs.
    pub(crate) fn beside(json: bool) -> Names {
        if json { Names::Stderr } else { Names::Output }
    }
}

impl Inputs {
    /// Returns the first file.
    pub(crate) fn first(&self) -> &Path {
        self.files.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Calls `each` with each file, after its name where there are several. An error of one is printed, and
    /// the next one is read.
    pub(crate) fn each<W: Write>(
        &self,
        names: Names,
        out: &mut W,
        mut each: impl FnMut(&Input, &mut W) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut failed = None;
        for (number, file) in self.files.iter().enumerate() {
            let Inputs { member, array, bounds, .. } = self;
            let (member, array, bounds) = (member.clone(), *array, *bounds);
            let input = Input { file: file.clone(), member, array, bounds };
            if self.files.len() > 1 {
                let name = display(file);
                let before = if number > 0 { "\n" } else { "" };
                match names {
                    Names::Output => writeln!(out, "{before}==> {name} <==")?,
                    Names::Stderr => {
                        out.flush()?;
                        eprintln!("==> {name} <==");
                    }
                }
            }
            match each(&input, out) {
                Err(failure @ Failure::Output(_)) => return Err(failure),
                Err(failure) if self.files.len() == 1 => return Err(failure),
                Err(failure) => {
                    out.flush()?;
                    failure.print(file);
                    failed = Some(Failure::Reported);
                }
                Ok(()) => {}
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// The arguments that set limits.
#[derive(Args, Clone, Copy)]
pub(crate) struct Bounds {
    /// Accept a header of up to N characters
    #[arg(long, value_name = "N", default_value_t = Limits::default().header.header_chars)]
    #[arg(display_order = 100)]
    pub(crate) max_header: usize,

    /// Take no more memory than about N bytes, KB, MB or GB; a file that needs more is an error
    #[arg(long, value_name = "N", value_parser = Limits::parse_memory, display_order = 101)]
    pub(crate) max_memory: Option<usize>,
}

/// The argument that chooses among several arrays and pickles of a file.
#[derive(Args)]
pub(crate) struct Several {
    /// Every array and pickle, where several follow one another in the file
    #[arg(long, conflicts_with = "array")]
    pub(crate) all: bool,
}

/// The argument that leads into containers.
#[derive(Args)]
pub(crate) struct At {
    /// Go to the value at this path, such as ['train'][3], in the containers of the file; .train[3] is
    /// the same
    #[arg(long, value_name = "['KEY'][N]")]
    at: Option<nested::Path>,
}

impl At {
    /// Returns the path; `None` where the contents of the file are meant.
    pub(crate) fn given(&self) -> Option<&nested::Path> {
        self.at.as_ref()
    }

    /// Returns the path, which is empty where none was given.
    pub(crate) fn path(&self) -> nested::Path {
        self.at.clone().unwrap_or_default()
    }
}

/// The arguments that choose a range of elements.
#[derive(Args)]
pub(crate) struct Range {
    /// Start at element N, counted from 0, or from the end if it is negative
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    #[arg(allow_negative_numbers = true)]
    from: i64,

    /// Stop before element N, counted in the same way
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    to: Option<i64>,
}

impl Range {
    /// Returns whether the number of elements decides which are in the range.
    pub(crate) fn counts_from_the_end(&self) -> bool {
        self.from < 0 || self.to.is_some_and(|to| to < 0)
    }

    /// Returns the numbers of the first element and of the one after the last, of `count` elements. As in a
    /// slice in Python, a number before the first element means the first.
    pub(crate) fn of(&self, count: u64) -> (u64, u64) {
        let from_start = |number: i64| {
            u64::try_from(number).unwrap_or_else(|_| count.saturating_sub(number.unsigned_abs()))
        };
        (from_start(self.from), self.to.map_or(u64::MAX, from_start))
    }

    /// Returns whether all elements are in the range.
    pub(crate) fn is_whole(&self) -> bool {
        self.from == 0 && self.to.is_none()
    }
}

/// The arguments that say how elements are decoded.
#[derive(Args)]
pub(crate) struct Reading {
    /// The encoding of the str of Python 2; a str that does not fit it is shown as bytes
    #[arg(long, value_enum, default_value_t = EncodingName::Ascii, hide_possible_values = true)]
    #[arg(value_name = "ascii|latin1|utf8|bytes")]
    encoding: EncodingName,

    /// Where the header disagrees with the pickle, believe the pickle, as NumPy does
    #[arg(long)]
    trust_payload: bool,

    #[arg(skip)]
    unfinished: bool,
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

/// The name that means standard input.
pub(crate) const STDIN: &str = "-";

impl Input {
    /// Returns the input of one of several files.
    pub(crate) fn of(file: PathBuf, bounds: Bounds) -> Input {
        Input { file, member: None, array: 0, bounds }
    }

    /// Returns the bytes of the file, and the name of the member, if one was given.
    pub(crate) fn source(&self) -> Result<(Source, Option<&str>), Failure> {
        let (file, name) = self.place();
        Ok((source(file, &self.limits())?, name))
    }

    /// Returns the path of the file, and the name of the member.
    pub(crate) fn place(&self) -> (&Path, Option<&str>) {
        place(&self.file, self.member.as_deref())
    }

    /// Returns the options with the limits of the arguments.
    pub(crate) fn options(&self) -> Options {
        Options::new().limits(self.limits())
    }

    /// Returns the limits of the arguments.
    pub(crate) fn limits(&self) -> Limits {
        self.bounds.limits(1)
    }
}

impl Bounds {
    /// Returns the limits on each of several files that are read at the same time.
    pub(crate) fn limits(&self, files: usize) -> Limits {
        let within = |memory| Limits::within(memory / files.max(1));
        let mut limits = self.max_memory.map_or_else(Limits::default, within);
        limits.header.header_chars = self.max_header;
        limits
    }
}

/// Returns the path of the file that an argument names, and the name of the member: `member`, or in
/// `ARCHIVE:NAME`.
pub(crate) fn place<'a>(file: &'a Path, member: Option<&'a str>) -> (&'a Path, Option<&'a str>) {
    if let Some(text) = url::of(file) {
        let (archive, name) = if member.is_none() { url::split(text) } else { (text, member) };
        return (Path::new(archive), name);
    }
    if member.is_none()
        && !file.exists()
        && let Some(text) = file.to_str()
    {
        // The name of a file, and that of a member, may have colons too.
        let places = text.rmatch_indices(':').map(|(place, _)| text.split_at(place));
        let mut archives = places.filter(|(archive, _)| Path::new(archive).is_file());
        if let Some((archive, name)) = archives.next() {
            return (Path::new(archive), Some(&name[1..]));
        }
    }
    (file, member)
}

/// Opens a file, a URL, or standard input.
pub(crate) fn source(file: &Path, limits: &Limits) -> Result<Source, Failure> {
    if let Some(text) = url::of(file) {
        return open_url(text, limits);
    }
    let source = match file == Path::new(STDIN) {
        true => stdin()?,
        false => Source::open(file).map_err(npy_object::Error::from)?,
    };
    source.limit_memory(limits.spool).map_err(npy_object::Error::from)?;
    Ok(source)
}

/// Opens the file at a URL.
#[cfg(feature = "urls")]
fn open_url(url: &str, limits: &Limits) -> Result<Source, Failure> {
    let source = crate::remote::open(url, limits).map_err(npy_object::Error::from)?;
    Ok(source.named(url::shown(url)))
}

/// Fails, as this command was built without the means to read URLs.
#[cfg(not(feature = "urls"))]
fn open_url(_: &str, _: &Limits) -> Result<Source, Failure> {
    let why = "this npyo was built without the feature `urls`, which reads URLs: install it with \
               `cargo install npy-object-cli --features urls`, or pass the file through a pipe";
    Err(Failure::Refused(why.to_owned()))
}

/// Returns standard input. A redirected file can be read at any offset, a pipe is a stream.
fn stdin() -> Result<Source, Failure> {
    #[cfg(unix)]
    {
        use std::io::Seek;
        use std::os::fd::AsFd;

        let same = io::stdin().as_fd().try_clone_to_owned().map(std::fs::File::from);
        if let Ok(mut file) = same
            && file.metadata().is_ok_and(|metadata| metadata.is_file())
            && file.stream_position().is_ok_and(|position| position == 0)
        {
            return Ok(Source::file(file).map_err(npy_object::Error::from)?);
        }
    }
    Ok(Source::stream(io::stdin()))
}

impl Reading {
    /// Returns these arguments with the choice to read the values of a truncated batch.
    pub(crate) fn with_unfinished(&self, unfinished: bool) -> Reading {
        Reading { unfinished, ..*self }
    }

    /// Returns options with the choices of these arguments.
    pub(crate) fn apply(&self, options: Options) -> Options {
        let options = options.encoding(self.encoding.into()).trust_payload(self.trust_payload);
        options.unfinished(self.unfinished)
    }
}
