//! The files of an audit: those that are named, and those in folders.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use npy_object::audit::{Content, Part, Report, Verdict};
use npy_object::pickle::audit::Name;
use npy_object::{Format, Source};

use crate::input::{STDIN, place};

/// Parts of file names after a dot that promise a pickle: every such file in a folder is reported.
const PICKLES: [&str; 17] = [
    "ckpt", "dill", "joblib", "keras", "mar", "nemo", "npy", "npz", "pck", "pcl", "pickle", "pkl",
    "pt", "pt2", "pth", "sav", "tar",
];

/// A file to audit.
pub(super) struct Entry {
    /// The path of the file.
    pub(super) path: PathBuf,
    /// The only member that is reported.
    pub(super) member: Option<String>,
    /// Whether it was found in a folder, and not named.
    is_found: bool,
}

/// Returns the files that the arguments name, in their order, and those in folders, sorted by path.
/// An error is a folder that cannot be read. With `all`, also files that a `.gitignore` excludes.
pub(super) fn files<'a>(
    paths: &'a [PathBuf],
    member: Option<&'a str>,
    all: bool,
) -> impl Iterator<Item = Result<Entry, (PathBuf, String)>> + 'a {
    paths.iter().flat_map(move |path| -> Box<dyn Iterator<Item = _>> {
        if path != Path::new(STDIN) && path.is_dir() {
            return Box::new(in_folder(path, all));
        }
        let (path, member) = place(path, member);
        let (path, member) = (path.to_owned(), member.map(str::to_owned));
        Box::new(std::iter::once(Ok(Entry { path, member, is_found: false })))
    })
}

fn in_folder(
    folder: &Path,
    all: bool,
) -> impl Iterator<Item = Result<Entry, (PathBuf, String)>> + use<> {
    let mut walk = WalkBuilder::new(folder);
    // Hidden files are loaded like others. Only the ignore files of the repository count, so that
    // the result is the same on every machine.
    walk.standard_filters(false).git_ignore(!all).parents(!all);
    walk.filter_entry(|entry| entry.file_name() != OsStr::new(".git"));
    walk.sort_by_file_path(Path::cmp);
    let folder = folder.to_owned();
    walk.build().filter_map(move |entry| match entry {
        // Python follows a link to a file. A link to a folder is followed if it is named.
        Ok(entry) if entry.path().is_dir() => None,
        Ok(entry) => Some(Ok(Entry { path: entry.into_path(), member: None, is_found: true })),
        Err(error) => Some(Err((folder.clone(), error.to_string()))),
    })
}

impl Entry {
    /// Returns whether the report on it is left out: it was found in a folder, and neither its name
    /// nor its contents are those of a pickle, an array or an archive of these.
    pub(super) fn is_other(&self, source: &Source, report: &Report) -> bool {
        let is_pickle = |part: &Part| {
            let is_read = part.pickles > 0 && part.verdict() == Verdict::Inert;
            // A PNG picture begins like a pickle with a persistent id.
            let has_global = part.uses.keys().any(|name| matches!(name, Name::Global { .. }));
            part.arrays > 0 || has_global || is_read
        };
        // A pickle from protocol 2 on says so, wherever it is truncated.
        let says_so = || {
            let mut first = [0];
            let is_protocol = source.read_at(&mut first, 0).is_ok() && first == [0x80];
            is_protocol && Format::of(source).is_ok_and(|format| format == Format::Pickle)
        };
        let is_member = |part: &Part| part.member.is_some() && part.content == Content::Loaded;
        self.is_found
            && report.verdict() != Verdict::Dangerous
            && !is_named_like_a_pickle(&self.path)
            && !report.parts.iter().any(|part| is_pickle(part) || is_member(part))
            && !says_so()
    }
}

fn is_named_like_a_pickle(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let mut parts = name.split('.').skip(1);
    parts.any(|part| PICKLES.iter().any(|known| part.eq_ignore_ascii_case(known)))
}
