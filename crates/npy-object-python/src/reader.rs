//! An open file, and those who read it: each at a place of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use npy_object::{ArrayClass, NpyArray, Source};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::element::Maker;
use crate::errors::raise;
use crate::settings::Settings;
use crate::source::MappedFile;

/// An element of at most so many bytes is decoded before others want the interpreter back.
const SHORT: usize = 64 << 10;
/// Elements that are surveyed between two looks for signals.
const STRIDE: u64 = 1 << 18;
/// Readers that wait to be used again.
const IDLE: usize = 4;
const HELD: &str = "a lease holds its reader until it is dropped";

/// A file with an array in it.
pub(crate) struct File {
    pub(crate) origin: Origin,
    /// Whether its elements are those of a `recarray`.
    records: bool,
    /// Never empty, unless the file was closed.
    idle: Mutex<Vec<Reader>>,
}

/// Where a file is, and how it is read.
pub(crate) struct Origin {
    /// The bytes of the array, unpacked.
    pub(crate) source: Source,
    pub(crate) settings: Settings,
    /// Where another process finds it: a path, and the member of an archive.
    pub(crate) path: Option<PathBuf>,
    pub(crate) member: Option<String>,
    /// Who keeps its bytes, where it is mapped into memory.
    pub(crate) owner: Option<Py<MappedFile>>,
    /// Whether reading runs Python code, which wants the lock that we may hold.
    pub(crate) runs_python: bool,
}

/// Who reads: a place in the array, and the objects that come again.
pub(crate) struct Reader {
    array: NpyArray,
    maker: Maker,
}

/// A [`Reader`] for as long as somebody uses it.
pub(crate) struct Lease {
    file: Arc<File>,
    reader: Option<Reader>,
    /// Whether it has met an error: after that it would say that there is no more.
    failed: bool,
}

impl Origin {
    /// What makes objects of its elements.
    pub(crate) fn maker(&self, py: Python<'_>) -> PyResult<Maker> {
        let mapped = self.owner.as_ref().map(|owner| {
            let owner = owner.clone_ref(py);
            (owner.get().0.clone(), owner.into_any())
        });
        let find_class = self.settings.find_class.as_ref().map(|found| found.clone_ref(py));
        Maker::new(py, find_class, mapped)
    }
}

impl File {
    pub(crate) fn new(py: Python<'_>, array: NpyArray, origin: Origin) -> PyResult<Arc<File>> {
        let records = array.class() == Some(ArrayClass::Record);
        let maker = origin.maker(py)?.of_records(records);
        Ok(Arc::new(File { origin, records, idle: Mutex::new(vec![Reader { array, maker }]) }))
    }

    /// Nothing can be read any more, but by those who read already.
    pub(crate) fn close(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        drop(idle);
    }

    /// Says something of the array.
    pub(crate) fn describe<T>(&self, say: impl FnOnce(&NpyArray) -> T) -> PyResult<T> {
        lock(&self.idle).first().map(|reader| say(&reader.array)).ok_or_else(closed)
    }
}

impl Lease {
    /// A reader of a file, which stands anywhere.
    pub(crate) fn new(py: Python<'_>, file: &Arc<File>) -> PyResult<Lease> {
        let maker = |py| Ok::<_, PyErr>(file.origin.maker(py)?.of_records(file.records));
        let lease = |reader| Lease { file: Arc::clone(file), reader: Some(reader), failed: false };
        // To make another one may read, and that may run Python.
        let taken = py.detach(|| {
            let mut idle = lock(&file.idle);
            if idle.len() > 1 {
                return Ok(idle.pop().map(Ok));
            }
            idle.first().map(|reader| reader.array.try_clone().map(Err)).transpose()
        });
        match taken.map_err(|error| raise(py, &error))? {
            Some(Ok(reader)) => Ok(lease(reader)),
            Some(Err(array)) => Ok(lease(Reader { array, maker: maker(py)? })),
            None => Err(closed()),
        }
    }

    fn reader(&mut self) -> &mut Reader {
        self.reader.as_mut().expect(HELD)
    }

    /// The array that is read.
    pub(crate) fn array(&mut self) -> &mut NpyArray {
        &mut self.reader().array
    }

    /// Whether elements were met that share what `is` tells from its equal.
    pub(crate) fn met_shared(&mut self) -> bool {
        self.reader().maker.met_shared()
    }

    /// The next element.
    #[inline]
    pub(crate) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let runs_python = self.file.origin.runs_python;
        let Reader { array, maker } = self.reader.as_mut().expect(HELD);
        let next = if array.is_at_hand(SHORT) && !runs_python {
            array.next_element()
        } else {
            py.detach(|| array.next_element())
        };
        match next {
            Ok(Some(element)) => maker.make(py, element).map(Some),
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = true;
                Err(raise(py, &error))
            }
        }
    }

    /// The element of this number.
    pub(crate) fn get<'py>(&mut self, py: Python<'py>, index: u64) -> PyResult<Bound<'py, PyAny>> {
        self.survey_to(py, index)?;
        let Reader { array, maker } = self.reader();
        match py.detach(|| array.get(index)) {
            Ok(Some(element)) => maker.make(py, element),
            Ok(None) => Err(PyValueError::new_err("the file has lost an element")),
            Err(error) => Err(raise(py, &error)),
        }
    }

    /// Finds an element, or the end, in strides between which a signal is answered.
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

impl Drop for Lease {
    fn drop(&mut self) {
        let mut idle = lock(&self.file.idle);
        // A closed file has none. One that has failed would say that there is no more.
        if let Some(reader) = self.reader.take()
            && (1..IDLE).contains(&idle.len())
            && !self.failed
        {
            idle.push(reader);
        }
    }
}

fn closed() -> PyErr {
    PyValueError::new_err("the file was closed")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
