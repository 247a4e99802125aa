//! Types of the caller's to elements, through serde.
//!
//! | serde | Python |
//! |---|---|
//! | unit, `None` | None |
//! | bool, ints, floats, char, str, bytes | bool, int, float, str, str, bytes |
//! | a sequence | list |
//! | a tuple, a tuple struct | tuple |
//! | a map, a struct | dict |
//! | a newtype struct, `Some` | its contents |
//! | a unit variant | its name |
//! | any other variant | a dict of one entry: its name, and its contents |
//!
//! Fails where a value is nested more than 128 deep (clause `access.depth`), and where `Serialize`
//! of the type does. [`deserialize`](crate::Element::deserialize) reads what was written into the
//! same type.

use std::fmt;

use pickle_stream::{Builder, NodeId};
use serde::ser::{self, Serialize};

use crate::error::{Error, Result};
use crate::write::writer::ArrayWriter;

/// The greatest depth of nested values. They are walked by recursion.
const DEPTH: usize = 128;

impl ArrayWriter<'_> {
    /// Appends a value of the caller's: structs and maps become dicts, sequences lists, tuples
    /// tuples.
    ///
    /// ```
    /// use npy_object::{Options, WriteOptions};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Track<'a> {
    ///     id: u32,
    ///     name: &'a str,
    /// }
    ///
    /// let mut file = std::io::Cursor::new(Vec::new());
    /// let mut writer = WriteOptions::new().write_to(&mut file)?;
    /// writer.serialize(&Track { id: 7, name: "loop" })?;
    /// writer.finish()?;
    /// # let mut array = Options::new().open(file.into_inner())?;
    /// # let (id, name): (u32, String) = {
    /// #     #[derive(serde::Deserialize)]
    /// #     struct Track { id: u32, name: String }
    /// #     let track: Track = array.next_element()?.unwrap().deserialize()?;
    /// #     (track.id, track.name)
    /// # };
    /// # assert_eq!((id, name.as_str()), (7, "loop"));
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    ///
    /// Fails as [`append`](Self::append) does, with clause `access.depth` where the value is nested
    /// more than 128 deep, and where `T` does.
    pub fn serialize<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.append_with(|build| value.serialize(Serializer { build, left: DEPTH }))
    }
}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::usage("access.type", message.to_string())
    }
}

struct Serializer<'b> {
    build: &'b mut Builder,
    /// The depth to which the value may still be nested.
    left: usize,
}

impl<'b> Serializer<'b> {
    fn inside(&mut self) -> Result<Serializer<'_>> {
        let left = self.left.checked_sub(1).ok_or_else(|| {
            let message = format!("the value is nested more than {DEPTH} deep");
            Error::over_limit(DEPTH as u64, "access.depth", None, message)
        })?;
        Ok(Serializer { build: self.build, left })
    }

    fn parts(self, len: Option<usize>) -> Parts<'b> {
        // The announced length need not be true.
        let parts = Vec::with_capacity(len.unwrap_or_default().min(1024));
        Parts { to: self, parts, variant: None }
    }

    fn parts_of(self, variant: &'static str, len: usize) -> Result<Parts<'b>> {
        let variant = Some(self.build.interned(variant)?);
        Ok(Parts { variant, ..self.parts(Some(len)) })
    }
}

/// The parts of a value, which serde gives one after another.
struct Parts<'b> {
    to: Serializer<'b>,
    parts: Vec<NodeId>,
    /// The name of their variant, if they are the contents of one.
    variant: Option<NodeId>,
}

impl Parts<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, part: &T) -> Result<()> {
        let part = part.serialize(self.to.inside()?)?;
        self.parts.push(part);
        Ok(())
    }

    fn push_field<T: Serialize + ?Sized>(&mut self, name: &'static str, part: &T) -> Result<()> {
        let name = self.to.build.interned(name)?;
        self.parts.push(name);
        self.push(part)
    }

    fn end(
        self,
        make: impl FnOnce(&mut Builder, &[NodeId]) -> pickle_stream::Result<NodeId>,
    ) -> Result<NodeId> {
        let Parts { to: Serializer { build, .. }, parts, variant } = self;
        let value = make(build, &parts)?;
        match variant {
            Some(variant) => Ok(build.dict(&[variant, value])?),
            None => Ok(value),
        }
    }
}

impl<'b> ser::Serializer for Serializer<'b> {
    type Ok = NodeId;
    type Error = Error;
    type SerializeSeq = Parts<'b>;
    type SerializeTuple = Parts<'b>;
    type SerializeTupleStruct = Parts<'b>;
    type SerializeTupleVariant = Parts<'b>;
    type SerializeMap = Parts<'b>;
    type SerializeStruct = Parts<'b>;
    type SerializeStructVariant = Parts<'b>;

    fn serialize_bool(self, value: bool) -> Result<NodeId> {
        Ok(self.build.bool(value))
    }

    fn serialize_i8(self, value: i8) -> Result<NodeId> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<NodeId> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<NodeId> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<NodeId> {
        Ok(self.build.int(value)?)
    }

    fn serialize_i128(self, value: i128) -> Result<NodeId> {
        Ok(self.build.int_of_bytes(&value.to_le_bytes())?)
    }

    fn serialize_u8(self, value: u8) -> Result<NodeId> {
        self.serialize_i64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<NodeId> {
        self.serialize_i64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<NodeId> {
        self.serialize_i64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<NodeId> {
        self.serialize_i128(value.into())
    }

    fn serialize_u128(self, value: u128) -> Result<NodeId> {
        let mut bytes = [0; 17];
        bytes[..16].copy_from_slice(&value.to_le_bytes());
        Ok(self.build.int_of_bytes(&bytes)?)
    }

    fn serialize_f32(self, value: f32) -> Result<NodeId> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<NodeId> {
        Ok(self.build.float(value)?)
    }

    fn serialize_char(self, value: char) -> Result<NodeId> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<NodeId> {
        Ok(self.build.str(value)?)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<NodeId> {
        Ok(self.build.bytes(value)?)
    }

    fn serialize_none(self) -> Result<NodeId> {
        Ok(self.build.none())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<NodeId> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<NodeId> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<NodeId> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<NodeId> {
        Ok(self.build.interned(variant)?)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<NodeId> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<NodeId> {
        let mut parts = self.parts(Some(2));
        parts.push_field(variant, value)?;
        parts.end(Builder::dict)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Parts<'b>> {
        Ok(self.parts(len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Parts<'b>> {
        Ok(self.parts(Some(len)))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Parts<'b>> {
        Ok(self.parts(Some(len)))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Parts<'b>> {
        self.parts_of(variant, len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Parts<'b>> {
        Ok(self.parts(len.map(|len| len.saturating_mul(2))))
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Parts<'b>> {
        Ok(self.parts(Some(2 * len)))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Parts<'b>> {
        self.parts_of(variant, 2 * len)
    }
}

/// Implements a trait of serde whose values come one after another; `$end` makes a value of them.
macro_rules! serialize_parts {
    ($($trait:ident { $($push:ident($($key:ident: $type:ty)?) = $method:ident,)+ } => $end:ident;)+) => {$(
        impl ser::$trait for Parts<'_> {
            type Ok = NodeId;
            type Error = Error;

            $(fn $push<T: Serialize + ?Sized>(&mut self, $($key: $type,)? part: &T) -> Result<()> {
                self.$method($($key,)? part)
            })+

            fn end(self) -> Result<NodeId> {
                self.end(Builder::$end)
            }
        }
    )+};
}

serialize_parts! {
    SerializeSeq { serialize_element() = push, } => list;
    SerializeTuple { serialize_element() = push, } => tuple;
    SerializeTupleStruct { serialize_field() = push, } => tuple;
    SerializeTupleVariant { serialize_field() = push, } => tuple;
    SerializeMap { serialize_key() = push, serialize_value() = push, } => dict;
    SerializeStruct { serialize_field(name: &'static str) = push_field, } => dict;
    SerializeStructVariant { serialize_field(name: &'static str) = push_field, } => dict;
}
