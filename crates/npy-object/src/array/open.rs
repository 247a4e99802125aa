//! Opening a file: what stands before the elements, and what reads them.

use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use npy_header::{Header, Progress};

use crate::array::npy_array::NpyArray;
use crate::decode::decoder::{Decoder, Place, Wanted};
use crate::decode::members::Members;
use crate::decode::rows::Rows;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::ArrayState;
use crate::locate::batches::Batches;
use crate::locate::checkpoints::Route;
use crate::locate::split::Split;
use crate::nested::descent::At;
use crate::nested::subscripts::Subscripts;
use crate::options::Options;
use crate::source::Source;
use crate::source::format::Format;
use crate::source::window::Window;
use crate::value::context::Context;
use crate::value::owned::OwnedElement;
use crate::value::shape::Shape;

impl Options {
    /// Opens a file, and uses its index if there is one: see [`NpyArray::write_index`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<NpyArray> {
        let path = path.as_ref();
        let use_index = self.index;
        let mut array = self.read_source(Source::open_path(path)?)?;
        array.set_file(path);
        if use_index {
            array.find_index()?;
        }
        Ok(array)
    }

    /// Opens a part of a file: see [`NpyArray::splits`]. The elements that come one after another
    /// are those of the part; their numbers, and everything else, are those of the whole.
    ///
    /// Fails as [`open`](Self::open) does, and with clause `access.split` where the file is not the
    /// one that was split.
    pub fn open_split(self, path: impl AsRef<Path>, split: &Split) -> Result<NpyArray> {
        let mut array = self.index(false).open(path)?;
        array.enter(split)?;
        Ok(array)
    }

    /// Reads from any [`Source`], from its start.
    pub fn read_source(self, source: Source) -> Result<NpyArray> {
        source.explained(|source| open_array(self.window(source)?, &self))
    }

    /// Reads from any [`Source`] that has an index, which is read part by part, as elements are asked
    /// for: see [`Fetched`](crate::Fetched). [`NpyArray::index_use`] says whether it is used.
    ///
    /// An index knows the time of its file, but a source has none. So it is held against the length
    /// and the beginning of the file, and against each stretch of elements that is found by it: one
    /// that is of another file is an error there, `index.fresh`.
    pub fn read_with_index(self, source: Source, index: Source) -> Result<NpyArray> {
        let mut array = self.read_source(source)?;
        array.use_index(index)?;
        Ok(array)
    }

    /// Reads a stream, as far as elements are asked for: see [`Source::stream`].
    pub fn read_stream(self, stream: impl Read + Send + 'static) -> Result<NpyArray> {
        let source = Source::spooled(stream, self.spooled());
        self.read_source(source)
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
        self.at_source(Source::open_path(path.as_ref())?, subscripts)
    }

    /// As [`at`](Self::at), in any [`Source`].
    pub fn at_source(self, source: Source, subscripts: &Subscripts) -> Result<At> {
        source.explained(|source| At::find(self.window(source)?, self, subscripts))
    }

    /// As [`at`](Self::at), in anything that can seek.
    pub fn at_reader(
        self,
        reader: impl Read + Seek + Send + 'static,
        subscripts: &Subscripts,
    ) -> Result<At> {
        self.at_source(Source::reader(reader)?, subscripts)
    }

    /// Reads a preamble and nothing else: what it says, and where the data begin; `None` in a bare
    /// pickle, which has none. Unlike [`open`](Self::open) this does not ask whether there are data.
    pub fn read_header(&self, source: Source) -> Result<Option<(Header, u64)>> {
        source.explained(|source| preamble(&mut self.window(source)?, self))
    }

    /// The object that is pickled in a file, all of it at once: of an array of objects the array
    /// itself, with its class, its mask, and its elements in [`Data::Items`](crate::Data::Items).
    ///
    /// It takes the memory of all of it, as `numpy.load` does. But what two elements share is one
    /// value here, and elements that change one another are what they are in the end.
    ///
    /// Fails as decoding does, and with clause `access.type` where nothing is pickled: in an array
    /// without objects.
    ///
    /// ```
    /// use npy_object::{Data, Kind, Options, Source};
    ///
    /// let whole = Options::new().read_pickle(Source::open("tests/data/strings.npy")?)?;
    /// let Kind::Array(array) = whole.element().kind() else { panic!("NumPy saved an array") };
    /// let Data::Items(mut items) = array.data().clone() else { panic!("of objects") };
    /// assert_eq!(items.nth(1).unwrap().as_str()?, "NumPy");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn read_pickle(self, source: Source) -> Result<OwnedElement> {
        self.read_pickle_to_end(source).map(|(whole, _)| whole)
    }

    /// As [`read_pickle`](Self::read_pickle), with the place where the pickle ends: bytes from the
    /// start of the file.
    pub fn read_pickle_to_end(self, source: Source) -> Result<(OwnedElement, u64)> {
        source.explained(|source| self.pickle(source))
    }

    fn pickle(self, source: Source) -> Result<(OwnedElement, u64)> {
        let mut window = self.window(source)?;
        let offset = pickle_offset(&mut window, &self)?;
        let mut decoder = Decoder::new(window, Context::new(&self));
        let decoded = decoder.decode_all(offset)?;
        decoder.window.source().verify_to(decoded.end())?;
        let context = Arc::clone(&decoder.context);
        Ok((decoder.element(decoded, decoded.first).into_owned(context), decoded.end()))
    }

    /// A window on what is to be read of a source.
    pub(crate) fn window(&self, source: Source) -> Result<Window> {
        Ok(Window::new(self.unpack(source)?, self.read_size, self.limits.element))
    }
}

/// Opens the array that a window is on.
pub(crate) fn open_array(mut window: Window, options: &Options) -> Result<NpyArray> {
    let context = Context::new(options);
    let Some((header, data_offset)) = preamble(&mut window, options)? else {
        let (members, state) = open_objects(window, 0, context)?;
        let members = members.with_unfinished(options.unfinished);
        return Ok(NpyArray::of_objects(None, 0, members, &state));
    };
    if !header.dtype.has_object() {
        let rows = Rows::open(window, data_offset, &header)?;
        return Ok(NpyArray::of_rows(header, data_offset, rows, context));
    }
    let (members, state) = open_objects(window, data_offset, context)?;
    let members = members.with_unfinished(options.unfinished);
    if !options.trust_payload {
        check_agreement(&header, &state, data_offset)?;
    }
    Ok(NpyArray::of_objects(Some(header), data_offset, members, &state))
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
        return Err(Error::new(ErrorKind::Unsupported, "npy.object.envelope", offset, message));
    };
    decoder.set_item(Some(state.item.clone()));
    let limits = &decoder.context.limits.pickle;
    let batches = Batches::new(start, None, Route::default(), limits)?;
    Ok((Members::new(decoder, batches), state))
}

/// Says where the pickle of a file begins.
pub(crate) fn pickle_offset(window: &mut Window, options: &Options) -> Result<u64> {
    match preamble(window, options)? {
        None => Ok(0),
        Some((header, offset)) if header.dtype.has_object() => Ok(offset),
        Some(_) => Err(Error::usage("access.type", "an array without objects holds no pickle")),
    }
}

/// Whether an array could not be opened because the pickle holds something else.
pub(crate) fn is_no_array(error: &Error) -> bool {
    error.clause() == "npy.object.envelope"
}

/// Reads the preamble, and says where it ends.
fn read_header(window: &mut Window, limits: &npy_header::Limits) -> Result<(Header, u64)> {
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
                return Err(Error::new(ErrorKind::Truncated, clause, end, message));
            }
            Progress::Need(more) => needed = bytes.len() + more,
        }
    }
}

/// Reads the preamble, and says where it ends; `None` where the file is a bare pickle.
pub(crate) fn preamble(window: &mut Window, options: &Options) -> Result<Option<(Header, u64)>> {
    match Format::of(window.source())? {
        Format::Pickle => Ok(None),
        _ => read_header(window, &options.limits.header).map(Some),
    }
}

/// Refuses a header that says something else than the pickle after it.
pub(crate) fn check_agreement(header: &Header, state: &ArrayState, offset: u64) -> Result<()> {
    check_shape(header, &state.shape, state.fortran_order, offset)?;
    if !state.item.is_in_header_as(&header.dtype) {
        let (in_header, in_pickle) = (header.dtype.to_string(), state.item.to_string());
        return Err(disagreement("dtype", in_header, in_pickle, offset));
    }
    Ok(())
}

/// Refuses a header of another shape or order than the array that is pickled after it.
pub(crate) fn check_shape(
    header: &Header,
    shape: &[usize],
    fortran_order: bool,
    offset: u64,
) -> Result<()> {
    let (what, in_header, in_pickle) = if *header.shape != *shape {
        let in_header = Shape::from(&*header.shape);
        ("shape", in_header.to_string(), Shape::from(shape).to_string())
    } else if header.fortran_order != fortran_order {
        let (order, pickled) = (header.fortran_order, fortran_order);
        ("fortran_order", python_bool(order), python_bool(pickled))
    } else {
        return Ok(());
    };
    Err(disagreement(what, in_header, in_pickle, offset))
}

#[cold]
fn disagreement(what: &str, in_header: String, in_pickle: String, offset: u64) -> Error {
    let message = format!("the header says {what} {in_header}, the pickle {in_pickle}");
    Error::new(ErrorKind::Malformed, "npy.object.agreement", offset, message)
}

fn python_bool(value: bool) -> String {
    if value { "True" } else { "False" }.to_owned()
}
