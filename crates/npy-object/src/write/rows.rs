//! [`RowWriter`]: writes an array without objects, row by row.

use std::fmt;
use std::io::{Seek, Write};
use std::path::Path;

use npy_header::{Header, Padding};

use super::writer::{WriteOptions, has_failed, miscounted};
use crate::error::{Error, Result};
use crate::output::Output;

/// A writer of an array without objects. It appends rows along the first axis, and holds one row in
/// memory.
///
/// ```
/// use std::io::Cursor;
/// use npy_object::{Options, WriteOptions};
///
/// let mut file = Cursor::new(Vec::new());
/// let options = WriteOptions::new().dtype("<i2".parse()?).shape(&[2, 2]);
/// let mut writer = options.write_rows_to(&mut file)?;
/// for row in [[1i16, 2], [3, 4]] {
///     writer.append(&row.map(i16::to_le_bytes).concat())?;
/// }
/// writer.finish()?;
/// let mut array = Options::new().open(file.into_inner())?;
/// assert_eq!(array.get(1)?.unwrap().as_array::<i16>()?.data(), [3, 4]);
/// # Ok::<(), npy_object::Error>(())
/// ```
pub struct RowWriter<'a> {
    output: Output<'a>,
    header: Header,
    /// The offset of the data.
    data: u64,
    /// Bytes of a row.
    size: usize,
    /// The number of rows, and whether fewer are allowed.
    most: u64,
    may_be_shorter: bool,
    /// Rows that were appended.
    written: u64,
    /// In Fortran order: rows whose items are not yet written to their columns.
    block: Vec<u8>,
    failed: bool,
}

/// Bytes of rows that are written to their columns at once, unless one row has more.
const BLOCK: usize = 1 << 20;

/// The first size in bytes that no array can have.
const LARGEST: u64 = 1 << 63;

impl WriteOptions {
    /// Creates a file of an array without objects, as [`create`](Self::create) does for an array
    /// with objects. Without a [shape](Self::shape) it has one dimension.
    ///
    /// Fails where the file cannot be created, and where the dtype has objects.
    pub fn create_rows(self, path: impl AsRef<Path>) -> Result<RowWriter<'static>> {
        RowWriter::begin(Output::create(path.as_ref())?, self)
    }

    /// Writes the rows to an output, as [`write_to`](Self::write_to) does for elements.
    pub fn write_rows_to<'a>(self, output: impl Write + Seek + Send + 'a) -> Result<RowWriter<'a>> {
        RowWriter::begin(Output::of(output), self)
    }
}

impl<'a> RowWriter<'a> {
    fn begin(mut output: Output<'a>, options: WriteOptions) -> Result<RowWriter<'a>> {
        let WriteOptions { version, dtype, shape, may_be_shorter, fortran_order, .. } = options;
        if dtype.has_object() {
            let message = format!("an array of {dtype} has objects: its elements are pickled");
            return Err(Error::usage("access.type", message));
        }
        let most = match shape.as_deref() {
            None => u64::MAX,
            Some([]) => 1,
            Some(&[rows, ..]) => rows as u64,
        };
        let may_be_shorter = may_be_shorter || shape.is_none();
        let shape = shape.unwrap_or_else(|| vec![0]);
        let row = shape.get(1..).unwrap_or_default();
        let size = row.iter().try_fold(dtype.itemsize(), |size, &n| size.checked_mul(n));
        let header = Header { version, ..Header::new(dtype, fortran_order, shape.clone()) };
        let (Some(size), Some(0..LARGEST)) = (size, header.nbytes()) else {
            let message = "expected an array of less than 2^63 bytes, found a larger one";
            return Err(Error::usage("npy.header.shape", message));
        };
        let preamble = header.to_bytes(Padding::Growable)?;
        output.write(&preamble)?;
        Ok(RowWriter {
            output,
            header,
            data: preamble.len() as u64,
            size,
            most,
            may_be_shorter,
            written: 0,
            block: Vec::new(),
            failed: false,
        })
    }

    /// Returns how many rows were appended.
    pub fn len(&self) -> u64 {
        self.written
    }

    /// Returns whether no rows were appended.
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Appends a row: the bytes of its items, each in the byte order of the dtype, in C order.
    ///
    /// Fails where writing fails, past the end of the shape, and with clause `access.type` where
    /// `row` does not have the bytes of a row.
    pub fn append(&mut self, row: &[u8]) -> Result<()> {
        if self.written >= self.most {
            return Err(miscounted(self.most, self.written + 1));
        }
        if row.len() != self.size {
            let message = format!("expected a row of {} bytes, found {}", self.size, row.len());
            return Err(Error::usage("access.type", message));
        }
        self.write(|writer| match writer.has_columns() {
            false => Ok(writer.output.write(row)?),
            true => {
                writer.block.extend_from_slice(row);
                if writer.block.len() < BLOCK { Ok(()) } else { writer.write_columns(1) }
            }
        })?;
        self.written += 1;
        Ok(())
    }

    /// Appends rows that follow one another in C order.
    ///
    /// Fails as [`append`](Self::append) does, and where the last row is not whole.
    #[cfg(feature = "arrow")]
    pub(crate) fn append_all(&mut self, rows: &[u8]) -> Result<()> {
        if self.has_columns() || self.size == 0 || !rows.len().is_multiple_of(self.size) {
            return rows.chunks(self.size.max(1)).try_for_each(|row| self.append(row));
        }
        let count = (rows.len() / self.size) as u64;
        if count > self.most - self.written {
            return Err(miscounted(self.most, self.written + count));
        }
        self.write(|writer| writer.output.write(rows))?;
        self.written += count;
        Ok(())
    }

    /// Ends the array. A file gets its name.
    ///
    /// Fails where writing fails or has failed, and where fewer rows were appended than the shape
    /// has.
    pub fn finish(mut self) -> Result<()> {
        if self.written < self.most && !self.may_be_shorter {
            return Err(miscounted(self.most, self.written));
        }
        self.write(|writer| writer.write_columns(0))?;
        if self.written < self.most {
            self.header.shape[0] = self.written as usize;
            // The header has room for any length.
            self.output.write_at(0, &self.header.to_bytes(Padding::Growable)?)?;
        }
        self.output.finish()
    }

    /// Returns whether the items of a row are apart from each other in the file.
    fn has_columns(&self) -> bool {
        self.header.fortran_order && self.header.shape.len() > 1
    }

    /// Writes the items of the rows in the block to their columns; `appending` rows of it are not
    /// counted yet. In Fortran order the first items of all rows come before the second items.
    fn write_columns(&mut self, appending: u64) -> Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let itemsize = self.header.dtype.itemsize();
        let (rows, columns) = (self.block.len() / self.size, self.size / itemsize);
        let first = self.written + appending - rows as u64;
        let row_shape = self.header.shape.get(1..).unwrap_or_default();
        let (mut index, mut items) = (vec![0; row_shape.len()], Vec::new());
        for column in 0..columns {
            let in_c_order =
                index.iter().zip(row_shape).fold(0, |flat, (&at, &length)| flat * length + at);
            let item = in_c_order * itemsize..(in_c_order + 1) * itemsize;
            items.clear();
            let of_rows = self.block.chunks_exact(self.size);
            of_rows.for_each(|row| items.extend_from_slice(&row[item.clone()]));
            let offset = self.data + (column as u64 * self.most + first) * itemsize as u64;
            self.output.write_at(offset, &items)?;
            for (at, &length) in index.iter_mut().zip(row_shape) {
                *at += 1;
                if *at < length {
                    break;
                }
                *at = 0;
            }
        }
        self.block.clear();
        Ok(())
    }

    /// Calls `write`. After an error nothing more can be written.
    fn write(&mut self, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.failed {
            return Err(has_failed());
        }
        self.failed = true;
        write(self)?;
        self.failed = false;
        Ok(())
    }
}

impl fmt::Debug for RowWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowWriter").field("len", &self.len()).finish_non_exhaustive()
    }
}
