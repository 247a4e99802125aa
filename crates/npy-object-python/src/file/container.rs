//! `Container`: a dict, list, tuple, set or deque that is read one member at a time.

use std::sync::Arc;

use npy_object::nested::{At, Container as Members, ContainerKind, Path};
use pyo3::prelude::*;

use crate::errors::{raise, unsupported};
use crate::file::reader::{File, Origin};
use crate::object::maker::Maker;

/// A dict, list, tuple, set or deque that is read from the file one member at a time.
///
/// The members of a dict are pairs `(key, value)`.
///
/// >>> import npy_object, numpy as np, tempfile
/// >>> file = tempfile.mkdtemp() + "/parts.npy"
/// >>> np.save(file, {"train": [1, 2, 3], "test": [4]})
/// >>> for name, numbers in npy_object.open(file).entries():
/// ...     print(name, sum(numbers))
/// train 6
/// test 4
#[pyclass(frozen, module = "npy_object")]
pub(crate) struct Container {
    /// The array or the pickle that contains it.
    whole: Whole,
    path: Path,
    kind: ContainerKind,
}

/// The array or the pickle that contains a container.
#[derive(Clone)]
pub(crate) enum Whole {
    /// An array.
    Array(Arc<File>),
    /// A bare pickle.
    Pickle(Arc<Origin>),
}

impl Whole {
    fn origin(&self) -> &Origin {
        match self {
            Whole::Array(file) => &file.origin,
            Whole::Pickle(origin) => origin,
        }
    }
}

impl Container {
    /// Opens the container at this path. Returns `None` if the value there is not a container.
    pub(crate) fn open(py: Python<'_>, whole: Whole, path: Path) -> PyResult<Option<Container>> {
        let origin = whole.origin();
        let options = origin.settings.options()?;
        let at = py.detach(|| options.at(origin.source.clone(), &path));
        match at.map_err(|error| raise(py, &error))? {
            At::Container(members) => {
                let kind = members.kind();
                Ok(Some(Container { whole, path, kind }))
            }
            At::Value(_) => Ok(None),
        }
    }

    fn members(&self, py: Python<'_>) -> PyResult<Box<Members>> {
        let origin = self.whole.origin();
        let options = origin.settings.options()?;
        let at = py.detach(|| options.at(origin.source.clone(), &self.path));
        match at.map_err(|error| raise(py, &error))? {
            At::Container(members) => Ok(members),
            At::Value(_) => Err(no_container(py)),
        }
    }
}

/// Opens the container that is the element of a 0-d array.
pub(crate) fn open_container(py: Python<'_>, file: &Arc<File>) -> PyResult<Container> {
    let found = Container::open(py, Whole::Array(Arc::clone(file)), Path::default())?;
    found.ok_or_else(|| no_container(py))
}

fn no_container(py: Python<'_>) -> PyErr {
    unsupported(py, "expected a dict, list, tuple, set or deque, found another value")
}

#[pymethods]
impl Container {
    /// The name of its class: `dict`, `list`, `OrderedDict` and so on.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.name()
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let mut members = self.members(py)?;
        let count = py.detach(|| members.count()).map_err(|error| raise(py, &error))?;
        Ok(usize::try_from(count)?)
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Entries> {
        Ok(Entries { members: self.members(py)?, maker: self.whole.origin().maker(py) })
    }

    /// Compares size and CRC-32 of the archive's member that contains it: see `Array.verify`.
    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        let origin = self.whole.origin();
        py.detach(|| origin.source.verify()).map_err(|error| raise(py, &error))
    }

    fn __repr__(&self) -> String {
        format!("<npy_object.Container: {}{}>", self.kind.name(), self.path)
    }
}

/// An iterator over the members of a container.
#[pyclass(module = "npy_object")]
pub(crate) struct Entries {
    members: Box<Members>,
    maker: Maker,
}

#[pymethods]
impl Entries {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.maker.look_for_signals(py)?;
        let members = &mut self.members;
        let member = py.detach(|| members.next_member()).map_err(|error| raise(py, &error))?;
        let Some(member) = member else { return Ok(None) };
        let value = self.maker.make(py, member.value)?;
        match member.key {
            Some(key) => {
                let key = self.maker.make(py, key)?;
                Ok(Some((key, value).into_pyobject(py)?.into_any()))
            }
            None => Ok(Some(value)),
        }
    }

    fn __length_hint__(&self) -> u64 {
        let left = self.members.known_len().map(|len| len - self.members.position());
        left.unwrap_or(0)
    }
}
