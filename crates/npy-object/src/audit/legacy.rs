//! Files of PyTorch before 1.6: five pickles, then the bytes of the storages.
//!
//! `torch.load` unpickles a magic number, the version of the format, a dict about the system, the
//! object, and the list of the keys of the storages. It reads the storages as bytes.

use std::collections::BTreeMap;
use std::io::Read;

use pickle_stream::audit::{Act, Finding, Name, Operand, Operands, Subject};

use crate::source::Source;

/// Storages of an object. Beyond it the bytes after the pickles are not understood.
const MOST: usize = 1 << 16;

/// Pickles before the storages.
pub(super) const PICKLES: u64 = 5;

/// The long int in the first pickle, and STOP.
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The storages that an object has, by their keys, with the bytes that each takes.
#[derive(Debug, Default)]
pub(super) struct Storages {
    sizes: BTreeMap<Vec<u8>, u64>,
    /// Whether the size of one is not known.
    is_unknown: bool,
}

/// Returns whether a source begins with the first pickle.
pub(super) fn is_legacy(source: &Source) -> bool {
    let mut start = Vec::new();
    let read = source.to_reader().take(32).read_to_end(&mut start);
    let rest = match (read, &*start) {
        // FRAME is in protocols above 3.
        (Ok(_), [0x80, 4..=255, 0x95, rest @ ..]) => rest.get(8..),
        (Ok(_), [0x80, _, rest @ ..]) => Some(rest),
        _ => None,
    };
    rest.is_some_and(|rest| rest.starts_with(MAGIC))
}

impl Storages {
    /// Notes the storage of a persistent id.
    pub(super) fn note(&mut self, found: &Finding, operands: &Operands<'_>, names: &[Name]) {
        let Act::Call(Subject::Named(name)) = found.act else { return };
        if names[name.index()] != Name::PersistentId {
            return;
        }
        let Some((key, size)) = storage(&operands.arguments, names) else {
            self.is_unknown |= !is_module(&operands.arguments);
            return;
        };
        match self.sizes.get(key) {
            Some(&before) => self.is_unknown |= before != size,
            None if self.sizes.len() < MOST => drop(self.sizes.insert(key.to_vec(), size)),
            None => self.is_unknown = true,
        }
    }

    /// Returns the bytes of all storages, each after its length in 8 bytes; `None` where they are
    /// not known.
    pub(super) fn bytes(&self) -> Option<u64> {
        let mut sizes = self.sizes.values().filter(|_| !self.is_unknown);
        let total = sizes.try_fold(0u64, |sum, size| sum.checked_add(8)?.checked_add(*size));
        total.filter(|_| !self.is_unknown)
    }
}

/// Returns the key and the size of the storage that `('storage', type, key, location, items, view)`
/// is; `None` where it is something else.
fn storage<'a>(id: &Operand<'a>, names: &[Name]) -> Option<(&'a [u8], u64)> {
    let Operand::Tuple(items) = id else { return None };
    match (items.get(0)?, items.get(1)?, items.get(2)?, items.get(4)?) {
        (Operand::Text(b"storage"), Operand::Global(class), Operand::Text(key), items) => {
            let Operand::Int(items) = items else { return None };
            let size = item_size(&names[class.index()])?;
            Some((key, u64::try_from(items).ok()?.checked_mul(size)?))
        }
        _ => None,
    }
}

/// Returns whether a persistent id is `('module', class, file, source)`, which is a class.
fn is_module(id: &Operand<'_>) -> bool {
    matches!(id, Operand::Tuple(items) if matches!(items.get(0), Some(Operand::Text(b"module"))))
}

/// Returns the size of an item in a type of storage.
fn item_size(class: &Name) -> Option<u64> {
    let Name::Global { module, name } = class else { return None };
    if module != "torch" && module != "torch.cuda" && module != "torch.storage" {
        return None;
    }
    Some(match name.strip_suffix("Storage")? {
        "Bool" | "Byte" | "Char" | "QInt8" | "QUInt8" | "Untyped" => 1,
        "BFloat16" | "Half" | "Short" => 2,
        "Float" | "Int" | "QInt32" => 4,
        "ComplexFloat" | "Double" | "Long" => 8,
        "ComplexDouble" => 16,
        _ => return None,
    })
}
