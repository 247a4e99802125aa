//! The Python package `npy_object`: a binding of the crate of the same name.
//!
//! The rooms, in the order in which to read them:
//!
//! - [`errors`]: errors of the library as exceptions
//! - [`object`]: elements as Python objects
//! - [`html`]: what notebooks show of them
//! - [`file`]: sources, settings and open files, `Container`, `Writer`, `NpzWriter`, `salvage` and `audit`
//! - [`array`]: the class `Array`, its views, and loops over it
//! - [`open`]: the functions `open`, `load` and `open_all`, and `Npz`
//! - [`command`]: the command `npyo`
//!
//! Each room uses only those that come before it.
//!
//! A loop: `Array.__iter__` makes an `Elements` (`array/elements.rs`), which asks its cursor
//! (`array/cursor.rs`) for each element. The cursor reads a block, of which `object/ready.rs` makes the
//! objects: with `object/row.rs` those of rows, which are not decoded, with `object/walk.rs` all others.
//! Both make arrays with `object/ndarray.rs`.
//!
//! Exceptions and `Opaque` are written in Python, in `python/npy_object`.

mod array;
mod command;
mod errors;
mod file;
mod html;
mod object;
mod open;

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
    use crate::array::arrow::infer_schema;
    #[pymodule_export]
    use crate::array::methods::open_view;
    #[pymodule_export]
    use crate::array::py_array::Array;
    #[pymodule_export]
    use crate::array::split::{Split, open_split};
    #[pymodule_export]
    use crate::command::{info, run_npyo};
    #[pymodule_export]
    use crate::file::audit::{Audit, Use, audit};
    #[pymodule_export]
    use crate::file::container::Container;
    #[pymodule_export]
    use crate::file::npz_writer::NpzWriter;
    #[pymodule_export]
    use crate::file::salvage::{Salvaged, salvage};
    #[pymodule_export]
    use crate::file::writer::Writer;
    #[pymodule_export]
    use crate::open::functions::{load, open, open_all, verify};
    #[pymodule_export]
    use crate::open::npz::Npz;
}
