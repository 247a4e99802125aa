//! `Npz`: the arrays of an archive, by name.

use std::ffi::CString;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use npy_object::npz::Member;
use npy_object::pickle::printable;
use npy_object::{Format, Npz as Archive, Shape};
use pyo3::exceptions::{PyAttributeError, PyKeyError, PyUserWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::errors::{is_truncated, raise};
use crate::file::reader::Origin;
use crate::file::settings::Settings;
use crate::file::source::{Input, MappedFile, Place, sniff};
use crate::html::page::Page;
use crate::open::opened::{Opened, load_left, load_source};

/// A mapping from the names of an archive (`.npz`) to its arrays, as NumPy's `NpzFile`.
///
/// An array is opened when its name is looked up.
///
/// >>> import npy_object, numpy as np, tempfile
/// >>> file = tempfile.mkdtemp() + "/archive.npz"
/// >>> np.savez(file, a=np.arange(3), b=np.array(["x", None]))
/// >>> archive = npy_object.open(file)
/// >>> list(archive), list(archive["b"])
/// (['a', 'b'], ['x', None])
#[pyclass(frozen, mapping, module = "npy_object")]
pub(crate) struct Npz {
    /// `None` after `close`.
    archive: Mutex<Option<Archive>>,
    names: Vec<String>,
    settings: Settings,
    place: Option<Place>,
    owner: Option<Py<MappedFile>>,
    runs_python: bool,
    members: Members,
}

/// The form in which members are returned.
#[derive(Clone, Copy)]
pub(crate) enum Members {
    /// An `Array`, from `open`.
    Opened,
    /// A NumPy array, from `load`.
    Loaded { allow_pickle: bool },
}

impl Npz {
    pub(crate) fn open(
        py: Python<'_>,
        input: Input,
        settings: Settings,
        members: Members,
    ) -> PyResult<Npz> {
        let Input { source, place, owner, runs_python, .. } = input;
        let options = settings.options()?;
        let archive = py.detach(|| match settings.unfinished {
            true => options.recover_npz(source),
            false => options.read_npz(source),
        });
        let archive = archive.map_err(|error| raise(py, &error))?;
        if let Some(error) = archive.broken_off() {
            let message = CString::new(error.to_string())?;
            PyErr::warn(py, &py.get_type::<PyUserWarning>(), &message, 1)?;
        }
        let names = archive.members().iter().map(|member| member.array_name().to_owned());
        let names = names.collect();
        let archive = Mutex::new(Some(archive));
        Ok(Npz { archive, names, settings, place, owner, runs_python, members })
    }

    /// Runs a job on the archive, without the interpreter. Fails if the archive was closed.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        job: impl FnOnce(&Archive) -> npy_object::Result<T> + Send,
    ) -> PyResult<T> {
        let done = py.detach(|| {
            let archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
            archive.as_ref().map(job)
        });
        match done {
            Some(Ok(done)) => Ok(done),
            Some(Err(error)) if error.clause() == "npz.choice" => {
                Err(PyKeyError::new_err(error.message().to_owned()))
            }
            Some(Err(error)) => Err(raise(py, &error)),
            None => Err(PyValueError::new_err("the archive was closed")),
        }
    }
}

#[pymethods]
impl Npz {
    /// The names of the arrays.
    #[getter]
    fn files(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    fn __len__(&self) -> usize {
        self.names.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.files().into_pyobject(py)?.try_iter()?.into_any())
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        let Ok(name) = name.extract::<String>() else { return false };
        let bare = name.strip_suffix(".npy").unwrap_or(&name);
        self.names.iter().any(|known| *known == name || known == bare)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let source = self.with(py, |archive| archive.source(archive.choose(name)?))?;
        if sniff(py, &source)? != Format::Npy {
            // NumPy too returns the bytes of a member that is not an array.
            let mut bytes = Vec::new();
            let read = py.detach(|| {
                source.to_reader().read_to_end(&mut bytes)?;
                source.verify()
            });
            read.map_err(|error| raise(py, &source.explain(error)))?;
            return Ok(PyBytes::new(py, &bytes).into_any());
        }
        let origin = Origin {
            source,
            settings: self.settings.clone_ref(py),
            place: self.place.as_ref().map(|place| place.clone_ref(py)),
            member: Some(name.to_owned()),
            owner: self.owner.as_ref().map(|owner| owner.clone_ref(py)),
            runs_python: self.runs_python,
        };
        let Members::Loaded { allow_pickle } = self.members else {
            return Opened::new(py, origin)?.into_object(py);
        };
        let source = origin.source.clone();
        match load_source(py, origin, allow_pickle, false) {
            Err(error) if self.settings.unfinished && is_truncated(py, &error) => {
                load_left(py, source, self.settings.clone_ref(py), allow_pickle, &error)
            }
            loaded => Ok(loaded?.0),
        }
    }

    /// Returns the array of this name, or `default` if there is none.
    #[pyo3(signature = (name, default=None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if !self.__contains__(name) {
            return Ok(default);
        }
        self.__getitem__(py, &name.extract::<String>()?).map(Some)
    }

    /// Returns a view of the names of the arrays.
    fn keys<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view_of(slf, "KeysView")
    }

    /// Returns a view of the arrays. A loop over it opens one at a time.
    fn values<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view_of(slf, "ValuesView")
    }

    /// Returns a view of pairs of name and array. A loop over it opens one at a time.
    fn items<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view_of(slf, "ItemsView")
    }

    /// Compares size and CRC-32 of the member of this name, or of all members, with those in the
    /// archive.
    ///
    /// Reads the whole member. A loop to the end and `to_numpy` make this comparison too; access by
    /// index does not.
    #[pyo3(signature = (name=None))]
    fn verify(&self, py: Python<'_>, name: Option<&str>) -> PyResult<()> {
        if let Some(name) = name {
            return self.with(py, |archive| archive.verify(archive.choose(name)?));
        }
        for member in 0..self.names.len() {
            py.check_signals()?;
            self.with(py, |archive| archive.verify(member))?;
        }
        Ok(())
    }

    /// Closes the archive. Arrays that were opened before stay open.
    fn close(&self, py: Python<'_>) {
        // A thread that holds the lock may be running Python code to read, so we wait for it without
        // the interpreter. Dropping the archive may run Python code too, so that comes after the lock.
        let archive =
            py.detach(|| self.archive.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(archive);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&self, exception: &Bound<'_, PyTuple>) {
        self.close(exception.py());
    }

    /// The arrays as attributes: `npz.f.x` is `npz["x"]`.
    #[getter]
    fn f(slf: Py<Self>) -> Attributes {
        Attributes(slf)
    }

    fn _ipython_key_completions_(&self) -> Vec<&str> {
        self.files()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        const SHOWN: usize = 5;
        let more = if self.names.len() > SHOWN { ", ..." } else { "" };
        let options = self.settings.options()?;
        let shown = self.names.iter().enumerate().take(SHOWN).map(|(member, name)| {
            let header = self.with(py, |archive| options.header(archive.source(member)?));
            // An archive that was closed, or is damaged, has its names.
            match header {
                Ok(Some((header, _))) => {
                    let shape = PyTuple::new(py, &header.shape)?.str()?;
                    Ok(format!("{} {shape} {}", printable(name), header.dtype))
                }
                _ => Ok(printable(name).into_owned()),
            }
        });
        let shown = shown.collect::<PyResult<Vec<_>>>()?;
        Ok(format!("<npy_object.Npz of {}{more}>", shown.join(", ")))
    }

    /// Returns what notebooks show: the names, dtypes, shapes and bytes of the first arrays.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        const SHOWN: usize = 20;
        let count = self.names.len();
        let plural = if count == 1 { "" } else { "s" };
        let mut page = Page::new("npy_object.Npz", &format!("{count} array{plural}"));
        let options = self.settings.options()?;
        let rows = self.with(py, |archive| {
            let named = self.names.iter().zip(archive.members()).take(SHOWN).enumerate();
            let row = |(number, (name, member)): (usize, (&String, &Member))| {
                let header = archive.source(number).and_then(|source| options.header(source));
                let (dtype, shape) = match header {
                    Ok(Some((header, _))) => {
                        (header.dtype.to_string(), Shape::from(&header.shape[..]).to_string())
                    }
                    Ok(None) => ("pickle".to_owned(), String::new()),
                    Err(error) => (error.without_file().to_string(), String::new()),
                };
                [name.clone(), dtype, shape, member.size().to_string()]
            };
            Ok(named.map(row).collect::<Vec<_>>())
        });
        match rows {
            Ok(rows) => page.table(["name", "dtype", "shape", "bytes"], &rows),
            // An archive that was closed.
            Err(error) => page.error(error),
        }
        if count > SHOWN {
            page.line("npyo-dim", &format!("… {} more", count - SHOWN));
        }
        Ok(page.finish())
    }
}

/// The arrays of an archive as attributes.
#[pyclass(frozen, module = "npy_object")]
pub(crate) struct Attributes(Py<Npz>);

#[pymethods]
impl Attributes {
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let npz = self.0.get();
        if !npz.names.iter().any(|known| known == name) {
            return Err(PyAttributeError::new_err(format!(
                "there is no array {name} in the archive"
            )));
        }
        npz.__getitem__(py, name)
    }

    fn __dir__(&self) -> Vec<&str> {
        self.0.get().files()
    }
}

/// Returns the view of a mapping by this class of `collections.abc`.
fn view_of<'py>(mapping: Bound<'py, Npz>, class: &str) -> PyResult<Bound<'py, PyAny>> {
    mapping.py().import("collections.abc")?.getattr(class)?.call1((mapping,))
}
