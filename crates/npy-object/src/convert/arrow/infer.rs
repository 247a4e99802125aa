//! The Arrow type of a column, inferred from its values.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};
use npy_header::{ByteOrder, DType, Scalar, ScalarKind, TimeBase};
use pickle_stream::short_str;

use crate::error::{Error, ErrorKind, Result};
use crate::value::array::{Array, Data};
use crate::value::calendar::NOT_A_TIME;
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::object::Object;
use crate::value::time::DateTime;

/// The greatest depth of nested types.
pub(super) const DEPTH: usize = 16;

/// The type of a column, as far as the values that were read decide it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Inferred {
    /// All values are missing or NaN. The column has this type unless a later value has another.
    Missing(DataType),
    Plain(DataType),
    List(Box<Inferred>),
    Struct(Vec<(String, Inferred)>),
}

impl Inferred {
    pub(super) const NOTHING: Inferred = Inferred::Missing(DataType::Null);

    fn list_of(items: Inferred) -> Inferred {
        Inferred::List(Box::new(items))
    }

    /// Returns the Arrow type. Recurses at most [`DEPTH`] deep.
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Inferred::Missing(data_type) | Inferred::Plain(data_type) => data_type.clone(),
            Inferred::List(items) => list_of(items.data_type()),
            Inferred::Struct(fields) => {
                let fields =
                    fields.iter().map(|(name, field)| Field::new(name, field.data_type(), true));
                DataType::Struct(fields.collect())
            }
        }
    }
}

fn list_of(item: DataType) -> DataType {
    DataType::LargeList(Arc::new(Field::new_list_field(item, true)))
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
            let bytes = <[u8; 8]>::try_from(scalar.data()).ok()?;
            match item.kind() {
                _ if item.order() == ByteOrder::Big => None,
                ScalarKind::Datetime(_) | ScalarKind::Timedelta(_) => {
                    (bytes == NAT).then_some(Missing::Null)
                }
                ScalarKind::Float => f64::from_le_bytes(bytes).is_nan().then_some(Missing::NaN),
                _ => None,
            }
        }
        Kind::Global(name) => {
            let module = name.module.to_str()?;
            let is_pandas = module == "pandas" || module.starts_with("pandas.");
            (is_pandas && name.name == "NA").then_some(Missing::Null)
        }
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

/// The bytes of a NaT.
pub(super) const NAT: [u8; 8] = NOT_A_TIME.to_le_bytes();

/// Returns the type of a column that has this element.
pub(super) fn type_of(element: Element<'_>, depth: usize) -> Result<Inferred> {
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
    Ok(Inferred::Plain(match kind {
        Kind::Bool(_) => DataType::Boolean,
        Kind::Int(_) => DataType::Int64,
        Kind::Float(_) => DataType::Float64,
        Kind::Str(_) => DataType::LargeUtf8,
        Kind::Bytes(_) | Kind::ByteArray(_) => DataType::LargeBinary,
        Kind::Date(_) => DataType::Date32,
        Kind::DateTime(DateTime { time, .. }) => match time.zone {
            None => DataType::Timestamp(TimeUnit::Microsecond, None),
            Some(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        },
        Kind::TimeDelta(_) => DataType::Duration(TimeUnit::Microsecond),
        Kind::Scalar(scalar) => match scalar.dtype() {
            DType::Scalar(scalar) => type_of_scalar(*scalar)?,
            other => return Err(no_type(&format!("scalars of dtype {other}"))),
        },
        Kind::Array(array) => return type_of_array(&array, depth),
        Kind::List(items) | Kind::Tuple(items) | Kind::Deque(items, _) => {
            return Ok(Inferred::list_of(type_of_items(items, depth)?));
        }
        Kind::Dict(entries) | Kind::OrderedDict(entries) => {
            let fields = entries.map(|(key, value)| {
                let name =
                    key.as_str().map_err(|_| no_type("a dict with keys that are not str"))?;
                let found = type_of(value, depth).map_err(|error| error.under(short_str(&name)))?;
                Ok((name.into_owned(), found))
            });
            return Ok(Inferred::Struct(fields.collect::<Result<_>>()?));
        }
        other => return Err(no_type(&format!("values of kind {}", other.name()))),
    }))
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
fn type_of_items<'a>(items: impl Iterator<Item = Element<'a>>, depth: usize) -> Result<Inferred> {
    let mut items = items.enumerate();
    items.try_fold(Inferred::NOTHING, |so_far, (number, item)| {
        let merged = type_of(item, depth).and_then(|next| merge(so_far, next));
        merged.map_err(|error| error.under(number))
    })
}

fn type_of_array(array: &Array<'_>, depth: usize) -> Result<Inferred> {
    let item = match (array.item(), array.data()) {
        (ItemType::Plain(DType::Scalar(scalar)), Data::Bytes(_)) => {
            Inferred::Plain(type_of_scalar(*scalar)?)
        }
        (_, Data::Items(items)) => type_of_items(items.clone(), depth)?,
        (other, _) => return Err(no_type(&format!("arrays of dtype {other}"))),
    };
    if array.mask().is_some() {
        return Err(no_type("masked arrays"));
    }
    Ok(array.shape().iter().fold(item, |item, _| Inferred::list_of(item)))
}

/// Returns the Arrow type of the items of a dtype.
pub(super) fn type_of_scalar(scalar: Scalar) -> Result<DataType> {
    use DataType as D;
    use ScalarKind as K;
    if scalar.order() == ByteOrder::Big {
        return Err(no_type(&format!("items of dtype {scalar}")));
    }
    let unit = |unit: npy_header::TimeUnit| match (unit.base(), unit.num()) {
        (TimeBase::Second, 1) => Some(TimeUnit::Second),
        (TimeBase::Millisecond, 1) => Some(TimeUnit::Millisecond),
        (TimeBase::Microsecond, 1) => Some(TimeUnit::Microsecond),
        (TimeBase::Nanosecond, 1) => Some(TimeUnit::Nanosecond),
        _ => None,
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
        (K::Datetime(time), _) => unit(time).map(|unit| D::Timestamp(unit, None)),
        (K::Timedelta(time), _) => unit(time).map(D::Duration),
        _ => None,
    };
    found.ok_or_else(|| no_type(&format!("items of dtype {scalar}")))
}

/// Returns the type of a column that has values of both types.
pub(super) fn merge(one: Inferred, other: Inferred) -> Result<Inferred> {
    use DataType as D;
    use Inferred as I;
    Ok(match (one, other) {
        (I::Missing(D::Null), other) | (other, I::Missing(D::Null)) => other,
        // The unit of a NaT is kept, the type of a NaN is not.
        (I::Missing(D::Float64), other) | (other, I::Missing(_)) => other,
        (I::Missing(_), other) => other,
        (one, other) if one == other => one,
        (I::Plain(D::Int64), I::Plain(D::Float64)) | (I::Plain(D::Float64), I::Plain(D::Int64)) => {
            I::Plain(D::Float64)
        }
        (I::List(one), I::List(other)) => I::list_of(merge(*one, *other)?),
        (I::Struct(mut fields), I::Struct(other)) => {
            for (name, field) in other {
                match fields.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) if *known == field => {}
                    Some((_, known)) => {
                        let before = std::mem::replace(known, I::NOTHING);
                        let merged = merge(before, field);
                        *known = merged.map_err(|error| error.under(short_str(&name)))?;
                    }
                    None => fields.push((name, field)),
                }
            }
            I::Struct(fields)
        }
        (one, other) => return Err(mixed(&one.data_type(), &other.data_type().to_string())),
    })
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
        let merged = |one, other| merge(one, other).map(|merged| merged.data_type());
        assert_eq!(merged(Plain(D::Int64), Plain(D::Float64)).unwrap(), D::Float64);
        let lists = [Inferred::NOTHING, Plain(D::Int8)].map(Inferred::list_of);
        assert_eq!(merge(lists[0].clone(), lists[1].clone()).unwrap(), lists[1]);
        let (nan, nat) = (Missing(D::Float64), Missing(D::Duration(TimeUnit::Second)));
        for value in [Plain(D::LargeUtf8), Plain(D::Int64), lists[1].clone()] {
            for missing in [Inferred::NOTHING, nan.clone(), nat.clone()] {
                assert_eq!(merge(missing.clone(), value.clone()).unwrap(), value);
                assert_eq!(merge(value.clone(), missing).unwrap(), value);
            }
        }
        assert_eq!(merge(nan.clone(), nat.clone()).unwrap(), nat);
        assert_eq!(merge(nat.clone(), nan.clone()).unwrap(), nat);
        let error = merge(Plain(D::Int64), Plain(D::LargeUtf8)).unwrap_err();
        assert_eq!((error.kind(), error.clause()), (ErrorKind::Unsupported, "access.type"));
    }
}
