//! Arrays to the crate `ndarray`, and back.
//!
//! | NumPy | ndarray |
//! |---|---|
//! | an array of a dtype that [`Primitive`] has | `ArrayViewD`, borrowed, in C or Fortran order |
//! | an array of any other dtype | fails in [`as_array`](crate::Element::as_array) (clause `access.type`) |
//!
//! For a new type of number, see [`Primitive`].

use ndarray::{ArrayRef, ArrayViewD, Dimension, IxDyn, ShapeBuilder};

use crate::error::{Error, Result};
use crate::value::numbers::{Primitive, TypedArray};
use crate::write::writer::ArrayWriter;

impl<T: Primitive> TypedArray<'_, T> {
    /// Returns a view of the array as one of the crate `ndarray`. No number is copied.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/ragged.npy")?;
    /// let element = array.get(2)?.unwrap();
    /// let values = element.as_array::<f64>()?;
    /// assert_eq!(values.to_ndarray()?.sum(), 3.0);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    ///
    /// Fails with clause `access.type` for a shape that `ndarray` cannot represent: an empty one
    /// whose other lengths multiply to 2^63 or more.
    pub fn to_ndarray(&self) -> Result<ArrayViewD<'_, T>> {
        let shape = IxDyn(self.shape()).set_f(self.fortran_order());
        ArrayViewD::from_shape(shape, self.data()).map_err(|error| {
            let message = format!("ndarray cannot represent shape {:?}: {error}", self.shape());
            Error::usage("access.type", message)
        })
    }
}

impl ArrayWriter<'_> {
    /// Appends an array of the crate `ndarray`: in Fortran order if its memory is in Fortran order,
    /// else in C order.
    ///
    /// ```
    /// use ndarray::array;
    /// use npy_object::{Options, WriteOptions};
    ///
    /// let mut file = std::io::Cursor::new(Vec::new());
    /// let mut writer = WriteOptions::new().write_to(&mut file)?;
    /// writer.append_ndarray(&array![[1.0, 2.0], [3.0, 4.0]])?;
    /// writer.append_ndarray(&array![true])?;
    /// writer.finish()?;
    /// let mut array = Options::new().open(file.into_inner())?;
    /// assert_eq!(array.get(0)?.unwrap().as_array::<f64>()?.to_ndarray()?[[1, 0]], 3.0);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    ///
    /// Fails as [`append`](Self::append) does.
    pub fn append_ndarray<T: Primitive, D: Dimension>(
        &mut self,
        array: &ArrayRef<T, D>,
    ) -> Result<()> {
        let (dtype, shape) = (T::DTYPE.parse()?, array.shape());
        if let Some(items) = array.as_slice() {
            return self.append_array(&dtype, shape, false, T::bytes(items));
        }
        if let Some(items) = array.t().as_slice() {
            return self.append_array(&dtype, shape, true, T::bytes(items));
        }
        let items: Vec<T> = array.iter().copied().collect();
        self.append_array(&dtype, shape, false, T::bytes(&items))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ndarray::{Array, Array0, Array3, Axis, arr0, s};

    use super::*;
    use crate::{Options, WriteOptions};

    /// Writes an array and reads it again, with the order that it has in the file.
    fn again<T: Primitive, D: Dimension>(array: &ArrayRef<T, D>) -> (bool, Array<T, IxDyn>) {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
        writer.append_ndarray(array).unwrap();
        writer.finish().unwrap();
        let mut read = Options::new().open(file.into_inner()).unwrap();
        let element = read.next_element().unwrap().unwrap();
        let read = element.as_array::<T>().unwrap();
        (read.fortran_order(), read.to_ndarray().unwrap().to_owned())
    }

    #[test]
    fn append_ndarray_of_any_memory_layout_is_read_again() {
        let array = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (100 * i + 10 * j + k) as i32);
        assert_eq!(again(&array), (false, array.clone().into_dyn()));
        assert_eq!(again(&array.t()), (true, array.t().to_owned().into_dyn()));
        let strided = array.slice(s![.., ..;-2, 1..3]);
        assert_eq!(again(&strided), (false, strided.to_owned().into_dyn()));
        let empty = array.slice(s![.., 1..1, ..]);
        assert_eq!(again(&empty).1, empty.to_owned().into_dyn());
        let turned = array.index_axis(Axis(0), 1).reversed_axes().to_owned();
        assert_eq!(again(&turned).1, turned.into_dyn());
    }

    #[test]
    fn append_ndarray_of_every_primitive_is_read_again() {
        fn same<T: Primitive>(number: T) {
            let array: Array0<T> = arr0(number);
            assert_eq!(again(&array).1, array.into_dyn(), "{}", T::NAME);
        }
        same(true);
        same(-1i8);
        same(-2i16);
        same(-3i32);
        same(-4i64);
        same(1u8);
        same(2u16);
        same(3u32);
        same(4u64);
        same(half::f16::from_f32(0.5));
        same(0.25f32);
        same(0.125f64);
        same([1.0f32, -2.0]);
        same([3.0f64, -4.0]);
    }

    #[test]
    fn to_ndarray_of_shape_beyond_ndarray_fails() {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
        let shape = [0, 1 << 40, 1 << 40];
        writer.append_array(&"|u1".parse().unwrap(), &shape, false, &[]).unwrap();
        writer.finish().unwrap();
        let mut read = Options::new().open(file.into_inner()).unwrap();
        let element = read.next_element().unwrap().unwrap();
        let array = element.as_array::<u8>().unwrap();
        assert_eq!(array.to_ndarray().unwrap_err().clause(), "access.type");
    }
}
