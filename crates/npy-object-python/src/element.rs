//! Elements as Python objects: those that `numpy.load` would have made.
//!
//! A value may contain others, as deep as the file likes, and itself; so nothing here recurses. What
//! can be made before its members are (a list, a dict, an array, an `Opaque`) is made empty and
//! filled later; what cannot (a tuple, a frozenset, the call of a class that somebody allowed) waits
//! for its members.
//!
//! ```text
//!  tasks   what to do next, last first:   Members(of a tuple)   Finish(the tuple)
//!  values  objects that wait for what they are members of
//!  fills   containers that are still empty
//! ```
//!
//! Nothing that a file names is imported or called, unless a `find_class` gives it. What is called
//! otherwise stands in `names`, and `known` checks what it is called with.

use std::borrow::Cow;
use std::collections::HashMap;

use npy_object::header::DType;
use npy_object::pickle::{Construct, Global, Kind as Raw, Long, NodeId, ValueRef};
use npy_object::{
    Array, ArrayClass, ArrayItems, Data, DateTime, Element, Entries, ItemType, Items, Kind, Object,
    PlainArray, Source, Time,
};
use numpy::PyArrayDescr;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyByteArray, PyBytes, PyComplex, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString,
    PyTuple,
};

use crate::ahead::{Simple, simple};
use crate::errors::{limit, unsupported};
use crate::known::{self, Known};
use crate::names::Names;
use crate::ndarray::{self, DTypes};
use crate::strings::Strings;

/// Makes Python objects of elements. One can make any number of them.
pub(crate) struct Maker {
    names: &'static Names,
    /// What says which classes may be used: `find_class(module, name)`.
    find_class: Option<Py<PyAny>>,
    /// Where arrays may be looked at instead of copied, and who keeps the bytes there.
    mapped: Option<(Source, Py<PyAny>)>,
    /// Whether the elements are those of a `recarray`.
    records: bool,
    dtypes: DTypes,
    strings: Strings,
    /// Objects that were made of parts of the element, for those that name them again.
    made: HashMap<NodeId, Made>,
    /// Whether a value was met that elements share, and that `is` tells from an equal one.
    met_shared: bool,
    /// Tasks until somebody may interrupt.
    patience: u32,
}

struct Made {
    object: Py<PyAny>,
    /// How many values it takes to hash it.
    weight: u64,
}

/// The most values that it may take to hash a key. Python hashes a tuple anew each time, and all
/// that it contains: a few bytes can make a tuple that takes years.
const HEAVIEST: u64 = 1 << 20;

/// Containers in one another that are filled by calls in one another.
const SHALLOW: usize = 6;

/// Tasks between two looks for signals.
const PATIENCE: u32 = 1 << 16;

impl Maker {
    pub(crate) fn new(
        py: Python<'_>,
        find_class: Option<Py<PyAny>>,
        mapped: Option<(Source, Py<PyAny>)>,
    ) -> PyResult<Maker> {
        Ok(Maker {
            names: Names::get(py)?,
            find_class,
            mapped,
            records: false,
            dtypes: DTypes::default(),
            strings: Strings::default(),
            made: HashMap::new(),
            met_shared: false,
            patience: PATIENCE,
        })
    }

    /// The same for the elements of a `recarray`, which have their fields for attributes.
    pub(crate) fn of_records(self, records: bool) -> Maker {
        Maker { records, ..self }
    }

    /// Whether a value was met so far that elements share, and that `is` tells from an equal one:
    /// each element has one of its own.
    pub(crate) fn met_shared(&self) -> bool {
        self.met_shared
    }

    /// The object that an element is.
    #[inline]
    pub(crate) fn make<'py>(
        &mut self,
        py: Python<'py>,
        element: Element<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match simple(element, |simple| self.simple(py, simple)) {
            Some(made) => made,
            None => self.make_any(py, element),
        }
    }

    /// The object that a simple element is.
    #[inline]
    pub(crate) fn simple<'py>(
        &mut self,
        py: Python<'py>,
        simple: Simple<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(match simple {
            Simple::None => py.None().into_bound(py),
            Simple::Int(value) => value.into_pyobject(py)?.into_any(),
            Simple::Float(value) => PyFloat::new(py, value).into_any(),
            Simple::Str(text) => match PyString::from_bytes(py, text) {
                Ok(string) => string.into_any(),
                Err(_) => surrogates(py, text)?,
            },
            Simple::Array(array) => {
                let dtype = self.dtypes.of_scalar(py, array.item)?;
                self.array_of(dtype, array.shape, array.fortran_order, array.bytes)?
            }
        })
    }

    #[inline(never)]
    fn make_any<'py>(
        &mut self,
        py: Python<'py>,
        element: Element<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.made.clear();
        let object =
            Work { py, maker: self, tasks: Vec::new(), values: Vec::new(), fills: Vec::new() }
                .run(element)?;
        if self.records {
            let dtype = object.getattr(intern!(py, "dtype"))?.cast_into::<PyArrayDescr>()?;
            return object.call_method1(intern!(py, "view"), (ndarray::record(dtype)?,));
        }
        Ok(object)
    }

    #[inline]
    fn plain_array<'py>(
        &mut self,
        py: Python<'py>,
        plain: &PlainArray<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dtype = self.dtypes.of_scalar(py, plain.item())?;
        self.array_of(dtype, plain.shape(), plain.fortran_order(), plain.data())
    }

    /// An array of bytes of the file.
    #[inline]
    fn array_of<'py>(
        &self,
        dtype: Bound<'py, PyArrayDescr>,
        shape: &[usize],
        fortran_order: bool,
        bytes: &[u8],
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some((source, owner)) = &self.mapped
            && source.as_bytes().is_some_and(|all| all.as_ptr_range().contains(&bytes.as_ptr()))
        {
            let owner = owner.bind(dtype.py());
            // SAFETY: the bytes are in the source, which the owner keeps.
            return unsafe { ndarray::view(dtype, shape, fortran_order, bytes, owner) };
        }
        ndarray::array(dtype, shape, fortran_order, bytes)
    }
}

#[inline]
fn is_shared(element: Element<'_>) -> bool {
    element.value().is_some_and(|value| value.is_shared())
}

/// What to do.
enum Task<'a, 'py> {
    /// Leave the objects of all of these among the values.
    Members(Members<'a>),
    /// Make something of the values of its members.
    Finish(Finish<'a, 'py>),
    /// Fill all containers that were begun behind so many.
    Fill(usize),
}

/// Values that something is made of, one after another.
#[derive(Clone)]
enum Members<'a> {
    One(Option<Element<'a>>),
    Items(Items<'a>),
    ArrayItems(ArrayItems<'a>),
    /// A key, then its value.
    Entries(Entries<'a>, Option<Element<'a>>),
    Fields(std::vec::IntoIter<Element<'a>>),
}

impl<'a> Iterator for Members<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Members::One(one) => one.take(),
            Members::Items(items) => items.next(),
            Members::ArrayItems(items) => items.next(),
            Members::Entries(entries, value) => value.take().or_else(|| {
                let (key, next) = entries.next()?;
                *value = Some(next);
                Some(key)
            }),
            Members::Fields(fields) => fields.next(),
        }
    }
}

/// Something that is made, or completed, of its members' objects.
enum Finish<'a, 'py> {
    Tuple {
        id: NodeId,
        items: Items<'a>,
    },
    FrozenSet {
        id: NodeId,
        items: Items<'a>,
    },
    List {
        list: Bound<'py, PyList>,
        items: Items<'a>,
    },
    Set {
        set: Bound<'py, PySet>,
        items: Items<'a>,
    },
    Dict {
        dict: Bound<'py, PyAny>,
        entries: Entries<'a>,
    },
    /// The items of an array of objects.
    Array {
        array: Bound<'py, PyAny>,
        shape: Vec<usize>,
        items: ArrayItems<'a>,
    },
    /// A StringDType, and what stands for a missing str.
    StringDType {
        coerce: bool,
        na_object: Option<Element<'a>>,
    },
    /// An array of StringDType: its items, and what stands for a missing one.
    Strings {
        id: NodeId,
        array: Box<Array<'a>>,
        items: ArrayItems<'a>,
    },
    /// A masked array: its items, if they are objects, and its fill value.
    Masked {
        id: NodeId,
        array: Box<Array<'a>>,
    },
    Record {
        dtype: Cow<'a, DType>,
        fields: Vec<Element<'a>>,
    },
    /// A datetime or a time with a time zone.
    Moment {
        date: Option<[u32; 3]>,
        time: Time<'a>,
        zone: Element<'a>,
    },
    /// A call of something that is known to be harmless.
    Known {
        id: NodeId,
        known: Known,
        object: Object<'a>,
    },
    /// The object that stands for one that is not made.
    Opaque {
        opaque: Bound<'py, PyAny>,
        callable: Option<Element<'a>>,
        object: Object<'a>,
    },
    /// An object that stands for a persistent id.
    Persistent {
        opaque: Bound<'py, PyAny>,
        of: Element<'a>,
    },
    /// A call whose callable is not a name.
    Callable {
        id: NodeId,
        object: Object<'a>,
    },
    /// A call of what `find_class` gave.
    Call {
        id: NodeId,
        object: Object<'a>,
        callable: Bound<'py, PyAny>,
    },
    /// What is done to an object behind its call.
    Build {
        made: Bound<'py, PyAny>,
        object: Object<'a>,
    },
}

impl<'a> Finish<'a, '_> {
    /// The members, in order.
    fn members(&self) -> Vec<Members<'a>> {
        let items = |items: &Items<'a>| Members::Items(items.clone());
        let entries = |entries: Entries<'a>| Members::Entries(entries, None);
        match self {
            Finish::Tuple { items: members, .. }
            | Finish::FrozenSet { items: members, .. }
            | Finish::List { items: members, .. }
            | Finish::Set { items: members, .. } => vec![items(members)],
            Finish::Dict { entries: members, .. } => vec![entries(members.clone())],
            Finish::Array { items, .. } => vec![Members::ArrayItems(items.clone())],
            Finish::StringDType { na_object, .. } => vec![Members::One(*na_object)],
            Finish::Strings { array, items, .. } => {
                vec![Members::ArrayItems(items.clone()), Members::One(array.na_object())]
            }
            Finish::Masked { array, .. } => {
                let fill_value = Members::One(array.mask().map(|mask| mask.fill_value));
                match array.data() {
                    Data::Items(items) => vec![Members::ArrayItems(items.clone()), fill_value],
                    Data::Bytes(_) => vec![fill_value],
                }
            }
            Finish::Record { fields, .. } => vec![Members::Fields(fields.clone().into_iter())],
            Finish::Moment { zone, .. } => vec![Members::One(Some(*zone))],
            Finish::Known { object, .. } => {
                vec![Members::One(Some(object.args())), items(&object.states())]
            }
            Finish::Opaque { callable, object, .. } => vec![
                Members::One(*callable),
                Members::One(Some(object.args())),
                Members::One(object.kwargs()),
                items(&object.states()),
                items(&object.appended()),
                entries(object.items()),
                items(&object.added()),
            ],
            Finish::Persistent { of, .. } => vec![Members::One(Some(*of))],
            Finish::Callable { object, .. } => vec![Members::One(Some(object.callable()))],
            Finish::Call { object, .. } => {
                vec![Members::One(Some(object.args())), Members::One(object.kwargs())]
            }
            Finish::Build { object, .. } => vec![
                items(&object.states()),
                items(&object.appended()),
                entries(object.items()),
                items(&object.added()),
            ],
        }
    }
}

/// The making of one element.
struct Work<'a, 'py, 'm> {
    py: Python<'py>,
    maker: &'m mut Maker,
    tasks: Vec<Task<'a, 'py>>,
    values: Vec<Bound<'py, PyAny>>,
    fills: Vec<Finish<'a, 'py>>,
}

impl<'a, 'py> Work<'a, 'py, '_> {
    fn run(mut self, element: Element<'a>) -> PyResult<Bound<'py, PyAny>> {
        let object = self.shallow(element, 0)?;
        while let Some(fill) = self.fills.pop() {
            self.wait_for_members(fill);
            self.work(0)?;
        }
        Ok(object)
    }

    /// The object of a value that is nested in no more than [`SHALLOW`] containers, as nearly all
    /// are: these are filled at once.
    fn shallow(&mut self, element: Element<'a>, depth: usize) -> PyResult<Bound<'py, PyAny>> {
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
                let list = PyList::empty(py);
                self.remember(id, &list, 1);
                for item in items {
                    list.append(self.member(item, depth)?)?;
                }
                Ok(list.into_any())
            }
            Kind::Dict(entries) => {
                let dict = PyDict::new(py);
                self.remember(id, &dict, 1);
                for (key, value) in entries {
                    let name = match self.name(key) {
                        Some(name) => name.into_any(),
                        None => self.member(key, depth)?,
                    };
                    self.check_weights([key].into_iter())?;
                    dict.set_item(name, self.member(value, depth)?)?;
                }
                Ok(dict.into_any())
            }
            Kind::Tuple(items) => {
                let parts = items.clone().map(|item| self.member(item, depth));
                let parts = parts.collect::<PyResult<Vec<_>>>()?;
                self.tuple(id, items, parts)
            }
            _ => unreachable!("these are the three"),
        }
    }

    /// The object of a member of a container that is nested so deep.
    #[inline]
    fn member(&mut self, member: Element<'a>, depth: usize) -> PyResult<Bound<'py, PyAny>> {
        self.look_for_signals()?;
        match leaf(self.py, member.value()) {
            Some(leaf) => Ok(leaf),
            None => self.shallow(member, depth + 1),
        }
    }

    /// The object of a value that may be nested as deep as it likes.
    fn deep(&mut self, element: Element<'a>) -> PyResult<Bound<'py, PyAny>> {
        let waiting = self.tasks.len();
        match self.begin(element)? {
            Some(object) => Ok(object),
            None => {
                self.work(waiting)?;
                Ok(self.pop())
            }
        }
    }

    /// A str that elements share: mostly the key of a dict, of which one object will do.
    fn name(&mut self, key: Element<'a>) -> Option<Bound<'py, PyString>> {
        let value = key.value().filter(|value| value.is_shared())?;
        let Raw::Str(text) = value.kind() else { return None };
        Some(self.maker.strings.get(self.py, text.to_str()?))
    }

    #[inline]
    fn look_for_signals(&mut self) -> PyResult<()> {
        self.maker.patience -= 1;
        if self.maker.patience == 0 {
            self.maker.patience = PATIENCE;
            self.py.check_signals()?;
        }
        Ok(())
    }

    fn tuple(
        &mut self,
        id: Option<NodeId>,
        items: Items<'a>,
        parts: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // It may have been made meanwhile, as a member of one of its members.
        if let Some(made) = self.remembered(id) {
            return Ok(made);
        }
        let weight = self.weight(items);
        let tuple = PyTuple::new(self.py, parts)?;
        self.remember(id, &tuple, weight);
        Ok(tuple.into_any())
    }

    /// Does all tasks but so many.
    fn work(&mut self, waiting: usize) -> PyResult<()> {
        while self.tasks.len() > waiting {
            match self.tasks.pop().expect("there are more") {
                Task::Members(members) => self.members(members)?,
                Task::Finish(finish) => self.finish(finish)?,
                Task::Fill(kept) if self.fills.len() > kept => {
                    self.tasks.push(Task::Fill(kept));
                    let fill = self.fills.pop().expect("there are more than are kept");
                    self.wait_for_members(fill);
                }
                Task::Fill(_) => {}
            }
        }
        Ok(())
    }

    fn members(&mut self, mut members: Members<'a>) -> PyResult<()> {
        while let Some(member) = members.next() {
            self.look_for_signals()?;
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

    /// Has something finished once its members are made.
    fn wait_for_members(&mut self, finish: Finish<'a, 'py>) {
        let members = finish.members();
        self.tasks.push(Task::Finish(finish));
        self.tasks.extend(members.into_iter().rev().map(Task::Members));
    }

    /// As [`wait_for_members`](Self::wait_for_members), of what looks into its members: they have to
    /// be filled by then.
    fn wait_for_all_of_members(&mut self, finish: Finish<'a, 'py>) {
        let members = finish.members();
        self.tasks.extend([Task::Finish(finish), Task::Fill(self.fills.len())]);
        self.tasks.extend(members.into_iter().rev().map(Task::Members));
    }

    /// Has a container filled later.
    fn fill_later(
        &mut self,
        id: Option<NodeId>,
        object: Bound<'py, PyAny>,
        fill: Finish<'a, 'py>,
    ) -> Bound<'py, PyAny> {
        self.fills.push(fill);
        self.remember(id, &object, 1);
        object
    }

    fn pop(&mut self) -> Bound<'py, PyAny> {
        self.values.pop().expect("every member leaves a value")
    }

    /// The values of the last members, in order.
    fn pop_all(&mut self, count: usize) -> Vec<Bound<'py, PyAny>> {
        self.values.split_off(self.values.len() - count)
    }

    fn remember<T>(&mut self, id: Option<NodeId>, object: &Bound<'py, T>, weight: u64) {
        if let Some(id) = id {
            let object = object.clone().into_any().unbind();
            self.maker.made.insert(id, Made { object, weight });
        }
    }

    fn remembered(&self, id: Option<NodeId>) -> Option<Bound<'py, PyAny>> {
        self.maker.made.get(&id?).map(|made| made.object.bind(self.py).clone())
    }

    /// The object of a value, maybe to be filled later; `None` where it has to wait for its members,
    /// after which it is among the values.
    fn begin(&mut self, element: Element<'a>) -> PyResult<Option<Bound<'py, PyAny>>> {
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
                self.maker.names.date.bind(py).call1(args)?
            }
            Kind::TimeDelta(delta) => {
                let args = (delta.days, delta.seconds, delta.microseconds);
                self.maker.names.timedelta.bind(py).call1(args)?
            }
            Kind::Decimal(digits) => self.maker.names.decimal.bind(py).call1((&*digits,))?,
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
                    let na_object = element.na_object();
                    self.wait_for_members(Finish::StringDType { coerce, na_object });
                    return Ok(None);
                }
            },
            Kind::Tuple(items) if items.len() == 0 => PyTuple::empty(py).into_any(),
            Kind::Extension(code) => {
                let name = format!("extension code {code}");
                self.maker.names.opaque.bind(py).call1((name,))?
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
                self.wait_for_all_of_members(Finish::Record { dtype, fields });
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

    /// As [`begin`](Self::begin), of what `is` tells from another that is equal.
    fn begin_with_identity(
        &mut self,
        id: Option<NodeId>,
        kind: Kind<'a>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, names) = (self.py, self.maker.names);
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
                self.dict(id, names.ordered_dict.bind(py).call0()?, entries)
            }
            Kind::DefaultDict(factory, entries) => {
                let factory = match factory {
                    Some(global) => self.global(global)?,
                    None => py.None().into_bound(py),
                };
                let class = names.default_dict.bind(py);
                // An Opaque cannot be called: of a dict without its factory more is left.
                let factory =
                    if factory.is_callable() { factory } else { py.None().into_bound(py) };
                self.dict(id, class.call1((factory,))?, entries)
            }
            Kind::Tuple(items) => {
                self.wait_for_members(Finish::Tuple { id: id_of(id), items });
                return Ok(None);
            }
            Kind::FrozenSet(items) => {
                self.wait_for_members(Finish::FrozenSet { id: id_of(id), items });
                return Ok(None);
            }
            Kind::Array(array) => return self.array(id, array),
            Kind::Global(global) => {
                let object = self.global(global)?;
                self.remember(id, &object, 1);
                object
            }
            Kind::PersistentId(of) => {
                let opaque = names.opaque.bind(py).call1(("persistent id",))?;
                self.fill_later(id, opaque.clone(), Finish::Persistent { opaque, of })
            }
            Kind::Object(object) => return self.object(id_of(id), object),
            other => {
                let message = format!("a {}", other.name());
                return Err(unsupported(py, &message));
            }
        };
        Ok(Some(object))
    }

    fn dict(
        &mut self,
        id: Option<NodeId>,
        dict: Bound<'py, PyAny>,
        entries: Entries<'a>,
    ) -> Bound<'py, PyAny> {
        self.fill_later(id, dict.clone(), Finish::Dict { dict, entries })
    }

    fn moment(
        &mut self,
        date: Option<[u32; 3]>,
        time: Time<'a>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match time.zone {
            Some(zone) => {
                self.wait_for_members(Finish::Moment { date, time, zone });
                Ok(None)
            }
            None => self.make_moment(date, &time, None).map(Some),
        }
    }

    fn make_moment(
        &self,
        date: Option<[u32; 3]>,
        time: &Time<'_>,
        zone: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, names) = (self.py, self.maker.names);
        let clock = [time.hour.into(), time.minute.into(), time.second.into(), time.microsecond];
        let numbers = date.into_iter().flatten().chain(clock);
        let mut args =
            numbers.map(|n| Ok(n.into_pyobject(py)?.into_any())).collect::<PyResult<Vec<_>>>()?;
        let class = if date.is_some() { &names.datetime } else { &names.time };
        if let Some(zone) = zone {
            let is_zone = zone.is_instance(names.tzinfo.bind(py))?;
            args.push(zone);
            if !is_zone {
                // Python would not take it: its class is not known.
                let name = if date.is_some() { "datetime.datetime" } else { "datetime.time" };
                return names.opaque.bind(py).call1((name, PyTuple::new(py, args)?));
            }
        }
        let kwargs = PyDict::new(py);
        if time.fold {
            kwargs.set_item(intern!(py, "fold"), 1)?;
        }
        class.bind(py).call(PyTuple::new(py, args)?, Some(&kwargs))
    }

    /// Begins an array that is not a plain one.
    fn array(
        &mut self,
        id: Option<NodeId>,
        array: Box<Array<'a>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        if array.mask().is_some() {
            let id = id.expect("only rows of numbers have none");
            self.wait_for_all_of_members(Finish::Masked { id, array });
            return Ok(None);
        }
        let (class, shape, order) = (array.class(), array.shape(), array.fortran_order());
        let object = match (array.data(), array.item()) {
            (Data::Items(items), ItemType::String { .. }) => {
                let (id, items) = (id.expect("it is pickled"), items.clone());
                self.wait_for_members(Finish::Strings { id, array, items });
                return Ok(None);
            }
            (Data::Bytes(bytes), ItemType::Plain(item)) => {
                let dtype = self.maker.dtypes.of(py, item)?;
                let base = self.maker.array_of(dtype, shape, order, bytes)?;
                as_class(base, class, self.maker.names)?
            }
            (Data::Items(items), ItemType::Plain(item)) => {
                let dtype = self.maker.dtypes.of(py, item)?;
                let (base, _) = ndarray::empty(dtype, shape, order)?;
                let object = as_class(base.clone(), class, self.maker.names)?;
                let fill =
                    Finish::Array { array: base, shape: shape.to_vec(), items: items.clone() };
                return Ok(Some(self.fill_later(id, object, fill)));
            }
            (Data::Bytes(_), ItemType::String { .. }) => {
                return Err(unsupported(py, "an array of str in bytes"));
            }
        };
        self.remember(id, &object, 1);
        Ok(Some(object))
    }

    /// What a name stands for: what `find_class` gives, or one that is harmless.
    fn allowed(&self, global: Global<'_>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        let (module, name) = (global.module.to_string_lossy(), global.name.to_string_lossy());
        if let Some(harmless) = self.maker.names.harmless(py, &module, &name)? {
            return Ok(Some(harmless));
        }
        let Some(find_class) = &self.maker.find_class else { return Ok(None) };
        let found = find_class.bind(py).call1((&*module, &*name))?;
        Ok((!found.is_none()).then_some(found))
    }

    fn global(&self, global: Global<'_>) -> PyResult<Bound<'py, PyAny>> {
        match self.allowed(global)? {
            Some(found) => Ok(found),
            None => self.maker.names.opaque.bind(self.py).call1((full_name(global),)),
        }
    }

    /// Begins an object of a class that the library does not know.
    fn object(&mut self, id: NodeId, object: Object<'a>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Kind::Global(global) = object.callable().kind() {
            if let Some(known) = known::of(global, object) {
                self.wait_for_all_of_members(Finish::Known { id, known, object });
                return Ok(None);
            }
            if let Some(callable) = self.allowed(global)? {
                self.call(id, object, callable);
                return Ok(None);
            }
            return self.opaque(id, object, Some(full_name(global))).map(Some);
        }
        if self.maker.find_class.is_some() {
            self.wait_for_members(Finish::Callable { id, object });
            return Ok(None);
        }
        self.opaque(id, object, None).map(Some)
    }

    /// Has something called with arguments that are complete.
    fn call(&mut self, id: NodeId, object: Object<'a>, callable: Bound<'py, PyAny>) {
        self.wait_for_all_of_members(Finish::Call { id, object, callable });
    }

    /// The object that stands for one that is not made. Where its callable is not a name, that is
    /// the first of its arguments.
    fn opaque(
        &mut self,
        id: NodeId,
        object: Object<'a>,
        name: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let callable = if name.is_none() { Some(object.callable()) } else { None };
        let name = name.unwrap_or_else(|| "call".to_owned());
        let opaque = self.maker.names.opaque.bind(self.py).call1((name,))?;
        let fill = Finish::Opaque { opaque: opaque.clone(), callable, object };
        Ok(self.fill_later(Some(id), opaque, fill))
    }

    /// Makes something of the values of its members.
    fn finish(&mut self, finish: Finish<'a, 'py>) -> PyResult<()> {
        let (py, names) = (self.py, self.maker.names);
        match finish {
            Finish::List { list, items } => {
                let first = self.values.len() - items.len();
                // One after another, as others may hold the list already.
                for item in self.values.drain(first..) {
                    list.append(item)?;
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
                // Its hash is kept by Python.
                self.remember(Some(id), &set, 1);
                self.values.push(set);
            }
            Finish::Array { array, shape, items } => {
                let first = self.values.len() - items.len();
                let names = array.getattr(intern!(py, "dtype"))?.getattr(intern!(py, "names"))?;
                if names.is_none() {
                    ndarray::fill(&array, &shape, self.values.drain(first..))?;
                } else {
                    let flat = array.getattr(intern!(py, "flat"))?;
                    for (index, item) in self.values.drain(first..).enumerate() {
                        flat.set_item(index, item)?;
                    }
                }
            }
            Finish::StringDType { coerce, na_object } => {
                let na_object = na_object.map(|_| self.pop());
                self.values.push(ndarray::string_dtype(py, coerce, na_object)?);
            }
            Finish::Strings { id, array, items } => {
                let na_object = array.na_object().map(|_| self.pop());
                let ItemType::String { coerce, .. } = array.item() else { unreachable!() };
                let dtype = ndarray::string_dtype(py, *coerce, na_object)?;
                let parts = PyList::new(py, self.pop_all(items.len()))?;
                let flat = names.numpy.bind(py).getattr("array")?.call1((parts, dtype))?;
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
            Finish::Moment { date, time, .. } => {
                let zone = self.pop();
                let made = self.make_moment(date, &time, Some(zone))?;
                self.values.push(made);
            }
            Finish::Known { id, known, object } => {
                let states = self.pop_all(object.states().len());
                let args = self.pop();
                let made = match self.remembered(Some(id)) {
                    Some(made) => made,
                    None => known.make(py, names, &args, states.last())?,
                };
                self.remember(Some(id), &made, 1);
                self.values.push(made);
            }
            Finish::Persistent { opaque, .. } => {
                let of = self.pop();
                opaque.setattr(intern!(py, "args"), (of,))?;
            }
            Finish::Opaque { opaque, callable, object } => {
                self.fill_opaque(&opaque, callable.is_some(), object)?;
            }
            Finish::Callable { id, object } => {
                let callable = self.pop();
                if callable.is_instance(names.opaque.bind(py))? {
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
                self.remember(Some(id), &made, 1);
                self.values.push(made.clone());
                self.wait_for_all_of_members(Finish::Build { made, object });
            }
            Finish::Build { made, object } => self.build(&made, object)?,
        }
        Ok(())
    }

    fn masked(&mut self, array: &Array<'a>) -> PyResult<Bound<'py, PyAny>> {
        let (py, names) = (self.py, self.maker.names);
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
        };
        let mask = array.mask().map_or(&[][..], |mask| &mask.mask);
        let ma = names.numpy.bind(py).getattr("ma")?;
        // With a mask, which `__setstate__` fills: what `_mareconstruct` does.
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

    fn fill_opaque(
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

    /// Does to an object what `pickle` would do to it behind its call.
    fn build(&mut self, made: &Bound<'py, PyAny>, object: Object<'a>) -> PyResult<()> {
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

    /// How many values it takes to hash a tuple of these.
    fn weight(&self, items: impl Iterator<Item = Element<'a>>) -> u64 {
        let weight = |item: Element<'a>| match item.value().map(|value| (value.id(), value.kind()))
        {
            Some((id, Raw::Tuple(_))) => self.maker.made.get(&id).map_or(1, |made| made.weight),
            _ => 1,
        };
        items.map(weight).fold(1, u64::saturating_add)
    }

    /// Refuses keys that would take too long to hash.
    fn check_weights(&self, keys: impl Iterator<Item = Element<'a>>) -> PyResult<()> {
        for key in keys {
            if self.weight([key].into_iter()) > HEAVIEST {
                let message = format!("a key of over {HEAVIEST} values, with what it shares");
                return Err(limit(self.py, &message, "access.sharing"));
            }
        }
        Ok(())
    }
}

/// Whether a NumPy scalar is a `numpy.record`: the first argument of its dtype says so.
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

fn set_items<'py>(
    object: &Bound<'py, PyAny>,
    mut parts: impl Iterator<Item = Bound<'py, PyAny>>,
) -> PyResult<()> {
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        object.set_item(key, value)?;
    }
    Ok(())
}

/// What BUILD does, as in `pickle._Unpickler.load_build`.
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

fn as_class<'py>(
    array: Bound<'py, PyAny>,
    class: ArrayClass,
    names: &Names,
) -> PyResult<Bound<'py, PyAny>> {
    let numpy = names.numpy.bind(array.py());
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
    let bytes = PyBytes::new(py, value.to_le_bytes());
    py.get_type::<PyInt>().call_method("from_bytes", (bytes, "little"), Some(&kwargs))
}

/// The object of a value that has no parts and that `is` need not tell from its equal, if it is one
/// of those that there are most of.
#[inline(always)]
fn leaf<'py>(py: Python<'py>, value: Option<ValueRef<'_>>) -> Option<Bound<'py, PyAny>> {
    match value?.kind() {
        // Fails where a surrogate stands alone.
        Raw::Str(text) => PyString::from_bytes(py, text.as_bytes()).ok().map(Bound::into_any),
        Raw::Int(value) => value.into_pyobject(py).ok().map(Bound::into_any),
        Raw::Float(value) => Some(PyFloat::new(py, value).into_any()),
        Raw::None => Some(py.None().into_bound(py)),
        _ => None,
    }
}

/// A str in which a surrogate stands alone.
#[cold]
fn surrogates<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    PyBytes::new(py, text).call_method1("decode", ("utf-8", "surrogatepass"))
}
