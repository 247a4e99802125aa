//! [`DType`], the type of one item of an array. All crates of this project use it for NumPy dtypes,
//! from headers and from pickles alike.
//!
//! A scalar dtype is `Copy` and owns no memory. Every constructor makes the checks of NumPy, so the
//! item size of a `DType` fits a C `int`, its fields are inside the item, and its depth has a
//! limit: code may walk it by recursion.

use alloc::{boxed::Box, collections::BTreeSet, format, string::String, vec::Vec};

use crate::{
    error::{Clause, Error},
    repr,
    unit::TimeUnit,
};

/// The type of one item of an array: a `numpy.dtype` without its alignment and metadata.
///
/// A string such as `<f8` parses into a `DType`, with the rules of `numpy.dtype`.
///
/// # Examples
/// ```
/// use npy_header::DType;
///
/// let dtype: DType = "f4,(2,)i8".parse()?;
/// assert_eq!(dtype.itemsize(), 20);
/// assert_eq!(dtype.to_string(), "[('f0', '<f4'), ('f1', '<i8', (2,))]");
/// assert!(!dtype.has_object());
/// # Ok::<(), npy_header::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// A single value, such as `<f8` or `|O`.
    Scalar(Scalar),
    /// Named fields at fixed offsets, such as `[('x', '<f4'), ('y', '<f4')]`.
    Struct(Struct),
    /// An array of fixed shape, such as `('<f4', (3, 3))`.
    Subarray(Subarray),
}

impl DType {
    /// `|O`: a reference to a Python object.
    pub const OBJECT: DType = DType::Scalar(Scalar {
        kind: ScalarKind::Object,
        order: ByteOrder::NotApplicable,
        size: 8,
    });

    /// The largest size of an item in bytes. NumPy keeps it in a C `int`.
    pub const MAX_ITEMSIZE: usize = i32::MAX as usize;

    /// The deepest nesting of structures and subarrays. A scalar has depth 0.
    pub const MAX_DEPTH: usize = 32;

    /// The largest number of dimensions of a subarray, as in NumPy 2 (32 in NumPy 1).
    pub const MAX_DIMENSIONS: usize = 64;

    /// Returns the size of one item in bytes.
    pub fn itemsize(&self) -> usize {
        match self {
            DType::Scalar(scalar) => scalar.itemsize(),
            DType::Struct(record) => record.itemsize,
            DType::Subarray(subarray) => subarray.itemsize,
        }
    }

    /// Returns whether an item has a Python object at any depth. The data of such an array is a
    /// pickle.
    pub fn has_object(&self) -> bool {
        match self {
            DType::Scalar(scalar) => scalar.kind == ScalarKind::Object,
            DType::Struct(record) => record.has_object,
            DType::Subarray(subarray) => subarray.base.has_object(),
        }
    }

    /// Returns the scalar, or `None` for a structure or subarray.
    pub fn as_scalar(&self) -> Option<Scalar> {
        match self {
            DType::Scalar(scalar) => Some(*scalar),
            _ => None,
        }
    }

    /// Creates a subarray of `base` with this shape. If `shape` is empty it returns `base`, as
    /// NumPy does.
    ///
    /// # Errors
    /// Over a limit: `npy.descr.subarray` for the dimensions, `npy.descr.size` for the item size or
    /// a length, `npy.descr.depth` for the nesting.
    pub fn subarray(base: DType, shape: Vec<usize>) -> Result<DType, Error> {
        if shape.is_empty() {
            return Ok(base);
        }
        Subarray::new(base, shape).map(DType::Subarray)
    }

    fn depth(&self) -> usize {
        match self {
            DType::Scalar(_) => 0,
            DType::Struct(record) => record.depth,
            DType::Subarray(subarray) => subarray.depth,
        }
    }
}

impl From<Scalar> for DType {
    fn from(scalar: Scalar) -> Self {
        DType::Scalar(scalar)
    }
}

impl From<Struct> for DType {
    fn from(record: Struct) -> Self {
        DType::Struct(record)
    }
}

impl From<Subarray> for DType {
    fn from(subarray: Subarray) -> Self {
        DType::Subarray(subarray)
    }
}

/// The dtype of a single value: its kind, byte order and size.
///
/// # Examples
/// ```
/// use npy_header::{ByteOrder, Scalar, ScalarKind};
///
/// let scalar = Scalar::new(ScalarKind::Unicode, ByteOrder::Little, 12)?;
/// assert_eq!(scalar.to_string(), "<U3");
/// assert_eq!(scalar.itemsize(), 12);
/// # Ok::<(), npy_header::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scalar {
    kind: ScalarKind,
    order: ByteOrder,
    size: u32,
}

/// The kind of value in a [`Scalar`], with its letter in the array protocol.
///
/// NumPy's array protocol has no other kinds, so a `match` may name all of them.
///
/// A new kind needs an arm or a row in each of these places; those with a star have a `_` arm, so
/// the compiler does not ask for it:
///
/// - npy-header: `dtype.rs`, `typestr.rs`
/// - npy-object: `value/dtype.rs`, `value/scalar.rs`*, `value/numbers.rs`*, `value/pack.rs`*,
///   `value/debug.rs`; `convert/de/array.rs`, `convert/arrow/infer.rs`*, `convert/json/plain.rs`;
///   `write/numpy.rs`; `audit/numpy.rs` and `audit/policy.txt`
/// - the Python package: `object/names.rs`*, for the type of a scalar
/// - `spec/header.md`, `oracle/handmade.py`, `tests/as_numpy.py`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalarKind {
    /// `b`: a bool, one byte that is 0 or 1.
    Bool,
    /// `i`: a two's-complement integer of 1, 2, 4 or 8 bytes.
    Int,
    /// `u`: an unsigned integer of 1, 2, 4 or 8 bytes.
    Uint,
    /// `f`: an IEEE 754 float of 2, 4 or 8 bytes. 12 and 16 bytes are the C `long double` of the
    /// machine that wrote the file, on x86 an 80-bit float and padding.
    Float,
    /// `c`: a complex number, two floats of half the size. The real part is first.
    Complex,
    /// `S`: bytes, padded with NUL.
    Bytes,
    /// `U`: code points of four bytes each, padded with NUL.
    Unicode,
    /// `V`: bytes without a meaning in NumPy. Extension types such as bfloat16 are saved as `V`.
    Void,
    /// `M`: a signed 64-bit number of units since 1970-01-01T00:00. The smallest number is `NaT`.
    Datetime(TimeUnit),
    /// `m`: a signed 64-bit number of units. The smallest number is `NaT`.
    Timedelta(TimeUnit),
    /// `O`: a reference to a Python object. The object is in the pickle after the header.
    Object,
}

/// The order of the bytes in a value, with its sign in the array protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `<`: the lowest byte is first.
    Little,
    /// `>`: the highest byte is first.
    Big,
    /// `|`: the value is one byte, or has no order.
    NotApplicable,
}

impl ByteOrder {
    /// Returns the sign of this order in the array protocol.
    pub fn sign(self) -> char {
        match self {
            ByteOrder::Little => '<',
            ByteOrder::Big => '>',
            ByteOrder::NotApplicable => '|',
        }
    }
}

impl Scalar {
    /// Creates the scalar of this kind and size in bytes.
    ///
    /// `order` becomes the one that NumPy writes. It is [`ByteOrder::NotApplicable`] for bytes,
    /// void, objects and values of one byte. For all others `NotApplicable` becomes
    /// [`ByteOrder::Little`].
    ///
    /// An object has 8 bytes, also if `itemsize` is the 4 of a 32-bit machine (`|O4`). A 64-bit
    /// NumPy does the same, as files do not store references.
    ///
    /// # Errors
    /// `npy.descr.type` if NumPy has no such size for the kind; `npy.descr.size` over
    /// [`DType::MAX_ITEMSIZE`].
    pub fn new(kind: ScalarKind, order: ByteOrder, itemsize: usize) -> Result<Scalar, Error> {
        use ScalarKind as K;
        check_itemsize(Some(itemsize))?;
        let known = match kind {
            K::Bool => itemsize == 1,
            K::Int | K::Uint => matches!(itemsize, 1 | 2 | 4 | 8),
            K::Float => matches!(itemsize, 2 | 4 | 8 | 12 | 16),
            K::Complex => matches!(itemsize, 8 | 16 | 24 | 32),
            K::Bytes | K::Void => true,
            K::Unicode => itemsize.is_multiple_of(kind.unit_size()),
            K::Datetime(_) | K::Timedelta(_) => itemsize == 8,
            K::Object => matches!(itemsize, 4 | 8),
        };
        if !known {
            let letter = kind.letter();
            let message = format!("type of kind '{letter}' cannot have {itemsize} bytes");
            return Err(Error::malformed(Clause::DescrType, 0, message));
        }
        let ordered = match kind {
            K::Bytes | K::Void | K::Object => false,
            K::Unicode => true,
            _ => itemsize > 1,
        };
        let order = match (ordered, order) {
            (false, _) => ByteOrder::NotApplicable,
            (true, ByteOrder::Big) => ByteOrder::Big,
            (true, _) => ByteOrder::Little,
        };
        let size = if kind == K::Object { 8 } else { itemsize as u32 };
        Ok(Scalar { kind, order, size })
    }

    /// Returns the kind of value.
    pub fn kind(self) -> ScalarKind {
        self.kind
    }

    /// Returns the order of the bytes.
    pub fn order(self) -> ByteOrder {
        self.order
    }

    /// Returns the size of one value in bytes.
    pub fn itemsize(self) -> usize {
        self.size as usize
    }
}

impl ScalarKind {
    /// Returns the letter of this kind in the array protocol.
    pub fn letter(self) -> char {
        match self {
            ScalarKind::Bool => 'b',
            ScalarKind::Int => 'i',
            ScalarKind::Uint => 'u',
            ScalarKind::Float => 'f',
            ScalarKind::Complex => 'c',
            ScalarKind::Bytes => 'S',
            ScalarKind::Unicode => 'U',
            ScalarKind::Void => 'V',
            ScalarKind::Datetime(_) => 'M',
            ScalarKind::Timedelta(_) => 'm',
            ScalarKind::Object => 'O',
        }
    }

    /// Returns the number of bytes that a 1 after the letter stands for: 4 for `U`, whose number
    /// counts characters, and 1 for all others.
    pub(crate) fn unit_size(self) -> usize {
        if self == ScalarKind::Unicode { 4 } else { 1 }
    }
}

/// A structured dtype: named fields at fixed offsets. Bytes that are in no field are padding.
///
/// # Examples
/// ```
/// use npy_header::{DType, Field, Struct};
///
/// let field = Field { name: "x".into(), title: None, dtype: "<f8".parse()?, offset: 8 };
/// let dtype = DType::from(Struct::new(vec![field], 16)?);
/// assert_eq!(dtype.to_string(), "[('', '|V8'), ('x', '<f8')]");
/// # Ok::<(), npy_header::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Struct {
    fields: Vec<Field>,
    itemsize: usize,
    depth: usize,
    has_object: bool,
}

/// A field of a structured dtype.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name, which may be empty.
    pub name: String,
    /// A second name. NumPy finds the field by both.
    pub title: Option<String>,
    /// The type of the field.
    pub dtype: DType,
    /// The number of bytes from the start of the item to the field.
    pub offset: usize,
}

impl Struct {
    /// Creates a structure of these fields whose items have `itemsize` bytes. The fields may be in
    /// any order and may overlap.
    ///
    /// # Errors
    /// `npy.descr.field` if a name or title occurs twice, `npy.descr.layout` if a field ends past
    /// the end of the item, `npy.descr.size` and `npy.descr.depth` over a limit.
    pub fn new(fields: Vec<Field>, itemsize: usize) -> Result<Struct, Error> {
        check_itemsize(Some(itemsize))?;
        let mut names = BTreeSet::new();
        for field in &fields {
            for name in core::iter::once(&field.name).chain(&field.title) {
                if !names.insert(name) {
                    let message = format!("field name or title {} occurs twice", repr::start(name));
                    return Err(Error::malformed(Clause::DescrField, 0, message));
                }
            }
            let end = field.offset.checked_add(field.dtype.itemsize());
            if end.is_none_or(|end| end > itemsize) {
                let Field { name, offset, .. } = field;
                let message = format!(
                    "field {} at offset {offset} ends past the end of the item of {itemsize} bytes",
                    repr::start(name)
                );
                return Err(Error::malformed(Clause::DescrLayout, 0, message));
            }
        }
        let deepest = fields.iter().map(|field| field.dtype.depth()).max().unwrap_or(0);
        let has_object = fields.iter().any(|field| field.dtype.has_object());
        Ok(Struct { fields, itemsize, depth: one_deeper(deepest)?, has_object })
    }

    /// Returns the fields in the order of their declaration.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns the size of one item in bytes, with padding.
    pub fn itemsize(&self) -> usize {
        self.itemsize
    }
}

/// A dtype whose item is an array of fixed shape, in C order. [`DType::subarray`] creates it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subarray {
    base: Box<DType>,
    shape: Vec<usize>,
    itemsize: usize,
    depth: usize,
}

impl Subarray {
    /// Creates a subarray. It is private because a shape without dimensions makes no subarray.
    fn new(base: DType, shape: Vec<usize>) -> Result<Subarray, Error> {
        if shape.len() > DType::MAX_DIMENSIONS {
            return Err(Error::over_limit(
                DType::MAX_DIMENSIONS,
                Clause::DescrSubarray,
                0,
                format!(
                    "subarray has {} dimensions, over the limit of {}",
                    shape.len(),
                    DType::MAX_DIMENSIONS
                ),
            ));
        }
        // NumPy refuses a length over the limit also if another length is 0.
        shape.iter().try_for_each(|&length| check_itemsize(Some(length)).map(drop))?;
        let product = shape.iter().try_fold(base.itemsize(), |size, &n| size.checked_mul(n));
        let itemsize = check_itemsize(product)?;
        let depth = one_deeper(base.depth())?;
        Ok(Subarray { base: Box::new(base), shape, itemsize, depth })
    }

    /// Returns the dtype of the items of the subarray.
    pub fn base(&self) -> &DType {
        &self.base
    }

    /// Returns the length of each dimension. There is at least one.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
}

/// Returns the item size if it is within the limit. `None` is a size that overflowed a `usize`.
pub(crate) fn check_itemsize(itemsize: Option<usize>) -> Result<usize, Error> {
    itemsize.filter(|&size| size <= DType::MAX_ITEMSIZE).ok_or_else(|| {
        let max = DType::MAX_ITEMSIZE;
        let message = format!("item size is over the limit of {max} bytes");
        Error::over_limit(max, Clause::DescrSize, 0, message)
    })
}

/// Returns the depth of a dtype whose deepest part has the depth `depth`.
fn one_deeper(depth: usize) -> Result<usize, Error> {
    if depth < DType::MAX_DEPTH {
        return Ok(depth + 1);
    }
    let max = DType::MAX_DEPTH;
    let message = format!("dtypes nest deeper than {max} levels");
    Err(Error::over_limit(max, Clause::DescrDepth, 0, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f8() -> DType {
        Scalar::new(ScalarKind::Float, ByteOrder::Little, 8).unwrap().into()
    }

    fn field(name: &str, dtype: DType, offset: usize) -> Field {
        Field { name: name.into(), title: None, dtype, offset }
    }

    #[test]
    fn scalar_has_the_order_and_size_that_numpy_writes() {
        let scalar = |kind, order, size| Scalar::new(kind, order, size).unwrap();
        use ByteOrder::*;
        use ScalarKind::*;
        assert_eq!(scalar(Int, Big, 1).order(), NotApplicable);
        assert_eq!(scalar(Bytes, Big, 5).order(), NotApplicable);
        assert_eq!(scalar(Unicode, NotApplicable, 0).order(), Little);
        assert_eq!(scalar(Float, Big, 2).order(), Big);
        assert_eq!(DType::from(scalar(Object, Little, 4)), DType::OBJECT);
    }

    #[test]
    fn scalar_of_unknown_size_is_refused() {
        use ByteOrder::*;
        use ScalarKind::*;
        assert_eq!(Scalar::new(Int, Little, 3).unwrap_err().clause(), "npy.descr.type");
        assert_eq!(Scalar::new(Unicode, Little, 6).unwrap_err().clause(), "npy.descr.type");
        let huge = Scalar::new(Void, Little, 1 << 31).unwrap_err();
        assert_eq!(huge.limit(), Some(i32::MAX as u64));
    }

    #[test]
    fn structure_with_wrong_fields_is_refused() {
        let clause = |fields, itemsize| Struct::new(fields, itemsize).unwrap_err().clause();
        let twice = Vec::from([field("a", f8(), 0), field("a", f8(), 8)]);
        assert_eq!(clause(twice, 16), "npy.descr.field");
        let titled = Field { title: Some("b".into()), ..field("a", f8(), 0) };
        assert_eq!(clause(Vec::from([titled, field("b", f8(), 8)]), 16), "npy.descr.field");
        assert_eq!(clause(Vec::from([field("a", f8(), 1)]), 8), "npy.descr.layout");
        assert_eq!(clause(Vec::from([field("a", f8(), usize::MAX)]), 8), "npy.descr.layout");
        assert_eq!(clause(Vec::new(), 1 << 31), "npy.descr.size");
    }

    #[test]
    fn structure_with_overlapping_fields_is_created() {
        let overlapping = Vec::from([field("a", f8(), 4), field("b", f8(), 0)]);
        assert_eq!(Struct::new(overlapping, 12).unwrap().itemsize(), 12);
    }

    #[test]
    fn subarray_has_the_size_of_its_items() {
        assert_eq!(DType::subarray(f8(), Vec::new()), Ok(f8()));
        let square = DType::subarray(f8(), Vec::from([3, 3])).unwrap();
        assert_eq!(square.itemsize(), 72);
    }

    #[test]
    fn subarray_over_a_limit_is_refused() {
        let error = |shape: &[usize]| DType::subarray(f8(), shape.into()).unwrap_err();
        assert_eq!(error(&[1 << 28]).clause(), "npy.descr.size");
        assert_eq!(error(&[usize::MAX, usize::MAX]).clause(), "npy.descr.size");
        assert_eq!(error(&[0, 1 << 31]).clause(), "npy.descr.size");
        assert_eq!(error(&[1; 65]).limit(), Some(64));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let mut dtype = f8();
        for _ in 0..DType::MAX_DEPTH {
            dtype = Struct::new(Vec::from([field("a", dtype, 0)]), 8).unwrap().into();
        }
        let error = DType::subarray(dtype, Vec::from([1])).unwrap_err();
        assert_eq!(error.clause(), "npy.descr.depth");
    }

    #[test]
    fn object_in_a_nested_dtype_is_found() {
        let inner = DType::subarray(DType::OBJECT, Vec::from([2])).unwrap();
        let outer = Struct::new(Vec::from([field("a", f8(), 0), field("b", inner, 8)]), 24);
        assert!(DType::Struct(outer.unwrap()).has_object());
        assert!(!f8().has_object());
    }
}
