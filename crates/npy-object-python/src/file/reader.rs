//! An open file, its readers, and the cursors that use them.
//!
//! A reader has its own position in the file and its own caches. A cursor takes a reader from the file,
//! or makes one, and returns it when it is dropped, so that several loops over one array are independent.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use npy_object::header::DType;
use npy_object::{ArrayClass, ItemType, NpyArray, Source};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::raise;
use crate::file::settings::Settings;
use crate::file::source::MappedFile;
use crate::object::ahead::{Ahead, Next, simple};
use crate::object::maker::Maker;

/// The size in bytes up to which an element is decoded without giving the interpreter to other threads.
const SHORT: usize = 64 << 10;
/// The number of elements surveyed between two checks of signals.
const STRIDE: u64 = 1 << 18;
/// The number of consecutive simple elements after which a thread decodes the next ones.
const RUN: u64 = 4096;
/// The most readers that a file keeps for later cursors.
const IDLE: usize = 4;
const HELD: &str = "a cursor holds its reader until it is dropped";

/// An open file that holds an array.
pub(crate) struct File {
    pub(crate) origin: Origin,
    pub(crate) facts: Facts,
    /// The array that is cloned for each reader. Cloning may read the file, so it is only locked without
    /// the interpreter.
    first: Mutex<NpyArray>,
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
    /// The path by which another process opens the file.
    pub(crate) path: Option<PathBuf>,
    /// The member of the archive in that file.
    pub(crate) member: Option<String>,
    /// The object that keeps the file mapped into memory, if it is.
    pub(crate) owner: Option<Py<MappedFile>>,
    /// Whether reading runs Python code, which needs the interpreter that this thread may hold.
    pub(crate) runs_python: bool,
}

/// A position in the array, and the caches of Python objects for its elements.
pub(crate) struct Reader {
    array: NpyArray,
    maker: Maker,
}

/// A [`Reader`] in use. Dropping the cursor returns the reader to the file.
pub(crate) struct Cursor {
    file: Arc<File>,
    reader: Option<Reader>,
    /// The next elements, which a thread decodes.
    ahead: Option<Ahead>,
    /// The number of simple elements since the last one that is not simple.
    simple: u64,
    /// Whether reading has failed. Such a reader would report the end of the array, so it is not reused.
    failed: bool,
}

impl Origin {
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
            origin,
            facts: Facts::of(&array),
            first: Mutex::new(array),
            idle: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// Returns the offset of the end of the data. Surveys them, unless a reader has seen the end.
    pub(crate) fn data_end(&self, py: Python<'_>) -> PyResult<u64> {
        let reader = lock(&self.idle).pop();
        let (end, reader) = match reader {
            Some(mut reader) => {
                let end = py.detach(|| reader.array.data_end());
                (end, Some(reader))
            }
            None => (py.detach(|| lock(&self.first).data_end()), None),
        };
        lock(&self.idle).extend(reader);
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

    /// Makes a new reader.
    fn reader(&self, py: Python<'_>) -> PyResult<Reader> {
        let array = py.detach(|| lock(&self.first).clone());
        let are_records = self.facts.class == Some(ArrayClass::Record);
        Ok(Reader { array, maker: self.origin.maker(py).of_records(are_records) })
    }
}

impl Cursor {
    /// Takes a reader of the file, or makes one. Its position may be anywhere.
    pub(crate) fn new(py: Python<'_>, file: &Arc<File>) -> PyResult<Cursor> {
        if file.closed.load(Ordering::Relaxed) {
            return Err(PyValueError::new_err("the file was closed"));
        }
        let idle = lock(&file.idle).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => file.reader(py)?,
        };
        let file = Arc::clone(file);
        Ok(Cursor { file, reader: Some(reader), ahead: None, simple: 0, failed: false })
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
        let Reader { array, maker } = self.reader.as_mut().expect(HELD);
        // `list` and other consumers in C run no Python code that checks for signals.
        maker.look_for_signals(py)?;
        if let Some(ahead) = &mut self.ahead {
            match ahead.next(py) {
                Next::Element(simple) => return maker.simple(py, simple).map(Some),
                Next::Over(returned, error) => {
                    *array = *returned;
                    self.ahead = None;
                    if let Some(error) = error {
                        self.failed = true;
                        return Err(raise(py, &error));
                    }
                }
                Next::Lost(position) => {
                    array.seek(position);
                    self.ahead = None;
                }
            }
        }
        let runs_python = self.file.origin.runs_python;
        let next = if array.is_at_hand(SHORT) && !runs_python {
            array.next_element()
        } else {
            py.check_signals()?;
            py.detach(|| array.next_element())
        };
        let element = match next {
            Ok(Some(ref element)) => element,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.failed = true;
                return Err(raise(py, &error));
            }
        };
        let Some(made) = simple(element, |simple| maker.simple(py, simple)) else {
            self.simple = 0;
            return maker.make_any(py, *element).map(Some);
        };
        self.simple += 1;
        if self.simple == RUN {
            self.simple = 0;
            self.read_ahead(py, left.saturating_sub(1))?;
        }
        made.map(Some)
    }

    /// Starts a thread that decodes the next elements, if that is faster.
    #[cold]
    fn read_ahead(&mut self, py: Python<'_>, left: u64) -> PyResult<()> {
        let Origin { runs_python, owner, .. } = &self.file.origin;
        let processors = thread::available_parallelism().map_or(1, usize::from);
        // Mapped arrays are views, which are made faster than they are passed between threads.
        if left < RUN || *runs_python || owner.is_some() || processors == 1 {
            return Ok(());
        }
        let array = py.detach(|| self.array().clone());
        self.ahead = Some(Ahead::start(array, left));
        Ok(())
    }

    /// Returns the element of this number.
    pub(crate) fn get<'py>(&mut self, py: Python<'py>, index: u64) -> PyResult<Bound<'py, PyAny>> {
        py.check_signals()?;
        self.survey_to(py, index)?;
        let Reader { array, maker } = self.reader();
        match py.detach(|| array.get(index)) {
            Ok(Some(element)) => maker.make(py, element),
            Ok(None) => Err(PyValueError::new_err("the file has changed: it has fewer elements")),
            Err(error) => Err(raise(py, &error)),
        }
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
        if self.failed || self.file.closed.load(Ordering::Relaxed) {
            return;
        }
        let mut idle = lock(&self.file.idle);
        // A reader too many is dropped after the lock, as dropping Python objects may run any code.
        if idle.len() < IDLE {
            idle.extend(self.reader.take());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
