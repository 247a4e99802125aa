//! An open file, and those who read it: each at a place of its own.

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

/// An element of at most so many bytes is decoded before others want the interpreter back.
const SHORT: usize = 64 << 10;
/// Elements that are surveyed between two looks for signals.
const STRIDE: u64 = 1 << 18;
/// Simple elements behind one another after which more are expected.
const RUN: u64 = 4096;
/// Readers that wait to be used again.
const IDLE: usize = 4;
const HELD: &str = "a cursor holds its reader until it is dropped";

/// A file with an array in it.
pub(crate) struct File {
    pub(crate) origin: Origin,
    pub(crate) facts: Facts,
    /// What readers are made of. Who locks it holds no lock of Python's, as making one may read.
    first: Mutex<NpyArray>,
    /// Readers that nobody uses.
    idle: Mutex<Vec<Reader>>,
    closed: AtomicBool,
}

/// What is known of an array without reading on.
pub(crate) struct Facts {
    pub(crate) item: ItemType,
    pub(crate) shape: Vec<usize>,
    pub(crate) has_objects: bool,
    /// `None` where it is not NumPy's.
    pub(crate) class: Option<ArrayClass>,
    pub(crate) fortran_order: bool,
    pub(crate) data_offset: u64,
    /// How many elements there are.
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
pub(crate) struct Cursor {
    file: Arc<File>,
    reader: Option<Reader>,
    /// Elements that were decoded meanwhile.
    ahead: Option<Ahead>,
    /// How many simple elements came without any other.
    simple: u64,
    /// Whether it has met an error: after that it would say that there is no more.
    failed: bool,
}

impl Origin {
    /// What makes objects of its elements.
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

    /// Where the data end. They are surveyed, unless a reader has seen the end.
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

    /// Nothing can be read any more, but by those who read already.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let idle = std::mem::take(&mut *lock(&self.idle));
        drop(idle);
    }

    /// Compares the checksum of a member of an archive.
    pub(crate) fn verify(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.origin.source.verify()).map_err(|error| raise(py, &error))
    }

    /// A new reader.
    fn reader(&self, py: Python<'_>) -> PyResult<Reader> {
        let array = py.detach(|| lock(&self.first).clone());
        let are_records = self.facts.class == Some(ArrayClass::Record);
        Ok(Reader { array, maker: self.origin.maker(py).of_records(are_records) })
    }
}

impl Cursor {
    /// A reader of a file, which stands anywhere.
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

    /// The array that is read.
    pub(crate) fn array(&mut self) -> &mut NpyArray {
        &mut self.reader().array
    }

    /// Whether elements were met that share what `is` tells from its equal.
    pub(crate) fn met_shared(&mut self) -> bool {
        self.reader().maker.met_shared()
    }

    /// The next element, of which there are to be so many.
    #[inline]
    pub(crate) fn next<'py>(
        &mut self,
        py: Python<'py>,
        left: u64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Reader { array, maker } = self.reader.as_mut().expect(HELD);
        // `list` and the like run no Python code that would.
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

    /// Has the elements that come next decoded by a thread, if that is of use.
    #[cold]
    fn read_ahead(&mut self, py: Python<'_>, left: u64) -> PyResult<()> {
        let Origin { runs_python, owner, .. } = &self.file.origin;
        let processors = thread::available_parallelism().map_or(1, usize::from);
        // Arrays that are looked at where they are need not be handed over.
        if left < RUN || *runs_python || owner.is_some() || processors == 1 {
            return Ok(());
        }
        let array = py.detach(|| self.array().clone());
        self.ahead = Some(Ahead::start(array, left));
        Ok(())
    }

    /// The element of this number.
    pub(crate) fn get<'py>(&mut self, py: Python<'py>, index: u64) -> PyResult<Bound<'py, PyAny>> {
        py.check_signals()?;
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

impl Drop for Cursor {
    fn drop(&mut self) {
        // One that has failed would say that there is no more.
        if self.failed || self.file.closed.load(Ordering::Relaxed) {
            return;
        }
        let mut idle = lock(&self.file.idle);
        // One too many is dropped behind the lock: what it frees may be anybody's.
        if idle.len() < IDLE {
            idle.extend(self.reader.take());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
