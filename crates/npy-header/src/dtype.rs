//! [`DType`]: what one item of an array is. The whole project speaks of NumPy dtypes in this type,
//! whether they were read from a header or put together from a pickled dtype's state.
//!
//! A scalar dtype is `Copy` and owns no memory. Every constructor checks what NumPy checks, so a
//! `DType` that exists has an item size that fits, fields that lie inside it, and a nesting shallow
//! enough for any code to walk it by recursion.

use alloc::{boxed::Box, collections::BTreeSet, format, string::String, vec::Vec};

use crate::error::{Clause, Error, ErrorKind, Limit};
use crate::repr::Str;

/// The type of one item of an array: `numpy.dtype`, without its alignment and metadata.
///
/// Two are equal where they describe the same bytes in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// A dtype without parts, such as `<f8` or `|O`.
    Scalar(Scalar),
    /// Named fields at fixed offsets, such as `[('x', '<f4'), ('y', '<f4')]`.
    Struct(Struct),
    /// A small array as an item, such as `('<f4', (3, 3))`.
    Subarray(Subarray),
}

impl DType {
    /// `|O`: a reference to a Python object.
    pub const OBJECT: DType = DType::Scalar(Scalar {
        kind: ScalarKind::Object,
        order: ByteOrder::NotApplicable,
        size: 8,
    });

    /// The largest item, in bytes: NumPy keeps sizes of dtypes in a C `int`.
    pub const MAX_ITEMSIZE: usize = i32::MAX as usize;

    /// How deep structures and subarrays may nest; a scalar has depth 0.
    pub const MAX_DEPTH: usize = 32;

    /// The most dimensions of a subarray (NumPy 1 stopped at 32).
    pub const MAX_DIMENSIONS: usize = 64;

    /// Bytes that one item takes.
    pub fn itemsize(&self) -> usize {
        match self {
            DType::Scalar(scalar) => scalar.itemsize(),
            DType::Struct(record) => record.itemsize,
            DType::Subarray(subarray) => subarray.itemsize,
        }
    }

    /// Whether an item holds references to Python objects anywhere, in which case the array's data
    /// is a pickle.
    pub fn has_object(&self) -> bool {
        match self {
            DType::Scalar(scalar) => scalar.kind == ScalarKind::Object,
            DType::Struct(record) => record.has_object,
            DType::Subarray(subarray) => subarray.base.has_object(),
        }
    }

    /// The scalar, where this is one.
    pub fn as_scalar(&self) -> Option<Scalar> {
        match self {
            DType::Scalar(scalar) => Some(*scalar),
            _ => None,
        }
    }

    /// `base` with `shape` as an item; `base` itself where `shape` is empty, as in NumPy.
    ///
    /// # Errors
    /// `npy.descr.subarray`, `npy.descr.size` or `npy.descr.depth` where the shape, the item or the
    /// nesting would be too large.
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

/// A dtype without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scalar {
    kind: ScalarKind,
    order: ByteOrder,
    size: u32,
}

/// What sort of value a scalar dtype holds. The letter is its kind in the array protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalarKind {
    /// `b`: one byte, 0 or 1.
    Bool,
    /// `i`: a two's-complement integer of 1, 2, 4 or 8 bytes.
    Int,
    /// `u`: an unsigned integer of 1, 2, 4 or 8 bytes.
    Uint,
    /// `f`: IEEE 754 of 2, 4 or 8 bytes; 12 and 16 are the C `long double` of the writer's
    /// machine, mostly x87 80-bit with padding.
    Float,
    /// `c`: two floats of half the size, the real part first.
    Complex,
    /// `S`: bytes, padded with NULs.
    Bytes,
    /// `U`: UCS-4 code points, padded with NULs; four bytes each.
    Unicode,
    /// `V`: bytes without meaning to NumPy. Extension types such as bfloat16 are saved so (`<V2`).
    Void,
    /// `M`: a signed 64-bit count of units since 1970-01-01T00:00; the least value is `NaT`.
    Datetime(TimeUnit),
    /// `m`: a signed 64-bit count of units; the least value is `NaT`.
    Timedelta(TimeUnit),
    /// `O`: a reference to a Python object. Nothing of it is in an array's bytes: it is pickled.
    Object,
}

/// The order of the bytes in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `<`
    Little,
    /// `>`
    Big,
    /// `|`: values that are one byte, or have no order.
    NotApplicable,
}

impl ByteOrder {
    /// The sign of this order in the array protocol.
    pub fn sign(self) -> char {
        match self {
            ByteOrder::Little => '<',
            ByteOrder::Big => '>',
            ByteOrder::NotApplicable => '|',
        }
    }
}

impl Scalar {
    /// The scalar of `kind` that takes `itemsize` bytes.
    ///
    /// `order` is brought to the one form NumPy writes: none for bytes, void, objects and values of
    /// a single byte; little-endian where an order is needed and none is given. An object is always
    /// counted as 8 bytes, also where a 32-bit machine wrote `|O4`: a 64-bit NumPy reads it so, and
    /// no reference is ever stored.
    ///
    /// # Errors
    /// `npy.descr.type` where NumPy has no such size; `npy.descr.size` over
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
            let message = format!("no type of kind '{letter}' takes {itemsize} bytes");
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

    /// What sort of value this is.
    pub fn kind(self) -> ScalarKind {
        self.kind
    }

    /// The order of its bytes; [`ByteOrder::NotApplicable`] where there is none.
    pub fn order(self) -> ByteOrder {
        self.order
    }

    /// Bytes that one value takes.
    pub fn itemsize(self) -> usize {
        self.size as usize
    }
}

impl ScalarKind {
    /// The letter of this kind in the array protocol.
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

    /// Bytes that the number after the kind counts by in the array protocol: `U3` has three
    /// characters of four bytes.
    pub(crate) fn unit_size(self) -> usize {
        if self == ScalarKind::Unicode { 4 } else { 1 }
    }
}

/// The unit that datetimes and timedeltas count in: `num` times `base`, as in `25s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeUnit {
    num: u32,
    base: TimeBase,
}

/// The units of time that NumPy knows, from long to short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum TimeBase {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    Picosecond,
    Femtosecond,
    Attosecond,
    /// No unit is known: `<M8`.
    Generic,
}

impl TimeBase {
    /// All but [`TimeBase::Generic`], from long to short.
    const TIMES: [(TimeBase, &str); 13] = [
        (TimeBase::Year, "Y"),
        (TimeBase::Month, "M"),
        (TimeBase::Week, "W"),
        (TimeBase::Day, "D"),
        (TimeBase::Hour, "h"),
        (TimeBase::Minute, "m"),
        (TimeBase::Second, "s"),
        (TimeBase::Millisecond, "ms"),
        (TimeBase::Microsecond, "us"),
        (TimeBase::Nanosecond, "ns"),
        (TimeBase::Picosecond, "ps"),
        (TimeBase::Femtosecond, "fs"),
        (TimeBase::Attosecond, "as"),
    ];

    /// The unit of this name (`"Y"`, `"ns"`, `"generic"`, ...), if NumPy has one. `"μs"`, with a
    /// Greek mu, is `"us"`.
    pub fn from_name(name: &str) -> Option<TimeBase> {
        match name {
            "generic" => Some(TimeBase::Generic),
            "\u{3bc}s" => Some(TimeBase::Microsecond),
            _ => Self::TIMES.iter().find(|(_, known)| *known == name).map(|(base, _)| *base),
        }
    }

    /// The name that NumPy has for this unit.
    pub fn name(self) -> &'static str {
        Self::TIMES.iter().find(|(base, _)| *base == self).map_or("generic", |(_, name)| name)
    }

    /// What NumPy tries, in turn, to write a fraction of this unit with: how many of a shorter
    /// unit make one of these (`_multiples_table` in NumPy's `datetime.c`).
    fn parts(self) -> &'static [(u32, TimeBase)] {
        use TimeBase::*;
        match self {
            Year => &[(12, Month), (52, Week), (365, Day)],
            Month => &[(4, Week), (30, Day), (720, Hour)],
            Week => &[(7, Day), (168, Hour), (10_080, Minute)],
            Day => &[(24, Hour), (1_440, Minute), (86_400, Second)],
            Hour => &[(60, Minute), (3_600, Second)],
            Minute => &[(60, Second), (60_000, Millisecond)],
            Second => &[(1_000, Millisecond), (1_000_000, Microsecond)],
            Millisecond => &[(1_000, Microsecond), (1_000_000, Nanosecond)],
            Microsecond => &[(1_000, Nanosecond), (1_000_000, Picosecond)],
            Nanosecond => &[(1_000, Picosecond), (1_000_000, Femtosecond)],
            Picosecond => &[(1_000, Femtosecond), (1_000_000, Attosecond)],
            Femtosecond => &[(1_000, Attosecond)],
            Attosecond | Generic => &[],
        }
    }
}

impl TimeUnit {
    /// No unit: `<M8` and `<m8` without brackets.
    pub const GENERIC: TimeUnit = TimeUnit { num: 1, base: TimeBase::Generic };

    /// `num` times `base` divided by `den`, the three numbers that a datetime dtype's pickle and
    /// the form `[3D/2]` have; `den` is 1 in everything NumPy writes.
    ///
    /// A division is carried out as NumPy does: `3D/2` is `36h`. Generic time takes no multiple.
    ///
    /// # Errors
    /// `npy.descr.unit` where no shorter unit divides evenly, or `num` does not fit a C `int`. A
    /// divisor of 0 is an error as well (NumPy dies of a division by zero).
    pub fn new(base: TimeBase, num: u32, den: u32) -> Result<TimeUnit, Error> {
        let refuse = |message| Err(Error::malformed(Clause::DescrUnit, 0, message));
        let name = base.name();
        if den == 1 && base == TimeBase::Generic {
            return Ok(TimeUnit::GENERIC);
        }
        let (factor, base) = match den {
            1 => (1, base),
            0 => return refuse(format!("unit '{num}{name}/0' divides by zero")),
            _ => match base.parts().iter().find(|(count, _)| count % den == 0) {
                Some((count, shorter)) => (count / den, *shorter),
                None => {
                    return refuse(format!("no shorter unit makes '{name}' divisible by {den}"));
                }
            },
        };
        match num.checked_mul(factor) {
            Some(num) if num <= i32::MAX as u32 => Ok(TimeUnit { num, base }),
            _ => refuse(format!("multiple of unit '{name}' is over {}", i32::MAX)),
        }
    }

    /// How many of [`base`](Self::base) one count stands for; 1 where the unit is generic.
    pub fn num(self) -> u32 {
        self.num
    }

    /// The unit that is counted.
    pub fn base(self) -> TimeBase {
        self.base
    }
}

/// A structured dtype: fields at fixed offsets. Bytes that no field covers are padding.
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
    /// What the field is called; may be empty.
    pub name: String,
    /// A second name, where it has one.
    pub title: Option<String>,
    /// What it holds.
    pub dtype: DType,
    /// Bytes from the start of the item to the field.
    pub offset: usize,
}

impl Struct {
    /// The structure of these fields, `itemsize` bytes long. Fields may lie in any order and may
    /// overlap.
    ///
    /// # Errors
    /// `npy.descr.field` where a name or title is there twice, `npy.descr.layout` where a field
    /// reaches beyond the item, `npy.descr.size` and `npy.descr.depth` over a limit.
    pub fn new(fields: Vec<Field>, itemsize: usize) -> Result<Struct, Error> {
        check_itemsize(Some(itemsize))?;
        let mut names = BTreeSet::new();
        for field in &fields {
            for name in core::iter::once(&field.name).chain(&field.title) {
                if !names.insert(name) {
                    let message = format!("field name or title {} is there twice", Str(name));
                    return Err(Error::malformed(Clause::DescrField, 0, message));
                }
            }
            let end = field.offset.checked_add(field.dtype.itemsize());
            if end.is_none_or(|end| end > itemsize) {
                let Field { name, offset, .. } = field;
                let message = format!(
                    "field {} at offset {offset} reaches beyond the item's {itemsize} bytes",
                    Str(name)
                );
                return Err(Error::malformed(Clause::DescrLayout, 0, message));
            }
        }
        let deepest = fields.iter().map(|field| field.dtype.depth()).max().unwrap_or(0);
        let has_object = fields.iter().any(|field| field.dtype.has_object());
        Ok(Struct { fields, itemsize, depth: one_deeper(deepest)?, has_object })
    }

    /// The fields, in the order in which they were declared.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Bytes that one item takes, padding included.
    pub fn itemsize(&self) -> usize {
        self.itemsize
    }
}

/// A dtype whose item is an array of fixed shape, in C order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subarray {
    base: Box<DType>,
    shape: Vec<usize>,
    itemsize: usize,
    depth: usize,
}

impl Subarray {
    /// Private: an empty shape makes no subarray, see [`DType::subarray`].
    fn new(base: DType, shape: Vec<usize>) -> Result<Subarray, Error> {
        if shape.len() > DType::MAX_DIMENSIONS {
            return Err(Error::new(
                ErrorKind::OverLimit(Limit::Dimensions, DType::MAX_DIMENSIONS as u64),
                Clause::DescrSubarray,
                0,
                format!("subarray has {} dimensions", shape.len()),
            ));
        }
        // A dimension of 0 hides no other: each must fit on its own, as in NumPy.
        shape.iter().try_for_each(|&length| check_itemsize(Some(length)).map(drop))?;
        let product = shape.iter().try_fold(base.itemsize(), |size, &n| size.checked_mul(n));
        let itemsize = check_itemsize(product)?;
        let depth = one_deeper(base.depth())?;
        Ok(Subarray { base: Box::new(base), shape, itemsize, depth })
    }

    /// The dtype of the elements.
    pub fn base(&self) -> &DType {
        &self.base
    }

    /// The length of each dimension; there is at least one.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
}

/// The item size, unless it is over the limit; `None` stands for one that overflowed.
pub(crate) fn check_itemsize(itemsize: Option<usize>) -> Result<usize, Error> {
    itemsize.filter(|&size| size <= DType::MAX_ITEMSIZE).ok_or_else(|| {
        let max = DType::MAX_ITEMSIZE as u64;
        let message = format!("dtype takes over {max} bytes an item");
        Error::new(ErrorKind::OverLimit(Limit::ItemSize, max), Clause::DescrSize, 0, message)
    })
}

fn one_deeper(depth: usize) -> Result<usize, Error> {
    if depth < DType::MAX_DEPTH {
        return Ok(depth + 1);
    }
    let max = DType::MAX_DEPTH as u64;
    let message = format!("dtypes nest over {max} deep");
    Err(Error::new(ErrorKind::OverLimit(Limit::Depth, max), Clause::DescrDepth, 0, message))
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
    fn scalars_are_brought_to_one_form() {
        let scalar = |kind, order, size| Scalar::new(kind, order, size).unwrap();
        use ByteOrder::*;
        use ScalarKind::*;
        assert_eq!(scalar(Int, Big, 1).order(), NotApplicable);
        assert_eq!(scalar(Bytes, Big, 5).order(), NotApplicable);
        assert_eq!(scalar(Unicode, NotApplicable, 0).order(), Little);
        assert_eq!(scalar(Float, Big, 2).order(), Big);
        assert_eq!(DType::from(scalar(Object, Little, 4)), DType::OBJECT);
        assert_eq!(Scalar::new(Int, Little, 3).unwrap_err().clause(), "npy.descr.type");
        assert_eq!(Scalar::new(Unicode, Little, 6).unwrap_err().clause(), "npy.descr.type");
        let huge = Scalar::new(Void, Little, 1 << 31).unwrap_err();
        assert_eq!(huge.kind(), ErrorKind::OverLimit(Limit::ItemSize, i32::MAX as u64));
    }

    #[test]
    fn structures_are_checked() {
        let clause = |fields, itemsize| Struct::new(fields, itemsize).unwrap_err().clause();
        let twice = Vec::from([field("a", f8(), 0), field("a", f8(), 8)]);
        assert_eq!(clause(twice, 16), "npy.descr.field");
        let titled = Field { title: Some("b".into()), ..field("a", f8(), 0) };
        assert_eq!(clause(Vec::from([titled, field("b", f8(), 8)]), 16), "npy.descr.field");
        assert_eq!(clause(Vec::from([field("a", f8(), 1)]), 8), "npy.descr.layout");
        assert_eq!(clause(Vec::from([field("a", f8(), usize::MAX)]), 8), "npy.descr.layout");
        assert_eq!(clause(Vec::new(), 1 << 31), "npy.descr.size");
        let overlapping = Vec::from([field("a", f8(), 4), field("b", f8(), 0)]);
        assert_eq!(Struct::new(overlapping, 12).unwrap().itemsize(), 12);
    }

    #[test]
    fn subarrays_are_checked() {
        assert_eq!(DType::subarray(f8(), Vec::new()), Ok(f8()));
        let square = DType::subarray(f8(), Vec::from([3, 3])).unwrap();
        assert_eq!(square.itemsize(), 72);
        let error = |shape: &[usize]| DType::subarray(f8(), shape.into()).unwrap_err();
        assert_eq!(error(&[1 << 28]).clause(), "npy.descr.size");
        assert_eq!(error(&[usize::MAX, usize::MAX]).clause(), "npy.descr.size");
        assert_eq!(error(&[0, 1 << 31]).clause(), "npy.descr.size");
        assert_eq!(error(&[1; 65]).kind(), ErrorKind::OverLimit(Limit::Dimensions, 64));
    }

    #[test]
    fn nesting_is_limited() {
        let mut dtype = f8();
        for _ in 0..DType::MAX_DEPTH {
            dtype = DType::Struct(Struct::new(Vec::from([field("a", dtype, 0)]), 8).unwrap());
        }
        let error = DType::subarray(dtype, Vec::from([1])).unwrap_err();
        assert_eq!(error.clause(), "npy.descr.depth");
    }

    #[test]
    fn objects_are_found_inside() {
        let inner = DType::subarray(DType::OBJECT, Vec::from([2])).unwrap();
        let outer = Struct::new(Vec::from([field("a", f8(), 0), field("b", inner, 8)]), 24);
        assert!(DType::Struct(outer.unwrap()).has_object());
        assert!(!f8().has_object());
    }

    #[test]
    fn units_are_divided_as_in_numpy() {
        let unit = |base, num, den| TimeUnit::new(base, num, den).map(|u| (u.num(), u.base()));
        use TimeBase::*;
        assert_eq!(unit(Day, 3, 2), Ok((36, Hour)));
        assert_eq!(unit(Year, 1, 5), Ok((73, Day)));
        assert_eq!(unit(Week, 2, 7), Ok((2, Day)));
        assert_eq!(unit(Second, 1, 1_000_000), Ok((1, Microsecond)));
        assert_eq!(unit(Generic, 5, 1), Ok((1, Generic)));
        for (base, num, den) in [
            (Day, 3, 0),
            (Second, 1, 7),
            (Attosecond, 1, 2),
            (Generic, 1, 2),
            (Second, 1 << 31, 1),
            (Second, u32::MAX, 2),
        ] {
            assert_eq!(unit(base, num, den).unwrap_err().clause(), "npy.descr.unit");
        }
    }

    #[test]
    fn names_of_units() {
        for (base, name) in TimeBase::TIMES {
            assert_eq!((TimeBase::from_name(name), base.name()), (Some(base), name));
        }
        assert_eq!(TimeBase::from_name(TimeBase::Generic.name()), Some(TimeBase::Generic));
        assert_eq!(TimeBase::from_name("B"), None);
    }
}
