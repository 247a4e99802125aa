//! The Arrow type of a column, inferred from its values.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::Arc;

use arrow_schema::extension::{EXTENSION_TYPE_METADATA_KEY, EXTENSION_TYPE_NAME_KEY};
use arrow_schema::{DataType, Field, TimeUnit, UnionFields, UnionMode};
use npy_header::{DType, Scalar, ScalarKind, TimeBase};
use pickle_stream::short_str;

use crate::convert::arrow::number::{Decimal, Ints, NAT, item_ints, scale_of, time_of};
use crate::error::{Error, ErrorKind, Result};
use crate::value::array::{Array, Data};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::object::Object;
use crate::value::time::DateTime;

/// The greatest depth of nested types.
pub(super) const DEPTH: usize = 16;

/// The most columns, and the most fields of a `Struct`: each dict may have other keys.
const MOST_FIELDS: usize = 4096;

/// The type of the column of values of several kinds, such as ints and strs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mixed {
    /// None: it is an error.
    #[default]
    Error,
    /// Text, `arrow.json`: the values as [plain JSON](crate::json::PlainJson).
    #[cfg(feature = "json")]
    Json,
    /// A dense union with a column for each kind. Parquet and CSV have no unions.
    Union,
}

impl FromStr for Mixed {
    type Err = Error;

    fn from_str(name: &str) -> Result<Mixed> {
        match name {
            "error" => Ok(Mixed::Error),
            #[cfg(feature = "json")]
            "json" => Ok(Mixed::Json),
            "union" => Ok(Mixed::Union),
            _ => Err(unknown("mixed", "error, json or union", name)),
        }
    }
}

/// The type of a column of arrays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tensors {
    /// Lists, nested in one another for several dimensions.
    #[default]
    Lists,
    /// `arrow.fixed_shape_tensor` where all arrays of a column have one shape, else lists.
    Fixed,
    /// `arrow.variable_shape_tensor` for arrays of two or more dimensions: the items, and the shape.
    Variable,
}

impl FromStr for Tensors {
    type Err = Error;

    fn from_str(name: &str) -> Result<Tensors> {
        match name {
            "lists" => Ok(Tensors::Lists),
            "fixed" => Ok(Tensors::Fixed),
            "variable" => Ok(Tensors::Variable),
            _ => Err(unknown("tensors", "lists, fixed or variable", name)),
        }
    }
}

/// Returns the error for a name that an option of a table does not have.
#[cold]
pub(crate) fn unknown(option: &str, expected: &str, found: &str) -> Error {
    let message = format!("{option}: expected {expected}, found {found:?}");
    Error::usage("access.target", message)
}

/// How types are inferred.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    pub(super) mixed: Mixed,
    /// Whether the items of arrays of 64-bit ints are looked at: which of them are floats exactly?
    pub(super) looks: bool,
}

/// The type of a column, as far as the values that were read decide it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Inferred {
    /// All values are missing or NaN. The column has this type unless a later value has another.
    Missing(DataType),
    Plain(DataType),
    /// Python's ints, and those of 64 bits of NumPy.
    Ints(Ints),
    Decimals(Decimal),
    List(Box<Inferred>),
    /// Arrays with dimensions: their items, the number of dimensions, and the shape that all have.
    Array(Box<Inferred>, usize, Option<Vec<usize>>),
    Struct(Vec<(String, Inferred)>),
    /// Values of several kinds as JSON.
    #[cfg(feature = "json")]
    Json,
    /// Values of several kinds.
    Union(Vec<Inferred>),
}

impl Inferred {
    pub(super) const NOTHING: Inferred = Inferred::Missing(DataType::Null);

    fn list_of(items: Inferred) -> Inferred {
        Inferred::List(Box::new(items))
    }

    /// Returns the Arrow type, without the metadata of an extension type.
    pub(super) fn data_type(&self) -> DataType {
        self.field("", Tensors::Lists).data_type().clone()
    }

    /// Returns the field of a column of this type. Recurses at most [`DEPTH`] deep, and once for each
    /// dimension of an array.
    pub(super) fn field(&self, name: &str, tensors: Tensors) -> Field {
        let extended = |data_type, extension: &str, metadata: String| {
            Field::new(name, data_type, true).with_metadata(HashMap::from([
                (EXTENSION_TYPE_NAME_KEY.to_owned(), extension.to_owned()),
                (EXTENSION_TYPE_METADATA_KEY.to_owned(), metadata),
            ]))
        };
        let data_type = match self {
            Inferred::Missing(data_type) | Inferred::Plain(data_type) => data_type.clone(),
            Inferred::Ints(ints) => ints.data_type(),
            Inferred::Decimals(decimals) => decimals.data_type(),
            Inferred::List(items) => list_of(items.item(tensors)),
            Inferred::Array(items, ndim, shape) => {
                let item = items.item(tensors);
                let is_number = item.data_type().primitive_width().is_some();
                let size = shape.as_ref().and_then(|shape| {
                    let size = shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n));
                    i32::try_from(size?).ok()
                });
                match (tensors, shape, size) {
                    (Tensors::Fixed, Some(shape), Some(size)) if is_number => {
                        let tensor = DataType::FixedSizeList(item.into(), size);
                        let metadata = format!("{{\"shape\":{shape:?}}}");
                        return extended(tensor, FIXED_TENSOR, metadata);
                    }
                    (Tensors::Variable, ..) if is_number && *ndim > 1 => {
                        let length = Field::new_list_field(DataType::Int32, false);
                        let shape = DataType::FixedSizeList(length.into(), *ndim as i32);
                        let data = DataType::List(item.into());
                        let parts = [("data", data), ("shape", shape)];
                        let parts = parts.map(|(name, of)| Field::new(name, of, false));
                        let tensor = DataType::Struct(parts.into_iter().collect());
                        return extended(tensor, VARIABLE_TENSOR, String::new());
                    }
                    _ => {}
                }
                let lists = (1..*ndim)
                    .fold(list_of(item), |inner, _| list_of(Field::new_list_field(inner, true)));
                return Field::new(name, lists, true);
            }
            Inferred::Struct(fields) => {
                let fields = fields.iter().map(|(name, field)| field.field(name, tensors));
                DataType::Struct(fields.collect())
            }
            #[cfg(feature = "json")]
            Inferred::Json => return extended(DataType::LargeUtf8, JSON, String::new()),
            Inferred::Union(kinds) => {
                let fields = kinds.iter().enumerate().map(|(number, kind)| {
                    let name = kind.data_type().to_string();
                    (number as i8, Arc::new(kind.field(&name, tensors)))
                });
                DataType::Union(fields.collect::<UnionFields>(), UnionMode::Dense)
            }
        };
        Field::new(name, data_type, true)
    }

    fn item(&self, tensors: Tensors) -> Field {
        self.field(Field::LIST_FIELD_DEFAULT_NAME, tensors)
    }

    /// Returns whether there are values of several kinds in one column.
    pub(super) fn is_mixed(&self) -> bool {
        match self {
            #[cfg(feature = "json")]
            Inferred::Json => true,
            Inferred::Union(_) => true,
            Inferred::List(items) | Inferred::Array(items, ..) => items.is_mixed(),
            Inferred::Struct(fields) => fields.iter().any(|(_, field)| field.is_mixed()),
            _ => false,
        }
    }

    /// Returns whether values with the same instructions may have other types.
    pub(super) fn depends_on_text(&self) -> bool {
        match self {
            Inferred::Decimals(_) | Inferred::Missing(DataType::Decimal128(..)) => true,
            Inferred::List(items) | Inferred::Array(items, ..) => items.depends_on_text(),
            Inferred::Struct(fields) => fields.iter().any(|(_, field)| field.depends_on_text()),
            Inferred::Union(kinds) => kinds.iter().any(Inferred::depends_on_text),
            _ => false,
        }
    }
}

/// Names of extension types.
pub(super) const FIXED_TENSOR: &str = "arrow.fixed_shape_tensor";
pub(crate) const VARIABLE_TENSOR: &str = "arrow.variable_shape_tensor";
#[cfg(feature = "json")]
pub(super) const JSON: &str = "arrow.json";

fn list_of(item: Field) -> DataType {
    DataType::LargeList(Arc::new(item))
}

/// A value that stands for a missing one.
pub(super) enum Missing {
    /// Null in every column.
    Null,
    /// NaN in a column of floats, null in any other.
    NaN,
}

/// Returns how a value stands for a missing one, if it does.
pub(super) fn missing(kind: &Kind<'_>) -> Option<Missing> {
    match kind {
        Kind::None => Some(Missing::Null),
        Kind::Float(value) if value.is_nan() => Some(Missing::NaN),
        Kind::Scalar(scalar) => {
            let DType::Scalar(item) = scalar.dtype() else { return None };
            match item.kind() {
                ScalarKind::Datetime(_) | ScalarKind::Timedelta(_) => {
                    (scalar.data() == NAT).then_some(Missing::Null)
                }
                ScalarKind::Float => scalar.to_f64()?.is_nan().then_some(Missing::NaN),
                _ => None,
            }
        }
        Kind::Global(name) => {
            let module = name.module.to_str()?;
            let is_pandas = module == "pandas" || module.starts_with("pandas.");
            (is_pandas && name.name == "NA").then_some(Missing::Null)
        }
        Kind::Decimal(text) => Decimal::is_nan(text).then_some(Missing::Null),
        Kind::Object(object) => is_pandas_nat(*object).then_some(Missing::Null),
        _ => None,
    }
}

/// Returns whether an object is `pandas.NaT`, which is pickled as a call.
fn is_pandas_nat(object: Object<'_>) -> bool {
    match object.callable().kind() {
        Kind::Global(name) => {
            let module = name.module.to_str();
            name.name == "_nat_unpickle" && module.is_some_and(|it| it.starts_with("pandas."))
        }
        _ => false,
    }
}

/// The names and values of a row.
type Named<'a> = Vec<(Cow<'a, str>, Element<'a>)>;

/// Returns the entries of a dict, or the fields of a record: names, and values.
pub(super) fn entries<'a>(kind: &Kind<'a>) -> Option<Result<Named<'a>>> {
    match kind {
        Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
            let named = entries.clone().map(|(key, value)| {
                let name = key.as_str();
                let name = name.map_err(|_| no_type("a dict with keys that are not str"))?;
                Ok((name, value))
            });
            Some(named.collect())
        }
        Kind::Record(record) => Some(Ok(record.fields())),
        _ => None,
    }
}

/// Returns whether a value is a row of a table: a dict or a record.
pub(super) fn is_row(kind: &Kind<'_>) -> bool {
    match kind {
        Kind::Dict(_) | Kind::OrderedDict(_) | Kind::DefaultDict(..) | Kind::Record(_) => true,
        Kind::Scalar(scalar) => matches!(scalar.dtype(), DType::Struct(_)),
        _ => false,
    }
}

/// Returns the type of a column that has this element.
///
/// Fails where a value has no type, with the offset of the value.
pub(super) fn type_of(element: Element<'_>, depth: usize, rules: Rules) -> Result<Inferred> {
    type_of_value(element, depth, rules).map_err(|error| element.located(error))
}

fn type_of_value(element: Element<'_>, depth: usize, rules: Rules) -> Result<Inferred> {
    let kind = element.kind();
    match missing(&kind) {
        Some(Missing::NaN) => return Ok(Inferred::Missing(DataType::Float64)),
        Some(Missing::Null) => {
            // A NaT of NumPy has a unit.
            let data_type = match &kind {
                Kind::Scalar(scalar) => match scalar.dtype() {
                    DType::Scalar(scalar) => type_of_scalar(*scalar).unwrap_or(DataType::Null),
                    _ => DataType::Null,
                },
                // Another decimal has the same instructions.
                Kind::Decimal(_) => DataType::Decimal128(1, 0),
                _ => DataType::Null,
            };
            return Ok(Inferred::Missing(data_type));
        }
        None => {}
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(no_type(&match contains_itself(element) {
            true => "a value that contains itself".to_owned(),
            false => format!("values nested more than {DEPTH} deep"),
        }));
    };
    if let Some(entries) = entries(&kind) {
        let mut fields = Vec::new();
        for (name, value) in entries? {
            let found = type_of(value, depth, rules);
            let found = found.map_err(|error| error.under(short_str(&name)))?;
            fields.push((name.into_owned(), found));
        }
        check_fields(fields.len())?;
        return Ok(Inferred::Struct(fields));
    }
    Ok(Inferred::Plain(match kind {
        Kind::Bool(_) => DataType::Boolean,
        Kind::Int(value) => return Ok(Inferred::Ints(Ints::of(value))),
        Kind::Long(value) => {
            let found = Ints::of_long(value.as_le_bytes());
            let bits = value.as_le_bytes().len() * 8;
            return found
                .map(Inferred::Ints)
                .ok_or_else(|| no_type(&format!("an int of {bits} bits")));
        }
        Kind::Decimal(text) => {
            let found = Decimal::of(&text).map(Inferred::Decimals);
            return found.ok_or_else(|| no_type(&format!("Decimal({})", short_str(&text))));
        }
        Kind::Float(_) => DataType::Float64,
        Kind::Str(text) if text.to_str().is_none() => {
            return Err(no_type("a str with a lone surrogate"));
        }
        Kind::Str(_) => DataType::LargeUtf8,
        Kind::Bytes(_) | Kind::ByteArray(_) => DataType::LargeBinary,
        Kind::Date(_) => DataType::Date32,
        Kind::DateTime(DateTime { time, .. }) => match time.zone {
            None => DataType::Timestamp(TimeUnit::Microsecond, None),
            Some(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        },
        Kind::Time(time) if time.zone.is_none() => DataType::Time64(TimeUnit::Microsecond),
        Kind::TimeDelta(_) => DataType::Duration(TimeUnit::Microsecond),
        Kind::Scalar(scalar) => return type_of_dtype(scalar.dtype(), scalar.data(), depth, rules),
        Kind::Array(array) => return type_of_array(&array, depth, rules),
        Kind::List(items) | Kind::Tuple(items) | Kind::Deque(items, _) => {
            return Ok(Inferred::list_of(type_of_items(items, depth, rules)?));
        }
        other => return Err(no_type(&format!("values of kind {}", other.name()))),
    }))
}

/// Fails where a dict or record has too many fields for a column each.
fn check_fields(count: usize) -> Result<()> {
    if count <= MOST_FIELDS {
        return Ok(());
    }
    let message = format!("expected at most {MOST_FIELDS} different keys, found {count}");
    Err(Error::new(ErrorKind::Unsupported, "access.type", None, message))
}

/// Returns whether a value can be reached from itself.
#[cold]
fn contains_itself(element: Element<'_>) -> bool {
    let id = element.identity();
    let (mut seen, mut waiting) = (HashSet::new(), vec![element]);
    while let Some(value) = waiting.pop() {
        let mut see = |value: Element<'_>| value.identity().is_none_or(|id| seen.insert(id));
        let mut inside = Vec::new();
        match value.kind() {
            Kind::List(items) | Kind::Tuple(items) | Kind::Deque(items, _) => inside.extend(items),
            Kind::Dict(entries) | Kind::OrderedDict(entries) => {
                inside.extend(entries.map(|(_, value)| value));
            }
            Kind::Array(array) => {
                if let Data::Items(items) = array.data() {
                    inside.extend(items.clone());
                }
            }
            _ => {}
        }
        if id.is_some() && inside.iter().any(|value| value.identity() == id) {
            return true;
        }
        waiting.extend(inside.into_iter().filter(|value| see(*value)));
    }
    false
}

/// Returns the type of a column that has all of these values.
fn type_of_items<'a>(
    items: impl Iterator<Item = Element<'a>>,
    depth: usize,
    rules: Rules,
) -> Result<Inferred> {
    let mut items = items.enumerate();
    items.try_fold(Inferred::NOTHING, |so_far, (number, item)| {
        let merged = type_of(item, depth, rules).and_then(|next| merge(so_far, next, rules));
        merged.map_err(|error| item.located(error).under(number))
    })
}

fn type_of_array(array: &Array<'_>, depth: usize, rules: Rules) -> Result<Inferred> {
    let item = match (array.item(), array.data()) {
        (ItemType::Plain(dtype), Data::Bytes(bytes)) => type_of_dtype(dtype, bytes, depth, rules)?,
        (_, Data::Items(items)) => type_of_items(items.clone(), depth, rules)?,
        (other, _) => return Err(no_type(&format!("arrays of dtype {other}"))),
    };
    if array.mask().is_some() {
        return Err(no_type("masked arrays"));
    }
    let shape = array.shape();
    Ok(match shape.len() {
        0 => item,
        ndim => Inferred::Array(item.into(), ndim, Some(shape.to_vec())),
    })
}

/// Returns the type of items of a dtype, which have these bytes.
fn type_of_dtype(dtype: &DType, items: &[u8], depth: usize, rules: Rules) -> Result<Inferred> {
    let inner = || {
        let inner = depth.checked_sub(1);
        inner.ok_or_else(|| no_type(&format!("values nested more than {DEPTH} deep")))
    };
    match dtype {
        DType::Scalar(scalar) => Ok(match type_of_scalar(*scalar)? {
            DataType::Int64 | DataType::UInt64 => Inferred::Ints(match rules.looks {
                true => item_ints(*scalar, items),
                false => Ints::of_any_item(*scalar),
            }),
            other => Inferred::Plain(other),
        }),
        // The items of a field are not contiguous, so they are not looked at.
        DType::Struct(record) => {
            let depth = inner()?;
            check_fields(record.fields().len())?;
            let fields = record.fields().iter().map(|field| {
                let found =
                    type_of_dtype(&field.dtype, &[], depth, Rules { looks: false, ..rules });
                let found = found.map_err(|error| error.under(short_str(&field.name)))?;
                Ok((field.name.clone(), found))
            });
            Ok(Inferred::Struct(fields.collect::<Result<_>>()?))
        }
        DType::Subarray(array) => {
            let item = type_of_dtype(array.base(), items, inner()?, rules)?;
            let shape = array.shape();
            Ok(Inferred::Array(item.into(), shape.len(), Some(shape.to_vec())))
        }
    }
}

/// Returns the Arrow type of the items of a dtype.
pub(super) fn type_of_scalar(scalar: Scalar) -> Result<DataType> {
    use DataType as D;
    use ScalarKind as K;
    let unit = |unit: npy_header::TimeUnit| match (unit.base(), unit.num()) {
        (TimeBase::Millisecond, _) => Some(TimeUnit::Millisecond),
        (TimeBase::Microsecond, _) => Some(TimeUnit::Microsecond),
        (TimeBase::Nanosecond, _) => Some(TimeUnit::Nanosecond),
        _ => scale_of(unit).is_some().then_some(TimeUnit::Second),
    };
    let found = match (scalar.kind(), scalar.itemsize()) {
        (K::Bool, _) => Some(D::Boolean),
        (K::Int, 1) => Some(D::Int8),
        (K::Int, 2) => Some(D::Int16),
        (K::Int, 4) => Some(D::Int32),
        (K::Int, 8) => Some(D::Int64),
        (K::Uint, 1) => Some(D::UInt8),
        (K::Uint, 2) => Some(D::UInt16),
        (K::Uint, 4) => Some(D::UInt32),
        (K::Uint, 8) => Some(D::UInt64),
        (K::Float, 2) => Some(D::Float16),
        (K::Float, 4) => Some(D::Float32),
        (K::Float, 8) => Some(D::Float64),
        (K::Bytes, _) => Some(D::LargeBinary),
        (K::Unicode, _) => Some(D::LargeUtf8),
        (K::Datetime(time), _) if matches!(time.base(), TimeBase::Week | TimeBase::Day) => {
            Some(D::Date32)
        }
        (K::Datetime(time), _) => unit(time).map(|unit| D::Timestamp(unit, None)),
        (K::Timedelta(time), _) => unit(time).map(D::Duration),
        _ => None,
    };
    found.ok_or_else(|| no_type(&format!("items of dtype {scalar}")))
}

/// Returns the type of a column that has values of both types.
pub(super) fn merge(one: Inferred, other: Inferred, rules: Rules) -> Result<Inferred> {
    use DataType as D;
    use Inferred as I;
    Ok(match (one, other) {
        (I::Missing(D::Null), other) | (other, I::Missing(D::Null)) => other,
        // The unit of a NaT is kept, the type of a NaN is not.
        (I::Missing(D::Float64), other) | (other, I::Missing(_)) => other,
        (I::Missing(_), other) => other,
        #[cfg(feature = "json")]
        (I::Json, _) | (_, I::Json) => I::Json,
        (I::Union(kinds), I::Union(more)) => {
            more.into_iter().try_fold(I::Union(kinds), |kinds, kind| merge(kinds, kind, rules))?
        }
        (I::Union(kinds), kind) | (kind, I::Union(kinds)) => with_kind(kinds, kind, rules)?,
        (one, other) if one == other => one,
        (I::Ints(one), I::Ints(other)) => I::Ints(one.and(other)),
        (I::Decimals(one), I::Decimals(other)) => match one.and(other) {
            Some(both) => I::Decimals(both),
            None => several(I::Decimals(one), I::Decimals(other), rules)?,
        },
        (I::List(one), I::List(other)) => I::list_of(merge(*one, *other, rules)?),
        (I::Array(one, ndim, shape), I::Array(other, other_ndim, other_shape))
            if ndim == other_ndim =>
        {
            let shape = shape.filter(|shape| other_shape.as_ref() == Some(shape));
            I::Array(merge(*one, *other, rules)?.into(), ndim, shape)
        }
        (I::Array(items, ndim, _), other @ (I::List(_) | I::Array(..))) => {
            merge(as_lists(*items, ndim), without_array(other), rules)?
        }
        (one @ I::List(_), I::Array(items, ndim, _)) => merge(one, as_lists(*items, ndim), rules)?,
        (I::Struct(mut fields), I::Struct(other)) => {
            for (place, (name, field)) in other.into_iter().enumerate() {
                // The keys of dicts are mostly in the same order.
                let is_there = fields.get(place).is_some_and(|(known, _)| *known == name);
                let known = match is_there {
                    true => Some(place),
                    false => fields.iter().position(|(known, _)| *known == name),
                };
                match known.map(|place| &mut fields[place].1) {
                    Some(known) if *known == field => {}
                    Some(known) => {
                        let before = std::mem::replace(known, I::NOTHING);
                        let merged = merge(before, field, rules);
                        *known = merged.map_err(|error| error.under(short_str(&name)))?;
                    }
                    None => fields.push((name, field)),
                }
            }
            check_fields(fields.len())?;
            I::Struct(fields)
        }
        (one, other) => match number_of(&one, &other) {
            Some(both) => both,
            None => several(one, other, rules)?,
        },
    })
}

/// Returns arrays as lists in lists.
fn as_lists(items: Inferred, ndim: usize) -> Inferred {
    (0..ndim).fold(items, |inner, _| Inferred::list_of(inner))
}

fn without_array(inferred: Inferred) -> Inferred {
    match inferred {
        Inferred::Array(items, ndim, _) => as_lists(*items, ndim),
        other => other,
    }
}

/// Returns the type of a column that has numbers of both types, each exactly.
fn number_of(one: &Inferred, other: &Inferred) -> Option<Inferred> {
    use Inferred as I;
    let found = match (one, other) {
        (I::Ints(ints), I::Decimals(decimals)) | (I::Decimals(decimals), I::Ints(ints)) => {
            return decimals.and(ints.as_decimal()).map(I::Decimals);
        }
        (I::Ints(ints), I::Plain(plain)) | (I::Plain(plain), I::Ints(ints)) => {
            match Ints::of_type(plain) {
                Some(small) => return Some(I::Ints(ints.and(small))),
                None => (plain.is_floating() && ints.are_floats()).then_some(DataType::Float64)?,
            }
        }
        (I::Plain(one), I::Plain(other)) => match (Ints::of_type(one), Ints::of_type(other)) {
            (Some(one), Some(other)) => {
                let ints = one.and(other);
                return Some(ints.smallest().map_or(I::Ints(ints), I::Plain));
            }
            (Some(ints), None) => ints.float(other)?,
            (None, Some(ints)) => ints.float(one)?,
            (None, None) if let Some(time) = time_of(one, other) => time,
            (None, None) if one.is_floating() && other.is_floating() => {
                if one.primitive_width() > other.primitive_width() { one } else { other }.clone()
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(Inferred::Plain(found))
}

/// Returns the type of a column that has values of two kinds.
fn several(one: Inferred, other: Inferred, rules: Rules) -> Result<Inferred> {
    match rules.mixed {
        Mixed::Error => {
            let inexact = match (&one, &other) {
                (Inferred::Ints(ints), Inferred::Plain(plain))
                | (Inferred::Plain(plain), Inferred::Ints(ints)) => {
                    plain.is_floating() && !ints.are_floats()
                }
                _ => false,
            };
            let note = if inexact { ", and not every int is a float exactly" } else { "" };
            Err(mixed(&one.data_type(), &format!("{}{note}", other.data_type())))
        }
        #[cfg(feature = "json")]
        Mixed::Json => Ok(Inferred::Json),
        Mixed::Union => with_kind(vec![one], other, rules),
    }
}

/// Adds a kind to those of a union, where it is not one of them, and does not widen one of them.
fn with_kind(mut kinds: Vec<Inferred>, kind: Inferred, rules: Rules) -> Result<Inferred> {
    let strict = Rules { mixed: Mixed::Error, ..rules };
    for known in &mut kinds {
        if let Ok(merged) = merge(known.clone(), kind.clone(), strict) {
            *known = merged;
            return Ok(Inferred::Union(kinds));
        }
    }
    if kinds.len() > i8::MAX as usize {
        return Err(no_type("values of over 128 kinds"));
    }
    kinds.push(kind);
    Ok(Inferred::Union(kinds))
}

/// Returns the number of the kind in a union that a value of this type belongs to.
pub(super) fn kind_in(kinds: &[Inferred], of: &Inferred) -> Option<usize> {
    let rules = Rules::default();
    kinds.iter().position(|kind| {
        let merged = merge(kind.clone(), of.clone(), rules);
        merged.is_ok_and(|merged| merged.data_type() == kind.data_type())
    })
}

/// Returns what can be inferred of the values of a column of this type.
pub(super) fn of_type(data_type: &DataType) -> Inferred {
    match data_type {
        DataType::Int64 | DataType::UInt64 => Inferred::Ints(Ints::any(data_type)),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Inferred::Decimals(Decimal::any(*precision, *scale))
        }
        DataType::LargeList(items) => Inferred::list_of(of_type(items.data_type())),
        DataType::Struct(fields) => {
            let of = |field: &Arc<Field>| (field.name().clone(), of_type(field.data_type()));
            Inferred::Struct(fields.iter().map(of).collect())
        }
        other => Inferred::Plain(other.clone()),
    }
}

/// Returns the error for values that Arrow has no type for.
#[cold]
pub(super) fn no_type(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "access.type", None, format!("Arrow has no type for {what}"))
}

/// Returns the error for a value of another type than its column.
#[cold]
pub(super) fn mixed(one: &DataType, other: &str) -> Error {
    let message = format!("expected {one}, found {other}");
    Error::new(ErrorKind::Unsupported, "access.type", None, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_of_two_types_has_room_for_both() {
        use DataType as D;
        use Inferred::{Missing, Plain};
        let merge = |one, other| merge(one, other, Rules::default());
        let int = |value| Inferred::Ints(Ints::of(value));
        let merged = |one, other| merge(one, other).map(|merged| merged.data_type());
        assert_eq!(merged(int(1 << 60), Plain(D::Float64)).unwrap(), D::Float64);
        merged(int((1 << 60) + 1), Plain(D::Float64)).unwrap_err();
        assert_eq!(merged(int(1), Plain(D::Float32)).unwrap(), D::Float64);
        assert_eq!(merged(int(-1), Plain(D::Int8)).unwrap(), D::Int64);
        assert_eq!(merged(Plain(D::UInt8), Plain(D::Int8)).unwrap(), D::Int16);
        assert_eq!(merged(Plain(D::Int16), Plain(D::Float16)).unwrap(), D::Float32);
        let lists = [Inferred::NOTHING, Plain(D::Int8)].map(Inferred::list_of);
        assert_eq!(merge(lists[0].clone(), lists[1].clone()).unwrap(), lists[1]);
        let (nan, nat) = (Missing(D::Float64), Missing(D::Duration(TimeUnit::Second)));
        for value in [Plain(D::LargeUtf8), int(1), lists[1].clone()] {
            for missing in [Inferred::NOTHING, nan.clone(), nat.clone()] {
                assert_eq!(merge(missing.clone(), value.clone()).unwrap(), value);
                assert_eq!(merge(value.clone(), missing).unwrap(), value);
            }
        }
        assert_eq!(merge(nan.clone(), nat.clone()).unwrap(), nat);
        assert_eq!(merge(nat.clone(), nan.clone()).unwrap(), nat);
        let error = merge(int(1), Plain(D::LargeUtf8)).unwrap_err();
        assert_eq!((error.kind(), error.clause()), (ErrorKind::Unsupported, "access.type"));
    }
}
