//! Elements that are decoded ahead of a loop, on a thread of its own.
//!
//! To find and decode a small element takes about as long as to make a Python object of it. While a
//! loop is among simple elements, which need nothing of Python to be told from one another, a
//! thread does the first for the elements to come, and hands them over in parcels. At the first
//! element that is not simple it gives the array back, and the loop goes on alone.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::{mem, process, thread};

use npy_object::header::Scalar;
use npy_object::{Error, NpyArray};
use pyo3::prelude::*;

use crate::object::simple::{Simple, SimpleArray, simple};

/// Bytes and elements of a parcel, and how many parcels may wait.
const PARCEL_BYTES: usize = 128 << 10;
const PARCEL: usize = 2048;
const WAITING: usize = 2;
/// Bytes of an element that it takes longer to hand over than to decode.
const LARGE: usize = 8 << 10;

/// The elements that a thread has decoded, one after another.
pub(crate) struct Ahead {
    /// In a mutex only so that threads may share what this is in; it is never locked.
    parcels: Option<Mutex<Receiver<Parcel>>>,
    parcel: Parcel,
    /// The next of its entries, and where its lengths and bytes begin.
    place: usize,
    lengths: usize,
    bytes: usize,
    /// The number of the next element.
    position: u64,
    /// The process that has the thread: one that was forked from it has not.
    process: u32,
}

/// What comes next.
pub(crate) enum Next<'a> {
    Element(Simple<'a>),
    /// Nothing more: the array stands at the element that comes next, or has met an error.
    Over(Box<NpyArray>, Option<Error>),
    /// There is no thread: the element of this number comes next.
    Lost(u64),
}

/// Elements behind one another.
#[derive(Default)]
struct Parcel {
    entries: Vec<Entry>,
    /// The lengths of the dimensions of the arrays, and the bytes of all.
    lengths: Vec<usize>,
    bytes: Vec<u8>,
    /// In the last one.
    rest: Option<(Box<NpyArray>, Option<Error>)>,
}

/// A [`Simple`] element whose lengths and bytes are elsewhere.
#[derive(Clone, Copy)]
enum Entry {
    None,
    Int(i64),
    Float(f64),
    Str { size: u32 },
    Array { item: Scalar, dimensions: u8, fortran_order: bool, size: u32 },
}

impl Ahead {
    /// Has the next elements of an array decoded, at most so many.
    pub(crate) fn start(array: NpyArray, most: u64) -> Ahead {
        let (position, (sender, parcels)) = (array.position(), sync_channel(WAITING));
        thread::spawn(move || decode(Box::new(array), most, &sender));
        Ahead {
            parcels: Some(Mutex::new(parcels)),
            parcel: Parcel::default(),
            place: 0,
            lengths: 0,
            bytes: 0,
            position,
            process: process::id(),
        }
    }

    /// What comes next. Whoever has had anything but an element does not ask again.
    #[inline(always)]
    pub(crate) fn next(&mut self, py: Python<'_>) -> Next<'_> {
        if self.place == self.parcel.entries.len()
            && let Some(over) = self.turn(py)
        {
            return over;
        }
        let entry = self.parcel.entries[self.place];
        self.place += 1;
        self.position += 1;
        let Parcel { lengths, bytes, .. } = &self.parcel;
        Next::Element(match entry {
            Entry::None => Simple::None,
            Entry::Int(value) => Simple::Int(value),
            Entry::Float(value) => Simple::Float(value),
            Entry::Str { size } => Simple::Str(take(bytes, &mut self.bytes, size as usize)),
            Entry::Array { item, dimensions, fortran_order, size } => Simple::Array(SimpleArray {
                item,
                shape: take(lengths, &mut self.lengths, dimensions.into()),
                fortran_order,
                bytes: take(bytes, &mut self.bytes, size as usize),
            }),
        })
    }

    /// Goes to the next parcel that has an entry.
    #[cold]
    fn turn(&mut self, py: Python<'_>) -> Option<Next<'static>> {
        loop {
            if let Some((array, error)) = self.parcel.rest.take() {
                return Some(Next::Over(array, error));
            }
            let forked = self.process != process::id();
            let parcels = self.parcels.as_mut().filter(|_| !forked);
            let parcels = parcels.and_then(|parcels| parcels.get_mut().ok());
            let parcel = parcels.and_then(|parcels| match parcels.try_recv() {
                Ok(parcel) => Some(parcel),
                Err(TryRecvError::Empty) => py.detach(move || parcels.recv()).ok(),
                Err(TryRecvError::Disconnected) => None,
            });
            let Some(parcel) = parcel else {
                return Some(Next::Lost(self.position));
            };
            self.parcel = parcel;
            (self.place, self.lengths, self.bytes) = (0, 0, 0);
            if !self.parcel.entries.is_empty() {
                return None;
            }
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // In a process that was forked, the channel is as the thread left it: nobody may touch it.
        if self.process != process::id() {
            mem::forget(self.parcels.take());
        }
    }
}

/// Decodes simple elements, at most so many, as long as somebody waits for them.
fn decode(mut array: Box<NpyArray>, most: u64, parcels: &SyncSender<Parcel>) {
    let end = array.position().saturating_add(most);
    loop {
        let mut parcel = Parcel {
            entries: Vec::with_capacity(PARCEL),
            lengths: Vec::with_capacity(PARCEL),
            bytes: Vec::with_capacity(PARCEL_BYTES + LARGE),
            rest: None,
        };
        let filled = parcel.fill(&mut array, end);
        if !matches!(filled, Ok(true)) {
            parcel.rest = Some((array, filled.err()));
            // Where nobody waits any more, nothing is lost.
            let _ = parcels.send(parcel);
            return;
        }
        if parcels.send(parcel).is_err() {
            return;
        }
    }
}

impl Parcel {
    /// Adds simple elements up to `end`; `false` where the array stands at something else.
    fn fill(&mut self, array: &mut NpyArray, end: u64) -> Result<bool, Error> {
        let mut position = array.position();
        while self.entries.len() < PARCEL && self.bytes.len() < PARCEL_BYTES {
            if position == end {
                return Ok(false);
            }
            let added = match array.next_element() {
                Ok(Some(ref element)) => simple(element, |simple| self.push(simple)),
                Ok(None) => None,
                Err(error) => return Err(error),
            };
            if added != Some(true) {
                array.seek(position);
                return Ok(false);
            }
            position += 1;
        }
        Ok(true)
    }

    /// Adds an element, unless it is large.
    #[inline(always)]
    fn push(&mut self, simple: Simple<'_>) -> bool {
        let bytes = match simple {
            Simple::Str(text) => text,
            Simple::Array(array) => array.bytes,
            Simple::None | Simple::Int(_) | Simple::Float(_) => &[],
        };
        if bytes.len() > LARGE {
            return false;
        }
        let size = bytes.len() as u32;
        let entry = match simple {
            Simple::None => Entry::None,
            Simple::Int(value) => Entry::Int(value),
            Simple::Float(value) => Entry::Float(value),
            Simple::Str(_) => Entry::Str { size },
            Simple::Array(SimpleArray { item, shape, fortran_order, .. }) => {
                let Ok(dimensions) = u8::try_from(shape.len()) else { return false };
                self.lengths.extend_from_slice(shape);
                Entry::Array { item, dimensions, fortran_order, size }
            }
        };
        self.bytes.extend_from_slice(bytes);
        self.entries.push(entry);
        true
    }
}

/// The next so many of what is in a row.
#[inline]
fn take<'a, T>(row: &'a [T], next: &mut usize, count: usize) -> &'a [T] {
    let begin = *next;
    *next += count;
    &row[begin..*next]
}
