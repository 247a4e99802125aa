//! Files that come into being whole, or not at all.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, IntoInnerError, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// What an array is written to.
pub(crate) enum Output<'a> {
    /// A new file, which gets its name when it is whole.
    File(BufWriter<Unfinished>, PathBuf),
    Other(BufWriter<Box<dyn WriteSeek + 'a>>),
}

/// Somewhere to write, and to go back to.
pub(crate) trait WriteSeek: Write + Seek + Send {}

impl<T: Write + Seek + Send> WriteSeek for T {}

/// The paths of all files of the process that are being written.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary files of all arrays that the process is writing, and calls `then` before
/// another one can be created.
///
/// A writer that is dropped removes its file itself. A process that is ended by a signal drops
/// nothing: call this where the signal is handled, on any thread but in no signal handler, and end
/// the process in `then`. Writers that go on all the same fail when they are finished.
///
/// ```no_run
/// npy_object::remove_unfinished(|| std::process::exit(130));
/// ```
pub fn remove_unfinished<T>(then: impl FnOnce() -> T) -> T {
    let mut paths = unfinished();
    for path in std::mem::take(&mut *paths) {
        let _ = fs::remove_file(path);
    }
    then()
}

/// A file that goes when it is dropped.
pub(crate) struct Unfinished(NamedTempFile);

impl Unfinished {
    /// A new file in a folder. Its name is short, so that a file can be written whose own name is as
    /// long as the system allows.
    ///
    /// Its permissions are those of the old file, or of any new one, from which the process's mask
    /// takes away.
    fn create(folder: &Path, old: Option<&Metadata>) -> io::Result<Unfinished> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
            options.mode(old.map_or(0o666, |old| old.permissions().mode()));
        }
        #[cfg(not(unix))]
        let _ = old;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".npy").suffix(".part");
        let mut paths = unfinished();
        let file = builder.make_in(folder, |path| options.open(path))?;
        paths.insert(file.path().to_owned());
        Ok(Unfinished(file))
    }

    /// Gives the file its name, in place of one that has it.
    fn persist(mut self, path: &Path) -> io::Result<()> {
        self.0.as_file().sync_all()?;
        let mut paths = unfinished();
        let unnamed = self.0.path().to_owned();
        fs::rename(&unnamed, path)?;
        self.0.disable_cleanup(true);
        paths.remove(&unnamed);
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // The file itself goes after this: in between, nobody else has its name.
        unfinished().remove(self.0.path());
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for Unfinished {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl<'a> Output<'a> {
    /// A file next to the one at `path`, so that it can take its place. Where `path` is a link, that
    /// stays one. What is not a regular file (a device, a pipe) is not replaced.
    ///
    /// All errors name the path.
    pub(crate) fn create(path: &Path) -> Result<Output<'a>> {
        let name = |error: io::Error| Error::from(error).in_path(path);
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let old = fs::metadata(path).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            let message = "not a regular file: only a regular file can be replaced";
            return Err(name(io::Error::new(io::ErrorKind::AlreadyExists, message)));
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // A name that the system refuses is better refused now than when all is written.
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(name(error)),
            _ => {}
        }
        let file = Unfinished::create(folder, old.as_ref()).map_err(name)?;
        Ok(Output::File(BufWriter::with_capacity(BUFFER, file), path.to_owned()))
    }

    pub(crate) fn of(output: impl Write + Seek + Send + 'a) -> Output<'a> {
        Output::Other(BufWriter::with_capacity(BUFFER, Box::new(output)))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Output::File(file, path) => {
                file.write_all(bytes).map_err(|error| Error::from(error).in_path(path))
            }
            Output::Other(output) => Ok(output.write_all(bytes)?),
        }
    }

    /// Writes over what stands at `offset`.
    pub(crate) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        fn write(output: &mut (impl Write + Seek), offset: u64, bytes: &[u8]) -> io::Result<()> {
            let end = output.stream_position()?;
            output.seek(SeekFrom::Start(offset))?;
            output.write_all(bytes)?;
            output.seek(SeekFrom::Start(end)).map(drop)
        }
        match self {
            Output::File(file, path) => {
                write(file, offset, bytes).map_err(|error| Error::from(error).in_path(path))
            }
            Output::Other(output) => Ok(write(output, offset, bytes)?),
        }
    }

    /// Makes the file what its name stands for.
    pub(crate) fn finish(self) -> Result<()> {
        match self {
            Output::File(file, path) => {
                let file = file.into_inner().map_err(IntoInnerError::into_error);
                file.and_then(|file| file.persist(&path))
                    .and_then(|()| sync_folder(&path))
                    .map_err(|error| Error::from(error).in_path(&path))
            }
            Output::Other(mut output) => Ok(output.flush()?),
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
