//! Opening a file, and what the user then holds.

use std::io::{Read, Seek};
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::Arc;

use npy_header::{Header, Progress};

use crate::batches::Batches;
use crate::checkpoints::Route;
use crate::decoder::{Decoder, Place, Wanted};
use crate::descent::At;
use crate::elements::Elements;
use crate::error::{Cause, Error, Result};
use crate::members::Members;
use crate::opening::ArrayState;
use crate::options::Options;
use crate::rows::Rows;
use crate::source::Source;
use crate::subscripts::Subscripts;
use crate::value::element::{Context, Element};
use crate::value::owned::OwnedElement;
use crate::window::Window;

impl Options {
    /// Opens a file.
    pub fn open(self, path: impl AsRef<Path>) -> Result<NpyArray> {
        self.read_source(Source::open(path)?)
    }

    /// Reads from any [`Source`], from its start.
    pub fn read_source(self, source: Source) -> Result<NpyArray> {
        NpyArray::new(self.window(source)?, self)
    }

    /// Reads from anything that can seek, from its start.
    pub fn read(self, reader: impl Read + Seek + Send + 'static) -> Result<NpyArray> {
        self.read_source(Source::reader(reader)?)
    }

    /// Reads a file that is in memory, and borrows from there.
    pub fn read_bytes(self, bytes: impl AsRef<[u8]> + Send + 'static) -> Result<NpyArray> {
        self.read_source(Source::bytes(bytes))
    }

    /// Goes down into the containers of a file: see [`at`](crate::at).
    pub fn at(self, path: impl AsRef<Path>, subscripts: &Subscripts) -> Result<At> {
        self.at_source(Source::open(path)?, subscripts)
    }

    /// As [`at`](Self::at), in any [`Source`].
    pub fn at_source(self, source: Source, subscripts: &Subscripts) -> Result<At> {
        At::find(self.window(source)?, self, subscripts)
    }

    /// As [`at`](Self::at), in anything that can seek.
    pub fn at_reader(
        self,
        reader: impl Read + Seek + Send + 'static,
        subscripts: &Subscripts,
    ) -> Result<At> {
        self.at_source(Source::reader(reader)?, subscripts)
    }

    /// Reads a preamble and nothing else: what it says, and where the data begin. Unlike
    /// [`open`](Self::open) this does not ask whether there are data.
    pub fn read_header(&self, source: Source) -> Result<(Header, u64)> {
        read_header(&mut self.window(source)?, &self.limits.header)
    }

    /// A window on what is to be read of a source.
    fn window(&self, source: Source) -> Result<Window> {
        Ok(Window::new(source, self.read_size))
    }
}

/// An open array: its shape, and its elements one after another, or in any order.
pub struct NpyArray {
    header: Option<Header>,
    /// Where the data begin.
    data_offset: u64,
    shape: Vec<usize>,
    context: Arc<Context>,
    elements: Payload,
}

enum Payload {
    Objects(Box<Members>),
    Rows(Box<Rows>),
}

impl NpyArray {
    pub(crate) fn new(mut window: Window, options: Options) -> Result<NpyArray> {
        let context = Context::new(&options);
        let Some((header, data_offset)) = preamble(&mut window, &options)? else {
            let (members, state) = open_objects(window, 0, context)?;
            return Ok(NpyArray::of_objects(None, 0, members, &state));
        };
        if !header.dtype.has_object() {
            let rows = Rows::open(window, data_offset, &header)?;
            return Ok(NpyArray {
                data_offset,
                shape: header.shape.clone(),
                header: Some(header),
                context: Arc::new(context),
                elements: Payload::Rows(Box::new(rows)),
            });
        }
        let (members, state) = open_objects(window, data_offset, context)?;
        if !options.trust_payload {
            check_agreement(&header, &state, data_offset)?;
        }
        Ok(NpyArray::of_objects(Some(header), data_offset, members, &state))
    }

    fn of_objects(
        header: Option<Header>,
        data_offset: u64,
        members: Members,
        state: &ArrayState,
    ) -> NpyArray {
        NpyArray {
            header,
            data_offset,
            shape: state.shape.to_vec(),
            context: Arc::clone(&members.decoder.context),
            elements: Payload::Objects(Box::new(members)),
        }
    }

    /// What the preamble says; `None` in a bare pickle, which has none.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Where the data begin: bytes from the start of the file.
    pub fn data_offset(&self) -> u64 {
        self.data_offset
    }

    /// The length of each dimension; empty for a 0-d array.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the data are a pickle.
    pub fn has_objects(&self) -> bool {
        matches!(self.elements, Payload::Objects(_))
    }

    /// How many elements there are in all. In an array of objects these are its items in C order,
    /// whatever its dimensions; in any other its rows along the first axis. An array without
    /// dimensions has one.
    pub fn len(&self) -> u64 {
        match &self.elements {
            Payload::Objects(members) => members.len().unwrap_or(0),
            Payload::Rows(rows) => rows.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next element, until there are no more. It uses again what the last one was decoded into,
    /// so that a loop takes the memory of one element, and allocates nothing once that is large
    /// enough.
    ///
    /// After an error there are no more elements; those that came before it are what they are.
    /// Whoever comes to the end by going on has seen the whole file: an error there says that the
    /// file is not whole.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let mut letters = 0;
    /// while let Some(element) = array.next_element()? {
    ///     letters += element.as_str()?.len();
    /// }
    /// assert_eq!(letters, 17);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    #[inline]
    pub fn next_element(&mut self) -> Result<Option<Element<'_>>> {
        match &mut self.elements {
            Payload::Objects(members) => {
                let Some(decoded) = members.next()? else { return Ok(None) };
                let value = members.decoder.value(decoded, decoded.first);
                Ok(Some(Element::of_array(value, &self.context)))
            }
            Payload::Rows(rows) => Ok(rows.next()?.map(|row| Element::row(row, &self.context))),
        }
    }

    /// The element of this number, counted from 0 in the order in which [`next_element`] gives
    /// them; `None` where there are not so many. A loop goes on where it was.
    ///
    /// The first time that an element is asked for, the file is surveyed up to it; after that, it is
    /// found from a place a few thousand elements before it at most, wherever it is.
    ///
    /// [`next_element`]: Self::next_element
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// assert_eq!(array.get(1)?.unwrap().as_str()?, "NumPy");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn get(&mut self, index: u64) -> Result<Option<Element<'_>>> {
        match &mut self.elements {
            Payload::Objects(members) => {
                let Some(decoded) = members.get(index)? else { return Ok(None) };
                let value = members.decoder.value(decoded, decoded.first);
                Ok(Some(Element::of_array(value, &self.context)))
            }
            Payload::Rows(rows) => Ok(rows.get(index)?.map(|row| Element::row(row, &self.context))),
        }
    }

    /// The number of the element that comes next.
    pub fn position(&self) -> u64 {
        match &self.elements {
            Payload::Objects(members) => members.position(),
            Payload::Rows(rows) => rows.position(),
        }
    }

    /// Makes the element of this number the one that comes next. It is looked for when it is asked
    /// for.
    pub fn seek(&mut self, index: u64) {
        match &mut self.elements {
            Payload::Objects(members) => members.seek(index),
            Payload::Rows(rows) => rows.seek(index),
        }
    }

    /// The elements from here on, each owning what it holds, for those who keep or send them.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let elements: Vec<_> = array.elements().collect::<Result<_, _>>()?;
    /// assert_eq!(elements[1].element().as_str()?, "NumPy");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn elements(&mut self) -> Elements<'_> {
        Elements::new(self, ..)
    }

    /// The elements of these numbers, each owning what it holds. Elements that are not there are
    /// left out, as in Python.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let last = array.elements_in(1..).rev().next().unwrap()?;
    /// assert_eq!(last.element().as_str()?, "objects");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn elements_in(&mut self, range: impl RangeBounds<u64>) -> Elements<'_> {
        Elements::new(self, range)
    }

    /// The next element, owning what it holds.
    pub fn next_owned(&mut self) -> Result<Option<OwnedElement>> {
        let context = Arc::clone(&self.context);
        let Some(element) = self.next_element()? else { return Ok(None) };
        Ok(Some(element.into_owned(context)))
    }
}

/// Opens the array of objects that is pickled at `offset`.
fn open_objects(window: Window, offset: u64, context: Context) -> Result<(Members, ArrayState)> {
    let mut decoder = Decoder::new(window, context);
    let place = Place { offset, memo: 0, end: None };
    let start = decoder.open(place, Wanted::Array, &Route::default())?;
    let Some((start, state)) =
        start.and_then(|start| start.array.clone().map(|state| (start, state)))
    else {
        let message = "the pickle is not an array of objects as NumPy writes it";
        return Err(Error::new(Cause::Unsupported, "npy.object.envelope", offset, message));
    };
    decoder.set_item(Some(state.item.clone()));
    let limits = &decoder.context.limits.pickle;
    let batches = Batches::new(start, None, Route::default(), limits)?;
    Ok((Members::new(decoder, batches), state))
}

impl std::fmt::Debug for NpyArray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NpyArray").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Reads the preamble, and says where it ends.
pub(crate) fn read_header(
    window: &mut Window,
    limits: &npy_header::Limits,
) -> Result<(Header, u64)> {
    let mut needed = 1;
    loop {
        let bytes = window.fill(0, needed)?;
        let ended = bytes.len() < needed;
        match npy_header::parse(bytes, limits)? {
            Progress::Done { header, length } => return Ok((header, length as u64)),
            Progress::Need(missing) if ended => {
                let plural = if missing == 1 { "" } else { "s" };
                let message =
                    format!("the preamble was truncated: at least {missing} byte{plural} missing");
                let (end, clause) = (bytes.len() as u64, "npy.truncated");
                return Err(Error::new(Cause::Truncated, clause, end, message));
            }
            Progress::Need(more) => needed = bytes.len() + more,
        }
    }
}

/// Reads the preamble, and says where it ends; `None` where the file is a bare pickle.
pub(crate) fn preamble(window: &mut Window, options: &Options) -> Result<Option<(Header, u64)>> {
    // PROTO begins every pickle since protocol 2; before that, these are what containers and
    // arrays begin with.
    match *window.fill(0, 2)? {
        [0x80, 0..=5, ..] | [b'(' | b']' | b'}' | b'c', _, ..] => Ok(None),
        _ => read_header(window, &options.limits.header).map(Some),
    }
}

/// Refuses a header that says something else than the pickle behind it.
pub(crate) fn check_agreement(header: &Header, state: &ArrayState, offset: u64) -> Result<()> {
    let (what, in_header, in_pickle) = if *header.shape != *state.shape {
        ("shape", python_tuple(&header.shape), python_tuple(&state.shape))
    } else if header.fortran_order != state.fortran_order {
        let (order, pickled) = (header.fortran_order, state.fortran_order);
        ("fortran_order", python_bool(order), python_bool(pickled))
    } else if !state.item.is_in_header_as(&header.dtype) {
        ("dtype", header.dtype.to_string(), state.item.to_string())
    } else {
        return Ok(());
    };
    let message = format!("the header says {what} {in_header}, the pickle {in_pickle}");
    Err(Error::new(Cause::Malformed, "npy.object.agreement", offset, message))
}

/// A shape as Python prints it.
fn python_tuple(lengths: &[usize]) -> String {
    let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
    let comma = if lengths.len() == 1 { "," } else { "" };
    format!("({}{comma})", lengths.join(", "))
}

fn python_bool(value: bool) -> String {
    if value { "True" } else { "False" }.to_owned()
}
