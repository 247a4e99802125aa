//! Finishes an object from its members.

use npy_object::pickle::{Construct, Kind as Raw};
use npy_object::{Array, Data, Element, ItemType, Object};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyList, PyString, PyTuple};

use super::task::Finish;
use super::work::Work;
use crate::errors::{limit, unknown_dtype, unsupported};
use crate::object::{names, ndarray, standard};

/// The most values that hashing a key may visit. Python hashes a tuple with all that it contains each
/// time, so nested tuples of a few bytes can take years.
const HEAVIEST: u64 = 1 << 20;

impl<'a, 'py> Work<'a, 'py, '_> {
    /// Makes or fills an object from its members, which are the last of the values.
    pub(super) fn finish(&mut self, finish: Finish<'a, 'py>) -> PyResult<()> {
        let py = self.py;
        match finish {
            Finish::List { list, items } => {
                let first = self.values.len() - items.len();
                // Other objects may hold the list already, so it is filled in place.
                for item in self.values.drain(first..) {
                    list.append(item)?;
                }
            }
            Finish::Deque { deque, items } => {
                let first = self.values.len() - items.len();
                for item in self.values.drain(first..) {
                    deque.call_method1(intern!(py, "append"), (item,))?;
                }
            }
            Finish::Dict { dict, entries } => {
                self.check_weights(entries.clone().map(|(key, _)| key))?;
                let first = self.values.len() - 2 * entries.len();
                set_items(&dict, self.values.drain(first..))?;
            }
            Finish::Set { set, items } => {
                self.check_weights(items.clone())?;
                let first = self.values.len() - items.len();
                for item in self.values.drain(first..) {
                    set.add(item)?;
                }
            }
            Finish::Tuple { id, items } => {
                let parts = self.pop_all(items.len());
                let tuple = self.tuple(Some(id), items, parts)?;
                self.values.push(tuple);
            }
            Finish::FrozenSet { id, items } => {
                self.check_weights(items.clone())?;
                let parts = self.pop_all(items.len());
                let set = match self.remembered(Some(id)) {
                    Some(made) => made,
                    None => PyFrozenSet::new(py, parts)?.into_any(),
                };
                // Python keeps the hash of a frozenset.
                self.remember(Some(id), &set, 1);
                self.values.push(set);
            }
            Finish::Array { made, array } => {
                let first = self.values.len() - item_count(&array);
                let names = made.getattr(intern!(py, "dtype"))?.getattr(intern!(py, "names"))?;
                if names.is_none() {
                    ndarray::fill(&made, array.shape(), self.values.drain(first..))?;
                } else {
                    let flat = made.getattr(intern!(py, "flat"))?;
                    for (index, item) in self.values.drain(first..).enumerate() {
                        flat.set_item(index, item)?;
                    }
                }
            }
            Finish::StringDType { coerce, na_object } => {
                let na_object = na_object.map(|_| self.pop());
                self.values.push(ndarray::string_dtype(py, coerce, na_object)?);
            }
            Finish::Strings { id, array } => {
                let na_object = array.na_object().map(|_| self.pop());
                let ItemType::String { coerce, .. } = array.item() else { unreachable!() };
                let dtype = ndarray::string_dtype(py, *coerce, na_object)?;
                let parts = PyList::new(py, self.pop_all(item_count(&array)))?;
                let flat = names::numpy(py)?.getattr("array")?.call1((parts, dtype))?;
                let order = if array.fortran_order() { "F" } else { "C" };
                let made = flat
                    .call_method1("reshape", (PyTuple::new(py, array.shape())?,))?
                    .call_method1("copy", (order,))?;
                self.remember(Some(id), &made, 1);
                self.values.push(made);
            }
            Finish::Masked { id, array } => {
                let made = self.masked(&array)?;
                self.remember(Some(id), &made, 1);
                self.values.push(made);
            }
            Finish::Record { dtype, fields } => {
                let parts = self.pop_all(fields.len());
                let dtype = self.maker.dtypes.of(py, &dtype)?;
                let (array, _) = ndarray::empty(dtype, &[], false)?;
                let whole = PyTuple::empty(py);
                array.set_item(&whole, PyTuple::new(py, parts)?)?;
                self.values.push(array.get_item(&whole)?);
            }
            Finish::Moment { date, time } => {
                let zone = self.pop();
                let made = self.make_moment(date, &time, Some(zone))?;
                self.values.push(made);
            }
            Finish::Standard { id, class, object } => {
                let states = self.pop_all(object.states().len());
                let args = self.pop();
                let made = match self.remembered(Some(id)) {
                    Some(made) => made,
                    None => standard::make(py, class, &args, states.last())?,
                };
                self.remember(Some(id), &made, 1);
                self.values.push(made);
            }
            Finish::Persistent { opaque, .. } => {
                let of = self.pop();
                opaque.setattr(intern!(py, "args"), (of,))?;
            }
            Finish::Opaque { opaque, makes_callable, object } => {
                self.fill_opaque(&opaque, makes_callable, object)?;
            }
            Finish::Callable { id, object } => {
                let callable = self.pop();
                if callable.is_instance(names::OPAQUE.get(py)?)? {
                    let opaque = self.opaque(id, object, None)?;
                    self.values.push(opaque);
                } else {
                    self.call(id, object, callable);
                }
            }
            Finish::Call { id, object, callable } => {
                let kwargs = object.kwargs().map(|_| self.pop());
                let args = self.pop();
                if let Some(made) = self.remembered(Some(id)) {
                    self.values.push(made);
                    return Ok(());
                }
                let kwargs = kwargs.map(|kwargs| kwargs.cast_into::<PyDict>()).transpose()?;
                let args = args.cast_into::<PyTuple>()?;
                let made = match object.construct() {
                    Construct::Call => callable.call(args, kwargs.as_ref())?,
                    Construct::New => {
                        let args = [callable.clone()].into_iter().chain(args);
                        let args = PyTuple::new(py, args.collect::<Vec<_>>())?;
                        callable.getattr(intern!(py, "__new__"))?.call(args, kwargs.as_ref())?
                    }
                };
                let build = Finish::Build { made: made.clone(), object };
                let made = self.fill_later(Some(id), made, build);
                self.values.push(made);
            }
            Finish::Build { made, object } => self.build(&made, object)?,
        }
        Ok(())
    }

    pub(super) fn masked(&mut self, array: &Array<'a>) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let fill_value = self.pop();
        let (dtype, data) = match (array.item(), array.data()) {
            (ItemType::Plain(dtype), Data::Bytes(bytes)) => {
                (dtype, PyBytes::new(py, bytes).into_any())
            }
            (ItemType::Plain(dtype), Data::Items(items)) => {
                (dtype, PyList::new(py, self.pop_all(items.len()))?.into_any())
            }
            (ItemType::String { .. }, _) => {
                return Err(unsupported(py, "a masked array of str"));
            }
            _ => return Err(unknown_dtype(py)),
        };
        let mask = array.mask().map_or(&[][..], |mask| &mask.mask);
        let ma = names::numpy(py)?.getattr("ma")?;
        // As `numpy.ma.core._mareconstruct` does: an empty mask, which `__setstate__` fills.
        let kwargs = PyDict::new(py);
        kwargs.set_item("mask", PyTuple::empty(py))?;
        let class = ma.getattr("MaskedArray")?;
        let made = class.call((PyTuple::empty(py),), Some(&kwargs))?;
        let dtype = self.maker.dtypes.of(py, dtype)?;
        let shape = PyTuple::new(py, array.shape())?;
        let mask = PyBytes::new(py, mask);
        let state = (1, shape, dtype, array.fortran_order(), data, mask, fill_value);
        made.call_method1(intern!(py, "__setstate__"), (state,))?;
        Ok(made)
    }

    pub(super) fn fill_opaque(
        &mut self,
        opaque: &Bound<'py, PyAny>,
        has_callable: bool,
        object: Object<'a>,
    ) -> PyResult<()> {
        let py = self.py;
        let added = self.pop_all(object.added().len());
        let items = self.pop_all(2 * object.items().len());
        let appended = self.pop_all(object.appended().len());
        let states = self.pop_all(object.states().len());
        let kwargs = object.kwargs().map(|_| self.pop());
        let args = self.pop().cast_into::<PyTuple>()?;
        let callable = has_callable.then(|| self.pop());
        let args = PyTuple::new(py, callable.into_iter().chain(args).collect::<Vec<_>>())?;
        opaque.setattr(intern!(py, "args"), args)?;
        if let Some(kwargs) = kwargs {
            opaque.setattr(intern!(py, "kwargs"), kwargs)?;
        }
        if let Some(state) = states.last() {
            opaque.setattr(intern!(py, "state"), state)?;
        }
        if appended.len() + added.len() > 0 {
            let appended = PyList::new(py, appended.iter().chain(&added))?;
            opaque.setattr(intern!(py, "appended"), appended)?;
        }
        if !items.is_empty() {
            let pairs = items.chunks_exact(2).map(|pair| PyTuple::new(py, pair));
            let pairs = pairs.collect::<PyResult<Vec<_>>>()?;
            opaque.setattr(intern!(py, "items"), PyList::new(py, pairs)?)?;
        }
        Ok(())
    }

    /// Applies the states, items and entries that the pickle gives to an object after its call.
    pub(super) fn build(&mut self, made: &Bound<'py, PyAny>, object: Object<'a>) -> PyResult<()> {
        let py = self.py;
        let added = self.pop_all(object.added().len());
        self.check_weights(object.items().map(|(key, _)| key))?;
        let items = self.pop_all(2 * object.items().len());
        let appended = self.pop_all(object.appended().len());
        let states = self.pop_all(object.states().len());
        for item in appended {
            made.call_method1(intern!(py, "append"), (item,))?;
        }
        set_items(made, items.into_iter())?;
        for item in added {
            made.call_method1(intern!(py, "add"), (item,))?;
        }
        for state in states {
            set_state(made, state)?;
        }
        Ok(())
    }

    /// Returns how many values hashing a tuple of these items visits.
    pub(super) fn weight(&self, items: impl Iterator<Item = Element<'a>>) -> u64 {
        let weight = |item: Element<'a>| match item.value().map(|value| (value.id(), value.kind()))
        {
            Some((id, Raw::Tuple(_))) => self.maker.made.get(&id).map_or(1, |made| made.weight),
            _ => 1,
        };
        items.map(weight).fold(1, u64::saturating_add)
    }

    /// Fails where hashing a key visits more than [`HEAVIEST`] values.
    pub(super) fn check_weights(&self, keys: impl Iterator<Item = Element<'a>>) -> PyResult<()> {
        for key in keys {
            if self.weight([key].into_iter()) > HEAVIEST {
                let message = format!("a key of over {HEAVIEST} values, with what it shares");
                return Err(limit(self.py, &message, "access.sharing"));
            }
        }
        Ok(())
    }
}

/// Returns the number of items of an array that are values of their own, not bytes.
fn item_count(array: &Array<'_>) -> usize {
    match array.data() {
        Data::Items(items) => items.len(),
        Data::Bytes(_) => 0,
    }
}

fn set_items<'py>(
    object: &Bound<'py, PyAny>,
    mut parts: impl Iterator<Item = Bound<'py, PyAny>>,
) -> PyResult<()> {
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        object.set_item(key, value)?;
    }
    Ok(())
}

/// Sets the state of an object as BUILD does: `pickle._Unpickler.load_build`.
fn set_state<'py>(made: &Bound<'py, PyAny>, state: Bound<'py, PyAny>) -> PyResult<()> {
    let py = made.py();
    if let Some(set_state) = made.getattr_opt(intern!(py, "__setstate__"))? {
        return set_state.call1((state,)).map(drop);
    }
    let (state, slots) = match state.cast::<PyTuple>() {
        Ok(pair) if pair.len() == 2 => (pair.get_item(0)?, Some(pair.get_item(1)?)),
        _ => (state, None),
    };
    if state.is_truthy()? {
        made.getattr(intern!(py, "__dict__"))?.call_method1(intern!(py, "update"), (state,))?;
    }
    if let Some(slots) = slots.filter(|slots| !slots.is_none()) {
        for (name, value) in slots.cast::<PyDict>()?.iter() {
            made.setattr(name.cast::<PyString>()?, value)?;
        }
    }
    Ok(())
}
