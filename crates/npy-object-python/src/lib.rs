//! The Python package `npy_object`: a binding of the crate of the same name.
//!
//! `open` says what is in a file: an `array`, an archive (`npz`), or a `container`; `source` and
//! `settings` are what it is told. An array is a `view` of a file, read by a `reader`, of which
//! each loop (`iter`) has its own, which may decode `ahead`; a `split` is a part for another
//! process. A `writer` makes such a file, and an `audit` says what NumPy would run of one.
//! `element` makes Python objects, with `ndarray` for those of NumPy, `known` and `names` for those
//! of the standard library, and `strings` for keys.
//! Exceptions and `Opaque` are written in Python, in `python/npy_object`.

mod ahead;
mod array;
mod arrow;
mod audit;
mod container;
mod element;
mod errors;
mod iter;
mod known;
mod names;
mod ndarray;
mod npz;
mod open;
mod reader;
mod settings;
mod source;
mod split;
mod strings;
mod view;
mod writer;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _npy_object {
    #[pymodule_export]
    use crate::array::{Array, open_view};
    #[pymodule_export]
    use crate::audit::{Audit, Use, audit};
    #[pymodule_export]
    use crate::container::Container;
    #[pymodule_export]
    use crate::npz::Npz;
    #[pymodule_export]
    use crate::open::{load, open, open_all};
    #[pymodule_export]
    use crate::split::{Split, open_split};
    #[pymodule_export]
    use crate::writer::Writer;
}
