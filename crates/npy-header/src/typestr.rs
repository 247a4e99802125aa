//! Dtypes as strings: those of the array protocol (`<f8`), the names that `numpy.dtype` knows
//! (`float64`), and lists (`f4,(2,)i8`). [`DType::from_str`] reads them, and a [`Scalar`] displays
//! as its array-protocol string.
//!
//! The references in NumPy are `_convert_from_str` (`descriptor.c`), `_commastring`
//! (`_internal.py`) and `parse_datetime_metadata_from_metastr` (`datetime.c`). The parsers are
//! nom's complete ones, because a string is read when all of it is there.

use alloc::{format, vec::Vec};
use core::{fmt, str::FromStr};

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::tag,
    character::complete::{digit0, digit1, one_of, space0},
    combinator::{map, map_res, opt},
    multi::separated_list0,
    sequence::delimited,
};

use crate::{
    dtype::{ByteOrder, DType, Field, Scalar, ScalarKind, Struct, check_itemsize},
    error::{Clause, Error},
    repr,
    unit::{TimeBase, TimeUnit},
};

impl FromStr for DType {
    type Err = Error;

    /// Reads a string that `numpy.dtype` accepts: `<f8`, `d`, `float64`, `<M8[25s]`, `f4,i8`.
    ///
    /// Native order (`=`, or no sign) is little-endian. `numpy.save` always writes the order, so a
    /// file without it does not tell its machine. Types whose size depends on the machine have the
    /// sizes of 64-bit Linux on x86: `l` is `<i8`, `g` is `<f16`.
    ///
    /// # Errors
    /// `npy.descr.type` for a type that NumPy does not have, `npy.descr.unit` for a wrong unit of
    /// time, and the errors of [`Struct::new`] and [`DType::subarray`]. The offset is 0.
    fn from_str(text: &str) -> Result<DType, Error> {
        let mut elements = split_list(text);
        if let [element] = elements[..] {
            return list_element(element);
        }
        if elements.last().is_some_and(|last| last.trim().is_empty()) {
            elements.pop(); // a comma may end the list, as in a Python tuple
        }
        let mut fields = Vec::new();
        let mut offset = 0;
        for (index, element) in elements.iter().enumerate() {
            let dtype = list_element(element.trim())?;
            let itemsize = dtype.itemsize();
            fields.push(Field { name: format!("f{index}"), title: None, dtype, offset });
            offset = check_itemsize(offset.checked_add(itemsize))?;
        }
        Struct::new(fields, offset).map(DType::Struct)
    }
}

/// Splits a list at the commas that are outside brackets.
fn split_list(text: &str) -> Vec<&str> {
    let mut depth = 0i64;
    let comma = |c| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    };
    text.split(comma).collect()
}

/// Reads an element of a list: `<f8`, `3i4`, `(2,3)f8`, `<(2,)f8`, `2<f8`.
fn list_element(text: &str) -> Result<DType, Error> {
    let Ok((name, (first, shape, second))) = element_prefix(text) else {
        return Err(unknown(text));
    };
    if first.is_some() && second.is_some() && first != second {
        return Err(Error::malformed(
            Clause::DescrType,
            0,
            format!("type {} has two different byte orders", repr::start(text)),
        ));
    }
    let scalar = scalar(first.or(second), name)?.ok_or_else(|| unknown(text))?;
    DType::subarray(scalar.into(), shape.unwrap_or_default())
}

/// The optional parts before a type: byte order, shape, and byte order again.
type Prefix = (Option<char>, Option<Vec<usize>>, Option<char>);

fn element_prefix(text: &str) -> IResult<&str, Prefix, ()> {
    let number = || map_res(digit1, str::parse::<usize>);
    let count = map(number(), |length| Vec::from([length]));
    let lengths = separated_list0(tag(","), delimited(space0, number(), space0));
    let closing = (opt(tag(",")), space0, tag(")"));
    let shape = alt((count, delimited((tag("("), space0), lengths, closing)));
    let order = || opt(one_of("<>|="));
    (order(), opt(delimited(space0, shape, space0)), order()).parse(text)
}

/// Reads a type without its byte order and shape. Returns `None` if NumPy has no such type.
fn scalar(order: Option<char>, name: &str) -> Result<Option<Scalar>, Error> {
    let byte_order = if order == Some('>') { ByteOrder::Big } else { ByteOrder::Little };
    let new = |kind, itemsize| Scalar::new(kind, byte_order, itemsize).map(Some);

    for prefix in ["M8", "datetime64"] {
        if let Some(unit) = name.strip_prefix(prefix) {
            return new(ScalarKind::Datetime(bracketed_unit(unit)?), 8);
        }
    }
    for prefix in ["m8", "timedelta64"] {
        if let Some(unit) = name.strip_prefix(prefix) {
            return new(ScalarKind::Timedelta(bracketed_unit(unit)?), 8);
        }
    }
    // A byte order may precede a name of one letter only.
    if order.is_none() || name.len() == 1 {
        let named = NAMES.iter().find(|(names, ..)| names.split(' ').any(|known| known == name));
        if let Some(&(_, kind, itemsize)) = named {
            return new(kind, itemsize);
        }
    }
    let mut chars = name.chars();
    let kind = match chars.next() {
        Some('b') => ScalarKind::Bool,
        Some('i') => ScalarKind::Int,
        Some('u') => ScalarKind::Uint,
        Some('f') => ScalarKind::Float,
        Some('c') => ScalarKind::Complex,
        Some('S' | 'a') => ScalarKind::Bytes,
        Some('U') => ScalarKind::Unicode,
        Some('V') => ScalarKind::Void,
        Some('O') => ScalarKind::Object,
        _ => return Ok(None),
    };
    let digits = chars.as_str();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(None);
    }
    let length = digits.parse::<usize>().ok();
    let itemsize = length.and_then(|length| length.checked_mul(kind.unit_size()));
    new(kind, check_itemsize(itemsize)?)
}

/// The names of types, other than kind and size. In a row the codes of one letter are first, then
/// the names in NumPy 2, then the names in NumPy 1 alone. Some are other types on other machines,
/// see [`DType::from_str`].
const NAMES: &[(&str, ScalarKind, usize)] = {
    use ScalarKind::*;
    const GENERIC: TimeUnit = TimeUnit::GENERIC;
    &[
        ("? bool bool_ bool8", Bool, 1),
        ("b byte int8", Int, 1),
        ("h short int16", Int, 2),
        ("i intc int32", Int, 4),
        ("l q p n long longlong int int_ intp int64 int0", Int, 8),
        ("B ubyte uint8", Uint, 1),
        ("H ushort uint16", Uint, 2),
        ("I uintc uint32", Uint, 4),
        ("L Q P N ulong ulonglong uint uintp uint64 uint0", Uint, 8),
        ("e half float16", Float, 2),
        ("f single float32", Float, 4),
        ("d double float float64 float_", Float, 8),
        ("g longdouble float128 longfloat", Float, 16),
        ("F csingle complex64 singlecomplex", Complex, 8),
        ("D cdouble complex complex128 complex_ cfloat", Complex, 16),
        ("G clongdouble complex256 clongfloat longcomplex", Complex, 32),
        ("S a bytes bytes_ bytes0 string_", Bytes, 0),
        ("c", Bytes, 1),
        ("U str str_ unicode str0 unicode_", Unicode, 0),
        ("V void void0", Void, 0),
        ("O object object_ object0", Object, 8),
        ("M", Datetime(GENERIC), 8),
        ("m", Timedelta(GENERIC), 8),
    ]
};

/// Reads the unit of time after a type: `[25s]`, `[3D/2]`, or an empty string.
fn bracketed_unit(text: &str) -> Result<TimeUnit, Error> {
    if text.is_empty() {
        return Ok(TimeUnit::GENERIC);
    }
    let refuse = || {
        let found = repr::start(text);
        let message = format!("expected a unit of time such as [ns] or [25s], found {found}");
        Error::malformed(Clause::DescrUnit, 0, message)
    };
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let (name, num) = digit0::<_, ()>(inner.ok_or_else(refuse)?).map_err(|_| refuse())?;
    let (name, den) = name.split_once('/').unwrap_or((name, "1"));
    let base = TimeBase::from_name(name).ok_or_else(refuse)?;
    let num = if num.is_empty() { 1 } else { num.parse().map_err(|_| refuse())? };
    TimeUnit::new(base, num, den.parse().map_err(|_| refuse())?)
}

fn unknown(text: &str) -> Error {
    let message = format!("expected a type of NumPy, found {}", repr::start(text));
    Error::malformed(Clause::DescrType, 0, message)
}

/// Displays as in the array protocol: `<f8`, `|b1`, `<U3`, `<M8[25s]`, `|O`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.order().sign(), self.kind().letter())?;
        match self.kind() {
            ScalarKind::Object => Ok(()),
            ScalarKind::Datetime(unit) | ScalarKind::Timedelta(unit) => {
                f.write_str("8")?;
                if unit == TimeUnit::GENERIC { Ok(()) } else { write!(f, "[{unit}]") }
            }
            kind => write!(f, "{}", self.itemsize() / kind.unit_size()),
        }
    }
}

// tests/as_numpy.rs compares the strings that NumPy accepts. These tests are of the error messages
// and of the strings that are written.
#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(text.parse::<DType>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn array_protocol_string_is_written_back() {
        for text in [
            "|b1", "|i1", "|u1", "<i2", ">u8", "<f2", "<f16", ">c16", "|S0", "|S5", "<U0", ">U3",
            "|V2", "|O", "<M8", "<M8[ns]", ">m8[25s]",
        ] {
            assert_eq!(text.parse::<DType>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn names_of_types_are_unique() {
        let mut names: Vec<&str> = NAMES.iter().flat_map(|(names, ..)| names.split(' ')).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn wrong_type_string_is_refused() {
        refused("f3", "type of kind 'f' cannot have 3 bytes (at byte 0) [npy.descr.type]");
        refused("xyz", "expected a type of NumPy, found 'xyz' (at byte 0) [npy.descr.type]");
        refused("<2>f8", "type '<2>f8' has two different byte orders (at byte 0) [npy.descr.type]");
        refused(
            "M8[D",
            "expected a unit of time such as [ns] or [25s], found '[D' \
             (at byte 0) [npy.descr.unit]",
        );
        refused("M8[3D/0]", "unit '3D/0' has the divisor 0 (at byte 0) [npy.descr.unit]");
        refused(
            "M8[s/7]",
            "unit 's/7' is not a whole number of shorter units (at byte 0) [npy.descr.unit]",
        );
        refused(
            "U999999999",
            "item size is over the limit of 2147483647 bytes (at byte 0) [npy.descr.size]",
        );
    }
}
