//! An open file, and its readers.
//!
//! The file is opened once. A reader is a clone of the open array, with its own position and its own
//! caches; `array::cursor` takes a reader for each loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use npy_object::header::DType;
use npy_object::{ArrayClass, ItemType, NpyArray, Options, ReadBudget, Source};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::raise;
use crate::file::settings::Settings;
use crate::file::source::{Input, MappedFile, Place};
use crate::html::page;
use crate::object::maker::Maker;

/// The most readers that a file keeps for later cursors.
const IDLE: usize = 4;

/// An open file that holds an array.
pub(crate) struct File {
    pub(crate) origin: Arc<Origin>,
    pub(crate) facts: Facts,
    /// The array that is cloned for each reader.
    array: NpyArray,
    /// Readers that no cursor uses.
    idle: Mutex<Vec<Reader>>,
    closed: AtomicBool,
}

/// The properties of an array that its header and envelope state.
pub(crate) struct Facts {
    pub(crate) item: ItemType,
    pub(crate) shape: Vec<usize>,
    pub(crate) has_objects: bool,
    /// `None` if the class is not NumPy's.
    pub(crate) class: Option<ArrayClass>,
    pub(crate) fortran_order: bool,
    pub(crate) data_offset: u64,
    /// The number of elements.
    pub(crate) len: u64,
}

impl Facts {
    fn of(array: &NpyArray) -> Facts {
        let item = match (array.item(), array.header()) {
            (Some(item), _) => item.clone(),
            (None, Some(header)) => ItemType::Plain(header.dtype.clone()),
            (None, None) => ItemType::Plain(DType::OBJECT),
        };
        Facts {
            item,
            shape: array.shape().to_vec(),
            has_objects: array.has_objects(),
            class: array.class(),
            fortran_order: array.fortran_order(),
            data_offset: array.data_offset(),
            len: array.len(),
        }
    }
}

/// The source of an array, the settings to read it with, and how another process finds it.
pub(crate) struct Origin {
    /// The bytes of the array, unpacked.
    pub(crate) source: Source,
    pub(crate) settings: Settings,
    /// Where another process finds the file, if it does.
    pub(crate) place: Option<Place>,
    /// The member of the archive in that file.
    pub(crate) member: Option<String>,
    /// The object that keeps the file mapped into memory, if it is.
    pub(crate) owner: Option<Py<MappedFile>>,
    /// Whether reading runs Python code, which needs the interpreter that this thread may hold.
    pub(crate) runs_python: bool,
}

/// A position in the array, and the caches of Python objects for its elements.
pub(crate) struct Reader {
    pub(crate) array: NpyArray,
    pub(crate) maker: Maker,
}

impl Origin {
    /// Returns options and a source with which a look at the file takes bounded time, and the budget of
    /// the source.
    pub(crate) fn for_look(&self) -> PyResult<(Options, Source, ReadBudget)> {
        let (source, budget) = self.source.within(page::READ);
        Ok((self.settings.options_for_elements(page::ELEMENT)?, source, budget))
    }

    /// Returns the origin of the array or pickle in an input, which is unpacked if it is compressed.
    pub(crate) fn of_input(py: Python<'_>, input: Input, settings: Settings) -> PyResult<Origin> {
        let Input { source, place, owner, runs_python, .. } = input;
        let options = settings.options()?;
        let source = py.detach(|| options.unpack(source)).map_err(|error| raise(py, &error))?;
        Ok(Origin { source, settings, place, member: None, owner, runs_python })
    }

    /// Returns the index of a remote file, if there is one and it is to be used.
    pub(crate) fn index(&self, py: Python<'_>) -> PyResult<Option<Source>> {
        match &self.place {
            Some(place) if self.settings.index && self.member.is_none() => place.index(py),
            _ => Ok(None),
        }
    }

    /// Returns a maker of Python objects from the elements.
    pub(crate) fn maker(&self, py: Python<'_>) -> Maker {
        let mapped = self.owner.as_ref().map(|owner| {
            let owner = owner.clone_ref(py);
            (owner.get().0.clone(), owner.into_any())
        });
        let find_class = self.settings.find_class.as_ref().map(|found| found.clone_ref(py));
        Maker::new(find_class, mapped)
    }
}

impl File {
    pub(crate) fn new(array: NpyArray, origin: Origin) -> Arc<File> {
        Arc::new(File {
            origin: Arc::new(origin),
            facts: Facts::of(&array),
            array,
            idle: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// Fails where the file was closed.
    pub(crate) fn check_open(&self) -> PyResult<()> {
        match self.closed.load(Ordering::Relaxed) {
            true => Err(PyValueError::new_err("the file was closed")),
            false => Ok(()),
        }
    }

    /// Takes a reader that no cursor uses, or makes one. Its position may be anywhere.
    pub(crate) fn take_reader(&self, py: Python<'_>) -> PyResult<Reader> {
        self.check_open()?;
        let idle = lock(&self.idle).pop();
        Ok(idle.unwrap_or_else(|| {
            let array = py.detach(|| self.array.clone());
            let are_records = self.facts.class == Some(ArrayClass::Record);
            Reader { array, maker: self.origin.maker(py).of_records(are_records) }
        }))
    }

    /// Keeps a reader for a later cursor, unless the file was closed or keeps enough of them.
    pub(crate) fn return_reader(&self, reader: Reader) {
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        // A reader too many is dropped after the lock, as dropping Python objects may run any code.
        let mut idle = lock(&self.idle);
        if idle.len() < IDLE {
            idle.push(reader);
        }
    }

    /// Returns the offset of the end of the data. Surveys them, unless a reader has seen the end.
    pub(crate) fn data_end(&self, py: Python<'_>) -> PyResult<u64> {
        let mut reader = self.take_reader(py)?;
        let end = py.detach(|| reader.array.data_end());
        self.return_reader(reader);
        end.map_err(|error| raise(py, &error))
    }

    /// Closes the file for new cursors. Cursors that exist read on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let idle = std::mem::take(&mut *lock(&self.idle));
        drop(idle);
    }

    /// Compares the checksum of the array, if it is in an archive, and fails if they differ.
    pub(crate) fn verify(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.origin.source.verify()).map_err(|error| raise(py, &error))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
