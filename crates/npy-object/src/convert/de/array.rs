//! Arrays of any items, and the items of arrays without objects.
//!
//! A row of numbers is read in a loop of its own for each dtype; all other items are read one at a
//! time.

use std::marker::PhantomData;

use npy_header::{ByteOrder, DType, Scalar, ScalarKind, TimeBase};
use serde::de::{IntoDeserializer, Visitor};

use super::deserializer::{Value, ValueDeserializer, Wanted, not_an_enum, visit_missing};
use super::open::Open;
use super::sequence::{Number, visit_bytes, visit_fields, visit_sequence};
use crate::error::Result;
use crate::value::access::lone_surrogate;
use crate::value::calendar::{Instant, NOT_A_TIME};
use crate::value::kind::Kind;
use crate::value::numbers::Primitive;
use crate::value::scalar::{NumPyScalar, long_double};

/// Items of an array that follow one another in C order.
pub(super) trait Items<'de>: Clone {
    type Item<'a>: Value<'de>
    where
        Self: 'a;

    /// Returns the first of `parts` equal parts, and removes it.
    fn split_first(&mut self, parts: usize) -> Self;

    /// Returns the first item.
    fn into_first<'a>(self, open: &'a Open<'a>) -> Option<Self::Item<'a>>
    where
        Self: 'a;

    /// Returns whether the items take no bytes in the file, as those of dtype `V0`: a short file
    /// can have any number of them.
    fn is_unpaid(&self) -> bool;

    /// Visits the items, `count` of them, as a sequence.
    fn visit_row<V: Visitor<'de>>(
        self,
        count: usize,
        open: &Open<'_>,
        visitor: V,
    ) -> Result<V::Value>;
}

/// An array, or a part of one along its first axes. Without dimensions, it is read as its item.
#[derive(Clone)]
pub(super) struct Block<'a, I> {
    pub(super) shape: &'a [usize],
    pub(super) items: I,
    pub(super) mask: Option<&'a [u8]>,
    pub(super) open: &'a Open<'a>,
}

impl<'a, I> Block<'a, I> {
    /// Returns the first of `parts` equal parts, and removes it.
    fn split_first<'de>(&mut self, parts: usize) -> Block<'a, I>
    where
        I: Items<'de>,
    {
        let items = self.items.split_first(parts);
        let mask = self.mask.as_mut().map(|mask| split_first(mask, parts));
        Block { items, mask, ..*self }
    }

    /// Returns the item of a block without dimensions; `None` where it is masked.
    fn into_item<'de>(self) -> Option<I::Item<'a>>
    where
        I: Items<'de> + 'a,
    {
        if self.is_masked() { None } else { self.items.into_first(self.open) }
    }

    /// Returns whether this is an item that is masked.
    fn is_masked(&self) -> bool {
        let masked = self.mask.and_then(|mask| mask.first());
        self.shape.is_empty() && masked.is_some_and(|&masked| masked != 0)
    }
}

impl<'de, I: Items<'de>> Value<'de> for Block<'_, I> {
    #[inline]
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        let [length, shape @ ..] = self.shape else {
            return match self.into_item() {
                Some(item) => item.visit(wanted, visitor),
                None => visit_missing(wanted, visitor),
            };
        };
        self.ignore()?;
        if wanted == Wanted::Option {
            return visitor.visit_some(ValueDeserializer(self));
        }
        let (length, open) = (*length, &self.open.enter(None)?);
        if let ([], None) = (shape, self.mask) {
            return self.items.visit_row(length, open, visitor);
        }
        let mut rest = Block { shape, open, ..self };
        let parts = (0..length).rev().map(|after| rest.split_first(after + 1));
        visit_sequence(parts, visitor)
    }

    fn visit_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if !self.shape.is_empty() {
            return self.visit(Wanted::Anything, visitor);
        }
        match self.into_item() {
            Some(item) => item.visit_enum(visitor),
            None => visit_missing(Wanted::Anything, visitor),
        }
    }

    #[inline]
    fn ignore(&self) -> Result<()> {
        let is_unpaid = self.items.is_unpaid() && !self.is_masked();
        if is_unpaid { self.open.charge(0) } else { Ok(()) }
    }
}

fn split_first<'a>(bytes: &mut &'a [u8], parts: usize) -> &'a [u8] {
    let (part, rest) = bytes.split_at(bytes.len() / parts);
    *bytes = rest;
    part
}

/// The bytes of items of a dtype without objects.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) dtype: &'a DType,
    pub(super) bytes: &'a [u8],
}

/// Evaluates `$known` with `$T` as the Rust type of a dtype, if it is of numbers or bools of at most
/// 8 bytes; else `$other`.
macro_rules! with_type_of {
    ($scalar:expr, $T:ident => $known:expr, $other:expr) => {
        with_type_of! {
            $scalar, $T => $known, $other,
            (Bool, 1): bool,
            (Int, 1): i8,
            (Int, 2): i16,
            (Int, 4): i32,
            (Int, 8): i64,
            (Uint, 1): u8,
            (Uint, 2): u16,
            (Uint, 4): u32,
            (Uint, 8): u64,
            (Float, 2): half::f16,
            (Float, 4): f32,
            (Float, 8): f64,
        }
    };
    ($scalar:expr, $T:ident => $known:expr, $other:expr, $(($kind:ident, $size:literal): $type:ty,)*) => {
        match ($scalar.kind(), $scalar.itemsize()) {
            $((ScalarKind::$kind, $size) => {
                type $T = $type;
                $known
            })*
            _ => $other,
        }
    };
}

impl<'de> Items<'de> for Bytes<'_> {
    type Item<'a>
        = Item<'a>
    where
        Self: 'a;

    fn split_first(&mut self, parts: usize) -> Self {
        Bytes { bytes: split_first(&mut self.bytes, parts), ..*self }
    }

    fn into_first<'a>(self, open: &'a Open<'a>) -> Option<Item<'a>>
    where
        Self: 'a,
    {
        Some(Item { dtype: self.dtype, bytes: self.bytes, open })
    }

    fn is_unpaid(&self) -> bool {
        self.bytes.is_empty()
    }

    fn visit_row<V: Visitor<'de>>(
        self,
        count: usize,
        open: &Open<'_>,
        visitor: V,
    ) -> Result<V::Value> {
        let Bytes { dtype, bytes } = self;
        match dtype {
            DType::Scalar(scalar) if scalar.order() != ByteOrder::Big => with_type_of!(
                scalar,
                T => return visit_numbers::<T, V>(self, open, visitor),
                {}
            ),
            _ => {}
        }
        let size = dtype.itemsize();
        let item = |index| Item { dtype, bytes: &bytes[index * size..][..size], open };
        visit_sequence((0..count).map(item), visitor)
    }
}

/// Visits little-endian numbers as a sequence.
fn visit_numbers<'de, T: Primitive + Number, V: Visitor<'de>>(
    row: Bytes<'_>,
    open: &Open<'_>,
    visitor: V,
) -> Result<V::Value> {
    let dtype = row.dtype;
    let items = row
        .bytes
        .chunks_exact(size_of::<T>())
        .map(|bytes| NumberItem::<T> { item: Item { dtype, bytes, open }, number: PhantomData });
    visit_sequence(items, visitor)
}

/// A NumPy scalar, or an item of an array without objects.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) dtype: &'a DType,
    pub(super) bytes: &'a [u8],
    pub(super) open: &'a Open<'a>,
}

/// An item that is a little-endian number of type `T`.
struct NumberItem<'a, T> {
    item: Item<'a>,
    number: PhantomData<T>,
}

impl<'de, T: Primitive + Number> Value<'de> for NumberItem<'_, T> {
    #[inline(always)]
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        match wanted {
            Wanted::Option => visitor.visit_some(ValueDeserializer(self)),
            _ => read::<T>(self.item.bytes, ByteOrder::Little).visit_number(visitor),
        }
    }

    fn visit_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.item.visit_enum(visitor)
    }
}

impl<'de> Value<'de> for Item<'_> {
    #[inline]
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        match self.dtype {
            DType::Scalar(scalar) if wanted != Wanted::Option => with_type_of!(
                scalar,
                T => read::<T>(self.bytes, scalar.order()).visit_number(visitor),
                self.visit_other(wanted, visitor)
            ),
            _ => self.visit_other(wanted, visitor),
        }
    }

    fn visit_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Item { dtype, bytes, .. } = self;
        match dtype {
            DType::Scalar(scalar) if scalar.kind() == ScalarKind::Unicode => {
                visitor.visit_enum(text(*scalar, bytes)?.into_deserializer())
            }
            DType::Scalar(_) => match NumPyScalar::new(dtype.clone(), bytes.into()) {
                Some(scalar) => Err(not_an_enum(&Kind::Scalar(scalar))),
                None => self.visit(Wanted::Anything, visitor),
            },
            // The visitor's error says what it expects.
            DType::Subarray(_) | DType::Struct(_) => self.visit(Wanted::Anything, visitor),
        }
    }

    #[inline]
    fn ignore(&self) -> Result<()> {
        if self.bytes.is_empty() { self.open.charge(0) } else { Ok(()) }
    }
}

impl Item<'_> {
    /// Visits an item that is no number, or of which an `Option` is wanted.
    #[inline(never)]
    fn visit_other<'de, V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        self.ignore()?;
        let Item { dtype, bytes, open } = self;
        match dtype {
            DType::Scalar(scalar) => self.visit_scalar(*scalar, wanted, visitor),
            DType::Subarray(subarray) => {
                let items = Bytes { dtype: subarray.base(), bytes };
                let block = Block { shape: subarray.shape(), items, mask: None, open };
                block.visit(wanted, visitor)
            }
            DType::Struct(_) if wanted == Wanted::Option => {
                visitor.visit_some(ValueDeserializer(self))
            }
            DType::Struct(record) => {
                let open = &open.enter(None)?;
                let fields = record.fields().iter().map(|field| {
                    let dtype = &field.dtype;
                    let bytes = &bytes[field.offset..][..dtype.itemsize()];
                    (field.name.as_str(), Item { dtype, bytes, open })
                });
                visit_fields(fields, wanted, visitor)
            }
        }
    }

    fn visit_scalar<'de, V: Visitor<'de>>(
        self,
        scalar: Scalar,
        wanted: Wanted,
        visitor: V,
    ) -> Result<V::Value> {
        use ScalarKind as K;
        let Item { bytes, open, .. } = self;
        let order = scalar.order();
        let count = || read::<i64>(bytes, order);
        let is_time = matches!(scalar.kind(), K::Datetime(_) | K::Timedelta(_));
        if is_time && wanted != Wanted::I64 && count() == NOT_A_TIME {
            return visit_missing(wanted, visitor);
        }
        if wanted == Wanted::Option {
            return visitor.visit_some(ValueDeserializer(self));
        }
        match (scalar.kind(), bytes.len()) {
            (K::Float, _) => visitor.visit_f64(long_double(bytes, order)),
            (K::Complex, size) => {
                let dtype = &DType::Scalar(Scalar::new(K::Float, order, size / 2)?);
                let parts = bytes.chunks_exact(size / 2);
                visit_sequence(parts.map(|bytes| Item { dtype, bytes, open }), visitor)
            }
            (K::Datetime(unit), _) if wanted != Wanted::I64 && unit.base() != TimeBase::Generic => {
                visitor.visit_string(Instant { count: count(), unit }.to_string())
            }
            (K::Datetime(_) | K::Timedelta(_), _) => visitor.visit_i64(count()),
            (K::Unicode, _) => visitor.visit_string(text(scalar, bytes)?),
            (K::Bytes, _) => {
                // NULs at the end are padding.
                let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                visit_bytes(&bytes[..end], wanted, visitor)
            }
            (K::Bool | K::Int | K::Uint | K::Void | K::Object, _) => {
                visit_bytes(bytes, wanted, visitor)
            }
        }
    }
}

#[inline(always)]
fn read<T: Primitive>(bytes: &[u8], order: ByteOrder) -> T {
    T::read(bytes, order)
}

/// Returns the text of an item of dtype `U`.
fn text(scalar: Scalar, bytes: &[u8]) -> Result<String> {
    let scalar = NumPyScalar::new(scalar.into(), bytes.into());
    let text = scalar.as_ref().and_then(NumPyScalar::to_text).ok_or_else(lone_surrogate)?;
    Ok(text.into_owned())
}
