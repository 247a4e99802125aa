//! The callables that are recognised, under every name they have had.

use pickle_stream::{Construct, Global, Kind, ValueRef};

/// What a recognised callable makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
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
    DateTime,
    Date,
    Time,
    TimeDelta,
    Decimal,
}

/// The callable of this name, if it is recognised.
pub(crate) fn known(global: Global<'_>) -> Option<Known> {
    use Known as K;
    let (module, name) = (global.module.to_str()?, global.name.to_str()?);
    let multiarray = || matches!(module, "numpy.core.multiarray" | "numpy._core.multiarray");
    let builtin = || matches!(module, "builtins" | "__builtin__");
    let found = |is: bool, known| is.then_some(known);
    match name {
        // `numpy.core._internal` had it before NumPy 1.0.
        "_reconstruct" => found(multiarray() || module == "numpy.core._internal", K::Reconstruct),
        "_mareconstruct" => {
            found(matches!(module, "numpy.ma.core" | "numpy.ma"), K::MaskedReconstruct)
        }
        "_frombuffer" => {
            found(matches!(module, "numpy.core.numeric" | "numpy._core.numeric"), K::FromBuffer)
        }
        "scalar" => found(multiarray(), K::Scalar),
        "dtype" => found(module == "numpy" || multiarray(), K::DType),
        "_convert_to_stringdtype_kwargs" => found(
            matches!(module, "numpy._core._internal" | "numpy.core._internal"),
            K::StringDType,
        ),
        "encode" => found(module == "_codecs", K::Encode),
        "bytes" => found(builtin(), K::Bytes),
        "bytearray" => found(builtin(), K::ByteArray),
        "complex" => found(builtin(), K::Complex),
        "set" => found(builtin(), K::Set),
        "frozenset" => found(builtin(), K::FrozenSet),
        "OrderedDict" => found(module == "collections", K::OrderedDict),
        "defaultdict" => found(module == "collections", K::DefaultDict),
        "datetime" => found(module == "datetime", K::DateTime),
        "date" => found(module == "datetime", K::Date),
        "time" => found(module == "datetime", K::Time),
        "timedelta" => found(module == "datetime", K::TimeDelta),
        "Decimal" => found(matches!(module, "decimal" | "_decimal" | "_pydecimal"), K::Decimal),
        _ => None,
    }
}

/// What the value is the call of, if it is the call of something recognised.
pub(crate) fn called(value: ValueRef<'_>) -> Option<Known> {
    let Kind::Object(object) = value.kind() else {
        return None;
    };
    let Kind::Global(callable) = object.callable().kind() else {
        return None;
    };
    (object.construct() == Construct::Call).then(|| known(callable)).flatten()
}

/// The class of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The array class of this name, if NumPy has it.
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

    /// Its name in typed JSON; `None` for `numpy.ndarray`.
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
