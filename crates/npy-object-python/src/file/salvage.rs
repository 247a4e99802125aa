//! `salvage`: what is whole of a broken file.

use std::path::PathBuf;

use npy_object::{Format, Salvage};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{raise, raise_of};
use crate::file::settings::{Memory, Settings};
use crate::file::source::Input;

/// What came of `salvage`.
#[pyclass(frozen, get_all, module = "npy_object")]
pub(crate) struct Salvaged {
    /// Elements, entries or rows that were saved.
    elements: u64,
    /// Elements that there should be; None where the file does not say how many.
    promised: Option<u64>,
    /// Values that may be elements, or parts of one that was cut off, and were not saved.
    doubtful: u64,
    /// Elements that were lost although later ones were not: `(number, exception)`, the first 100.
    damaged: Vec<(u64, Py<PyAny>)>,
    /// How many those are in all.
    damaged_count: u64,
    /// Whether the array had a mask, which is never saved.
    mask_lost: bool,
    /// Where and why the file breaks off, as an exception; None where all of it was read.
    broken_off: Option<Py<PyAny>>,
    /// Whether nothing was lost.
    is_whole: bool,
}

/// Saves the elements of a file that is cut off or damaged in a new `.npy` file at `out`.
///
/// `source` is what `open` takes. Elements of whole batches (1,000 elements each, in what NumPy writes)
/// are saved. The values of the batch in which a file breaks off may be elements, or parts of one that
/// was cut off: `doubtful=True` saves them too.
///
/// An array of which nothing is lost keeps its shape; else the elements come in one dimension. Of a
/// dict, list or set in an array without dimensions the entries that are whole are saved, in such an
/// array again; so is a dict, list, tuple or set of a bare pickle: `numpy.load(out,
/// allow_pickle=True).item()` gives it. Of an array of numbers the rows that are whole are saved.
///
/// Where something is lost and nothing can be saved, there is no new file, and `elements` is 0.
///
/// Of an archive with several arrays, also of one that was cut off, `out` becomes an archive of those
/// of which something can be saved, and the result is a dict with the `Salvaged` of each name.
///
/// member: of an archive, the name of the only array to save.
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
    let Input { source, path, .. } = Input::of(source, false)?;
    let salvage =
        Salvage::new().options(options.clone()).keep_doubtful(doubtful).in_place(in_place);
    let saved = py.detach(|| {
        if let Some(path) = &path {
            salvage.check_paths(path, &out)?;
        }
        if Format::of(&source)? != Format::Zip {
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
    match saved.map_err(|error| raise_of(py, &error, &out))? {
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

/// What was found to save.
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
