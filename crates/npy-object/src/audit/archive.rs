//! Which members of an archive its loader unpickles.
//!
//! | archive | loaded | data |
//! |---|---|---|
//! | of arrays, for `numpy.load` | members that begin as an array | every other member: its bytes are returned |
//! | of PyTorch, for `torch.load`: there is one `ROOT/data.pkl` | `ROOT/data.pkl` | `ROOT/data/N`, `ROOT/version` and other files of fixed names |
//!
//! An archive without a member that is loaded is of no known kind, unless it is empty.

#[cfg(feature = "npz")]
use crate::source::format::Format;
#[cfg(feature = "npz")]
use crate::source::npz::{Member, Npz};

/// Whether a loader unpickles a member, or a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// It does, as far as it holds objects.
    #[default]
    Loaded,
    /// It does not: the bytes are data.
    Data,
    /// Nothing is known of such a member.
    Unknown,
}

impl Content {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Content::Loaded => "loaded",
            Content::Data => "data",
            Content::Unknown => "unknown",
        }
    }
}

/// What the members of an archive are.
#[cfg(feature = "npz")]
pub(super) fn contents(archive: &Npz) -> Vec<Content> {
    let members = archive.members();
    let begins_as =
        |number: usize| archive.source(number).and_then(|source| Ok(Format::of(&source)?)).ok();
    let roots: Vec<&str> =
        members.iter().filter_map(|member| member.name().strip_suffix("data.pkl")).collect();
    let content = |(number, member): (usize, &Member)| match begins_as(number) {
        // What cannot be read is loaded, and found to be an error.
        Some(Format::Npy) | None => Content::Loaded,
        Some(_) => match roots[..] {
            [] => Content::Data,
            [root] => in_torch(root, member.name()),
            _ => Content::Unknown,
        },
    };
    let mut contents: Vec<Content> = members.iter().enumerate().map(content).collect();
    if !contents.contains(&Content::Loaded) {
        contents.fill(Content::Unknown);
    }
    contents
}

/// What a member is in an archive that `torch.save` wrote.
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
