//! [`Numbers`]: the items of an array as `f64`, read from the file in parts.

use std::borrow::Cow;
use std::io;

use npy_object::header::{ByteOrder, DType, Header, Scalar, ScalarKind};
use npy_object::{Array, ByteRange, Data, Element, Floats, ItemType, Kind, Result, Source};

/// The items of an array of numbers. Of a large array, the parts that are asked for are read.
pub(super) struct Numbers {
    item: Scalar,
    shape: Vec<usize>,
    /// Items from one index of an axis to the next.
    strides: Vec<usize>,
    bytes: Bytes,
}

/// Where the items are.
enum Bytes {
    InFile { source: Source, offset: u64 },
    InMemory(Vec<u8>),
}

/// Items that are read at a time.
const CHUNK: usize = 1 << 16;

impl Numbers {
    /// Returns the items in a range of a source; `None` where they are not numbers.
    pub(super) fn in_file(source: &Source, range: &ByteRange) -> Option<Numbers> {
        let bytes = Bytes::InFile { source: source.clone(), offset: range.offset };
        let item = range.dtype.as_scalar()?;
        Numbers::new(item, range.shape.clone(), range.fortran_order, bytes)
    }

    /// Returns the items of a whole array without objects; `None` where they are not numbers.
    pub(super) fn of_rows(source: &Source, header: &Header, offset: u64) -> Option<Numbers> {
        let bytes = Bytes::InFile { source: source.clone(), offset };
        let item = header.dtype.as_scalar()?;
        Numbers::new(item, header.shape.clone(), header.fortran_order, bytes)
    }

    /// Takes the bytes of items in C order; `None` where the items are not numbers.
    pub(super) fn in_memory(item: Scalar, shape: Vec<usize>, bytes: Vec<u8>) -> Option<Numbers> {
        Numbers::new(item, shape, false, Bytes::InMemory(bytes))
    }

    /// Copies the items of an array, or of a list or tuple of numbers; `None` of another element.
    pub(super) fn of(element: Element<'_>) -> Option<Numbers> {
        match element.kind() {
            Kind::Array(array) => Numbers::of_array(&array),
            Kind::List(_) | Kind::Tuple(_) => {
                let floats = element.to_floats()?;
                let mut bytes = Vec::with_capacity(8 * floats.len());
                floats.for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
                let item = Scalar::new(ScalarKind::Float, ByteOrder::Little, 8).ok()?;
                Numbers::in_memory(item, floats.shape().to_vec(), bytes)
            }
            _ => None,
        }
    }

    fn of_array(array: &Array<'_>) -> Option<Numbers> {
        let (ItemType::Plain(DType::Scalar(item)), Data::Bytes(bytes)) =
            (array.item(), array.data())
        else {
            return None;
        };
        let bytes = Bytes::InMemory(bytes.to_vec());
        Numbers::new(*item, array.shape().to_vec(), array.fortran_order(), bytes)
    }

    fn new(item: Scalar, shape: Vec<usize>, fortran: bool, bytes: Bytes) -> Option<Numbers> {
        let mut strides = vec![1; shape.len()];
        let axes: Vec<usize> =
            if fortran { (0..shape.len()).collect() } else { (0..shape.len()).rev().collect() };
        let mut count = 1usize;
        for axis in axes {
            strides[axis] = count;
            count = count.checked_mul(shape[axis])?;
        }
        decode(item, &[], &mut Vec::new()).then_some(Numbers { item, shape, strides, bytes })
    }

    /// Returns the length of each dimension.
    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the dtype of the items.
    pub(super) fn item(&self) -> Scalar {
        self.item
    }

    /// Returns how many items are between one index of an axis and the next.
    pub(super) fn stride(&self, axis: usize) -> usize {
        self.strides[axis]
    }

    /// Returns the number of items.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Reads `count` items from `first` on, `stride` items apart, and calls `each` with parts of
    /// them.
    ///
    /// Fails where the file ends before them.
    pub(super) fn read(
        &self,
        first: usize,
        count: usize,
        stride: usize,
        mut each: impl FnMut(&[f64]),
    ) -> Result<()> {
        let size = self.item.itemsize();
        let mut numbers = Vec::new();
        // One read takes items that are close to each other.
        let (run, skip) =
            if stride * size <= NEAR { (CHUNK / stride.max(1), stride) } else { (1, 1) };
        let mut done = 0;
        while done < count {
            let taken = run.clamp(1, count - done);
            let bytes = self.bytes(first + done * stride, (taken - 1) * skip + 1)?;
            numbers.clear();
            match skip {
                1 => drop(decode(self.item, &bytes, &mut numbers)),
                _ => bytes.chunks(skip * size).for_each(|item| {
                    decode(self.item, &item[..size], &mut numbers);
                }),
            }
            each(&numbers);
            done += taken;
        }
        Ok(())
    }

    /// Returns the bytes of items that follow one another.
    fn bytes(&self, first: usize, count: usize) -> Result<Cow<'_, [u8]>> {
        let size = self.item.itemsize();
        match &self.bytes {
            Bytes::InMemory(bytes) => Ok(bytes[first * size..(first + count) * size].into()),
            Bytes::InFile { source, offset } => {
                let mut bytes = vec![0; count * size];
                let mut read = 0;
                while read < bytes.len() {
                    let place = offset + (first * size + read) as u64;
                    match source.read_at(&mut bytes[read..], place)? {
                        0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                        more => read += more,
                    }
                }
                Ok(bytes.into())
            }
        }
    }
}

/// Bytes between two items up to which they are read together.
const NEAR: usize = 512;

/// Decodes items, and returns whether they are numbers. A complex number becomes its magnitude, a
/// date its number of units, and NaT becomes NaN.
fn decode(item: Scalar, bytes: &[u8], out: &mut Vec<f64>) -> bool {
    let part = |kind, size| Scalar::new(kind, item.order(), size).expect("NumPy has this type");
    match (item.kind(), item.itemsize()) {
        (ScalarKind::Complex, size @ (8 | 16)) => {
            let mut real = None;
            Floats::convert(part(ScalarKind::Float, size / 2), bytes, |number| match real.take() {
                None => real = Some(number),
                Some(real) => out.push(real.hypot(number)),
            })
        }
        (ScalarKind::Datetime(_) | ScalarKind::Timedelta(_), _) => {
            Floats::convert(part(ScalarKind::Int, 8), bytes, |units| {
                out.push(if units == i64::MIN as f64 { f64::NAN } else { units });
            })
        }
        _ => Floats::convert(item, bytes, |number| out.push(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(dtype: &str, shape: &[usize], fortran: bool, bytes: Vec<u8>) -> Option<Numbers> {
        let item = dtype.parse::<DType>().unwrap().as_scalar().unwrap();
        Numbers::new(item, shape.to_vec(), fortran, Bytes::InMemory(bytes))
    }

    fn all(numbers: &Numbers, first: usize, count: usize, stride: usize) -> Vec<f64> {
        let mut found = Vec::new();
        numbers.read(first, count, stride, |part| found.extend_from_slice(part)).unwrap();
        found
    }

    #[test]
    fn items_of_each_dtype_become_f64() {
        for (dtype, bytes, expected) in [
            ("|b1", &[2][..], 1.0),
            ("|i1", &[0xff], -1.0),
            (">i2", &[1, 0], 256.0),
            ("<u4", &[0, 0, 0, 0x80], 2_147_483_648.0),
            ("<f2", &[0, 0x3e], 1.5),
            (">f4", &[0x3f, 0xc0, 0, 0], 1.5),
            ("<c8", &[0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40], 5.0),
            ("<M8[s]", &[7, 0, 0, 0, 0, 0, 0, 0], 7.0),
        ] {
            let numbers = numbers(dtype, &[1], false, bytes.to_vec()).unwrap();
            assert_eq!(all(&numbers, 0, 1, 1), [expected], "{dtype}");
        }
        let nat = numbers("<m8[s]", &[1], false, i64::MIN.to_le_bytes().to_vec()).unwrap();
        assert!(all(&nat, 0, 1, 1)[0].is_nan());
        for dtype in ["<U3", "|S3", "|V3", "<f16"] {
            assert!(numbers(dtype, &[0], false, Vec::new()).is_none(), "{dtype}");
        }
    }

    #[test]
    fn strided_items_are_those_of_a_column() {
        let c = numbers("|u1", &[2, 3], false, vec![0, 1, 2, 3, 4, 5]).unwrap();
        assert_eq!((c.stride(0), c.stride(1)), (3, 1));
        assert_eq!(all(&c, 1, 2, c.stride(0)), [1.0, 4.0]);
        let fortran = numbers("|u1", &[2, 3], true, vec![0, 3, 1, 4, 2, 5]).unwrap();
        assert_eq!(all(&fortran, 0, 3, fortran.stride(1)), [0.0, 1.0, 2.0]);
        assert_eq!(all(&fortran, 0, 2, fortran.stride(0)), [0.0, 3.0]);
    }

    #[test]
    fn long_reads_come_in_parts() {
        let count = 3 * CHUNK + 5;
        let bytes: Vec<u8> = (0..count).map(|number| number as u8).collect();
        let source = Source::bytes([vec![9; 7], bytes].concat());
        let item = "|u1".parse::<DType>().unwrap().as_scalar().unwrap();
        let bytes = Bytes::InFile { source, offset: 7 };
        let numbers = Numbers::new(item, vec![count], false, bytes).unwrap();
        for stride in [1, 2, 600] {
            let (mut found, mut parts) = (Vec::new(), 0);
            let most = (count - 1) / stride + 1;
            numbers
                .read(0, most, stride, |part| {
                    found.extend_from_slice(part);
                    parts += 1;
                })
                .unwrap();
            let expected: Vec<_> = (0..count).step_by(stride).map(|n| f64::from(n as u8)).collect();
            assert_eq!(found, expected, "{stride}");
            assert!(parts > 1);
        }
        assert!(numbers.read(1, count, 1, |_| ()).is_err());
    }
}
