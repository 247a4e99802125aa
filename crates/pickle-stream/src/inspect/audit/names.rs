//! The names that a pickle has used. They are never forgotten.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::bounds::{MAX_NAME_BYTES, MAX_NAMES};
use crate::compat::to_python_3;
use crate::error::Result;
use crate::limits;

/// Something that a pickle names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A global, as Python 3 imports it.
    Global {
        /// The module.
        module: String,
        /// The name in the module, with a dot before each attribute of an attribute.
        name: String,
    },
    /// The global that `copyreg` has under this extension code.
    Extension(i64),
    /// The object that `persistent_load` returns for an id.
    PersistentId,
    /// Any global: its module or name was forgotten, has more than 1,024 bytes, or is a global or
    /// the result of a call.
    Unknown,
}

/// `module.name`, or words for what has no name. A module or name may have control characters.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Global { module, name } => write!(f, "{module}.{name}"),
            Name::Extension(code) => write!(f, "extension code {code}"),
            Name::PersistentId => f.write_str("a persistent id"),
            Name::Unknown => f.write_str("an unknown value"),
        }
    }
}

/// A [`Name`] of one audit, by its index in [`Auditor::names`](super::Auditor::names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(u32);

impl NameId {
    /// Returns the index in [`Auditor::names`](super::Auditor::names).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The names of one audit, each once, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) list: Vec<Name>,
    ids: BTreeMap<Name, NameId>,
    /// The modules and names of globals.
    words: BTreeSet<String>,
    /// Bytes of all modules and names.
    bytes: u64,
}

impl Names {
    /// Returns the id of a name, which is added where it is new.
    pub(super) fn find(&mut self, name: Name, offset: u64) -> Result<NameId> {
        if let Some(&id) = self.ids.get(&name) {
            return Ok(id);
        }
        let count = self.list.len() as u64 + 1;
        limits::check(MAX_NAMES, count, "pickle.limit.names", offset)?;
        if let Name::Global { module, name } = &name {
            self.bytes += (module.len() + name.len()) as u64;
            limits::check(MAX_NAME_BYTES, self.bytes, "pickle.limit.names", offset)?;
            self.words.extend([module.clone(), name.clone()]);
        }
        let id = NameId(self.list.len() as u32);
        self.list.push(name.clone());
        self.ids.insert(name, id);
        Ok(id)
    }

    /// Returns the id of a global, as a pickle of `protocol` names it. CPython maps the names of
    /// Python 2 below protocol 3.
    pub(super) fn find_global(
        &mut self,
        protocol: i64,
        module: &[u8],
        name: &[u8],
        offset: u64,
    ) -> Result<NameId> {
        let [module, name] = [module, name].map(String::from_utf8_lossy);
        let (module, name) = match protocol < 3 {
            true => to_python_3(&module, &name),
            false => (&*module, &*name),
        };
        self.find(Name::Global { module: module.to_owned(), name: name.to_owned() }, offset)
    }

    /// Whether a text has been the module or the name of a global.
    pub(super) fn has_word(&self, text: &[u8]) -> bool {
        core::str::from_utf8(text).is_ok_and(|text| self.words.contains(text))
    }
}
