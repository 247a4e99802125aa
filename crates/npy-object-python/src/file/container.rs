//! `Container`: a dict, list, tuple, set or deque that is read one member at a time.

use std::sync::{Arc, Mutex};

use npy_object::nested::{At, Container as Members, ContainerKind, Path, Subscript};
use pyo3::exceptions::{PyIndexError, PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString};

use crate::errors::raise;
use crate::file::reader::{File, Origin, lock};
use crate::html::page::{Page, ROWS};
use crate::object::maker::Maker;
use crate::object::ready::Ready;

/// A dict, list, tuple, set or deque that is read from the file one member at a time.
///
/// The members of a dict are pairs `(key, value)`. An index gives one member: a container in it, which
/// reads nothing of its other members, or the value.
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
    /// The way to it in its file.
    path: Path,
}

impl Container {
    pub(crate) fn new(members: Box<Members>, origin: Arc<Origin>) -> Container {
        let (kind, path) = (members.kind(), Path::default());
        Container { origin, kind, members: Mutex::new(members), path }
    }

    /// Opens the container that is the element of a 0-d array; `None` where that is another value.
    pub(crate) fn in_array(py: Python<'_>, file: &File) -> PyResult<Option<Container>> {
        let origin = &file.origin;
        let options = origin.settings.options()?;
        let at = py.detach(|| options.at(origin.source.clone(), &Path::default()));
        Ok(match at.map_err(|error| raise(py, &error))? {
            At::Container(members) => Some(Container::new(members, Arc::clone(origin))),
            At::Value(_) => None,
        })
    }

    /// Returns what a path leads to: a container that is not read, or a value.
    pub(crate) fn at<'py>(
        py: Python<'py>,
        origin: &Arc<Origin>,
        path: Path,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = origin.settings.options()?;
        let at = py.detach(|| options.at(origin.source.clone(), &path));
        match at.map_err(|error| raise(py, &error))? {
            At::Container(members) => {
                let container = Container { path, ..Container::new(members, Arc::clone(origin)) };
                Ok(container.into_pyobject(py)?.into_any())
            }
            At::Value(value) => origin.maker(py).make(py, value.element()),
        }
    }

    /// Returns the member of a key or an index.
    pub(crate) fn get<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let is_bool = key.is_instance_of::<PyBool>();
        let subscript = match (key.cast::<PyString>(), key.extract::<i64>()) {
            (Ok(text), _) => Subscript::Key(text.extract()?),
            (_, Ok(index)) if !is_bool => Subscript::Index(index),
            _ => {
                let message = format!(
                    "a member is found by a str or an int, not {}: loop over the container",
                    key.get_type().name()?
                );
                return Err(PyTypeError::new_err(message));
            }
        };
        let is_key = self.is_dict();
        let subscripts = self.path.as_slice().iter().cloned().chain([subscript]);
        Container::at(py, &self.origin, Path::new(subscripts)).map_err(|error| {
            let clause = error.value(py).getattr("clause");
            match clause.and_then(|clause| clause.extract::<String>()).as_deref() {
                Ok("access.subscript") if is_key => PyKeyError::new_err(key.clone().unbind()),
                Ok("access.subscript") => PyIndexError::new_err(error.value(py).to_string()),
                _ => error,
            }
        })
    }

    /// Returns the first str keys of a dict, for Tab in IPython.
    pub(crate) fn completions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        const MOST: usize = 1000;
        let keys = PyList::empty(py);
        if self.is_dict() {
            let mut entries = self.of_part(py, Part::Keys);
            while let Some(key) = entries.__next__(py)?.filter(|_| keys.len() < MOST) {
                if key.is_instance_of::<PyString>() {
                    keys.append(key)?;
                }
            }
        }
        Ok(keys.into_any())
    }

    pub(crate) fn is_dict(&self) -> bool {
        use ContainerKind as K;
        matches!(self.kind, K::Dict | K::OrderedDict | K::DefaultDict)
    }

    /// Returns whether a dict has a key, or another container a member that is `value` or equal to it.
    pub(crate) fn has(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let part = if self.is_dict() { Part::Keys } else { Part::Whole };
        let mut entries = self.of_part(py, part);
        while let Some(member) = entries.__next__(py)? {
            if member.is(value) || member.eq(value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns a loop over parts of the entries of a dict.
    fn entries(&self, py: Python<'_>, part: Part) -> PyResult<Entries> {
        if !self.is_dict() {
            let message = format!("a {} has no keys: loop over it", self.kind.name());
            return Err(PyTypeError::new_err(message));
        }
        Ok(self.of_part(py, part))
    }

    /// Returns a loop over parts of the members.
    fn of_part(&self, py: Python<'_>, part: Part) -> Entries {
        let (members, maker) = (self.members(), self.origin.maker(py));
        Entries { members, maker, part, ready: (!self.is_dict()).then(Ready::default) }
    }

    fn members(&self) -> Box<Members> {
        lock(&self.members).clone()
    }
}

#[pymethods]
impl Container {
    /// The name of its class: `dict`, `list`, `OrderedDict` and so on.
    #[getter]
    pub(crate) fn kind(&self) -> &'static str {
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
        self.of_part(py, Part::Whole)
    }

    fn __contains__(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.has(py, value)
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.get(py, key)
    }

    fn _ipython_key_completions_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.completions(py)
    }

    /// Iterates over the keys of a dict, whose values are not decoded.
    fn keys(&self, py: Python<'_>) -> PyResult<Entries> {
        self.entries(py, Part::Keys)
    }

    /// Iterates over the values of a dict.
    fn values(&self, py: Python<'_>) -> PyResult<Entries> {
        self.entries(py, Part::Values)
    }

    /// Iterates over the pairs `(key, value)` of a dict.
    fn items(&self, py: Python<'_>) -> PyResult<Entries> {
        self.entries(py, Part::Whole)
    }

    /// Compares size and CRC-32 of the archive's member that contains it: see `Array.verify`.
    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.origin.source.verify()).map_err(|error| raise(py, &error))
    }

    fn __repr__(&self) -> String {
        format!("<npy_object.Container: {}>", self.kind.name())
    }

    /// Returns what notebooks show: the tree, and the first members.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let (options, source, budget) = self.origin.for_look()?;
        Ok(py.detach(|| {
            let mut page = Page::new("npy_object.Container", self.kind.name());
            page.tree_of(&options, &source, &self.path);
            budget.refill();
            match options.at(source, &self.path) {
                Ok(at) => {
                    page.elements(&mut at.into(), (0..ROWS as u64).map(|n| (n.to_string(), n)));
                }
                Err(error) => page.error(error),
            }
            page.finish()
        }))
    }
}

/// An iterator over the members of a container.
#[pyclass(module = "npy_object")]
pub(crate) struct Entries {
    members: Box<Members>,
    maker: Maker,
    part: Part,
    /// The next members; `None` of a dict, whose members are pairs.
    ready: Option<Ready>,
}

/// What a loop gives of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Keys,
    Values,
}

#[pymethods]
impl Entries {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let members = &mut self.members;
        if let Some(ready) = &mut self.ready {
            if ready.is_empty() {
                py.check_signals()?;
                let most = ready.most();
                let block = py.detach(|| members.next_block(most));
                if let Some(block) = block.map_err(|error| raise(py, &error))? {
                    ready.fill(py, &mut self.maker, block);
                }
            }
            return ready.next(py);
        }
        self.maker.look_for_signals(py)?;
        if self.part == Part::Keys {
            let number = members.position();
            let outline = py.detach(|| members.outline(number));
            let Some((key, _)) = outline.map_err(|error| raise(py, &error))? else {
                return Ok(None);
            };
            let key = key.map(|key| self.maker.make(py, key)).transpose()?;
            self.members.seek(number + 1);
            return Ok(key);
        }
        let member = py.detach(|| members.next_member()).map_err(|error| raise(py, &error))?;
        let Some(member) = member else { return Ok(None) };
        let value = self.maker.make(py, member.value)?;
        match member.key.filter(|_| self.part == Part::Whole) {
            Some(key) => {
                let key = self.maker.make(py, key)?;
                Ok(Some((key, value).into_pyobject(py)?.into_any()))
            }
            None => Ok(Some(value)),
        }
    }

    fn __length_hint__(&self) -> u64 {
        let left = self.members.known_len().map(|len| len - self.members.position());
        left.unwrap_or(0) + self.ready.as_ref().map_or(0, Ready::len)
    }
}
