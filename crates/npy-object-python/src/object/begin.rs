//! Begins an object: makes it whole or empty, or leaves it until its members are made.

use npy_object::pickle::{Global, Kind as Raw, Long, NodeId, ValueRef};
use npy_object::{
    Array, ArrayClass, Data, DateTime, Element, Entries, ItemType, Kind, Object, Time,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyByteArray, PyBytes, PyComplex, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple,
};

use super::maker::{is_shared, surrogates};
use super::task::Finish;
use super::work::Work;
use crate::errors::{unknown_dtype, unsupported};
use crate::object::names;
use crate::object::ndarray;

impl<'a, 'py> Work<'a, 'py, '_> {
    /// Returns the object of a value; a container may still be empty and is filled later. Returns `None`
    /// where the object waits for its members: it is then pushed to the values.
    pub(super) fn begin(&mut self, element: Element<'a>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        let id = element.identity();
        if let Some(value) = element.value()
            && matches!(value.kind(), Raw::Object(_))
        {
            self.maker.met_shared |= value.is_shared();
            if let Some(made) = self.remembered(id) {
                return Ok(Some(made));
            }
            if let Some(plain) = element.as_plain_array() {
                let array = self.maker.plain_array(py, &plain)?;
                self.remember(id, &array, 1);
                return Ok(Some(array));
            }
        } else if element.value().is_none()
            && let Some(row) = element.as_plain_array()
        {
            return self.maker.plain_array(py, &row).map(Some);
        }
        let object = match element.kind() {
            Kind::None => py.None().into_bound(py),
            Kind::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
            Kind::Int(value) => value.into_pyobject(py)?.into_any(),
            Kind::Long(value) => long(py, value)?,
            Kind::Float(value) => PyFloat::new(py, value).into_any(),
            Kind::Complex(real, imaginary) => {
                PyComplex::from_doubles(py, real, imaginary).into_any()
            }
            Kind::Str(text) => match text.to_str() {
                Some(text) if is_shared(element) => self.maker.strings.get(py, text).into_any(),
                Some(text) => PyString::new(py, text).into_any(),
                None => surrogates(py, text.as_bytes())?,
            },
            Kind::Bytes(bytes) => PyBytes::new(py, &bytes).into_any(),
            Kind::Date(date) => {
                let args = (date.year, date.month, date.day);
                names::DATE.get(py)?.call1(args)?
            }
            Kind::TimeDelta(delta) => {
                let args = (delta.days, delta.seconds, delta.microseconds);
                names::TIMEDELTA.get(py)?.call1(args)?
            }
            Kind::Decimal(digits) => names::DECIMAL.get(py)?.call1((&*digits,))?,
            Kind::DateTime(DateTime { date, time }) => {
                let date = [date.year.into(), date.month.into(), date.day.into()];
                return self.moment(Some(date), time);
            }
            Kind::Time(time) => return self.moment(None, time),
            Kind::Scalar(scalar) => {
                let mut dtype = self.maker.dtypes.of(py, scalar.dtype())?;
                if is_record(element) {
                    dtype = ndarray::record(dtype)?;
                }
                ndarray::scalar(&dtype, scalar.data())?
            }
            Kind::DType(item) => match *item {
                ItemType::Plain(dtype) => self.maker.dtypes.of(py, &dtype)?.into_any(),
                ItemType::String { coerce, .. } => {
                    let na_object = element.na_object().map(Box::new);
                    self.wait_for(Finish::StringDType { coerce, na_object });
                    return Ok(None);
                }
                _ => return Err(unknown_dtype(py)),
            },
            Kind::Tuple(items) if items.len() == 0 => PyTuple::empty(py).into_any(),
            Kind::Extension(code) => {
                let name = format!("extension code {code}");
                names::OPAQUE.get(py)?.call1((name,))?
            }
            Kind::Buffer(_) => {
                let message = "an out-of-band buffer, which is not in the file";
                return Err(unsupported(py, message));
            }
            Kind::Root => {
                self.maker.met_shared = true;
                let message = "the array is an element of itself: to_numpy() reads it";
                return Err(unsupported(py, message));
            }
            Kind::Record(record) => {
                let Some(dtype) = record.dtype() else {
                    let message = "a record without a dtype";
                    return Err(unsupported(py, message));
                };
                let fields = record.fields().into_iter().map(|(_, value)| value).collect();
                self.wait_for(Finish::Record { dtype, fields });
                return Ok(None);
            }
            other => {
                self.maker.met_shared |= is_shared(element);
                return match self.remembered(id) {
                    Some(made) => Ok(Some(made)),
                    None => self.begin_with_identity(id, other),
                };
            }
        };
        Ok(Some(object))
    }

    /// Does what [`begin`](Self::begin) does for an object with an identity: a mutable or a shared one.
    pub(super) fn begin_with_identity(
        &mut self,
        id: Option<NodeId>,
        kind: Kind<'a>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        let id_of = |id: Option<NodeId>| id.expect("only rows of numbers have none");
        let object = match kind {
            Kind::ByteArray(bytes) => {
                let object = PyByteArray::new(py, &bytes).into_any();
                self.remember(id, &object, 1);
                object
            }
            Kind::List(items) => {
                let list = PyList::empty(py);
                self.fill_later(id, list.clone().into_any(), Finish::List { list, items })
            }
            Kind::Set(items) => {
                let set = PySet::empty(py)?;
                self.fill_later(id, set.clone().into_any(), Finish::Set { set, items })
            }
            Kind::Dict(entries) => self.dict(id, PyDict::new(py).into_any(), entries),
            Kind::OrderedDict(entries) => {
                self.dict(id, names::ORDERED_DICT.get(py)?.call0()?, entries)
            }
            Kind::Deque(items, maxlen) => {
                let deque = names::DEQUE.get(py)?.call1((PyTuple::empty(py), maxlen))?;
                let fill = Finish::Deque { deque: deque.clone(), items };
                self.fill_later(id, deque, fill)
            }
            Kind::DefaultDict(factory, entries) => {
                let factory = match factory {
                    Some(global) => self.global(global)?,
                    None => py.None().into_bound(py),
                };
                let class = names::DEFAULT_DICT.get(py)?;
                // An Opaque cannot be called, so the dict is made without its factory.
                let factory =
                    if factory.is_callable() { factory } else { py.None().into_bound(py) };
                self.dict(id, class.call1((factory,))?, entries)
            }
            Kind::Tuple(items) => {
                self.wait_for(Finish::Tuple { id: id_of(id), items });
                return Ok(None);
            }
            Kind::FrozenSet(items) => {
                self.wait_for(Finish::FrozenSet { id: id_of(id), items });
                return Ok(None);
            }
            Kind::Array(array) => return self.array(id, array),
            Kind::Global(global) => {
                let object = self.global(global)?;
                self.remember(id, &object, 1);
                object
            }
            Kind::PersistentId(of) => {
                let opaque = names::OPAQUE.get(py)?.call1(("persistent id",))?;
                let fill = Finish::Persistent { opaque: opaque.clone(), of: Box::new(of) };
                self.fill_later(id, opaque, fill)
            }
            Kind::Object(object) => return self.object(id_of(id), object),
            other => {
                let message = format!("a {}", other.name());
                return Err(unsupported(py, &message));
            }
        };
        Ok(Some(object))
    }

    pub(super) fn dict(
        &mut self,
        id: Option<NodeId>,
        dict: Bound<'py, PyAny>,
        entries: Entries<'a>,
    ) -> Bound<'py, PyAny> {
        self.fill_later(id, dict.clone(), Finish::Dict { dict, entries })
    }

    pub(super) fn moment(
        &mut self,
        date: Option<[u32; 3]>,
        time: Time<'a>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if time.zone.is_none() {
            return self.make_moment(date, &time, None).map(Some);
        }
        self.wait_for(Finish::Moment { date, time: Box::new(time) });
        Ok(None)
    }

    pub(super) fn make_moment(
        &self,
        date: Option<[u32; 3]>,
        time: &Time<'_>,
        zone: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let clock = [time.hour.into(), time.minute.into(), time.second.into(), time.microsecond];
        let numbers = date.into_iter().flatten().chain(clock);
        let mut args =
            numbers.map(|n| Ok(n.into_pyobject(py)?.into_any())).collect::<PyResult<Vec<_>>>()?;
        let class = if date.is_some() { &names::DATETIME } else { &names::TIME };
        if let Some(zone) = zone {
            let is_zone = zone.is_instance(names::TZINFO.get(py)?)?;
            args.push(zone);
            if !is_zone {
                // `datetime` refuses a time zone that is an Opaque.
                let name = if date.is_some() { "datetime.datetime" } else { "datetime.time" };
                return names::OPAQUE.get(py)?.call1((name, PyTuple::new(py, args)?));
            }
        }
        let kwargs = PyDict::new(py);
        if time.fold {
            kwargs.set_item(intern!(py, "fold"), 1)?;
        }
        class.get(py)?.call(PyTuple::new(py, args)?, Some(&kwargs))
    }

    /// Begins an array whose items are objects or str, or that has a mask.
    pub(super) fn array(
        &mut self,
        id: Option<NodeId>,
        array: Box<Array<'a>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        if array.mask().is_some() {
            let id = id.expect("only rows of numbers have none");
            self.wait_for(Finish::Masked { id, array });
            return Ok(None);
        }
        let (class, shape, order) = (array.class(), array.shape(), array.fortran_order());
        let object = match (array.data(), array.item()) {
            (Data::Items(_), ItemType::String { .. }) => {
                let id = id.expect("it is pickled");
                self.wait_for(Finish::Strings { id, array });
                return Ok(None);
            }
            (Data::Bytes(bytes), ItemType::Plain(item)) => {
                let dtype = self.maker.dtypes.of(py, item)?;
                let base = self.maker.array_of(dtype, shape, order, bytes)?;
                as_class(base, class)?
            }
            (Data::Items(_), ItemType::Plain(item)) => {
                let dtype = self.maker.dtypes.of(py, item)?;
                let (made, _) = ndarray::empty(dtype, shape, order)?;
                let object = as_class(made.clone(), class)?;
                return Ok(Some(self.fill_later(id, object, Finish::Array { made, array })));
            }
            (Data::Bytes(_), ItemType::String { .. }) => {
                return Err(unsupported(py, "an array of str in bytes"));
            }
            _ => return Err(unknown_dtype(py)),
        };
        self.remember(id, &object, 1);
        Ok(Some(object))
    }

    /// Returns the class or function of this name, if it is harmless or `find_class` gives it.
    pub(super) fn allowed(&self, global: Global<'_>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        let (module, name) = (global.module.to_string_lossy(), global.name.to_string_lossy());
        if let Some(harmless) = names::harmless(py, &module, &name)? {
            return Ok(Some(harmless));
        }
        let Some(find_class) = &self.maker.find_class else { return Ok(None) };
        let found = find_class.bind(py).call1((&*module, &*name))?;
        Ok((!found.is_none()).then_some(found))
    }

    pub(super) fn global(&self, global: Global<'_>) -> PyResult<Bound<'py, PyAny>> {
        match self.allowed(global)? {
            Some(found) => Ok(found),
            None => names::OPAQUE.get(self.py)?.call1((full_name(global),)),
        }
    }

    /// Begins an object of a class that has no kind of its own.
    pub(super) fn object(
        &mut self,
        id: NodeId,
        object: Object<'a>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Kind::Global(global) = object.callable().kind() {
            if let Some(class) = object.standard_class() {
                self.wait_for(Finish::Standard { id, class, object });
                return Ok(None);
            }
            if let Some(callable) = self.allowed(global)? {
                self.call(id, object, callable);
                return Ok(None);
            }
            return self.opaque(id, object, Some(full_name(global))).map(Some);
        }
        if self.maker.find_class.is_some() {
            self.wait_for(Finish::Callable { id, object });
            return Ok(None);
        }
        self.opaque(id, object, None).map(Some)
    }

    /// Calls `callable` once its arguments are made.
    pub(super) fn call(&mut self, id: NodeId, object: Object<'a>, callable: Bound<'py, PyAny>) {
        self.wait_for(Finish::Call { id, object, callable });
    }

    /// Returns an Opaque in place of an object that is not made. Where the callable is not a name, the
    /// callable is the first of the Opaque's arguments.
    pub(super) fn opaque(
        &mut self,
        id: NodeId,
        object: Object<'a>,
        name: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let makes_callable = name.is_none();
        let name = name.unwrap_or_else(|| "call".to_owned());
        let opaque = names::OPAQUE.get(self.py)?.call1((name,))?;
        let fill = Finish::Opaque { opaque: opaque.clone(), makes_callable, object };
        Ok(self.fill_later(Some(id), opaque, fill))
    }
}

/// Returns whether a NumPy scalar is a `numpy.record`: the first argument of its dtype is the class.
fn is_record(scalar: Element<'_>) -> bool {
    fn first_argument(value: ValueRef<'_>) -> Option<ValueRef<'_>> {
        let Raw::Object(object) = value.kind() else { return None };
        let Raw::Tuple(mut args) = object.args().kind() else { return None };
        args.next()
    }
    let class = scalar.value().and_then(first_argument).and_then(first_argument);
    matches!(class.map(|class| class.kind()), Some(Raw::Global(class)) if class.name == "record")
}

fn full_name(global: Global<'_>) -> String {
    format!("{}.{}", global.module.to_string_lossy(), global.name.to_string_lossy())
}

fn as_class<'py>(array: Bound<'py, PyAny>, class: ArrayClass) -> PyResult<Bound<'py, PyAny>> {
    let numpy = names::numpy(array.py())?;
    let class = match class {
        ArrayClass::Matrix => numpy.getattr("matrix")?,
        ArrayClass::Record => numpy.getattr("recarray")?,
        ArrayClass::Char => numpy.getattr("char")?.getattr("chararray")?,
        ArrayClass::MemMap => numpy.getattr("memmap")?,
        _ => return Ok(array),
    };
    array.call_method1("view", (class,))
}

#[cold]
fn long<'py>(py: Python<'py>, value: Long<'_>) -> PyResult<Bound<'py, PyAny>> {
    let kwargs = PyDict::new(py);
    kwargs.set_item("signed", true)?;
    let bytes = PyBytes::new(py, value.as_le_bytes());
    py.get_type::<PyInt>().call_method("from_bytes", (bytes, "little"), Some(&kwargs))
}
