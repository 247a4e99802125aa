//! The `descr` of a header, which is a dtype as a Python literal. It is read as
//! `numpy.lib.format.descr_to_dtype` reads it and written as `dtype_to_descr` writes it.

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

/// Reads a dtype from `descr`. An error has the offset of the node that it is about.
///
/// The recursion is as deep as the brackets of the literal, which have a limit.
pub(crate) fn read(descr: &Node) -> Result<DType, Error> {
    match &descr.value {
        Value::Str(text) => text.parse().map_err(|error| at(descr, error)),
        Value::List(fields) => structure(descr, fields),
        Value::Tuple(parts) => match &parts[..] {
            [base, shape] => shaped(read(base)?, shape),
            _ => Err(descr.refuse(Clause::DescrForm, "expected a pair of dtype and shape")),
        },
        _ => Err(descr.refuse(
            Clause::DescrForm,
            "expected a string, a list of fields, or a pair of dtype and shape",
        )),
    }
}

/// Applies the second part of a pair, or the third part of a field, to the dtype before it: the
/// shape of a subarray, the length of a scalar, or metadata.
fn shaped(base: DType, shape: &Node) -> Result<DType, Error> {
    let dtype = match (&shape.value, base.as_scalar()) {
        // NumPy 1 writes the metadata of a dtype here, and no NumPy reads it.
        (Value::Dict(_) | Value::None, _) => Ok(base),
        (Value::Tuple(nodes) | Value::List(nodes), _) => {
            DType::subarray(base, nodes.iter().map(length).collect::<Result<_, _>>()?)
        }
        // `('S', 5)` is `S5`: an integer after a type without a length is its length.
        (_, Some(scalar)) if scalar.itemsize() == 0 => resized(scalar, length(shape)?),
        _ => DType::subarray(base, Vec::from([length(shape)?])),
    };
    dtype.map_err(|error| at(shape, error))
}

fn length(node: &Node) -> Result<usize, Error> {
    let expected = "shape of a subarray must be an integer, or a tuple of integers, from 0";
    node.as_length().ok_or_else(|| node.refuse(Clause::DescrSubarray, expected))
}

/// Returns a scalar of the same kind with a length of `length` characters or bytes.
fn resized(scalar: Scalar, length: usize) -> Result<DType, Error> {
    let itemsize = check_itemsize(length.checked_mul(scalar.kind().unit_size()))?;
    Scalar::new(scalar.kind(), scalar.order(), itemsize).map(DType::Scalar)
}

fn structure(descr: &Node, nodes: &[Node]) -> Result<DType, Error> {
    let mut fields = Vec::new();
    let mut offset = 0usize;
    for node in nodes {
        let (Value::Tuple(parts) | Value::List(parts)) = &node.value else {
            return Err(node.refuse(Clause::DescrForm, "expected a field as a tuple or list"));
        };
        let (name, dtype) = match &parts[..] {
            [name, dtype] => (name, read(dtype)?),
            [name, dtype, shape] => (name, shaped(read(dtype)?, shape)?),
            _ => {
                let expected = "expected a field of 2 or 3 parts";
                return Err(node.refuse(Clause::DescrForm, expected));
            }
        };
        let (title, name) = title_and_name(name)?;
        let end = check_itemsize(offset.checked_add(dtype.itemsize()));
        let end = end.map_err(|error| at(node, error))?;
        // NumPy writes padding as a void field without a name. To NumPy a subarray is void too.
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

/// Reads the first part of a field: `'a'`, or `('title', 'a')`. Returns the title and the name.
fn title_and_name(node: &Node) -> Result<(Option<String>, String), Error> {
    let refuse = |kind, expected, found: &Value| {
        let message = format!("{expected}, found {found}");
        Err(Error::new(kind, Clause::DescrField, node.at, message))
    };
    let (title, name) = match &node.value {
        Value::Tuple(parts) => match &parts[..] {
            [title, name] => (&title.value, &name.value),
            _ => {
                let expected = "name of a field must be a string, or a pair of title and name";
                return refuse(ErrorKind::Malformed, expected, &node.value);
            }
        },
        name => (&Value::None, name),
    };
    let Value::Str(name) = name else {
        return refuse(ErrorKind::Malformed, "name of a field must be a string", name);
    };
    match title {
        Value::None => Ok((None, name.clone())),
        Value::Str(title) => Ok((Some(title.clone()), name.clone())),
        title => refuse(ErrorKind::Unsupported, "title of a field must be a string", title),
    }
}

/// Moves an error about a part of `node` that has no offset of its own to `node`.
fn at(node: &Node, error: Error) -> Error {
    error.relocated(|_| node.at as u64)
}

impl DType {
    /// Returns the Python literal for this dtype in a header, as NumPy writes it.
    ///
    /// # Errors
    /// `npy.descr.layout` (usage) if fields overlap or are out of order: the literal has no
    /// offsets. `numpy.save` fails for such a dtype as well.
    ///
    /// # Examples
    /// ```
    /// use npy_header::DType;
    ///
    /// let dtype: DType = "f4,(2,)i8".parse()?;
    /// assert_eq!(dtype.to_descr()?, "[('f0', '<f4'), ('f1', '<i8', (2,))]");
    /// # Ok::<(), npy_header::Error>(())
    /// ```
    pub fn to_descr(&self) -> Result<String, Error> {
        if is_sequential(self) {
            return Ok(Literal(self).to_string());
        }
        let message = "a header cannot describe fields that overlap or are out of order";
        Err(Error::new(ErrorKind::Usage, Clause::DescrLayout, 0, message))
    }
}

/// Returns whether all fields, at every depth, are in order and do not overlap.
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

/// Displays a scalar as its array-protocol string (`<f8`), a subarray and a structure as their
/// [`descr`](DType::to_descr). A structure whose fields overlap or are out of order is a dict, as
/// in NumPy: `{'names': ['a', 'b'], 'formats': ['<i4', '<f4'], 'offsets': [0, 0], 'itemsize': 4}`.
impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DType::Scalar(scalar) => write!(f, "{scalar}"),
            _ => write!(f, "{}", Literal(self)),
        }
    }
}

/// A dtype that displays as a literal which `numpy.dtype` accepts.
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

/// Writes fields that are in order: `[('x', '<f4'), ('', '|V4'), (('title', 'y'), '<f4', (2,))]`.
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

/// Writes fields with their offsets, as a dict.
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

    #[test]
    fn descr_that_numpy_writes_is_written_back() {
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
            assert_eq!(dtype(descr).unwrap().to_descr().unwrap(), descr);
        }
    }

    #[test]
    fn padding_moves_the_next_field() {
        let DType::Struct(record) = dtype("[('', 'V4'), ('a', 'i1'), ('', 'V', 3)]").unwrap()
        else {
            panic!("a list makes a structure");
        };
        assert_eq!(record.fields().len(), 1);
        assert_eq!((record.fields()[0].offset, record.itemsize()), (4, 8));
    }

    #[test]
    fn overlapping_fields_are_displayed_but_have_no_descr() {
        let field = |name: &str, text: &str| Field {
            name: name.into(),
            title: None,
            dtype: text.parse().unwrap(),
            offset: 0,
        };
        let union = Struct::new(Vec::from([field("a", "<i4"), field("b", "<f4")]), 4).unwrap();
        let dtype = DType::subarray(DType::Struct(union), Vec::from([2])).unwrap();
        assert_eq!(dtype.to_descr().unwrap_err().clause(), "npy.descr.layout");
        assert_eq!(
            dtype.to_string(),
            "({'names': ['a', 'b'], 'formats': ['<i4', '<f4'], 'offsets': [0, 0], 'itemsize': 4}, \
             (2,))"
        );
    }

    #[test]
    fn error_has_the_offset_of_its_part() {
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
    }

    #[test]
    fn error_says_what_was_expected_and_found() {
        for (descr, message) in [
            ("8", "expected a string, a list of fields, or a pair of dtype and shape, found 8"),
            ("('f8',)", "expected a pair of dtype and shape, found a tuple of length 1"),
            ("['ab']", "expected a field as a tuple or list, found 'ab'"),
            ("[('a',)]", "expected a field of 2 or 3 parts, found a tuple of length 1"),
            (
                "[(('t', 'a', 'b'), 'f8')]",
                "name of a field must be a string, or a pair of title and name, \
                 found a tuple of length 3",
            ),
            ("[(('t', 1), 'f8')]", "name of a field must be a string, found 1"),
            (
                "('f8', (2.0,))",
                "shape of a subarray must be an integer, or a tuple of integers, from 0, \
                 found a value of another type",
            ),
        ] {
            assert_eq!(dtype(descr).unwrap_err().message(), message, "{descr}");
        }
    }

    #[test]
    fn title_that_is_not_a_string_is_unsupported() {
        let error = dtype("[((1, 'a'), 'f8')]").unwrap_err();
        assert_eq!((error.kind(), error.clause()), (ErrorKind::Unsupported, "npy.descr.field"));
        assert_eq!(error.message(), "title of a field must be a string, found 1");
        assert_eq!(error.offset(), 2);
    }

    #[test]
    fn deep_nesting_is_refused() {
        let nested = |n| format!("{}'f8'{}", "[('a', ".repeat(n), ")]".repeat(n));
        assert!(dtype(&nested(DType::MAX_DEPTH)).is_ok());
        assert_eq!(dtype(&nested(DType::MAX_DEPTH + 1)).unwrap_err().clause(), "npy.descr.depth");
        assert_eq!(dtype(&nested(1_000)).unwrap_err().clause(), "npy.header.depth");
    }
}
