//! `salvage`: saves the whole elements of a broken file.

use std::path::PathBuf;

use npy_object::{Format, Salvage};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{raise, raise_of};
use crate::file::settings::{Memory, Settings};
use crate::file::source::{Input, Place};

/// The result of `salvage`: how much was saved, and how much was lost.
#[pyclass(frozen, get_all, module = "npy_object")]
pub(crate) struct Salvaged {
    /// The number of elements, entries or rows that were saved.
    elements: u64,
    /// The number that the file states; None if it states none.
    promised: Option<u64>,
    /// The number of values that were not saved, each of which may be an element or a part of one.
    doubtful: u64,
    /// The first 100 elements that were lost before later ones that were not, as `(number, exception)`.
    damaged: Vec<(u64, Py<PyAny>)>,
    /// The number of all elements that were lost before later ones.
    damaged_count: u64,
    /// Whether the array had a mask; a mask is never saved.
    mask_lost: bool,
    /// The exception that says where and why reading stopped; None if the whole file was read.
    broken_off: Option<Py<PyAny>>,
    /// Whether nothing was lost.
    is_whole: bool,
}

/// Saves the elements of a truncated or damaged file in a new `.npy` file at `out`.
///
/// `source` is a path, bytes, or an object with `read`, as for `open`. The elements of whole batches are
/// saved; NumPy writes batches of 1,000. Each value of the batch in which the file breaks off may be an
/// element, or a part of one that was cut off: `doubtful=True` saves these values too.
///
/// An array keeps its shape if nothing is lost; otherwise the new array has one dimension. Of an
/// array of numbers, the whole rows are saved. Of a dict, list or set in an array without dimensions, the
/// whole entries are saved, again in an array without dimensions. A dict, list, tuple or set of a bare
/// pickle is saved in the same way: `numpy.load(out, allow_pickle=True).item()` returns it.
///
/// If something is lost and nothing can be saved, no file is written, and `elements` is 0.
///
/// For an archive of several arrays, also a truncated one, `out` becomes an archive of the arrays from
/// which something can be saved. The result is then a dict from each name to its `Salvaged`.
///
/// member: the name of the array to save, if `source` is an archive and the others are not wanted.
/// in_place: whether `out` may be the file that is read.
/// encoding, max_memory: as for `open`.
///
/// >>> import npy_object, numpy as np, pathlib, tempfile
/// >>> file = pathlib.Path(tempfile.mkdtemp()) / "cut.npy"
/// >>> np.save(file, np.array([1, "two", None] * 500, object))
/// >>> size = file.write_bytes(file.read_bytes()[:-10])
/// >>> saved = npy_object.salvage(file, file.with_name("saved.npy"))
/// >>> saved.elements, saved.promised, saved.is_whole
/// (1000, 1500, False)
#[pyfunction]
#[pyo3(
    signature = (
        source, out, *, doubtful=false, in_place=false, member=None, encoding="ASCII".to_owned(),
        max_memory=None,
    ),
    text_signature = "(source, out, *, doubtful=False, in_place=False, member=None, \
                      encoding='ASCII', max_memory=None)",
)]
#[expect(clippy::too_many_arguments, reason = "they have names")]
pub(crate) fn salvage<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    out: PathBuf,
    doubtful: bool,
    in_place: bool,
    member: Option<String>,
    encoding: String,
    max_memory: Option<Memory>,
) -> PyResult<Bound<'py, PyAny>> {
    let settings = Settings { encoding, max_memory, ..Settings::default() };
    let options = settings.options()?;
    let Input { source, place, .. } = Input::of(source, false)?;
    let salvage =
        Salvage::new().options(options.clone()).keep_doubtful(doubtful).in_place(in_place);
    let saved = py.detach(|| {
        if let Some(Place::Path(path)) = &place {
            salvage.check_paths(path, &out)?;
        }
        let format = Format::of(&source).map_err(|error| source.explain(error))?;
        if format != Format::Zip {
            return salvage.write(source, &out).map(Found::Array);
        }
        let archive = options.recover_npz(source)?;
        let found = match &member {
            Some(name) => archive.find(name),
            None => match archive.only() {
                Ok(only) => Some(only),
                Err(_) => return salvage.write_archive(&archive, &out).map(Found::Archive),
            },
        };
        let Some(found) = found else { return Ok(Found::None) };
        salvage.write_member(&archive, found, &out).map(Found::Array)
    });
    let raise_saved = |error: npy_object::Error| match error.file() {
        Some(_) => raise(py, &error),
        None => raise_of(py, &error, &out),
    };
    match saved.map_err(raise_saved)? {
        Found::Array(saved) => Ok(result(py, &saved)?.into_pyobject(py)?.into_any()),
        Found::Archive(members) => {
            let dict = PyDict::new(py);
            for (name, saved) in &members {
                dict.set_item(name, result(py, saved)?.into_pyobject(py)?)?;
            }
            Ok(dict.into_any())
        }
        Found::None => {
            let name = member.unwrap_or_default();
            Err(PyKeyError::new_err(format!("{name} is not a file in the archive")))
        }
    }
}

/// The result of a salvage: of one array, of each array of an archive, or none as there is no such member.
enum Found {
    Array(npy_object::Salvaged),
    Archive(Vec<(String, npy_object::Salvaged)>),
    None,
}

fn result(py: Python<'_>, saved: &npy_object::Salvaged) -> PyResult<Salvaged> {
    let exception = |error| raise(py, error).into_value(py).into_any();
    Ok(Salvaged {
        elements: saved.elements,
        promised: saved.promised,
        doubtful: saved.doubtful,
        damaged: saved.damaged.iter().map(|(number, error)| (*number, exception(error))).collect(),
        damaged_count: saved.damaged_count,
        mask_lost: saved.mask_lost,
        broken_off: saved.broken_off.as_ref().map(exception),
        is_whole: saved.is_whole(),
    })
}

#[pymethods]
impl Salvaged {
    fn __repr__(&self) -> String {
        let of = self.promised.map_or_else(String::new, |promised| format!(" of {promised}"));
        let doubtful = match self.doubtful {
            0 => String::new(),
            doubtful => format!(", {doubtful} doubtful"),
        };
        format!("<npy_object.Salvaged: {}{of} elements{doubtful}>", self.elements)
    }
}
