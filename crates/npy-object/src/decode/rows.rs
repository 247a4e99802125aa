//! The rows of an array without objects, along the first axis: they are its elements.

use std::sync::Arc;

use npy_header::{DType, Header};

use crate::decode::outline::Outline;
use crate::decode::position::Position;
use crate::error::{Error, ErrorKind, Result};
use crate::source::Source;
use crate::source::window::Window;
use crate::value::context::Context;
use crate::value::element::Element;
use crate::value::range::{ByteRange, in_pieces};
use crate::value::row::Row;

/// Bytes of rows that are read at once, unless one row takes more.
const BLOCK: usize = 1 << 20;

/// The rows of an array without objects.
pub(crate) struct Rows {
    window: Window,
    context: Arc<Context>,
    dtype: DType,
    /// The shape of a row.
    shape: Vec<usize>,
    /// The number of rows.
    count: u64,
    /// Bytes of a row.
    size: usize,
    /// Where the data begin in the file.
    data: u64,
    /// Rows that were gathered from an array in Fortran order, and the number of the first of
    /// them.
    block: Option<(u64, Vec<u8>)>,
    fortran_order: bool,
}

/// Another reader of the same rows, with a window of its own.
impl Clone for Rows {
    fn clone(&self) -> Rows {
        Rows {
            window: self.window.sibling(),
            context: Arc::clone(&self.context),
            dtype: self.dtype.clone(),
            shape: self.shape.clone(),
            block: None,
            ..*self
        }
    }
}

impl Rows {
    /// Opens the rows of an array whose data begin at `data`.
    pub(crate) fn open(
        window: Window,
        context: Context,
        data: u64,
        header: &Header,
    ) -> Result<Rows> {
        if let DType::Subarray(_) = header.dtype {
            let message = "an array has no items that are arrays: NumPy cannot give it its shape";
            return Err(Error::new(ErrorKind::Unsupported, "npy.data.subarray", None, message));
        }
        let (count, shape) = match header.shape.split_first() {
            Some((&count, shape)) => (count as u64, shape.to_vec()),
            None => (1, Vec::new()),
        };
        // As in NumPy, lengths of 0 do not count: an array can be too large and have no items.
        let lengths = header.shape.iter().filter(|&&n| n != 0);
        let whole = lengths.copied().try_fold(header.dtype.itemsize(), usize::checked_mul);
        if whole.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
            let message = "the array takes 2^63 bytes or more";
            return Err(Error::new(ErrorKind::Malformed, "npy.header.shape", None, message));
        }
        let size = shape.iter().fold(header.dtype.itemsize(), |size, &n| size * n); // fits: see above
        Ok(Rows {
            window,
            context: Arc::new(context),
            dtype: header.dtype.clone(),
            fortran_order: header.fortran_order && !shape.is_empty(),
            shape,
            count,
            size,
            data,
            block: None,
        })
    }

    /// Reads a row that a loop has come to; `None` past the last, once the checksum of the data was
    /// compared.
    pub(crate) fn next(&mut self, position: &mut Position) -> Result<Option<Element<'_>>> {
        position.advance(|row| {
            if row >= self.count {
                return self.window.source().verify_to(self.data_end()).map(|()| None);
            }
            self.window.set_reading_on(true);
            self.read(row).map(Some)
        })
    }

    /// Reads a row; `None` past the last.
    pub(crate) fn get(&mut self, row: u64) -> Result<Option<Element<'_>>> {
        if row >= self.count {
            return Ok(None);
        }
        self.window.set_reading_on(false);
        self.read(row).map(Some)
    }

    /// Returns the byte range of a row, counted from the start of the source; `None` past the last.
    pub(crate) fn byte_range(&mut self, row: u64) -> Result<Option<ByteRange>> {
        if row >= self.count {
            return Ok(None);
        }
        let range = self.range(row);
        let ByteRange { offset, length, .. } = range;
        let explain = |error: Error| self.window.source().explain(error).of_element(row);
        if self.fortran_order && self.count > 1 {
            return Err(explain(in_pieces("the array is in Fortran order", offset)));
        }
        let end = offset + length;
        if self.window.source().size()? < end {
            return Err(explain(truncated(&self.window, end)));
        }
        Ok(Some(range))
    }

    /// Returns where a row is, if its items are in one piece.
    fn range(&self, row: u64) -> ByteRange {
        let length = self.size as u64;
        let offset = self.data + row * length;
        let (dtype, shape) = (self.dtype.clone(), self.shape.clone());
        let fortran_order = self.fortran_order && self.shape.len() > 1;
        ByteRange { dtype, shape, fortran_order, offset, length }
    }

    fn read(&mut self, row: u64) -> Result<Element<'_>> {
        if let Err(error) = self.load(row) {
            return Err(self.window.source().explain(error).of_element(row));
        }
        self.window.release();
        Ok(Element::row(self.resident(row), &self.context))
    }

    /// Returns whether a row was read, and takes at most `bytes`.
    #[inline]
    pub(crate) fn is_at_hand(&self, row: u64, bytes: usize) -> bool {
        if row >= self.count {
            return false;
        }
        let place = self.data + row * self.size as u64;
        let is_read = match &self.block {
            Some((first, rows)) => {
                let held = rows.len().checked_div(self.size).unwrap_or(0) as u64;
                (*first..*first + held).contains(&row)
            }
            None => self.window.holds(place, place + self.size as u64),
        };
        is_read && self.size <= bytes
    }

    /// Returns the context of the rows.
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// Returns the source of the rows.
    pub(crate) fn source(&self) -> &Source {
        self.window.source()
    }

    /// Returns where the data end in the file.
    pub(crate) fn data_end(&self) -> u64 {
        self.data + self.count * self.size as u64
    }

    /// Returns the outline of a row.
    pub(crate) fn outline(&self, row: u64) -> Outline {
        Outline::of_row(self.range(row), !self.fortran_order || self.count <= 1)
    }

    /// Returns the bytes of memory that are held.
    pub(crate) fn memory(&self) -> usize {
        self.window.memory() + self.block.as_ref().map_or(0, |(_, rows)| rows.capacity())
    }

    /// Returns a row that was loaded.
    fn resident(&self, row: u64) -> Row<'_> {
        let bytes = match &self.block {
            Some((first, rows)) => {
                let place = (row - first) as usize * self.size;
                &rows[place..place + self.size]
            }
            None => {
                let place = self.data + row * self.size as u64;
                self.window.resident(place, place + self.size as u64)
            }
        };
        Row { dtype: &self.dtype, shape: &self.shape, bytes }
    }

    /// Makes a row resident.
    fn load(&mut self, row: u64) -> Result<()> {
        self.window.check_element(self.data, self.size)?;
        if !self.fortran_order {
            return fetch(&mut self.window, self.data + row * self.size as u64, self.size)
                .map(drop);
        }
        let rows = (BLOCK / self.size.max(1)).max(1) as u64;
        let in_block = self.block.as_ref().is_some_and(|(first, bytes)| {
            let held = bytes.len().checked_div(self.size).unwrap_or(usize::MAX);
            row >= *first && row - first < held as u64
        });
        if !in_block {
            self.gather(row, rows.min(self.count - row) as usize)?;
        }
        Ok(())
    }

    /// Reads rows of an array in Fortran order, in which the items of a row are `count` items
    /// apart, and puts each row in C order.
    fn gather(&mut self, first: u64, rows: usize) -> Result<()> {
        let itemsize = self.dtype.itemsize();
        let columns = self.size.checked_div(itemsize).unwrap_or(0);
        // The file has to hold the last item of the array before room is made for a row of it.
        let whole = self.count * self.size as u64;
        let end = self.data.saturating_add(whole);
        if self.window.len()? < end {
            return Err(truncated(&self.window, end));
        }
        let mut block = vec![0; rows * self.size];
        let mut index = vec![0; self.shape.len()];
        for column in 0..columns {
            let place = self.data + (column as u64 * self.count + first) * itemsize as u64;
            let items = fetch(&mut self.window, place, rows * itemsize)?;
            let in_c_order =
                index.iter().zip(&self.shape).fold(0, |place, (&at, &length)| place * length + at);
            for (row, item) in items.chunks_exact(itemsize).enumerate() {
                let place = row * self.size + in_c_order * itemsize;
                block[place..place + itemsize].copy_from_slice(item);
            }
            for (at, &length) in index.iter_mut().zip(&self.shape) {
                *at += 1;
                if *at < length {
                    break;
                }
                *at = 0;
            }
        }
        self.block = Some((first, block));
        Ok(())
    }
}

/// Reads bytes of the file.
///
/// Fails where the file ends before them.
fn fetch(window: &mut Window, place: u64, size: usize) -> Result<&[u8]> {
    window.set_anchor(place);
    let end = place + size as u64;
    if window.fill(place, size)?.len() < size {
        return Err(truncated(window, end).naming_salvage());
    }
    Ok(window.resident(place, end))
}

#[cold]
fn truncated(window: &Window, wanted: u64) -> Error {
    let end = window.end().unwrap_or(wanted);
    let missing = wanted - end;
    let message = format!("the array's data were truncated: at least {missing} bytes missing");
    Error::new(ErrorKind::Truncated, "npy.truncated", end, message)
}
