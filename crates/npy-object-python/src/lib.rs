//! The Python package `npy_object`: a binding of the crate of the same name.
//!
//! The rooms, in the order in which to read them:
//!
//! - [`file`]: the functions `open`, `load`, `open_all`, `salvage` and `audit`, and what they take
//! - [`array`]: the class `Array`, its views, and loops over it
//! - [`object`]: elements as Python objects
//! - [`errors`]: errors of the library as exceptions
//!
//! Exceptions and `Opaque` are written in Python, in `python/npy_object`.

mod array;
mod errors;
mod file;
mod object;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _npy_object {
    use pyo3::prelude::*;

    /// Loads NumPy's C API now. PyO3 would load it at its first use, and panic if Python allows no
    /// further call by then.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::object::names::numpy(module.py())?;
        let _ = numpy::dtype::<f64>(module.py());
        Ok(())
    }

    #[pymodule_export]
    use crate::array::methods::open_view;
    #[pymodule_export]
    use crate::array::py_array::Array;
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
