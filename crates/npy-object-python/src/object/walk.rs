//! Walks through an element: does the next task until none is left.

use std::cell::Cell;

use npy_object::pickle::{Kind as Raw, NodeId, ValueRef};
use npy_object::{Element, Items, Kind};
use numpy::PyArrayDescr;
use pyo3::exceptions::PyRecursionError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PyString, PyTuple};

use super::maker::{Maker, is_shared};
use super::task::{Members, Task};
use super::work::Work;
use crate::object::ndarray;

/// Levels of containers that are filled by recursion; deeper ones become tasks.
const SHALLOW: usize = 6;

/// The number of elements being made on this thread. Python code that makes one may read another.
struct Nested;

impl Nested {
    /// The most elements at once. The code of `find_class`, of a class, or of a file object may read
    /// files in turn; Python counts its own calls, but not the stack that ours take between them.
    const MOST: u32 = 100;

    fn enter() -> PyResult<Nested> {
        let depth = NESTED.get();
        if depth == Nested::MOST {
            let message = "maximum recursion depth exceeded while an element was made";
            return Err(PyRecursionError::new_err(message));
        }
        NESTED.set(depth + 1);
        Ok(Nested)
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        NESTED.set(NESTED.get() - 1);
    }
}

thread_local! {
    static NESTED: Cell<u32> = const { Cell::new(0) };
}

impl Maker {
    /// Makes the object of an element.
    pub(crate) fn make<'py>(
        &mut self,
        py: Python<'py>,
        element: Element<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let value = element.value();
        if let Some(leaf) = leaf(py, value) {
            return Ok(leaf);
        }
        // A shared array must become the same object each time, so the work has to remember it.
        if let Some(value) = value
            && matches!(value.kind(), Raw::Object(_))
            && !value.is_shared()
            && let Some(plain) = element.as_plain_array()
        {
            return self.plain_array(py, &plain);
        }
        let _nested = Nested::enter()?;
        self.made.clear();
        let object = Work::new(py, self).run(element)?;
        if self.records {
            let dtype = object.getattr(intern!(py, "dtype"))?.cast_into::<PyArrayDescr>()?;
            return object.call_method1(intern!(py, "view"), (ndarray::record(dtype)?,));
        }
        Ok(object)
    }
}

impl<'a, 'py> Work<'a, 'py, '_> {
    pub(super) fn run(mut self, element: Element<'a>) -> PyResult<Bound<'py, PyAny>> {
        let object = self.shallow(element, 0)?;
        while let Some(fill) = self.fills.pop() {
            self.wait_for(fill);
            self.work(0)?;
        }
        Ok(object)
    }

    /// Makes the object of a value at this depth. Up to [`SHALLOW`] levels, lists, dicts and tuples are
    /// filled by recursion, which is faster than tasks.
    pub(super) fn shallow(
        &mut self,
        element: Element<'a>,
        depth: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let kind = if depth < SHALLOW { element.kind() } else { Kind::None };
        if !matches!(kind, Kind::List(_) | Kind::Dict(_) | Kind::Tuple(_)) {
            return self.deep(element);
        }
        let id = element.identity();
        self.maker.met_shared |= is_shared(element);
        if let Some(made) = self.remembered(id) {
            return Ok(made);
        }
        match kind {
            Kind::List(items) => {
                // Leaves cannot refer to the list, so it is made of them at once.
                let leaves = self.leaves(items.clone())?;
                let rest = items.skip(leaves.len());
                let list = PyList::new(py, leaves)?;
                self.remember(id, &list, 1);
                for ref item in rest {
                    list.append(self.member(item, depth)?)?;
                }
                Ok(list.into_any())
            }
            Kind::Dict(entries) => {
                let dict = PyDict::new(py);
                self.remember(id, &dict, 1);
                for (ref key, ref value) in entries {
                    let name = match self.name(key) {
                        Some(name) => name.into_any(),
                        None => self.key(key, depth)?,
                    };
                    dict.set_item(name, self.member(value, depth)?)?;
                }
                Ok(dict.into_any())
            }
            Kind::Tuple(items) => {
                let parts = items.clone().map(|ref item| self.member(item, depth));
                let parts = parts.collect::<PyResult<Vec<_>>>()?;
                self.tuple(id, items, parts)
            }
            _ => unreachable!("these are the three"),
        }
    }

    /// Makes the key of a dict, with its state, as the dict hashes it.
    fn key(&mut self, key: &Element<'a>, depth: usize) -> PyResult<Bound<'py, PyAny>> {
        let (waiting, kept) = (self.tasks.len(), self.fills.len());
        let made = self.member(key, depth)?;
        if self.fills.len() > kept {
            self.tasks.push(Task::Fill(kept));
            self.work(waiting)?;
        }
        self.check_weights([*key].into_iter())?;
        Ok(made)
    }

    /// Makes the objects of the items before the first one that is not a leaf.
    fn leaves(&mut self, items: Items<'a>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut leaves = Vec::with_capacity(items.len());
        for ref item in items {
            self.maker.look_for_signals(self.py)?;
            match leaf(self.py, item.value()) {
                Some(leaf) => leaves.push(leaf),
                None => break,
            }
        }
        Ok(leaves)
    }

    /// Makes a member of a container at this depth.
    #[inline]
    pub(super) fn member(
        &mut self,
        member: &Element<'a>,
        depth: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.maker.look_for_signals(self.py)?;
        match leaf(self.py, member.value()) {
            Some(leaf) => Ok(leaf),
            None => self.shallow(*member, depth + 1),
        }
    }

    /// Makes the object of a value of any depth.
    pub(super) fn deep(&mut self, element: Element<'a>) -> PyResult<Bound<'py, PyAny>> {
        let waiting = self.tasks.len();
        match self.begin(element)? {
            Some(object) => Ok(object),
            None => {
                self.work(waiting)?;
                Ok(self.pop())
            }
        }
    }

    /// Returns the str of a key that elements share, from a cache.
    pub(super) fn name(&mut self, key: &Element<'a>) -> Option<Bound<'py, PyString>> {
        let value = key.value().filter(|value| value.is_shared())?;
        let Raw::Str(text) = value.kind() else { return None };
        Some(self.maker.strings.get(self.py, text.to_str()?))
    }

    pub(super) fn tuple(
        &mut self,
        id: Option<NodeId>,
        items: Items<'a>,
        parts: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // The tuple may have been made meanwhile, as a member of one of its members.
        if let Some(made) = self.remembered(id) {
            return Ok(made);
        }
        let weight = self.weight(items);
        let tuple = PyTuple::new(self.py, parts)?;
        self.remember(id, &tuple, weight);
        Ok(tuple.into_any())
    }

    /// Does the tasks above the first `waiting` ones.
    pub(super) fn work(&mut self, waiting: usize) -> PyResult<()> {
        while self.tasks.len() > waiting {
            match self.tasks.pop().expect("there are more") {
                Task::Members(members) => self.members(members)?,
                Task::Finish(finish) => self.finish(finish)?,
                Task::Fill(kept) if self.fills.len() > kept => {
                    self.tasks.push(Task::Fill(kept));
                    let fill = self.fills.pop().expect("there are more than are kept");
                    self.wait_for(fill);
                }
                Task::Fill(_) => {}
            }
        }
        Ok(())
    }

    pub(super) fn members(&mut self, mut members: Members<'a>) -> PyResult<()> {
        while let Some(member) = members.next() {
            self.maker.look_for_signals(self.py)?;
            let above = self.tasks.len();
            match self.begin(member)? {
                Some(object) => self.values.push(object),
                None => {
                    self.tasks.insert(above, Task::Members(members));
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Makes the object of a str, int, float or None, which have no members and no identity.
#[inline(always)]
fn leaf<'py>(py: Python<'py>, value: Option<ValueRef<'_>>) -> Option<Bound<'py, PyAny>> {
    match value?.kind() {
        // Fails on a lone surrogate.
        Raw::Str(text) => PyString::from_bytes(py, text.as_bytes()).ok().map(Bound::into_any),
        Raw::Int(value) => value.into_pyobject(py).ok().map(Bound::into_any),
        Raw::Float(value) => Some(PyFloat::new(py, value).into_any()),
        Raw::None => Some(py.None().into_bound(py)),
        _ => None,
    }
}
