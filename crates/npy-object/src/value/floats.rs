//! [`Floats`]: the numbers of a value as `f64`, whatever their type is, for plots and statistics.

use std::borrow::Cow;

use npy_header::{ByteOrder, DType, Scalar, ScalarKind};

use crate::value::array::{Array, Data};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::items::Items;
use crate::value::kind::Kind;
use crate::value::numbers::Primitive;
use crate::value::scalar::NumPyScalar;

/// The numbers of an array, of a list or tuple, or of one number, each converted to the nearest
/// `f64` when it is asked for. A bool is 0 or 1.
///
/// ```
/// let mut array = npy_object::open("tests/data/ragged.npy")?;
/// let floats = array.get(2)?.unwrap().to_floats().expect("an array of floats");
/// assert_eq!((floats.shape(), floats.get(2)), (&[3][..], Some(2.0)));
/// assert_eq!(floats.sample(2), [0.0, 1.0]);
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Floats<'a> {
    shape: Vec<usize>,
    /// Bytes of the file from one index of a dimension to the next, counted in items.
    strides: Vec<usize>,
    len: usize,
    numbers: Numbers<'a>,
}

#[derive(Clone, Debug)]
enum Numbers<'a> {
    Ints(Cow<'a, [i64]>),
    Floats(Cow<'a, [f64]>),
    Bytes(DType, Cow<'a, [u8]>),
}

impl<'a> Element<'a> {
    /// Returns the numbers of the value as floats: of an array of bools, ints or floats of at most 8
    /// bytes, of a list or a tuple of numbers, or of one number; `None` for other values, and for an
    /// empty list.
    pub fn to_floats(self) -> Option<Floats<'a>> {
        if let Some(array) = self.as_plain_array() {
            is_number(array.item()).then_some(())?;
            let (dtype, data) = (DType::Scalar(array.item()), array.data().into());
            return Some(Floats::of_bytes(dtype, data, array.shape(), array.fortran_order()));
        }
        match self.kind() {
            Kind::List(items) | Kind::Tuple(items) => Floats::of_items(items, self),
            Kind::Array(array) => Floats::of_array(*array),
            _ => number_of(self).map(Floats::of_one),
        }
    }
}

impl<'a> Floats<'a> {
    fn of_one(value: f64) -> Floats<'a> {
        Floats::new(Numbers::Floats(vec![value].into()), &[], false)
    }

    fn of_items(mut items: Items<'a>, list: Element<'a>) -> Option<Floats<'a>> {
        let (all, len) = (items.clone(), items.len());
        let numbers = match items.next().map(Element::kind)? {
            Kind::Int(_) => list.as_ints().ok().map(Numbers::Ints),
            Kind::Float(_) => list.as_floats().ok().map(Numbers::Floats),
            _ => None,
        };
        // Of several types.
        let each = || all.map(number_of).collect::<Option<Vec<_>>>();
        let numbers = numbers.or_else(|| Some(Numbers::Floats(each()?.into())))?;
        Some(Floats::new(numbers, &[len], false))
    }

    fn of_array(array: Array<'a>) -> Option<Floats<'a>> {
        let ItemType::Plain(dtype) = array.item().clone() else { return None };
        is_number(dtype.as_scalar()?).then_some(())?;
        let Data::Bytes(data) = array.data().clone() else { return None };
        Some(Floats::of_bytes(dtype, data, array.shape(), array.fortran_order()))
    }

    fn of_bytes(dtype: DType, data: Cow<'a, [u8]>, shape: &[usize], fortran: bool) -> Floats<'a> {
        Floats::new(Numbers::Bytes(dtype, data), shape, fortran)
    }

    fn new(numbers: Numbers<'a>, shape: &[usize], fortran_order: bool) -> Floats<'a> {
        let mut strides = vec![0; shape.len()];
        let mut len = 1usize;
        let mut add = |axis: usize| {
            strides[axis] = len;
            len = len.saturating_mul(shape[axis]);
        };
        match fortran_order {
            true => (0..shape.len()).for_each(&mut add),
            false => (0..shape.len()).rev().for_each(&mut add),
        }
        Floats { shape: shape.to_vec(), strides, len, numbers }
    }

    /// Returns the length of each dimension: one of a list, none of a number.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns how many numbers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the number at an index, in C order; `None` past the last.
    pub fn get(&self, mut index: usize) -> Option<f64> {
        if index >= self.len {
            return None;
        }
        let mut place = 0;
        for (&length, &stride) in self.shape.iter().zip(&self.strides).rev() {
            place += index % length * stride;
            index /= length;
        }
        match &self.numbers {
            Numbers::Ints(ints) => ints.get(place).map(|&int| int as f64),
            Numbers::Floats(floats) => floats.get(place).copied(),
            Numbers::Bytes(dtype, data) => {
                let size = dtype.itemsize();
                let item = data.get(place * size..(place + 1) * size)?;
                number(&NumPyScalar::new(dtype.clone(), Cow::Borrowed(item))?)
            }
        }
    }

    /// Calls `each` with every number, in the order of the file.
    pub fn for_each(&self, mut each: impl FnMut(f64)) {
        match &self.numbers {
            Numbers::Ints(ints) => ints.iter().for_each(|&int| each(int as f64)),
            Numbers::Floats(floats) => floats.iter().copied().for_each(each),
            Numbers::Bytes(dtype, data) => {
                if let Some(item) = dtype.as_scalar() {
                    Floats::convert(item, data, each);
                }
            }
        }
    }

    /// Calls `each` with the items of an array, whose bytes these are, and returns whether the items are
    /// bools, ints or floats of at most 8 bytes.
    pub fn convert(item: Scalar, bytes: &[u8], mut each: impl FnMut(f64)) -> bool {
        let order = item.order();
        match (item.kind(), item.itemsize()) {
            (ScalarKind::Bool, _) => bytes.iter().for_each(|&byte| each(f64::from(byte != 0))),
            (ScalarKind::Int, 1) => every::<i8>(bytes, order, f64::from, each),
            (ScalarKind::Int, 2) => every::<i16>(bytes, order, f64::from, each),
            (ScalarKind::Int, 4) => every::<i32>(bytes, order, f64::from, each),
            (ScalarKind::Int, _) => every::<i64>(bytes, order, |int| int as f64, each),
            (ScalarKind::Uint, 1) => every::<u8>(bytes, order, f64::from, each),
            (ScalarKind::Uint, 2) => every::<u16>(bytes, order, f64::from, each),
            (ScalarKind::Uint, 4) => every::<u32>(bytes, order, f64::from, each),
            (ScalarKind::Uint, _) => every::<u64>(bytes, order, |int| int as f64, each),
            (ScalarKind::Float, 2) => every::<half::f16>(bytes, order, f64::from, each),
            (ScalarKind::Float, 4) => every::<f32>(bytes, order, f64::from, each),
            (ScalarKind::Float, 8) => every::<f64>(bytes, order, |float| float, each),
            _ => return false,
        }
        true
    }

    /// Returns at most `count` of the numbers, evenly spaced, the first of them first. The others are
    /// not looked at, so this takes no longer for a long array.
    pub fn sample(&self, count: usize) -> Vec<f64> {
        let count = count.min(self.len);
        let place = |number: usize| (number as u128 * self.len as u128 / count as u128) as usize;
        (0..count).filter_map(|number| self.get(place(number))).collect()
    }
}

/// Calls `each` with the numbers of type `T` that these bytes are.
fn every<T: Primitive>(
    data: &[u8],
    order: ByteOrder,
    convert: impl Fn(T) -> f64,
    mut each: impl FnMut(f64),
) {
    data.chunks_exact(size_of::<T>()).for_each(|item| each(convert(T::read(item, order))));
}

/// Returns whether the items of a dtype have a nearest `f64`.
fn is_number(scalar: Scalar) -> bool {
    match scalar.kind() {
        ScalarKind::Bool | ScalarKind::Int | ScalarKind::Uint => true,
        ScalarKind::Float => scalar.itemsize() <= 8,
        _ => false,
    }
}

/// Returns the value of an item of a list.
fn number_of(item: Element<'_>) -> Option<f64> {
    match item.kind() {
        Kind::Bool(value) => Some(f64::from(value)),
        Kind::Int(value) => Some(value as f64),
        Kind::Float(value) => Some(value),
        Kind::Scalar(scalar) => {
            is_number(scalar.dtype().as_scalar()?).then(|| number(&scalar)).flatten()
        }
        _ => None,
    }
}

fn number(scalar: &NumPyScalar<'_>) -> Option<f64> {
    if let Some(float) = scalar.to_f64() {
        return Some(float);
    }
    match scalar.to_i64() {
        Some(int) => Some(int as f64),
        None if scalar.data().len() == 1 => Some(f64::from(scalar.data()[0] != 0)),
        None => scalar.get::<u64>().ok().map(|int| int as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ScalarKind, size: usize, data: &[u8], shape: &[usize], fortran: bool) -> Vec<f64> {
        let dtype = DType::Scalar(Scalar::new(kind, ByteOrder::Little, size).unwrap());
        let floats = Floats::of_bytes(dtype, data.to_vec().into(), shape, fortran);
        assert_eq!(floats.get(floats.len()), None);
        let got: Vec<f64> = (0..floats.len()).map(|index| floats.get(index).unwrap()).collect();
        let (mut sorted, mut every) = (got.clone(), Vec::new());
        floats.for_each(|number| every.push(number));
        sorted.sort_by(f64::total_cmp);
        every.sort_by(f64::total_cmp);
        assert_eq!(every, sorted);
        got
    }

    #[test]
    fn get_converts_each_type_of_number() {
        let (bools, uints) = ([0, 1, 2], u64::MAX.to_le_bytes());
        assert_eq!(of(ScalarKind::Bool, 1, &bools, &[3], false), [0.0, 1.0, 1.0]);
        assert_eq!(of(ScalarKind::Uint, 8, &uints, &[1], false), [u64::MAX as f64]);
        assert_eq!(of(ScalarKind::Int, 2, &(-3i16).to_le_bytes(), &[], false), [-3.0]);
        assert_eq!(of(ScalarKind::Float, 4, &0.5f32.to_le_bytes(), &[1], false), [0.5]);
    }

    #[test]
    fn get_of_fortran_order_counts_in_c_order() {
        let data = [1, 4, 2, 5, 3, 6];
        let expected = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(of(ScalarKind::Uint, 1, &data, &[2, 3], true), expected);
        assert!(of(ScalarKind::Uint, 1, &[], &[2, 0], true).is_empty());
    }

    #[test]
    fn list_of_several_types_of_numbers_is_floats() {
        // [[1, 1.5, True], ['a']]
        let pickle = b"\x80\x04](](K\x01G\x3f\xf8\0\0\0\0\0\0\x88e]\x8c\x01aae.".to_vec();
        let mut contents = crate::Options::new().contents(pickle).unwrap();
        let numbers = |contents: &mut crate::Contents, index| {
            let member = contents.get(index).unwrap().unwrap();
            member.value.to_floats().map(|floats| floats.sample(9))
        };
        assert_eq!(numbers(&mut contents, 0).unwrap(), [1.0, 1.5, 1.0]);
        assert_eq!(numbers(&mut contents, 1), None);
    }
}
