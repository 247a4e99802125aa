//! NumPy arrays, scalars and dtypes, made from bytes through NumPy's C API.

use std::ffi::c_int;
use std::ptr;

use npy_object::header::{DType, Scalar};
use numpy::npyffi::{self, NpyTypes, PY_ARRAY_API, npy_intp};
use numpy::{PyArrayDescr, PyArrayDescrMethods};
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::unsupported;
use crate::object::names::numpy;

/// Bytes from which on a copy releases the interpreter.
const LONG: usize = 1 << 20;

/// A cache of dtypes.
#[derive(Default)]
pub(crate) struct DTypes {
    scalars: Vec<(Scalar, Py<PyArrayDescr>)>,
    others: Vec<(DType, Py<PyArrayDescr>)>,
}

impl DTypes {
    /// The size of the cache. A file with more dtypes makes the others anew for each element.
    const MOST: usize = 16;

    /// Returns the dtype of a scalar type.
    #[inline]
    pub(crate) fn of_scalar<'py>(
        &mut self,
        py: Python<'py>,
        scalar: Scalar,
    ) -> PyResult<Bound<'py, PyArrayDescr>> {
        match self.scalars.iter().find(|(known, _)| *known == scalar) {
            Some((_, dtype)) => Ok(dtype.bind(py).clone()),
            None => self.make_scalar(py, scalar),
        }
    }

    #[cold]
    fn make_scalar<'py>(
        &mut self,
        py: Python<'py>,
        scalar: Scalar,
    ) -> PyResult<Bound<'py, PyArrayDescr>> {
        let dtype = dtype(py, &scalar.into())?;
        if self.scalars.len() < DTypes::MOST {
            self.scalars.push((scalar, dtype.clone().unbind()));
        }
        Ok(dtype)
    }

    /// Returns the dtype of the items of an array. A StringDType also needs its object for a missing
    /// str: see [`string_dtype`].
    pub(crate) fn of<'py>(
        &mut self,
        py: Python<'py>,
        item: &DType,
    ) -> PyResult<Bound<'py, PyArrayDescr>> {
        if let DType::Scalar(scalar) = item {
            return self.of_scalar(py, *scalar);
        }
        if let Some((_, dtype)) = self.others.iter().find(|(known, _)| known == item) {
            return Ok(dtype.bind(py).clone());
        }
        let dtype = dtype(py, item)?;
        if self.others.len() < DTypes::MOST {
            self.others.push((item.clone(), dtype.clone().unbind()));
        }
        Ok(dtype)
    }
}

/// Makes a dtype. Recursion is bounded by [`DType::MAX_DEPTH`].
pub(crate) fn dtype<'py>(py: Python<'py>, item: &DType) -> PyResult<Bound<'py, PyArrayDescr>> {
    let spec = match item {
        DType::Scalar(scalar) => scalar.to_string().into_pyobject(py)?.into_any(),
        DType::Subarray(subarray) => {
            let shape = PyTuple::new(py, subarray.shape())?;
            (dtype(py, subarray.base())?, shape).into_pyobject(py)?.into_any()
        }
        DType::Struct(record) => {
            let fields = record.fields();
            let column = PyDict::new(py);
            column.set_item("names", fields.iter().map(|field| &field.name).collect::<Vec<_>>())?;
            let formats = fields.iter().map(|field| dtype(py, &field.dtype));
            column.set_item("formats", formats.collect::<PyResult<Vec<_>>>()?)?;
            column
                .set_item("offsets", fields.iter().map(|field| field.offset).collect::<Vec<_>>())?;
            if fields.iter().any(|field| field.title.is_some()) {
                let titles = fields.iter().map(|field| &field.title);
                column.set_item("titles", titles.collect::<Vec<_>>())?;
            }
            column.set_item("itemsize", record.itemsize())?;
            column.into_any()
        }
    };
    let dtype = numpy(py)?.getattr("dtype")?.call1((spec,))?;
    let dtype = dtype.cast_into::<PyArrayDescr>()?;
    // The size of every array of the dtype is computed from this.
    if dtype.itemsize() != item.itemsize() {
        let message = format!("NumPy's {dtype} is not of {} bytes", item.itemsize());
        return Err(PyValueError::new_err(message));
    }
    Ok(dtype)
}

/// Makes the dtype of a `numpy.record`, which has its fields as attributes.
pub(crate) fn record<'py>(dtype: Bound<'py, PyArrayDescr>) -> PyResult<Bound<'py, PyArrayDescr>> {
    let numpy = numpy(dtype.py())?;
    let record = numpy.getattr("dtype")?.call1(((numpy.getattr("record")?, dtype),))?;
    Ok(record.cast_into::<PyArrayDescr>()?)
}

/// Makes NumPy's dtype for str of any length, with the object for a missing one.
pub(crate) fn string_dtype<'py>(
    py: Python<'py>,
    coerce: bool,
    na_object: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let kwargs = PyDict::new(py);
    kwargs.set_item("coerce", coerce)?;
    if let Some(na_object) = na_object {
        kwargs.set_item("na_object", na_object)?;
    }
    let dtypes = numpy(py)?.getattr("dtypes");
    let class = dtypes
        .and_then(|dtypes| dtypes.getattr("StringDType"))
        .map_err(|_| unsupported(py, "NumPy has StringDType from version 2 on"))?;
    class.call((), Some(&kwargs))
}

/// Makes an array with a copy of these bytes, which are in the given order.
#[inline]
pub(crate) fn array<'py>(
    dtype: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    fortran_order: bool,
    bytes: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let py = dtype.py();
    let itemsize = dtype.itemsize();
    check_size(itemsize, shape, bytes)?;
    let array = new(dtype, itemsize, shape, fortran_order, None)?;
    room(&array, bytes.len()).copy_from(py, bytes);
    Ok(array)
}

/// Makes an array, and returns it with the memory of its items. Items are uninitialized, objects None.
pub(crate) fn empty<'py>(
    dtype: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    fortran_order: bool,
) -> PyResult<(Bound<'py, PyAny>, Room)> {
    let itemsize = dtype.itemsize();
    let array = new(dtype, itemsize, shape, fortran_order, None)?;
    // NumPy has checked that the size fits.
    let room = room(&array, size(itemsize, shape).unwrap_or(0));
    Ok((array, room))
}

/// Makes a read-only array that views bytes.
///
/// # Safety
/// The bytes stay where they are as long as `owner` lives.
pub(crate) unsafe fn view<'py>(
    dtype: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    fortran_order: bool,
    bytes: &[u8],
    owner: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, itemsize) = (dtype.py(), dtype.itemsize());
    check_size(itemsize, shape, bytes)?;
    let array = new(dtype, itemsize, shape, fortran_order, Some(bytes.as_ptr()))?;
    // SAFETY: the array is new and has no base; NumPy takes over the reference to the owner.
    let set = unsafe {
        PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast(), owner.clone().into_ptr())
    };
    if set < 0 { Err(PyErr::fetch(py)) } else { Ok(array) }
}

/// Returns the bytes that the items of an array take; `None` where that overflows.
#[inline]
fn size(itemsize: usize, shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(itemsize, |size, &length| size.checked_mul(length))
}

#[inline]
fn check_size(itemsize: usize, shape: &[usize], bytes: &[u8]) -> PyResult<()> {
    match size(itemsize, shape) {
        Some(size) if size == bytes.len() => Ok(()),
        other => Err(wrong_size(bytes.len(), other.unwrap_or(usize::MAX))),
    }
}

#[inline]
fn new<'py>(
    dtype: Bound<'py, PyArrayDescr>,
    itemsize: usize,
    shape: &[usize],
    fortran_order: bool,
    data: Option<*const u8>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = dtype.py();
    if itemsize == 0 {
        return without_bytes(dtype, shape, fortran_order);
    }
    let flags = if fortran_order { npyffi::NPY_ARRAY_F_CONTIGUOUS } else { 0 };
    // SAFETY: NumPy reads `ndim` lengths and refuses negative ones, which is what a length over
    // `npy_intp::MAX` becomes. It takes over the reference to the dtype, and returns a new array, or
    // NULL with an exception set.
    unsafe {
        let class = npyffi::get_type_object(py, NpyTypes::PyArray_Type);
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            class,
            dtype.into_ptr().cast(),
            shape.len() as c_int,
            shape.as_ptr().cast_mut().cast::<npy_intp>(),
            ptr::null_mut(),
            data.map_or(ptr::null_mut(), |data| data.cast_mut().cast()),
            flags,
            ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, array)
    }
}

/// Makes an array whose items take no bytes. The C API would turn the dtype `S0` into `S1`.
#[cold]
fn without_bytes<'py>(
    dtype: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    fortran_order: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = dtype.py();
    let kwargs = PyDict::new(py);
    kwargs.set_item("shape", PyTuple::new(py, shape)?)?;
    kwargs.set_item("dtype", dtype)?;
    kwargs.set_item("order", if fortran_order { "F" } else { "C" })?;
    numpy(py)?.getattr("ndarray")?.call((), Some(&kwargs))
}

/// Returns the memory of the items of a new array, which takes `size` bytes.
#[inline]
fn room(array: &Bound<'_, PyAny>, size: usize) -> Room {
    // SAFETY: `array` is a NumPy array.
    let data = unsafe { (*array.as_ptr().cast::<npyffi::PyArrayObject>()).fields.data };
    Room { data: data.cast(), size }
}

/// The memory of the items of a new array, to which no other reference exists.
pub(crate) struct Room {
    data: *mut u8,
    size: usize,
}

impl Room {
    #[inline]
    fn copy_from(self, py: Python<'_>, bytes: &[u8]) {
        debug_assert_eq!(self.size, bytes.len());
        if bytes.len() >= LONG {
            let room = self;
            py.detach(move || room.copy(bytes));
        } else {
            self.copy(bytes);
        }
    }

    #[inline]
    fn copy(&self, bytes: &[u8]) {
        // SAFETY: NumPy allocated `size` bytes there, which do not overlap the source.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.data, self.size.min(bytes.len())) }
    }

    /// Returns the bytes of items that are not objects.
    ///
    /// # Safety
    /// The array lives, and no other reference to its items exists.
    pub(crate) unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: NumPy allocated `size` bytes there. The caller only writes to them.
        unsafe {
            ptr::write_bytes(self.data, 0, self.size);
            std::slice::from_raw_parts_mut(self.data, self.size)
        }
    }
}

// SAFETY: no other reference to the memory exists.
unsafe impl Send for Room {}

/// Stores objects, in C order, in a new array of objects.
pub(crate) fn fill<'py>(
    array: &Bound<'py, PyAny>,
    shape: &[usize],
    objects: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
) -> PyResult<()> {
    let raw = array.as_ptr().cast::<npyffi::PyArrayObject>();
    // SAFETY: `array` is a NumPy array, which has a stride for each dimension.
    let (data, strides) = unsafe {
        let strides = if shape.is_empty() {
            &[][..]
        } else {
            std::slice::from_raw_parts((*raw).fields.strides, shape.len())
        };
        ((*raw).fields.data.cast::<u8>(), strides)
    };
    let count = shape.iter().product::<usize>();
    if objects.len() != count {
        return Err(wrong_size(objects.len(), count));
    }
    let store = |place: isize, object: Bound<'py, PyAny>| {
        // SAFETY: the address is inside the array, and holds an object or NULL.
        unsafe {
            let slot = data.offset(place).cast::<*mut ffi::PyObject>();
            ffi::Py_XDECREF(slot.replace(object.into_ptr()));
        }
    };
    if let &[stride] = strides {
        objects.zip(0..).for_each(|(object, index)| store(index * stride, object));
        return Ok(());
    }
    let mut index = vec![0; shape.len()];
    for object in objects {
        store(index.iter().zip(strides).map(|(&at, &stride)| at as isize * stride).sum(), object);
        for (at, &length) in index.iter_mut().zip(shape).rev() {
            *at += 1;
            if *at < length {
                break;
            }
            *at = 0;
        }
    }
    Ok(())
}

/// Makes a NumPy scalar from the bytes of an item that is not an object.
pub(crate) fn scalar<'py>(
    dtype: &Bound<'py, PyArrayDescr>,
    bytes: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let (py, size) = (dtype.py(), dtype.itemsize());
    if bytes.len() != size {
        return Err(wrong_size(bytes.len(), size));
    }
    // A buffer that is aligned for any item, and not empty.
    let mut data = vec![0u128; size / 16 + 1];
    // SAFETY: the buffer has the bytes of the item, which NumPy copies.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), data.as_mut_ptr().cast(), size);
        let scalar = PY_ARRAY_API.PyArray_Scalar(
            py,
            data.as_mut_ptr().cast(),
            dtype.as_ptr().cast(),
            ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, scalar)
    }
}

#[cold]
fn wrong_size(have: usize, want: usize) -> PyErr {
    PyValueError::new_err(format!("{have} bytes or items for an array of {want}"))
}
