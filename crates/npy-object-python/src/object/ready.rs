//! The objects of a block of elements, which a loop takes one by one.

use npy_object::Block;
use pyo3::prelude::*;

use crate::errors::raise;
use crate::object::maker::Maker;
use crate::object::row::Unmade;

/// Elements that were made, in the order in which a loop takes them.
pub(crate) struct Ready {
    /// The objects, the first of them last.
    objects: Vec<Py<PyAny>>,
    /// The error that comes after them.
    error: Option<PyErr>,
    /// The most elements to make at once.
    most: usize,
}

/// The most objects that are made at once, and about the most bytes of their elements.
const OBJECTS: usize = 512;
const BYTES: u64 = 32 << 10;
/// The most definitions that are looked up for one element. A lookup may replace one that the element
/// needs too.
const LOOKUPS: usize = 256;

impl Default for Ready {
    fn default() -> Ready {
        Ready { objects: Vec::new(), error: None, most: 1 }
    }
}

impl Ready {
    /// Returns the most elements to make at once: few where elements are large.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Returns whether there is nothing left to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.error.is_none()
    }

    /// Returns the number of elements that are left to take.
    pub(crate) fn len(&self) -> u64 {
        self.objects.len() as u64
    }

    /// Takes the next element, if there is one.
    #[inline]
    pub(crate) fn pop<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.objects.pop().map(|object| object.into_bound(py))
    }

    /// Takes the next element, or the error after the last one. `None` where nothing is left.
    pub(crate) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.pop(py) {
            Some(object) => Ok(Some(object)),
            None => self.error.take().map_or(Ok(None), Err),
        }
    }

    /// Makes the elements of a block, up to the first that fails.
    pub(crate) fn fill(&mut self, py: Python<'_>, maker: &mut Maker, mut block: Block<'_>) {
        let each = block.encoded_len().map_or(u64::MAX, |size| size / block.len() as u64);
        self.most = (BYTES / each.max(1)).clamp(1, OBJECTS as u64) as usize;
        let objects = &mut self.objects;
        // The element for which definitions are looked up, and how many.
        let (mut element, mut lookups) = (0, 0);
        while objects.len() < block.len() {
            let made = match block.rows(objects.len()) {
                Some(rows) if maker.makes_rows() => maker.rows(py, &rows, objects),
                _ => Err(Unmade::Decode(1)),
            };
            let made = match made {
                Err(Unmade::Needs(memo)) if lookups < LOOKUPS || element < objects.len() => {
                    lookups = if element < objects.len() { 1 } else { lookups + 1 };
                    element = objects.len();
                    let definition = block.definition(element, memo);
                    maker.define(py, memo, definition)
                }
                Err(Unmade::Needs(_)) => decode(py, maker, &mut block, objects, 1),
                Err(Unmade::Decode(count)) => decode(py, maker, &mut block, objects, count),
                Err(Unmade::Failed(error)) => Err(error),
                Ok(()) => Ok(()),
            };
            if let Err(error) = made {
                self.error = Some(error);
                break;
            }
        }
        objects.reverse();
    }
}

/// Decodes the next elements of a block, `count` of them, and makes their objects.
fn decode(
    py: Python<'_>,
    maker: &mut Maker,
    block: &mut Block<'_>,
    objects: &mut Vec<Py<PyAny>>,
    count: usize,
) -> PyResult<()> {
    for _ in 0..count {
        match block.element(objects.len()) {
            Ok(Some(element)) => objects.push(maker.make(py, element)?.unbind()),
            Ok(None) => break,
            Err(error) => return Err(raise(py, &error)),
        }
    }
    Ok(())
}
