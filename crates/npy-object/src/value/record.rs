//! [`Record`]: an item of a structured array that holds objects.
//!
//! NumPy pickles such an item as a tuple of Python values (`VOID_getitem`): a field of type `<i2`
//! becomes an int. A record is that tuple with the dtype of the array, and gives its fields back
//! the types that they had in the array.

use std::borrow::Cow;

use npy_header::DType;
use pickle_stream::{Kind as Raw, ValueRef};

use crate::value::context::Context;
use crate::value::dtype::{self, FieldType};
use crate::value::element::Element;

/// An item of a structured array that holds objects: a value for each field.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    value: ValueRef<'a>,
    dtype: FieldType<'a>,
    context: &'a Context,
}

impl<'a> Record<'a> {
    /// Returns the record that a tuple is, if its dtype, which was parsed as `parsed`, is a
    /// structured one with as many fields, objects among them.
    pub(crate) fn new(
        value: ValueRef<'a>,
        dtype: FieldType<'a>,
        parsed: &DType,
        context: &'a Context,
    ) -> Option<Record<'a>> {
        let (DType::Struct(record), true) = (parsed, parsed.has_object()) else { return None };
        let fields = value.as_tuple()?;
        (fields.len() == record.fields().len()).then_some(Record { value, dtype, context })
    }

    /// Returns the structured dtype.
    pub fn dtype(self) -> Option<Cow<'a, DType>> {
        self.dtype.dtype(self.value, &self.context.item_types)
    }

    /// Returns the names and values of the fields, in the order of the dtype.
    pub fn fields(self) -> Vec<(Cow<'a, str>, Element<'a>)> {
        let Raw::Tuple(values) = self.value.kind() else {
            return Vec::new();
        };
        let element = |value, dtype| Element::typed(value, dtype, self.context);
        match self.dtype {
            FieldType::Parsed(DType::Struct(record)) => {
                let fields = record.fields().iter().zip(values);
                let named = fields.map(|(field, value)| {
                    let dtype = FieldType::Parsed(&field.dtype);
                    (Cow::Borrowed(field.name.as_str()), element(value, dtype))
                });
                named.collect()
            }
            FieldType::Parsed(_) => Vec::new(),
            FieldType::Pickled(dtype) => {
                let fields = dtype::fields(self.value.at(dtype), self.context.encoding())
                    .unwrap_or_default();
                let named = fields.into_iter().zip(values).map(|(field, value)| {
                    (Cow::Owned(field.name), element(value, FieldType::Pickled(field.dtype.id())))
                });
                named.collect()
            }
        }
    }
}
