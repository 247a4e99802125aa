//! The members of an archive that its loader unpickles.
//!
//! `spec/audit.md` has the table of the kinds of archive. A member that no rule knows is unknown, so
//! an archive is inert only if each of its members is known.

#[cfg(feature = "npz")]
use super::form::Form;

/// Whether a loader unpickles a file, or a member of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Content {
    /// The loader unpickles it, if it has objects.
    #[default]
    Loaded,
    /// The loader does not unpickle it: the bytes are data.
    Data,
    /// The loader runs it as a program.
    Code,
    /// The loader makes objects of the classes that it names.
    Config,
    /// No loader is known to have this member.
    Unknown,
}

impl Content {
    /// Returns the name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Content::Loaded => "loaded",
            Content::Data => "data",
            Content::Code => "code",
            Content::Config => "config",
            Content::Unknown => "unknown",
        }
    }

    /// Returns why a member is not understood; `None` where it is.
    pub(super) fn why_unknown(self) -> Option<&'static str> {
        match self {
            Content::Loaded | Content::Data => None,
            Content::Code => Some("the loader runs this member as a program, which is not audited"),
            Content::Config => {
                Some("the loader makes objects of the classes that this member names")
            }
            Content::Unknown => {
                Some("no loader of this kind of archive is known to have this member")
            }
        }
    }
}

/// A kind of archive, by the names of its members.
#[cfg(feature = "npz")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of PyTorch: the folder of its `data.pkl`.
    Torch(String),
    /// Of PyTorch before 0.2: a tar archive.
    TorchTar,
    /// Of TorchServe: `.mar`.
    Mar,
    /// Of NeMo: `.nemo`.
    Nemo,
    /// Of Keras: `.keras`.
    Keras,
    /// A zip archive for `numpy.load`.
    Arrays,
    /// Files that are loaded one by one.
    Files,
    /// An archive that can be one of several kinds.
    Unknown,
}

#[cfg(feature = "npz")]
impl Kind {
    /// Returns the kind of an archive with these members. `arrays` is whether one begins as an array.
    pub(super) fn of<'a>(
        names: impl Iterator<Item = &'a str> + Clone,
        has_arrays: bool,
        is_zip: bool,
    ) -> Kind {
        let has = |wanted: &str| names.clone().any(|name| plain(name) == wanted);
        let mut roots = names.clone().filter_map(|name| name.strip_suffix("data.pkl"));
        match (roots.next(), roots.next()) {
            (Some(root), None) if is_zip => return Kind::Torch(root.to_owned()),
            (Some(_), Some(_)) if is_zip => return Kind::Unknown,
            _ => {}
        }
        match () {
            () if !is_zip && has("pickle") && has("storages") && has("tensors") => Kind::TorchTar,
            () if has("MAR-INF/MANIFEST.json") => Kind::Mar,
            () if has("model_config.yaml") => Kind::Nemo,
            () if is_zip && has("metadata.json") && has("config.json") => Kind::Keras,
            () if is_zip && has_arrays => Kind::Arrays,
            () => Kind::Files,
        }
    }

    /// Returns the content of a member by its name and form; `None` is the form of a member that
    /// cannot be read. That one is loaded, so that its error is in the report.
    pub(super) fn content(&self, name: &str, form: Option<Form>) -> Content {
        let name = plain(name);
        let Some(form) = form else { return Content::Loaded };
        // An object may be in any member of these, and is loaded as a file of its own.
        let as_file = |other| if form == Form::Other { other } else { Content::Loaded };
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match self {
            _ if form == Form::Array => Content::Loaded,
            Kind::Torch(root) => in_torch(plain(root), name),
            Kind::TorchTar => match name {
                "pickle" | "storages" | "tensors" | "sys_info" => Content::Loaded,
                _ => Content::Unknown,
            },
            Kind::Mar | Kind::Nemo if ends(&[".py", ".sh", ".so", "requirements.txt"]) => {
                Content::Code
            }
            Kind::Mar if ends(&[".json", ".txt", ".yaml", ".yml", ".properties"]) => {
                as_file(Content::Data)
            }
            Kind::Nemo if ends(&[".yaml", ".yml"]) => Content::Config,
            Kind::Nemo if ends(&[".model", ".txt", ".json", ".vocab"]) => as_file(Content::Data),
            Kind::Keras => match name {
                "config.json" => Content::Config,
                "metadata.json" | "model.weights.h5" => Content::Data,
                _ if name.starts_with("assets/") => Content::Data,
                _ => Content::Unknown,
            },
            Kind::Arrays => Content::Data,
            Kind::Mar | Kind::Nemo | Kind::Files => as_file(Content::Unknown),
            Kind::Unknown => Content::Unknown,
        }
    }

    /// Returns whether a member is loaded as a file of its own, which may be compressed or an
    /// archive.
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Kind::Mar | Kind::Nemo | Kind::Files)
    }
}

/// Returns the name of a member without the `./` that `tar` writes before names.
#[cfg(feature = "npz")]
fn plain(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
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
