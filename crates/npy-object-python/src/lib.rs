//! The Python package `npy_object`: a binding of the crate of the same name.
//!
//! `open` says what is in a file: an `array`, an archive (`npz`), or a `container`; `source` and
//! `settings` are what it is told. An array is a `view` of a file, read by a `reader`, of which
//! each loop (`iter`) has its own, which may decode `ahead`; a `split` is a part for another
//! process. A `writer` makes such a file, `salvage` saves what is whole of a broken one, and an `audit`
//! says what NumPy would run of one.
//! `element` makes Python objects, with `ndarray` for those of NumPy, `known` and `names` for those
//! of the standard library, and `strings` for keys.
//! Exceptions and `Opaque` are written in Python, in `python/npy_object`.

mod array;
mod errors;
mod file;
mod object;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _npy_object {
    use pyo3::prelude::*;

    /// Finds NumPy's C API. Later, it would be found where it is first used, which panics where
    /// Python allows no further call.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::object::names::numpy(module.py())?;
        let _ = numpy::dtype::<f64>(module.py());
        Ok(())
    }

    #[pymodule_export]
    use crate::array::py_array::{Array, open_view};
    #[pymodule_export]
    use crate::file::audit::{Audit, Use, audit};
    #[pymodule_export]
    use crate::file::container::Container;
    #[pymodule_export]
    use crate::file::npz::Npz;
    #[pymodule_export]
    use crate::file::open::{load, open, open_all};
    #[pymodule_export]
    use crate::file::salvage::{Salvaged, salvage};
    #[pymodule_export]
    use crate::file::split::{Split, open_split};
    #[pymodule_export]
    use crate::file::writer::Writer;
}
