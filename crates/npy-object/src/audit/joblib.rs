//! Arrays in a file of joblib: their bytes, or the pickle of their items, follow the instructions
//! that set the state of their wrapper.

use pickle_stream::audit::{Name, Operand};

use super::argument::Lookup;
use super::fact::{Array, Fact};
use super::numpy::{count, dtype_of};
use super::rule::Rule;
use super::trust::Trust;

/// What follows the state of a wrapper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// The bytes of the items.
    Bytes {
        /// How many there are.
        size: u64,
        /// Whether padding is before them: its length in a byte, and as many bytes.
        is_padded: bool,
    },
    /// A pickle, which is read as `pickle.load` does.
    Pickle,
}

/// The module and the name of the class of the wrappers of arrays.
const WRAPPER: (&str, &str) = ("joblib.numpy_pickle", "NumpyArrayWrapper");

/// Returns whether it is the wrapper of an array.
pub(super) fn is_wrapper(name: &Name) -> bool {
    let Name::Global { module, name } = name else { return false };
    (&**module, &**name) == WRAPPER
}

/// Returns whether the caller trusts the wrappers, so that `joblib.load` may be the loader.
pub(super) fn is_trusted(trust: &Trust) -> bool {
    let (module, name) = WRAPPER;
    let by_name = trust.allowed(&format!("{module}.{name}"));
    by_name.or_else(|| trust.allowed_in_package(module, name)).is_some()
}

/// Returns what follows the state of a wrapper, and what is known about the array; `None` where
/// joblib does not write the state.
pub(super) fn payload(state: &Operand<'_>, names: &dyn Lookup) -> Option<(Payload, Fact)> {
    use Operand as K;
    let K::Dict(state) = state else { return None };
    let (mut shape, mut dtype, mut has_class, mut is_padded) = (None, None, false, false);
    // Of an attribute that occurs twice, the last value counts.
    for (key, value) in state.entries()? {
        let K::Text(key) = key else { return None };
        match (key, value) {
            (b"subclass", K::Global(class)) => {
                let is_array = |rule| matches!(rule, Rule::Array | Rule::MemMap);
                has_class = names.rule(class).is_some_and(is_array);
            }
            (b"shape", value) => shape = Some(count(&value)?),
            (b"dtype", value) => {
                dtype = Some(dtype_of(&value).filter(|dtype| dtype.is_of_array())?);
            }
            (b"numpy_array_alignment_bytes", K::None) => is_padded = false,
            (b"numpy_array_alignment_bytes", K::Int(1..=255)) => is_padded = true,
            (b"order", K::Text(b"C" | b"F")) | (b"allow_mmap", K::Bool(_)) => {}
            _ => return None,
        }
    }
    let (count, dtype) = shape.zip(dtype).filter(|_| has_class)?;
    let (has_items, serial) = (count > 0, dtype.serial);
    let array = Array { is_masked: false, is_open: false, has_items, dtype: serial };
    let payload = match dtype.has_object {
        true => Payload::Pickle,
        false => Payload::Bytes { size: count.checked_mul(dtype.size)?, is_padded },
    };
    Some((payload, Fact::Array(array)))
}
