//! `Npz`: the arrays of an archive, by name.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use npy_object::{Format, Npz as Archive, Source};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::errors::raise;
use crate::open::Opened;
use crate::reader::Origin;
use crate::settings::Settings;
use crate::source::{Input, MappedFile};

/// The arrays of an archive (`.npz`), by name: a mapping, as NumPy's. An array is opened when it is
/// asked for.
///
/// >>> import npy_object, numpy as np, tempfile
/// >>> file = tempfile.mkdtemp() + "/archive.npz"
/// >>> np.savez(file, a=np.arange(3), b=np.array(["x", None]))
/// >>> archive = npy_object.open(file)
/// >>> list(archive), list(archive["b"])
/// (['a', 'b'], ['x', None])
#[pyclass(frozen, mapping, module = "npy_object")]
pub(crate) struct Npz {
    /// `None` once it was closed.
    archive: Mutex<Option<Archive>>,
    names: Vec<String>,
    settings: Settings,
    path: Option<PathBuf>,
    owner: Option<Py<MappedFile>>,
    runs_python: bool,
    /// Whether arrays are read as a whole when they are asked for, as by `load`.
    whole: bool,
}

impl Npz {
    pub(crate) fn open(
        py: Python<'_>,
        input: Input,
        settings: Settings,
        whole: bool,
    ) -> PyResult<Npz> {
        let Input { source, path, owner, runs_python, .. } = input;
        let options = settings.options()?;
        let archive = py.detach(|| options.read_npz(source));
        let archive = archive.map_err(|error| raise(py, &error))?;
        let names = archive.members().iter().map(|member| member.array_name().to_owned());
        let names = names.collect();
        let archive = Mutex::new(Some(archive));
        Ok(Npz { archive, names, settings, path, owner, runs_python, whole })
    }

    /// What the member of this name holds; `None` where there is none.
    fn source(&self, py: Python<'_>, name: &str) -> PyResult<Option<Source>> {
        let found = py.detach(|| {
            let archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(archive) = archive.as_ref() else { return Err(None) };
            archive.find(name).map(|member| archive.source(member)).transpose().map_err(Some)
        });
        found.map_err(|error| match error {
            Some(error) => raise(py, &error),
            None => PyValueError::new_err("the archive was closed"),
        })
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
        let Some(source) = self.source(py, name)? else {
            return Err(PyKeyError::new_err(format!("{name} is not a file in the archive")));
        };
        let format = py.detach(|| Format::of(&source))?;
        if format != Format::Npy {
            // As NumPy does with what is no array.
            let mut bytes = Vec::new();
            py.detach(|| std::io::Read::read_to_end(&mut source.to_reader(), &mut bytes))?;
            return Ok(PyBytes::new(py, &bytes).into_any());
        }
        let origin = Origin {
            source,
            settings: self.settings.clone_ref(py),
            path: self.path.clone(),
            member: Some(name.to_owned()),
            owner: self.owner.as_ref().map(|owner| owner.clone_ref(py)),
            runs_python: self.runs_python,
        };
        let opened = Opened::of_source(py, origin)?;
        if self.whole { Ok(opened.load(py)?.0) } else { opened.into_object(py) }
    }

    /// The array of this name, or `default` where there is none.
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

    /// The names of the arrays.
    fn keys<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view_of(slf, "KeysView")
    }

    /// The arrays, each opened when it comes.
    fn values<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view_of(slf, "ValuesView")
    }

    /// Names with arrays, each opened when it comes.
    fn items<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        view_of(slf, "ItemsView")
    }

    /// Closes the archive. Arrays that were opened stay so.
    fn close(&self, py: Python<'_>) {
        // Who has it may be reading by Python code. What is dropped with it may run some too.
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

    fn __repr__(&self) -> String {
        const SHOWN: usize = 5;
        let more = if self.names.len() > SHOWN { ", ..." } else { "" };
        let shown: Vec<_> = self.names.iter().take(SHOWN).map(String::as_str).collect();
        format!("<npy_object.Npz of {}{more}>", shown.join(", "))
    }
}

/// A view of a mapping, as `collections.abc` has them.
fn view_of<'py>(mapping: Bound<'py, Npz>, class: &str) -> PyResult<Bound<'py, PyAny>> {
    mapping.py().import("collections.abc")?.getattr(class)?.call1((mapping,))
}
