//! The callables that are recognised, under every name they have had, and the classes of arrays.

use pickle_stream::{Global, Kind, ValueRef};

/// A callable whose calls are recognised as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callable {
    /// An array: `_reconstruct(class, (0,), b'b')`, then a state.
    Reconstruct,
    /// A masked array: `_mareconstruct(class, base class, (0,), b'b')`, then a state.
    MaskedReconstruct,
    /// An array: `_frombuffer(buffer, dtype, shape, order)`.
    FromBuffer,
    /// A NumPy scalar: `scalar(dtype, bytes)`.
    Scalar,
    /// A dtype: `dtype(code, align, copy)`, then a state.
    DType,
    /// A StringDType: `_convert_to_stringdtype_kwargs(coerce, na_object)`.
    StringDType,
    /// Bytes, before protocol 3: `encode(text, 'latin1')`.
    Encode,
    Bytes,
    ByteArray,
    Complex,
    Set,
    FrozenSet,
    OrderedDict,
    DefaultDict,
    Deque,
    DateTime,
    Date,
    Time,
    TimeDelta,
    Decimal,
}

impl Callable {
    /// Returns the callable of this name, if it is recognised.
    pub(crate) fn named(global: Global<'_>) -> Option<Callable> {
        use Callable as C;
        let (module, name) = (global.module.as_bytes(), global.name.as_bytes());
        let multiarray = || matches!(module, b"numpy.core.multiarray" | b"numpy._core.multiarray");
        let builtin = || matches!(module, b"builtins" | b"__builtin__");
        let found = |is: bool, callable| is.then_some(callable);
        match name {
            // `numpy.core._internal` had it before NumPy 1.0.
            b"_reconstruct" => {
                found(multiarray() || module == b"numpy.core._internal", C::Reconstruct)
            }
            b"_mareconstruct" => {
                found(matches!(module, b"numpy.ma.core" | b"numpy.ma"), C::MaskedReconstruct)
            }
            b"_frombuffer" => found(
                matches!(module, b"numpy.core.numeric" | b"numpy._core.numeric"),
                C::FromBuffer,
            ),
            b"scalar" => found(multiarray(), C::Scalar),
            b"dtype" => found(module == b"numpy" || multiarray(), C::DType),
            b"_convert_to_stringdtype_kwargs" => found(
                matches!(module, b"numpy._core._internal" | b"numpy.core._internal"),
                C::StringDType,
            ),
            b"encode" => found(module == b"_codecs", C::Encode),
            b"bytes" => found(builtin(), C::Bytes),
            b"bytearray" => found(builtin(), C::ByteArray),
            b"complex" => found(builtin(), C::Complex),
            b"set" => found(builtin(), C::Set),
            b"frozenset" => found(builtin(), C::FrozenSet),
            b"OrderedDict" => found(module == b"collections", C::OrderedDict),
            b"defaultdict" => found(module == b"collections", C::DefaultDict),
            b"deque" => found(matches!(module, b"collections" | b"_collections"), C::Deque),
            b"datetime" => found(module == b"datetime", C::DateTime),
            b"date" => found(module == b"datetime", C::Date),
            b"time" => found(module == b"datetime", C::Time),
            b"timedelta" => found(module == b"datetime", C::TimeDelta),
            b"Decimal" => {
                found(matches!(module, b"decimal" | b"_decimal" | b"_pydecimal"), C::Decimal)
            }
            _ => None,
        }
    }
}

/// The class of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArrayClass {
    /// `numpy.ndarray`
    Array,
    /// `numpy.matrix`
    Matrix,
    /// `numpy.recarray`
    Record,
    /// `numpy.char.chararray`
    Char,
    /// `numpy.memmap`
    MemMap,
    /// `numpy.ma.MaskedArray`
    Masked,
}

impl ArrayClass {
    /// Returns the array class that a pickled class is, if it is one of NumPy's.
    pub(crate) fn of(class: ValueRef<'_>) -> Option<ArrayClass> {
        let Kind::Global(class) = class.kind() else {
            return None;
        };
        let module = class.module.to_str()?;
        if module != "numpy" && !module.starts_with("numpy.") {
            return None;
        }
        match class.name.to_str()? {
            "ndarray" => Some(ArrayClass::Array),
            "matrix" => Some(ArrayClass::Matrix),
            "recarray" => Some(ArrayClass::Record),
            "chararray" => Some(ArrayClass::Char),
            "memmap" => Some(ArrayClass::MemMap),
            "MaskedArray" => Some(ArrayClass::Masked),
            _ => None,
        }
    }

    /// Returns the class of this name in typed JSON.
    #[cfg(feature = "json")]
    pub(crate) fn named(name: &str) -> Option<ArrayClass> {
        use ArrayClass as C;
        let classes = [C::Matrix, C::Record, C::Char, C::MemMap, C::Masked];
        classes.into_iter().find(|class| class.name() == Some(name))
    }

    /// Returns the name of the class in typed JSON; `None` for `numpy.ndarray`.
    pub fn name(self) -> Option<&'static str> {
        match self {
            ArrayClass::Array => None,
            ArrayClass::Matrix => Some("matrix"),
            ArrayClass::Record => Some("recarray"),
            ArrayClass::Char => Some("chararray"),
            ArrayClass::MemMap => Some("memmap"),
            ArrayClass::Masked => Some("masked"),
        }
    }
}
