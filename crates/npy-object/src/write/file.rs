//! Files that come into being whole, or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What an array is written to.
pub(crate) enum Output<'a> {
    /// A new file, which gets its name when it is whole.
    File(BufWriter<NamedTempFile>, PathBuf),
    Other(BufWriter<Box<dyn WriteSeek + 'a>>),
}

/// Somewhere to write, and to go back to.
pub(crate) trait WriteSeek: Write + Seek + Send {}

impl<T: Write + Seek + Send> WriteSeek for T {}

impl<'a> Output<'a> {
    /// A file beside the one at `path`, so that it can take its place. Where `path` is a link, that
    /// stays one; what is no file (a device, a pipe) is left alone.
    pub(crate) fn create(path: &Path) -> io::Result<Output<'a>> {
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let old = fs::metadata(path).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            let message = format!("{} is not a file, which another could replace", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(path.file_name().unwrap_or_default());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part");
        #[cfg(unix)]
        {
            use std::fs::Permissions;
            use std::os::unix::fs::PermissionsExt;
            // As those of the old file, or of any new one: the process's mask takes away from it.
            let new = || Permissions::from_mode(0o666);
            builder.permissions(old.map_or_else(new, |old| old.permissions()));
        }
        let file = builder.tempfile_in(folder)?;
        Ok(Output::File(BufWriter::with_capacity(BUFFER, file), path.to_owned()))
    }

    pub(crate) fn of(output: impl Write + Seek + Send + 'a) -> Output<'a> {
        Output::Other(BufWriter::with_capacity(BUFFER, Box::new(output)))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Output::File(file, _) => file.write_all(bytes),
            Output::Other(output) => output.write_all(bytes),
        }
    }

    /// Writes over what stands at `offset`.
    pub(crate) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        fn write(output: &mut (impl Write + Seek), offset: u64, bytes: &[u8]) -> io::Result<()> {
            let end = output.stream_position()?;
            output.seek(SeekFrom::Start(offset))?;
            output.write_all(bytes)?;
            output.seek(SeekFrom::Start(end)).map(drop)
        }
        match self {
            Output::File(file, _) => write(file, offset, bytes),
            Output::Other(output) => write(output, offset, bytes),
        }
    }

    /// Makes the file what its name stands for.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Output::File(file, path) => {
                let file = file.into_inner()?;
                file.as_file().sync_all()?;
                file.persist(&path)?;
                sync_folder(&path)
            }
            Output::Other(mut output) => output.flush(),
        }
    }
}

const BUFFER: usize = 128 << 10;

/// A name is kept by its folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) && folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
