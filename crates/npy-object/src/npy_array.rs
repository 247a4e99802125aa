//! Opening a file, and what the user then holds.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use npy_header::{Header, Progress};

use crate::envelope::Envelope;
use crate::error::{Cause, Error, Result};
use crate::objects::Objects;
use crate::options::Options;
use crate::rows::Rows;
use crate::value::dtype::ItemTypes;
use crate::value::element::{Context, Element};
use crate::value::owned::OwnedElement;
use crate::window::Window;

impl Options {
    /// Opens a file.
    pub fn open(self, path: impl AsRef<Path>) -> Result<NpyArray> {
        self.read(File::open(path)?)
    }

    /// Reads from anything that can seek, from its start.
    pub fn read(self, reader: impl Read + Seek + Send + 'static) -> Result<NpyArray> {
        NpyArray::new(Window::new(Box::new(reader), self.read_size)?, self)
    }

    /// Reads a preamble and nothing else: what it says, and where the data begin. Unlike
    /// [`open`](Self::open) this does not ask whether there are data.
    pub fn read_header(&self, reader: impl Read + Seek + Send + 'static) -> Result<(Header, u64)> {
        let mut window = Window::new(Box::new(reader), self.read_size)?;
        read_header(&mut window, &self.limits.header)
    }

    /// Reads a file that is in memory.
    pub fn read_bytes(self, bytes: impl AsRef<[u8]> + Send + 'static) -> Result<NpyArray> {
        self.read(Cursor::new(bytes))
    }
}

/// An open `.npy` file: its header, and its elements one after another.
pub struct NpyArray {
    header: Header,
    /// Where the data begin.
    data_offset: u64,
    shape: Vec<usize>,
    context: Arc<Context>,
    elements: Payload,
}

enum Payload {
    Objects(Box<Objects>),
    Rows(Box<Rows>),
}

impl NpyArray {
    pub(crate) fn new(mut window: Window, options: Options) -> Result<NpyArray> {
        let (header, data_offset) = read_header(&mut window, &options.limits.header)?;
        let Options { encoding, limits, trust_payload, .. } = options;
        let item_types = ItemTypes::default();
        let mut context = Context { encoding, limits, item: None, item_types };
        let (shape, elements) = if header.dtype.has_object() {
            let objects = Objects::open(window, data_offset, &context)?;
            let envelope = objects.envelope();
            if !trust_payload {
                check_agreement(&header, envelope, data_offset)?;
            }
            context.item = Some(envelope.item.clone());
            (envelope.shape.to_vec(), Payload::Objects(Box::new(objects)))
        } else {
            let rows = Rows::open(window, data_offset, &header)?;
            (header.shape.clone(), Payload::Rows(Box::new(rows)))
        };
        Ok(NpyArray { header, data_offset, shape, context: Arc::new(context), elements })
    }

    /// What the preamble says.
    pub fn header(&self) -> &Header {
        &self.header
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
            Payload::Objects(objects) => objects.len(),
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
            Payload::Objects(objects) => Ok(objects
                .next(&self.context)?
                .map(|value| Element::of_array(value, &self.context))),
            Payload::Rows(rows) => Ok(rows.next()?.map(|row| Element::row(row, &self.context))),
        }
    }

    /// Steps over elements without decoding them, and says how many there were to step over.
    pub fn skip_elements(&mut self, count: u64) -> Result<u64> {
        match &mut self.elements {
            Payload::Objects(objects) => objects.skip(count),
            Payload::Rows(rows) => Ok(rows.skip(count)),
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
        Elements(self)
    }

    /// The next element, owning what it holds.
    pub fn next_owned(&mut self) -> Result<Option<OwnedElement>> {
        let context = Arc::clone(&self.context);
        Ok(match &mut self.elements {
            Payload::Objects(objects) => {
                let value = objects.next(&context)?;
                value.map(|value| OwnedElement::of_value(value, Arc::clone(&context)))
            }
            Payload::Rows(rows) => rows.next()?.map(|row| OwnedElement::of_row(row, context)),
        })
    }
}

/// The elements of an array from where it stands on: see [`NpyArray::elements`].
#[derive(Debug)]
pub struct Elements<'a>(&'a mut NpyArray);

impl Iterator for Elements<'_> {
    type Item = Result<OwnedElement>;

    fn next(&mut self) -> Option<Result<OwnedElement>> {
        self.0.next_owned().transpose()
    }
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

/// Refuses a header that says something else than the pickle behind it.
fn check_agreement(header: &Header, envelope: &Envelope, offset: u64) -> Result<()> {
    let (what, in_header, in_pickle) = if *header.shape != *envelope.shape {
        ("shape", python_tuple(&header.shape), python_tuple(&envelope.shape))
    } else if header.fortran_order != envelope.fortran_order {
        let (order, pickled) = (header.fortran_order, envelope.fortran_order);
        ("fortran_order", python_bool(order), python_bool(pickled))
    } else if !envelope.item.is_in_header_as(&header.dtype) {
        ("dtype", header.dtype.to_string(), envelope.item.to_string())
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
