//! The names that a caller trusts.

use crate::error::{Error, Result};

/// A name, or the names of a package, that the caller trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// `module.name`
    Name(String),
    /// `package.*`
    Package(String),
}

impl Allowed {
    /// Parses `module.name` or `package.*`.
    pub(super) fn parse(text: &str) -> Result<Allowed> {
        let is_name = |name: &str| {
            let is_word = |word: &str| {
                let mut characters = word.chars();
                let first = characters.next().is_some_and(|it| it.is_alphabetic() || it == '_');
                first && characters.all(|it| it.is_alphanumeric() || it == '_')
            };
            name.split('.').all(is_word)
        };
        match text.strip_suffix(".*") {
            Some(package) if is_name(package) => Ok(Allowed::Package(package.to_owned())),
            None if text.contains('.') && is_name(text) => Ok(Allowed::Name(text.to_owned())),
            _ => {
                let message = format!("expected module.name or package.*, found {text:?}");
                Err(Error::usage("access.allow", message))
            }
        }
    }

    /// Returns whether it is this name.
    pub(super) fn is_full_name(&self, module: &str, name: &str) -> bool {
        let Allowed::Name(full) = self else { return false };
        let rest = full.strip_prefix(module).and_then(|rest| rest.strip_prefix('.'));
        rest == Some(name)
    }

    /// Returns whether it is the package of this name. A name with dots is not: it is an attribute
    /// of an attribute, which may be of any package.
    pub(super) fn has_in_package(&self, module: &str, name: &str) -> bool {
        let Allowed::Package(package) = self else { return false };
        let rest = module.strip_prefix(package.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) && !name.contains('.')
    }
}
