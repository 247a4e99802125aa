//! Output files. A file gets its name only when it is whole, so that a program that stops before
//! leaves the old file. A file that is extended is cut to its old size unless it is kept.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, IntoInnerError, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;
#[cfg(feature = "arrow")]
use tempfile::TempDir;

use crate::error::{Error, Result};

/// A file or other output to write to.
pub(crate) enum Output<'a> {
    /// A new file, and the path that it gets when it is whole.
    File(BufWriter<Unfinished>, PathBuf),
    /// An existing file, which is written to at its end, and its path.
    Extended(Extended, PathBuf),
    Other(BufWriter<Box<dyn WriteSeek + 'a>>),
}

/// An output that can seek.
pub(crate) trait WriteSeek: Write + Seek + Send {}

impl<T: Write + Seek + Send> WriteSeek for T {}

/// The paths of all files that the process is writing.
static UNFINISHED: Mutex<BTreeMap<PathBuf, Undo>> = Mutex::new(BTreeMap::new());

fn unfinished() -> MutexGuard<'static, BTreeMap<PathBuf, Undo>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What makes a file as it was before it was written.
#[derive(Clone, Copy)]
enum Undo {
    /// It is new.
    Remove,
    /// It had this size.
    Cut(u64),
}

impl Undo {
    fn run(self, path: &Path) -> io::Result<()> {
        match self {
            // Only a folder of ours is in the map.
            Undo::Remove if path.is_dir() => fs::remove_dir_all(path),
            Undo::Remove => fs::remove_file(path),
            Undo::Cut(size) => OpenOptions::new().write(true).open(path)?.set_len(size),
        }
    }
}

/// Removes the temporary files and folders of all arrays and tables that the process is writing, and
/// what it has appended to files, and calls `then` before another one can be created.
///
/// A writer that is dropped removes its file. A process that a signal ends drops nothing: call this
/// where the program handles the signal, on any thread, but not inside a signal handler, and end
/// the process in `then`. Writers that go on fail when they are finished.
///
/// ```no_run
/// npy_object::remove_unfinished(|| std::process::exit(130));
/// ```
pub fn remove_unfinished<T>(then: impl FnOnce() -> T) -> T {
    let mut paths = unfinished();
    for (path, undo) in std::mem::take(&mut *paths) {
        let _ = undo.run(&path);
    }
    then()
}

/// A temporary file, which is removed when it is dropped. Its errors do not name it: its name says nothing
/// to a person.
pub(crate) struct Unfinished(NamedTempFile);

impl Unfinished {
    /// Creates a file in a folder. Its name is short, so that the path of the whole file may have
    /// the longest name that the system allows.
    ///
    /// Its permissions are those of the old file, or of a new file, without those in the umask.
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
        paths.insert(file.path().to_owned(), Undo::Remove);
        Ok(Unfinished(file))
    }

    /// Renames the file to `path`, where it replaces an old file.
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
        // The file is removed after this. No other file has its name until then.
        unfinished().remove(self.0.path());
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_file_mut().flush()
    }
}

impl Seek for Unfinished {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.as_file_mut().seek(to)
    }
}

/// An existing file that is extended. Unless it is kept, it is cut to its old size when it is dropped.
pub(crate) struct Extended {
    /// `None` while it is dropped.
    file: Option<BufWriter<File>>,
    /// Where the file is, without links.
    path: PathBuf,
    /// The old size; `None` once the file is kept.
    size: Option<u64>,
}

impl Extended {
    /// Opens a file, which no other process extends meanwhile.
    fn open(path: &Path) -> io::Result<Extended> {
        let path = fs::canonicalize(path)?;
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            let message = "not a regular file: only a regular file can be appended to";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        // Elsewhere a lock keeps others, and this process, from reading.
        #[cfg(unix)]
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => {
                let message = "another writer appends to the file";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, message));
            }
            // A file system without locks.
            Err(fs::TryLockError::Error(_)) | Ok(()) => {}
        }
        let file = Some(BufWriter::with_capacity(BUFFER, file));
        Ok(Extended { file, path, size: Some(metadata.len()) })
    }

    fn file(&mut self) -> &mut BufWriter<File> {
        self.file.as_mut().expect("a file that is not dropped")
    }

    /// Removes what comes after `size` bytes, and goes on from there.
    fn cut(&mut self, size: u64) -> io::Result<()> {
        self.file().seek(SeekFrom::Start(size))?;
        let file = self.file().get_ref();
        if file.metadata()?.len() != size {
            file.set_len(size)?;
        }
        self.size = Some(size);
        unfinished().insert(self.path.clone(), Undo::Cut(size));
        Ok(())
    }

    /// Leaves what was written in the file.
    fn keep(&mut self) {
        unfinished().remove(&self.path);
        self.size = None;
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file().flush()?;
        self.file().get_ref().sync_all()
    }
}

impl Drop for Extended {
    fn drop(&mut self) {
        // Bytes that were not written yet are dropped. A file that was not written to keeps its time, by
        // which its index is recognised.
        let Some((file, _)) = self.file.take().map(BufWriter::into_parts) else { return };
        let mut paths = unfinished();
        if let Some(size) = self.size
            && paths.remove(&self.path).is_some()
            && file.metadata().is_ok_and(|metadata| metadata.len() != size)
        {
            let _ = file.set_len(size);
        }
        // A process that is being started may hold a copy of the file until it runs its program.
        #[cfg(unix)]
        let _ = file.unlock();
    }
}

impl Write for Extended {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl Seek for Extended {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file().seek(to)
    }
}

impl<'a> Output<'a> {
    /// Opens an existing file to write to at its end, after [`cut`](Self::cut). If it is dropped before
    /// [`keep`](Self::keep), the file has its old size. Fails where another process does the same.
    ///
    /// All errors name the path.
    pub(crate) fn extend(path: &Path) -> Result<Output<'a>> {
        let file = Extended::open(path).map_err(|error| Error::from(error).in_path(path))?;
        Ok(Output::Extended(file, path.to_owned()))
    }

    /// Removes what comes after `size` bytes of a file that is extended, and goes on from there.
    pub(crate) fn cut(&mut self, size: u64) -> Result<()> {
        self.with_extended(|file| file.cut(size))
    }

    /// Leaves what was written in a file that is extended, whatever comes next.
    pub(crate) fn keep(&mut self) -> Result<()> {
        self.with_extended(|file| {
            file.keep();
            Ok(())
        })
    }

    /// Writes all bytes of a file that is extended to disk.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.with_extended(Extended::sync)
    }

    fn with_extended(&mut self, act: impl FnOnce(&mut Extended) -> io::Result<()>) -> Result<()> {
        match self {
            Output::Extended(file, path) => {
                act(file).map_err(|error| Error::from(error).in_path(path))
            }
            _ => unreachable!("only a file that is extended has an old size"),
        }
    }

    /// Creates a temporary file next to `path`, which will replace it. If `path` is a link, the
    /// file that it leads to is replaced. Fails where there is something that is not a regular file
    /// (a device, a pipe).
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
        // Refuse a name that the system does not allow now, and not after everything is written.
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(name(error)),
            _ => {}
        }
        let file = Unfinished::create(folder, old.as_ref()).map_err(name)?;
        Ok(Output::File(BufWriter::with_capacity(BUFFER, file), path.to_owned()))
    }

    /// Creates an output of a writer.
    pub(crate) fn of(output: impl Write + Seek + Send + 'a) -> Output<'a> {
        Output::Other(BufWriter::with_capacity(BUFFER, Box::new(output)))
    }

    /// Writes bytes at the end.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Output::File(file, path) => {
                file.write_all(bytes).map_err(|error| Error::from(error).in_path(path))
            }
            Output::Extended(file, path) => {
                file.write_all(bytes).map_err(|error| Error::from(error).in_path(path))
            }
            Output::Other(output) => Ok(output.write_all(bytes)?),
        }
    }

    /// Overwrites the bytes at `offset`.
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
            Output::Extended(file, path) => {
                write(file, offset, bytes).map_err(|error| Error::from(error).in_path(path))
            }
            Output::Other(output) => Ok(write(output, offset, bytes)?),
        }
    }

    /// Ends the output. A file gets its name.
    pub(crate) fn finish(mut self) -> Result<()> {
        match self {
            Output::File(file, path) => {
                let file = file.into_inner().map_err(IntoInnerError::into_error);
                file.and_then(|file| file.persist(&path))
                    .and_then(|()| sync_folder(&path))
                    .map_err(|error| Error::from(error).in_path(&path))
            }
            Output::Extended(..) => self.sync(),
            Output::Other(mut output) => Ok(output.flush()?),
        }
    }
}

/// The errors are those of [`Output::write`].
impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Output::write(self, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::File(file, _) => file.flush(),
            Output::Extended(file, _) => file.flush(),
            Output::Other(output) => output.flush(),
        }
    }
}

/// A temporary folder, which gets its name when it is whole, and is removed when it is dropped.
#[cfg(feature = "arrow")]
pub(crate) struct Folder {
    folder: TempDir,
    path: PathBuf,
}

#[cfg(feature = "arrow")]
impl Folder {
    /// Creates a folder next to `path`, which may be an empty folder. Fails where `path` is anything
    /// else.
    ///
    /// All errors name the path.
    pub(crate) fn create(path: &Path) -> Result<Folder> {
        let name = |error: io::Error| Error::from(error).in_path(path);
        match fs::read_dir(path).map(Iterator::count) {
            Ok(0) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() != io::ErrorKind::NotADirectory => return Err(name(error)),
            _ => {
                let message = "expected a new or an empty folder, found one with files, or a file";
                return Err(name(io::Error::new(io::ErrorKind::AlreadyExists, message)));
            }
        }
        let parent = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".npy").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        let mut paths = unfinished();
        let folder = builder.tempdir_in(parent).map_err(name)?;
        paths.insert(folder.path().to_owned(), Undo::Remove);
        Ok(Folder { folder, path: path.to_owned() })
    }

    /// Returns where the files of the folder are created.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns an error of a file of the folder as one of the folder, whose name a person knows.
    #[cold]
    pub(crate) fn name(&self, error: Error) -> Error {
        match error.file() {
            Some(_) => error.without_file().in_path(&self.path),
            None => error,
        }
    }

    /// Renames the folder to its path.
    pub(crate) fn finish(mut self) -> Result<()> {
        let mut paths = unfinished();
        let renamed = fs::rename(self.folder.path(), &self.path);
        renamed.map_err(|error| Error::from(error).in_path(&self.path))?;
        paths.remove(self.folder.path());
        self.folder.disable_cleanup(true);
        drop(paths);
        sync_folder(&self.path).map_err(|error| Error::from(error).in_path(&self.path))
    }
}

#[cfg(feature = "arrow")]
impl Drop for Folder {
    fn drop(&mut self) {
        unfinished().remove(self.folder.path());
    }
}

/// Bytes that are collected before they are written.
const BUFFER: usize = 128 << 10;

/// Writes the folder to disk, which has the name of the file.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) && folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
