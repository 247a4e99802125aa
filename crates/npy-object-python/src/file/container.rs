//! `Container`: a dict, list, tuple, set or deque that is read one member at a time.

use std::sync::{Arc, Mutex};

use npy_object::nested::{At, Container as Members, ContainerKind, Path};
use pyo3::prelude::*;

use crate::errors::{raise, unsupported};
use crate::file::reader::{File, Origin, lock};
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
    origin: Arc<Origin>,
    kind: ContainerKind,
    /// The open container, at its first member. Each loop reads a clone.
    members: Mutex<Box<Members>>,
}

impl Container {
    pub(crate) fn new(members: Box<Members>, origin: Arc<Origin>) -> Container {
        Container { origin, kind: members.kind(), members: Mutex::new(members) }
    }

    /// Opens the container that is the element of a 0-d array.
    pub(crate) fn in_array(py: Python<'_>, file: &File) -> PyResult<Container> {
        let origin = &file.origin;
        let options = origin.settings.options()?;
        let at = py.detach(|| options.at(origin.source.clone(), &Path::default()));
        match at.map_err(|error| raise(py, &error))? {
            At::Container(members) => Ok(Container::new(members, Arc::clone(origin))),
            At::Value(_) => {
                let message = "expected a dict, list, tuple, set or deque, found another value";
                Err(unsupported(py, message))
            }
        }
    }

    fn members(&self) -> Box<Members> {
        lock(&self.members).clone()
    }
}

#[pymethods]
impl Container {
    /// The name of its class: `dict`, `list`, `OrderedDict` and so on.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.name()
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        // Reading may run Python code that uses this container, so it is not locked meanwhile.
        let mut members = self.members();
        let count = py.detach(|| members.count()).map_err(|error| raise(py, &error))?;
        // The next count, and the next loop, know where the members are.
        let old = std::mem::replace(&mut *lock(&self.members), members);
        drop(old);
        Ok(usize::try_from(count)?)
    }

    fn __iter__(&self, py: Python<'_>) -> Entries {
        Entries { members: self.members(), maker: self.origin.maker(py) }
    }

    /// Compares size and CRC-32 of the archive's member that contains it: see `Array.verify`.
    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.origin.source.verify()).map_err(|error| raise(py, &error))
    }

    fn __repr__(&self) -> String {
        format!("<npy_object.Container: {}>", self.kind.name())
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
