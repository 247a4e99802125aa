//! The names that a caller trusts or denies.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};

/// The libraries whose names can be trusted by one word, and their lists. `oracle/libraries.py`
/// writes the lists.
const LIBRARIES: [(&str, &str); 5] = [
    ("joblib", include_str!("libraries/joblib.txt")),
    ("pandas", include_str!("libraries/pandas.txt")),
    ("scipy", include_str!("libraries/scipy.txt")),
    ("sklearn", include_str!("libraries/sklearn.txt")),
    ("torch", include_str!("libraries/torch.txt")),
];

/// The word for the objects that the loader returns for persistent ids.
const PERSISTENT_ID: &str = "persistent_id";

/// What is trusted of a name that the caller lists.
const BY_CALLER: Trusted = Trusted::Name("allowed by the caller");

/// The names that a caller trusts or denies.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    allowed: Names,
    denied: Names,
}

/// What is trusted of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trusted {
    /// Everything, for this reason.
    Name(&'static str),
    /// That it is named. Picklers never call it.
    Function,
}

/// Names, and packages for all names in them.
#[derive(Clone, Debug, Default)]
struct Names {
    /// By full name, and by [`PERSISTENT_ID`].
    full: HashMap<Cow<'static, str>, Trusted>,
    packages: HashSet<String>,
}

impl Trust {
    /// Trusts `module.name`, `package.*`, `persistent_id` or the names of a library.
    pub(super) fn allow(&mut self, text: &str) -> Result<()> {
        self.allowed.add(text)
    }

    /// Denies `module.name`, `package.*`, `persistent_id` or the names of a library.
    pub(super) fn deny(&mut self, text: &str) -> Result<()> {
        self.denied.add(text)
    }

    /// Adds the names of another.
    #[cfg(feature = "policy")]
    pub(super) fn extend(&mut self, other: &Trust) {
        self.allowed.extend(&other.allowed);
        self.denied.extend(&other.denied);
    }

    /// Returns what is trusted of a name, in its full form `module.name`.
    pub(super) fn allowed(&self, full: &str) -> Option<Trusted> {
        self.allowed.full.get(full).copied()
    }

    /// Returns whether persistent ids are trusted.
    pub(super) fn allowed_ids(&self) -> Option<Trusted> {
        self.allowed(PERSISTENT_ID).filter(|_| self.denied(PERSISTENT_ID).is_none())
    }

    /// Returns what is trusted of a name because of its package. Of a name with dots nothing is: it
    /// is an attribute of an attribute, which may be of any package.
    pub(super) fn allowed_in_package(&self, module: &str, name: &str) -> Option<Trusted> {
        let is_in = !name.contains('.') && self.allowed.has_package_of(module);
        is_in.then_some(BY_CALLER)
    }

    /// Returns the reason for which a name is denied, in its full form `module.name`. An attribute
    /// of a denied name is denied too.
    pub(super) fn denied(&self, full: &str) -> Option<&'static str> {
        let Names { full: names, packages } = &self.denied;
        if names.is_empty() && packages.is_empty() {
            return None;
        }
        let starts = full.match_indices('.').map(|(end, _)| &full[..end]);
        let is_denied = starts.clone().chain([full]).any(|start| names.contains_key(start))
            || starts.into_iter().any(|start| packages.contains(start));
        is_denied.then_some("denied by the caller")
    }
}

impl Names {
    fn add(&mut self, text: &str) -> Result<()> {
        if let Some((_, list)) = LIBRARIES.iter().find(|(library, _)| *library == text) {
            self.full.extend(entries(list).map(|(name, trusted)| (Cow::Borrowed(name), trusted)));
            return Ok(());
        }
        match text.strip_suffix(".*") {
            Some(package) if is_name(package) => drop(self.packages.insert(package.to_owned())),
            None if text == PERSISTENT_ID || text.contains('.') && is_name(text) => {
                self.full.insert(Cow::Owned(text.to_owned()), BY_CALLER);
            }
            _ => {
                let libraries = LIBRARIES.map(|(library, _)| library).join(", ");
                let message = format!(
                    "expected module.name, package.*, {PERSISTENT_ID}, or one of {libraries}; \
                     found {text:?}"
                );
                return Err(Error::usage("access.allow", message));
            }
        }
        Ok(())
    }

    #[cfg(feature = "policy")]
    fn extend(&mut self, other: &Names) {
        self.full.extend(other.full.iter().map(|(name, trusted)| (name.clone(), *trusted)));
        self.packages.extend(other.packages.iter().cloned());
    }

    /// Returns whether a module is one of these packages, or in one.
    fn has_package_of(&self, module: &str) -> bool {
        let starts = module.match_indices('.').map(|(end, _)| &module[..end]);
        starts.chain([module]).any(|start| self.packages.contains(start))
    }
}

/// Returns the names of a list. A line is `module.name  # reason`, after `function ` for a function
/// that is named and never called.
fn entries(list: &'static str) -> impl Iterator<Item = (&'static str, Trusted)> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (name, reason) = line.split_once("  # ")?;
        Some(match name.strip_prefix("function ") {
            Some(name) => (name, Trusted::Function),
            None => (name, Trusted::Name(reason)),
        })
    })
}

/// Returns every name of the lists, with its library.
#[cfg(test)]
pub(super) fn names_of_libraries() -> impl Iterator<Item = (&'static str, &'static str)> {
    LIBRARIES.into_iter().flat_map(|(library, list)| entries(list).map(move |it| (library, it.0)))
}

fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        let mut characters = word.chars();
        let first = characters.next().is_some_and(|it| it.is_alphabetic() || it == '_');
        first && characters.all(|it| it.is_alphanumeric() || it == '_')
    };
    name.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_list_has_a_name_and_a_reason() {
        for (library, list) in LIBRARIES {
            let lines = list.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            assert!(entries(list).all(|(name, trusted)| {
                let is_name = name == PERSISTENT_ID || name.contains('.') && is_name(name);
                is_name && trusted != Trusted::Name("")
            }));
            assert_eq!((lines.count(), library), (entries(list).count(), library));
        }
        assert!(names_of_libraries().count() > 50);
    }

    #[test]
    fn deny_covers_attributes_and_packages_within() {
        let mut trust = Trust::default();
        trust.deny("a.b").unwrap();
        trust.deny("p.*").unwrap();
        for (full, is_denied) in
            [("a.b", true), ("a.b.c", true), ("a.bc", false), ("p.q.r", true), ("pp.q", false)]
        {
            assert_eq!(trust.denied(full).is_some(), is_denied, "{full}");
        }
    }
}
