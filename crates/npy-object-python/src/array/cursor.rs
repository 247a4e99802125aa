//! A cursor: a reader of a file in use by a loop, by `repr`, or by an access by index.
//!
//! A cursor takes a reader from the file, and returns it when it is dropped, so that several loops over
//! one array are independent.

use std::sync::Arc;

use npy_object::{ByteRange, NpyArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::raise;
use crate::file::reader::{File, Reader};
use crate::object::ready::Ready;

/// The size in bytes up to which an element is decoded without giving the interpreter to other threads.
const SHORT: usize = 64 << 10;
/// The number of elements surveyed between two checks of signals.
pub(super) const STRIDE: u64 = 1 << 18;
/// The number of elements that are read by their numbers between two checks of signals.
const BETWEEN_SIGNALS: usize = 64;
const HELD: &str = "a cursor holds its reader until it is dropped";

/// A [`Reader`] in use. Dropping the cursor returns the reader to the file.
pub(crate) struct Cursor {
    file: Arc<File>,
    reader: Option<Reader>,
    /// The next elements of the loop.
    ready: Ready,
    /// Whether reading has failed. Such a reader would report the end of the array, so it is not reused.
    failed: bool,
}

impl Cursor {
    /// Takes a reader of the file, or makes one. Its position may be anywhere.
    pub(crate) fn new(py: Python<'_>, file: &Arc<File>) -> PyResult<Cursor> {
        let reader = Some(file.take_reader(py)?);
        let file = Arc::clone(file);
        Ok(Cursor { file, reader, ready: Ready::default(), failed: false })
    }

    fn reader(&mut self) -> &mut Reader {
        self.reader.as_mut().expect(HELD)
    }

    /// Returns the array of the reader.
    pub(crate) fn array(&mut self) -> &mut NpyArray {
        &mut self.reader().array
    }

    /// Returns whether an element has used a mutable object that other elements use too.
    pub(crate) fn met_shared(&mut self) -> bool {
        self.reader().maker.met_shared()
    }

    /// Returns the next element. The caller expects to read `left` elements, this one included.
    #[inline]
    pub(crate) fn next<'py>(
        &mut self,
        py: Python<'py>,
        left: u64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.ready.is_empty() {
            self.fill(py, left)?;
        }
        self.ready.next(py).inspect_err(|_| self.failed = true)
    }

    /// Returns the next element if it was made already.
    #[inline]
    pub(crate) fn next_ready<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.ready.pop(py)
    }

    /// Makes the next elements, `left` at most.
    fn fill(&mut self, py: Python<'_>, left: u64) -> PyResult<()> {
        let Cursor { file, reader, ready, failed } = self;
        let Reader { array, maker } = reader.as_mut().expect(HELD);
        // `list` and other consumers in C run no Python code that checks for signals.
        py.check_signals()?;
        let most = ready.most().min(usize::try_from(left).unwrap_or(usize::MAX)).max(1);
        let block = if array.is_at_hand(SHORT) && !file.origin.runs_python {
            array.next_block(most)
        } else {
            py.detach(|| array.next_block(most))
        };
        match block {
            Ok(Some(block)) => ready.fill(py, maker, block),
            Ok(None) => {}
            Err(error) => {
                *failed = true;
                return Err(raise(py, &error));
            }
        }
        Ok(())
    }

    /// Returns the place of the next element in the file.
    pub(crate) fn byte_range(&mut self, py: Python<'_>) -> PyResult<Option<ByteRange>> {
        py.check_signals()?;
        let found = py.detach(|| self.array().byte_ranges().next().transpose());
        found.map_err(|error| {
            self.failed = true;
            raise(py, &error)
        })
    }

    /// Returns the element of this number.
    pub(crate) fn get<'py>(&mut self, py: Python<'py>, index: u64) -> PyResult<Bound<'py, PyAny>> {
        py.check_signals()?;
        self.survey_to(py, index)?;
        self.found(py, index)
    }

    /// Returns the element of this number, up to which the file was surveyed.
    fn found<'py>(&mut self, py: Python<'py>, index: u64) -> PyResult<Bound<'py, PyAny>> {
        let Reader { array, maker } = self.reader();
        match py.detach(|| array.get(index)) {
            Ok(Some(element)) => maker.make(py, element),
            Ok(None) => Err(PyValueError::new_err("the file has changed: it has fewer elements")),
            Err(error) => Err(raise(py, &error)),
        }
    }

    /// Returns the elements of these numbers, in this order. They are read in the order of the file.
    pub(crate) fn get_many<'py>(
        &mut self,
        py: Python<'py>,
        numbers: &[u64],
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_unstable_by_key(|&place| numbers[place]);
        if let Some(&last) = order.last() {
            self.survey_to(py, numbers[last])?;
        }
        let mut found = vec![None; numbers.len()];
        let mut last = None;
        for (count, place) in order.into_iter().enumerate() {
            if count % BETWEEN_SIGNALS == 0 {
                py.check_signals()?;
            }
            let element = match last {
                Some((number, element)) if number == numbers[place] => element,
                _ => self.found(py, numbers[place])?,
            };
            found[place] = Some(element.clone());
            last = Some((numbers[place], element));
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Surveys the file up to an element, or to the end, and checks for signals every [`STRIDE`] elements.
    pub(crate) fn survey_to(&mut self, py: Python<'_>, index: u64) -> PyResult<()> {
        loop {
            let Reader { array, .. } = self.reader();
            let (known, len) = (array.known(), array.len());
            let next = known + STRIDE;
            if next >= index.min(len) {
                return Ok(());
            }
            let found = py.detach(|| array.get(next).map(drop));
            found.map_err(|error| raise(py, &error))?;
            py.check_signals()?;
        }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        // A reader that has failed would report the end of the array.
        if let (Some(reader), false) = (self.reader.take(), self.failed) {
            self.file.return_reader(reader);
        }
    }
}
