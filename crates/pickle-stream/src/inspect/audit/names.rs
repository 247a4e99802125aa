//! The names in a pickle.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::compat::to_python_3;
use crate::error::Result;
use crate::limits;

/// The limit on names.
const MOST_NAMES: u64 = 1 << 16;

/// The limit on the bytes of names.
const MOST_BYTES: u64 = 1 << 20;

/// A name in a pickle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A global that is imported, as Python 3 names it.
    Global {
        /// Its module.
        module: String,
        /// Its name in the module, with dots where it is an attribute of an attribute.
        name: String,
    },
    /// The global that is registered with `copyreg` under this code.
    Extension(i64),
    /// The object that `persistent_load` returns for an id.
    PersistentId,
    /// An unknown name, which was forgotten or returned by a call.
    Unknown,
}

/// A [`Name`], by its index in [`Auditor::names`](super::Auditor::names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(u32);

impl NameId {
    /// Returns its index in [`Auditor::names`](super::Auditor::names).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The names that were found, each once.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) list: Vec<Name>,
    ids: BTreeMap<Name, NameId>,
    /// Modules and names, which are not forgotten.
    words: BTreeSet<String>,
    /// The bytes of all names.
    bytes: u64,
}

impl Names {
    /// Returns the id of a name, which is added if it is new.
    pub(super) fn find(&mut self, name: Name, offset: u64) -> Result<NameId> {
        if let Some(&id) = self.ids.get(&name) {
            return Ok(id);
        }
        let count = self.list.len() as u64 + 1;
        limits::check(MOST_NAMES, count, "pickle.limit.names", offset)?;
        if let Name::Global { module, name } = &name {
            self.bytes += (module.len() + name.len()) as u64;
            limits::check(MOST_BYTES, self.bytes, "pickle.limit.names", offset)?;
            self.words.extend([module.clone(), name.clone()]);
        }
        let id = NameId(self.list.len() as u32);
        self.list.push(name.clone());
        self.ids.insert(name, id);
        Ok(id)
    }

    /// Returns the id of a global that a pickle of `protocol` names.
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

    /// Whether a text was a module or a name before.
    pub(super) fn has_word(&self, text: &[u8]) -> bool {
        core::str::from_utf8(text).is_ok_and(|text| self.words.contains(text))
    }
}
