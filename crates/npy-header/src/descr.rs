//! `descr`, the dtype as a Python literal: read as `numpy.lib.format.descr_to_dtype` does, written
//! as `dtype_to_descr` does.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::{
    dtype::{DType, Field, Scalar, ScalarKind, Struct, check_itemsize},
    error::{Clause, Error, ErrorKind},
    literal::{Node, Value},
    repr,
};

/// The dtype that `descr` describes. Offsets of errors are those of the nodes.
pub(crate) fn read(descr: &Node) -> Result<DType, Error> {
    match &descr.value {
        Value::Str(text) => text.parse().map_err(|error| at(descr, error)),
        Value::List(fields) => structure(descr, fields),
        Value::Tuple(parts) => match &parts[..] {
            [base, shape] => shaped(read(base)?, shape),
            _ => Err(form(descr, "a pair of dtype and shape")),
        },
        _ => Err(form(descr, "a string, a list of fields, or a pair of dtype and shape")),
    }
}

/// `base` with what follows it in a pair, or as the third part of a field: mostly the shape of a
/// subarray.
fn shaped(base: DType, shape: &Node) -> Result<DType, Error> {
    let dtype = match (&shape.value, base.as_scalar()) {
        // Metadata of a field, which NumPy 1 wrote here and cannot read back.
        (Value::Dict(_) | Value::None, _) => Ok(base),
        (Value::Tuple(nodes) | Value::List(nodes), _) => {
            DType::subarray(base, nodes.iter().map(length).collect::<Result<_, _>>()?)
        }
        // `('S', 5)` is `S5`: a number after a type without a length is its length.
        (_, Some(scalar)) if scalar.itemsize() == 0 => resized(scalar, length(shape)?),
        _ => DType::subarray(base, Vec::from([length(shape)?])),
    };
    dtype.map_err(|error| at(shape, error))
}

fn length(node: &Node) -> Result<usize, Error> {
    let length = match node.value {
        Value::Int(Some(length)) => usize::try_from(length).ok(),
        _ => None,
    };
    length.ok_or_else(|| {
        let found = node.value.describe();
        let message =
            format!("length in a subarray's shape must be an integer from 0, found {found}");
        Error::malformed(Clause::DescrSubarray, node.at, message)
    })
}

/// A scalar of the same kind, `length` characters or bytes long.
fn resized(scalar: Scalar, length: usize) -> Result<DType, Error> {
    let itemsize = check_itemsize(length.checked_mul(scalar.kind().unit_size()))?;
    Scalar::new(scalar.kind(), scalar.order(), itemsize).map(DType::Scalar)
}

fn structure(descr: &Node, nodes: &[Node]) -> Result<DType, Error> {
    let mut fields = Vec::new();
    let mut offset = 0usize;
    for node in nodes {
        let (Value::Tuple(parts) | Value::List(parts)) = &node.value else {
            return Err(form(node, "a field as a tuple"));
        };
        let (name, dtype) = match &parts[..] {
            [name, dtype] => (name, read(dtype)?),
            [name, dtype, shape] => (name, shaped(read(dtype)?, shape)?),
            _ => return Err(form(node, "a field of two or three parts")),
        };
        let (title, name) = title_and_name(name)?;
        let end = check_itemsize(offset.checked_add(dtype.itemsize()));
        let end = end.map_err(|error| at(node, error))?;
        // NumPy writes padding as void without a name. Subarrays are void to it as well.
        let void = match &dtype {
            DType::Scalar(scalar) => scalar.kind() == ScalarKind::Void,
            DType::Subarray(_) => true,
            DType::Struct(_) => false,
        };
        if !(void && name.is_empty() && title.is_none()) {
            fields.push(Field { name, title, dtype, offset });
        }
        offset = end;
    }
    Struct::new(fields, offset).map(DType::Struct).map_err(|error| at(descr, error))
}

/// `'a'`, or `('title', 'a')`.
fn title_and_name(node: &Node) -> Result<(Option<String>, String), Error> {
    let refuse = |kind, message| Err(Error::new(kind, Clause::DescrField, node.at, message));
    let (title, name) = match &node.value {
        Value::Tuple(parts) => match &parts[..] {
            [title, name] => (&title.value, &name.value),
            _ => {
                return refuse(ErrorKind::Malformed, "a field's title and name must be a pair");
            }
        },
        name => (&Value::None, name),
    };
    let Value::Str(name) = name else {
        return refuse(ErrorKind::Malformed, "a field's name must be a string");
    };
    match title {
        Value::None => Ok((None, name.clone())),
        Value::Str(title) => Ok((Some(title.clone()), name.clone())),
        _ => refuse(ErrorKind::Unsupported, "a field's title is not a string"),
    }
}

fn form(node: &Node, expected: &str) -> Error {
    let found = node.value.describe();
    let message = format!("expected {expected}, found {found}");
    Error::malformed(Clause::DescrForm, node.at, message)
}

fn at(node: &Node, error: Error) -> Error {
    error.relocated(|_| node.at as u64)
}

impl DType {
    /// The Python literal that stands for this dtype in a header, as NumPy writes it:
    /// `'<f8'`, `[('x', '<f4'), ('', '|V4')]`, `('<f8', (2,))`.
    ///
    /// # Errors
    /// `npy.descr.layout`, where fields overlap or are out of order: the literal has no way to say
    /// so, and `numpy.save` fails as well.
    pub fn descr(&self) -> Result<String, Error> {
        if is_sequential(self) {
            return Ok(Literal(self).to_string());
        }
        let message = "a header cannot describe fields that overlap or are out of order";
        Err(Error::new(ErrorKind::Misuse, Clause::DescrLayout, 0, message))
    }
}

/// Whether all fields follow one another, with nothing but padding between them.
fn is_sequential(dtype: &DType) -> bool {
    match dtype {
        DType::Scalar(_) => true,
        DType::Subarray(subarray) => is_sequential(subarray.base()),
        DType::Struct(record) => {
            fields_in_order(record) && record.fields().iter().all(|f| is_sequential(&f.dtype))
        }
    }
}

fn fields_in_order(record: &Struct) -> bool {
    let mut end = 0;
    record.fields().iter().all(|field| {
        let follows = field.offset >= end;
        end = field.offset + field.dtype.itemsize();
        follows
    })
}

/// The array-protocol string of a scalar; for others the `descr`, or what NumPy prints where fields
/// overlap: `{'names': ['a', 'b'], 'formats': ['<i4', '<f4'], 'offsets': [0, 0], 'itemsize': 4}`.
impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DType::Scalar(scalar) => write!(f, "{scalar}"),
            _ => write!(f, "{}", Literal(self)),
        }
    }
}

/// Displays as a literal that `numpy.dtype` takes.
struct Literal<'a>(&'a DType);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DType::Scalar(scalar) => write!(f, "'{scalar}'"),
            DType::Subarray(subarray) => {
                write!(f, "({}, {})", Literal(subarray.base()), repr::Tuple(subarray.shape()))
            }
            DType::Struct(record) if fields_in_order(record) => write_fields(f, record),
            DType::Struct(record) => write_dict(f, record),
        }
    }
}

/// `[('x', '<f4'), ('', '|V4'), (('title', 'y'), '<f4', (2,))]`
fn write_fields(f: &mut fmt::Formatter<'_>, record: &Struct) -> fmt::Result {
    let mut separator = "";
    let mut end = 0;
    f.write_str("[")?;
    for field in record.fields() {
        if field.offset > end {
            write!(f, "{separator}('', '|V{}')", field.offset - end)?;
            separator = ", ";
        }
        end = field.offset + field.dtype.itemsize();
        let name = repr::Str(&field.name);
        match &field.title {
            Some(title) => write!(f, "{separator}(({}, {name}), ", repr::Str(title))?,
            None => write!(f, "{separator}({name}, ")?,
        }
        separator = ", ";
        match &field.dtype {
            DType::Subarray(subarray) => {
                write!(f, "{}, {})", Literal(subarray.base()), repr::Tuple(subarray.shape()))?;
            }
            dtype => write!(f, "{})", Literal(dtype))?,
        }
    }
    if record.itemsize() > end {
        write!(f, "{separator}('', '|V{}')", record.itemsize() - end)?;
    }
    f.write_str("]")
}

fn write_dict(f: &mut fmt::Formatter<'_>, record: &Struct) -> fmt::Result {
    let fields = record.fields();
    write_list(f, "{'names': [", fields.iter().map(|field| repr::Str(&field.name)))?;
    write_list(f, "], 'formats': [", fields.iter().map(|field| Literal(&field.dtype)))?;
    write_list(f, "], 'offsets': [", fields.iter().map(|field| field.offset))?;
    if fields.iter().any(|field| field.title.is_some()) {
        let title = |field: &Field| {
            field.title.as_ref().map_or("None".into(), |t| repr::Str(t).to_string())
        };
        write_list(f, "], 'titles': [", fields.iter().map(title))?;
    }
    write!(f, "], 'itemsize': {}}}", record.itemsize())
}

fn write_list(
    f: &mut fmt::Formatter<'_>,
    opening: &str,
    items: impl Iterator<Item = impl fmt::Display>,
) -> fmt::Result {
    f.write_str(opening)?;
    for (index, item) in items.enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal;

    fn dtype(text: &str) -> Result<DType, Error> {
        read(&literal::parse(text, false)?)
    }

    /// What NumPy writes comes back to the letter.
    #[test]
    fn written_as_read() {
        for descr in [
            "'<f8'",
            "'|O'",
            "('<f8', (2,))",
            "('|S0', (2,))",
            "(('<f8', (2,)), (3, 4))",
            "[]",
            "[('', '|V4')]",
            "[('a', '<f8'), ('b', '|S3', (2, 2))]",
            "[(('title', 'a'), '|O')]",
            "[('', '|V2'), ('a', '<i2'), ('', '|V4'), ('b', [('c', '|u1'), ('', '|V3')]), ('', '|V1')]",
            "[('a', ('<f4', (2,)), (3,))]",
            "[(\"it's\", '<f8'), ('é\\n', '<M8[25s]')]",
        ] {
            assert_eq!(dtype(descr).unwrap().descr().unwrap(), descr);
        }
    }

    #[test]
    fn padding_moves_fields() {
        let DType::Struct(record) = dtype("[('', 'V4'), ('a', 'i1'), ('', 'V', 3)]").unwrap()
        else {
            panic!("a list makes a structure");
        };
        assert_eq!(record.fields().len(), 1);
        assert_eq!((record.fields()[0].offset, record.itemsize()), (4, 8));
    }

    #[test]
    fn overlaps_are_displayed_but_not_described() {
        let field = |name: &str, text: &str| Field {
            name: name.into(),
            title: None,
            dtype: text.parse().unwrap(),
            offset: 0,
        };
        let union = Struct::new(Vec::from([field("a", "<i4"), field("b", "<f4")]), 4).unwrap();
        let dtype = DType::subarray(DType::Struct(union), Vec::from([2])).unwrap();
        assert_eq!(dtype.descr().unwrap_err().clause(), "npy.descr.layout");
        assert_eq!(
            dtype.to_string(),
            "({'names': ['a', 'b'], 'formats': ['<i4', '<f4'], 'offsets': [0, 0], 'itemsize': 4}, \
             (2,))"
        );
    }

    #[test]
    fn errors_point_at_the_part() {
        for (descr, at, clause) in [
            ("[('a', 'f8'), ('b', 'x')]", 20, "npy.descr.type"),
            ("[('a', 'M8[q]')]", 7, "npy.descr.unit"),
            ("('f8', (2, -1))", 11, "npy.descr.subarray"),
            ("('f8', 'x')", 7, "npy.descr.subarray"),
            ("('f8',)", 0, "npy.descr.form"),
            ("[('a', 1)]", 7, "npy.descr.form"),
            ("[5]", 1, "npy.descr.form"),
            ("[(1, 'f8')]", 2, "npy.descr.field"),
            ("[('a', 'f8'), ('a', 'f8')]", 0, "npy.descr.field"),
            ("[('a', 'S2147483647'), ('b', 'S1')]", 23, "npy.descr.size"),
        ] {
            let error = dtype(descr).unwrap_err();
            assert_eq!((error.offset(), error.clause()), (at, clause), "{descr}");
        }
        let title = dtype("[((1, 'a'), 'f8')]").unwrap_err();
        assert_eq!((title.kind(), title.clause()), (ErrorKind::Unsupported, "npy.descr.field"));
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |n| format!("{}'f8'{}", "[('a', ".repeat(n), ")]".repeat(n));
        assert!(dtype(&nested(DType::MAX_DEPTH)).is_ok());
        assert_eq!(dtype(&nested(DType::MAX_DEPTH + 1)).unwrap_err().clause(), "npy.descr.depth");
        assert_eq!(dtype(&nested(1_000)).unwrap_err().clause(), "npy.header.depth");
    }
}
