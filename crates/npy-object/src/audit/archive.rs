//! The members of an archive that its loader unpickles.
//!
//! | archive | loaded | data |
//! |---|---|---|
//! | of arrays, for `numpy.load` | members that begin as an array | every other member: its bytes are returned |
//! | of PyTorch, for `torch.load`: there is one `ROOT/data.pkl` | `ROOT/data.pkl` | `ROOT/data/N`, `ROOT/version` and other files of fixed names |
//!
//! If no member is loaded, the kind of the archive is unknown, and so are its members.

#[cfg(feature = "npz")]
use crate::source::format::Format;
#[cfg(feature = "npz")]
use crate::source::npz::Npz;

/// Whether a loader unpickles a file, or a member of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Content {
    /// The loader unpickles it, if it has objects.
    #[default]
    Loaded,
    /// The loader does not unpickle it: the bytes are data.
    Data,
    /// No loader is known to have this member.
    Unknown,
}

impl Content {
    /// Returns the name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Content::Loaded => "loaded",
            Content::Data => "data",
            Content::Unknown => "unknown",
        }
    }
}

/// The names of the pickles that `torch.load` may read in an archive, without `data.pkl`.
#[cfg(feature = "npz")]
pub(super) struct Roots<'a>(Vec<&'a str>);

#[cfg(feature = "npz")]
impl Roots<'_> {
    pub(super) fn of(archive: &Npz) -> Roots<'_> {
        let names = archive.members().iter().map(|member| member.name());
        Roots(names.filter_map(|name| name.strip_suffix("data.pkl")).collect())
    }

    /// Returns the content of a member by its name and format; `None` is the format of a member
    /// that cannot be read. That one is loaded, so that its error is in the report.
    pub(super) fn content(&self, name: &str, format: Option<Format>) -> Content {
        match (format, &self.0[..]) {
            (Some(Format::Npy) | None, _) => Content::Loaded,
            (Some(_), []) => Content::Data,
            (Some(_), [root]) => in_torch(root, name),
            (Some(_), _) => Content::Unknown,
        }
    }
}

/// Returns the content of a member of an archive that `torch.save` wrote.
#[cfg(feature = "npz")]
fn in_torch(root: &str, name: &str) -> Content {
    let Some(name) = name.strip_prefix(root) else { return Content::Unknown };
    let is_number = |name: &str| !name.is_empty() && name.bytes().all(|it| it.is_ascii_digit());
    match name {
        "data.pkl" => Content::Loaded,
        "version"
        | "byteorder"
        | ".data/serialization_id"
        | ".format_version"
        | ".storage_alignment" => Content::Data,
        name => match name.strip_prefix("data/") {
            Some(number) if is_number(number) => Content::Data,
            _ => Content::Unknown,
        },
    }
}
