//! Writing arrays of objects, one element at a time.
//!
//! ```text
//!  preamble              the shape, with room for any length
//!  _reconstruct(..)      the array, empty, on the stack
//!  ( 1  shape  dtype  fortran_order  [       its state, up to the list of elements
//!      ( element .. 1,000 of them .. e       batch after batch, as they are appended
//!      ( element .. e
//!  t b .                 the state is whole, and with it the array
//! ```
//!
//! Where the length is not known before, it is filled in at the end, in both places. A file gets
//! its name only then: whoever stops half-way leaves what was there before.

use std::io::{self, Seek, Write};
use std::ops::Range;
use std::path::Path;

use npy_header::{DType, Header, Padding, Version};
use pickle_stream::{Builder, Encoder, NodeId};

use super::copy::Copy;
use super::envelope::Envelope;
use super::numpy;
use crate::array::npy_array::NpyArray;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::{ContainerKind, Opening};
use crate::output::Output;
use crate::value::element::{Element, Place};
use crate::value::globals::ArrayClass;

/// How an array is to be written.
///
/// ```
/// use std::io::Cursor;
/// use npy_object::WriteOptions;
///
/// let mut file = Cursor::new(Vec::new());
/// let mut writer = WriteOptions::new().protocol(2).write_to(&mut file)?;
/// for text in ["ragged", "arrays"] {
///     writer.append_with(|build| build.str(text))?;
/// }
/// writer.finish()?;
/// let mut array = npy_object::Options::new().read_bytes(file.into_inner())?;
/// assert_eq!(array.get(1)?.unwrap().as_str()?, "arrays");
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct WriteOptions {
    protocol: u8,
    pub(super) version: Version,
    pub(super) dtype: DType,
    pub(super) shape: Option<Vec<usize>>,
    /// Whether fewer elements may come than the one dimension says.
    pub(super) may_be_shorter: bool,
    pub(super) fortran_order: bool,
    model: Option<Model>,
}

/// An array that another one is to be like.
#[derive(Clone, Debug)]
struct Model {
    header: Header,
    /// Its bytes; none in a bare pickle.
    preamble: Vec<u8>,
    opening: Opening,
    /// The protocol of its pickle.
    protocol: u8,
    /// Whether it has a mask, which stands behind the elements.
    is_masked: bool,
}

impl Default for WriteOptions {
    fn default() -> WriteOptions {
        WriteOptions::new()
    }
}

impl WriteOptions {
    /// One dimension, as long as it gets, in protocol 4.
    pub fn new() -> WriteOptions {
        WriteOptions {
            protocol: 4,
            version: Version::V1,
            dtype: DType::OBJECT,
            shape: None,
            may_be_shorter: false,
            fortran_order: false,
            model: None,
        }
    }

    /// An array like another one: of the same class, dtype, order and protocol, and, until another
    /// one is [set](Self::shape), of the same shape. With its elements
    /// [copied](ArrayWriter::copy_from) it is the same file, if NumPy wrote that.
    ///
    /// Of a masked array, whose mask stands behind the elements, it is an array of the data. Protocols
    /// 0 and 1 become 2.
    ///
    /// Fails where `array` has no objects, and where reading fails.
    pub fn like(array: &mut NpyArray) -> Result<WriteOptions> {
        let is_masked = array.class() == Some(ArrayClass::Masked);
        let (shape, fortran_order) = (array.shape().to_vec(), array.fortran_order());
        let (header, preamble) = (array.header().cloned(), array.data_offset() as usize);
        let Some(members) = array.members_mut() else {
            let message = "an array without objects is not pickled";
            return Err(Error::usage("access.type", message));
        };
        let preamble = members.decoder.window.fill_aside(0, preamble)?[..preamble].to_vec();
        let opening = members.decoder.opening().cloned();
        let protocol = members.decoder.protocol();
        let new = || Header::new(DType::OBJECT, fortran_order, shape.clone());
        let header = header.unwrap_or_else(new);
        let (version, dtype) = (header.version, header.dtype.clone());
        let model = opening.map(|opening| Model { header, preamble, opening, protocol, is_masked });
        Ok(WriteOptions {
            protocol: protocol.max(2),
            version,
            dtype,
            shape: Some(shape),
            may_be_shorter: false,
            fortran_order,
            model,
        })
    }

    /// The protocol of the pickle, 2 to 5. Python 2 reads 2, Python from 3.4 on 4; NumPy 2 itself
    /// writes 4.
    pub fn protocol(mut self, protocol: u8) -> WriteOptions {
        self.protocol = protocol;
        self
    }

    /// Dtype, order and shape of a header, and its version, unless it takes a later one to say them.
    pub fn header(self, header: &Header) -> WriteOptions {
        let Header { version, dtype, fortran_order, shape } = header;
        let options = self.dtype(dtype.clone()).fortran_order(*fortran_order).shape(shape);
        WriteOptions { version: *version, ..options }
    }

    /// A dtype that holds objects: `O`, or a structure in which there are some. Elements of a
    /// structure are tuples.
    pub fn dtype(mut self, dtype: DType) -> WriteOptions {
        self.dtype = dtype;
        self
    }

    /// The length of each dimension; none for an array without dimensions, which has one element.
    /// So many elements have to come then, in C order.
    ///
    /// With it the file is the one that NumPy would write, byte for byte; without it the length
    /// takes more bytes than it needs.
    pub fn shape(mut self, shape: &[usize]) -> WriteOptions {
        self.shape = Some(shape.to_vec());
        self.may_be_shorter = false;
        self
    }

    /// One dimension, of at most this length: for elements that are chosen from so many. If all of
    /// them come, the file is the one that NumPy would write.
    pub fn up_to(self, length: usize) -> WriteOptions {
        WriteOptions { may_be_shorter: true, ..self.shape(&[length]) }
    }

    /// Of an array without objects: the shape that was set, or fewer rows.
    pub(crate) fn or_shorter(self) -> WriteOptions {
        WriteOptions { may_be_shorter: true, ..self }
    }

    /// One dimension, as long as it gets.
    pub fn any_length(mut self) -> WriteOptions {
        self.shape = None;
        self
    }

    /// Whether NumPy shall keep the array with its first index varying fastest.
    pub fn fortran_order(mut self, fortran_order: bool) -> WriteOptions {
        self.fortran_order = fortran_order;
        self
    }

    /// Begins a file. Until [`finish`](ArrayWriter::finish) it is beside `path` under another name:
    /// what is at `path` stays.
    ///
    /// Fails where the file cannot be made, and on a protocol that is not one of those.
    pub fn create(self, path: impl AsRef<Path>) -> Result<ArrayWriter<'static>> {
        let output = Output::create(path.as_ref())?;
        ArrayWriter::begin(output, self)
    }

    /// Begins to write where the output is. It is not whole before
    /// [`finish`](ArrayWriter::finish), which goes back to its beginning.
    pub fn write_to<'a>(self, output: impl Write + Seek + Send + 'a) -> Result<ArrayWriter<'a>> {
        ArrayWriter::begin(Output::of(output), self)
    }
}

/// Writes an array of objects, one element after another, in the memory of one of them.
///
/// An element that cannot be written leaves the writer as it was. After an error of the output
/// nothing more can be written, and a file does not get its name.
pub struct ArrayWriter<'a> {
    output: Output<'a>,
    encoder: Encoder,
    build: Builder,
    header: Header,
    length: Length,
    /// Elements that were written.
    written: u64,
    /// Elements of the batch that is open.
    batch: usize,
    /// The memo entry of the array itself.
    pub(super) root: u64,
    /// The container that is the only element of the array, and of which members are written.
    inside: Option<ContainerKind>,
    /// What stands before the elements in an array where it is the same.
    pub(super) opening: Option<Opening>,
    failed: bool,
}

/// How many elements there will be.
enum Length {
    Promised(u64),
    /// As many members of a container as come.
    Members,
    /// As many as come, up to `most`. Where their number goes: bytes from the start of the file.
    Open {
        most: u64,
        place: Range<u64>,
    },
}

/// Elements between a MARK and its APPENDS, as CPython's pickler has it.
const BATCH: usize = 1000;

/// Bytes of shared values after which they are written again.
const SHARED: usize = 1 << 20;

impl ArrayWriter<'static> {
    /// Begins the file at `path` with the default [`WriteOptions`].
    pub fn create(path: impl AsRef<Path>) -> Result<ArrayWriter<'static>> {
        WriteOptions::new().create(path)
    }
}

impl<'a> ArrayWriter<'a> {
    fn begin(mut output: Output<'a>, options: WriteOptions) -> Result<ArrayWriter<'a>> {
        let WriteOptions { protocol, version, dtype, shape, may_be_shorter, fortran_order, model } =
            options;
        if !dtype.has_object() {
            let message = format!("an array of {dtype} has no objects");
            return Err(Error::usage("access.type", message));
        }
        let mut encoder = Encoder::new(protocol)?;
        let mut build = Builder::new(&pickle_stream::Limits::default());
        let like = match &model {
            Some(Model { opening, protocol, is_masked, .. }) => {
                Envelope::of(opening, *protocol, *is_masked, &mut build)?
            }
            None => None,
        };
        let envelope = match like {
            Some(like) => like,
            None => Envelope::new(&dtype, &mut build)?,
        };
        let places = envelope.write(shape.as_deref(), fortran_order, &mut build, &mut encoder)?;

        let lengths = shape.clone().unwrap_or_else(|| vec![0]);
        let header = Header { version, ..Header::new(dtype, fortran_order, lengths) };
        let promised = header.count().ok_or_else(too_many)?;
        let same = model.as_ref().filter(|model| {
            let old = &model.header;
            !model.preamble.is_empty()
                && shape.is_some()
                && !may_be_shorter
                && (&old.shape, old.fortran_order) == (&header.shape, fortran_order)
        });
        let preamble = match same {
            Some(model) => model.preamble.clone(),
            None => header.to_bytes(Padding::Growable)?,
        };
        output.write(&preamble)?;
        let length = match places.length {
            Some(Range { start, end }) if shape.is_none() || may_be_shorter => {
                let before = preamble.len() as u64;
                let most = if shape.is_none() { u64::MAX } else { promised };
                Length::Open { most, place: before + start..before + end }
            }
            _ => Length::Promised(promised),
        };
        let mut canonical = None;
        if let Some(Model { header: old, opening, .. }) = model {
            let (shape, order) = (&old.shape, old.fortran_order);
            let is_same = envelope.is_written_as(&opening, shape, order, &mut build, protocol)?
                && old.shape.is_empty() == header.shape.is_empty();
            canonical = is_same.then_some(opening);
        }
        Ok(ArrayWriter {
            output,
            encoder,
            build,
            header,
            length,
            written: 0,
            batch: 0,
            root: places.root,
            inside: None,
            opening: canonical,
            failed: false,
        })
    }

    /// How many elements were written.
    pub fn len(&self) -> u64 {
        self.written
    }

    /// Whether no elements were written.
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Appends an element of an array that is being read: a row of an array without objects is an
    /// array, or a scalar. What the element shares with other elements there it has for itself here:
    /// see [`copy_from`](Self::copy_from).
    ///
    /// Fails where writing fails, beyond the promised shape, and where the protocol cannot say what
    /// the element is.
    pub fn append(&mut self, element: Element<'_>) -> Result<()> {
        let root = self.root;
        match element.place() {
            Place::Value(value) | Place::Typed(value, _) | Place::Plain(value, _) => {
                self.append_with(|build| build.copy(value, Some(root)))
            }
            Place::Row(row) => match row.scalar() {
                Some(scalar) => {
                    self.append_with(|build| numpy::scalar(build, scalar.dtype(), scalar.data()))
                }
                None => self.append_array(row.dtype, row.shape, false, row.bytes),
            },
        }
    }

    /// Appends a NumPy array of items that are not objects: their bytes, each in the byte order of
    /// `dtype`, one after another with the last index varying fastest, or the first where
    /// `fortran_order` says so.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use npy_object::{Options, WriteOptions};
    ///
    /// let mut file = Cursor::new(Vec::new());
    /// let mut writer = WriteOptions::new().write_to(&mut file)?;
    /// let bytes: Vec<u8> = [1i16, 2, 3, 4].iter().flat_map(|item| item.to_le_bytes()).collect();
    /// writer.append_array(&"<i2".parse()?, &[2, 2], false, &bytes)?;
    /// writer.finish()?;
    /// let mut array = Options::new().read_bytes(file.into_inner())?;
    /// assert_eq!(array.get(0)?.unwrap().as_array::<i16>()?.data(), [1, 2, 3, 4]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    ///
    /// Fails as [`append`](Self::append) does, and with clause `access.type` where there are objects
    /// in `dtype`, and where the bytes are not as many as the shape says.
    pub fn append_array(
        &mut self,
        dtype: &DType,
        shape: &[usize],
        fortran_order: bool,
        data: &[u8],
    ) -> Result<()> {
        let size = shape.iter().try_fold(dtype.itemsize(), |size, &n| size.checked_mul(n));
        if dtype.has_object() || size != Some(data.len()) {
            let message =
                format!("{} bytes are no array of {dtype} and shape {shape:?}", data.len());
            return Err(Error::usage("access.type", message));
        }
        let class = ArrayClass::Array;
        self.append_with(|build| numpy::array(build, class, dtype, shape, fortran_order, data))
    }

    /// Appends what `make` makes. If that fails, nothing was written.
    ///
    /// Fails as [`append`](Self::append) does.
    pub fn append_with<E>(
        &mut self,
        make: impl FnOnce(&mut Builder) -> Result<NodeId, E>,
    ) -> Result<()>
    where
        Error: From<E>,
    {
        self.check()?;
        if self.build.shared_bytes() > SHARED {
            self.build.forget_shared();
            self.encoder.forget_shared();
        }
        self.build.clear();
        let value = make(&mut self.build)?;
        self.element(|encoder, build| Ok(encoder.value(build.value(value))?))
    }

    /// The memo entry of a part of the element that was appended last, with which elements behind it
    /// can share it: see [`Builder::written`]. `None` where it has none, as ints have.
    pub fn entry_of(&self, part: NodeId) -> Option<u64> {
        self.encoder.entry(self.build.value(part))
    }

    /// The memo entry of the array itself, for elements that contain it.
    pub fn root(&self) -> u64 {
        self.root
    }

    /// Goes on with elements of another file, as they stand there, with what they share.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use npy_object::WriteOptions;
    ///
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let mut file = Cursor::new(Vec::new());
    /// let mut writer = WriteOptions::new().write_to(&mut file)?;
    /// writer.copy_from(&mut array).elements(1..3)?;
    /// writer.finish()?;
    /// # let mut array = npy_object::Options::new().read_bytes(file.into_inner())?;
    /// # assert_eq!(array.get(0)?.unwrap().as_str()?, "NumPy");
    /// # assert_eq!(array.len(), 2);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn copy_from<'w>(&'w mut self, array: &'w mut NpyArray) -> Copy<'w, 'a> {
        Copy::new(self, array)
    }

    /// Writes an element into the batch. If that fails, nothing was written.
    pub(super) fn element(
        &mut self,
        write: impl FnOnce(&mut Encoder, &mut Builder) -> Result<()>,
    ) -> Result<()> {
        self.check()?;
        let place = self.encoder.place();
        let begins = self.batch == 0 || self.batch == BATCH;
        if self.batch == BATCH {
            self.close_batch();
        }
        if begins && !self.is_single() && !self.is_in_tuple() {
            self.encoder.mark();
        }
        write(&mut self.encoder, &mut self.build).inspect_err(|_| self.encoder.go_back(place))?;
        self.batch = if begins { 1 } else { self.batch + 1 };
        self.written += 1;
        self.flush()
    }

    /// Writes what is final.
    fn flush(&mut self) -> Result<()> {
        self.failed = true;
        self.output.write(self.encoder.ready())?;
        self.encoder.take();
        self.failed = false;
        Ok(())
    }

    /// Whether there is one element, which is appended without a mark.
    fn is_single(&self) -> bool {
        matches!(self.length, Length::Promised(1) | Length::Open { most: 1, .. })
    }

    /// Begins a container, which becomes the only element of an array without dimensions: what is
    /// written from here on are its members, each of them a value, or a key and its value. `head`
    /// writes the container without them.
    pub(crate) fn enter(
        &mut self,
        kind: ContainerKind,
        head: impl FnOnce(&mut Encoder, &mut Builder) -> Result<()>,
    ) -> Result<()> {
        self.check()?;
        self.inside = Some(kind);
        self.length = Length::Members;
        if self.is_in_tuple() {
            self.encoder.mark();
            return Ok(());
        }
        head(&mut self.encoder, &mut self.build)
    }

    /// Whether members of a tuple or frozenset are written, which has no batches: one instruction
    /// makes it of all of them.
    fn is_in_tuple(&self) -> bool {
        matches!(self.inside, Some(ContainerKind::Tuple | ContainerKind::FrozenSet))
    }

    /// Puts the elements of the batch into what they are elements of.
    fn close_batch(&mut self) {
        use ContainerKind as K;
        match self.inside {
            None | Some(K::List | K::Deque | K::Array) => self.encoder.appends(),
            Some(K::Dict | K::OrderedDict | K::DefaultDict) => self.encoder.set_items(),
            Some(K::Set) => self.encoder.add_items(),
            Some(K::Tuple | K::FrozenSet) => {}
        }
    }

    /// Ends the array; a file gets its name.
    ///
    /// Fails where writing fails or has failed, and where the shape promises more elements than
    /// came.
    pub fn finish(mut self) -> Result<()> {
        self.check_output()?;
        if let Length::Promised(promised) = self.length
            && self.written < promised
        {
            return Err(miscounted(promised, self.written));
        }
        match self.batch {
            0 => {}
            _ if self.is_single() => self.encoder.append(),
            _ => self.close_batch(),
        }
        match self.inside {
            None => {}
            Some(kind) => {
                match kind {
                    ContainerKind::Tuple => drop(self.encoder.tuple()),
                    ContainerKind::FrozenSet => drop(self.encoder.frozen_set()),
                    _ => {}
                }
                self.encoder.append();
            }
        }
        self.encoder.tuple();
        self.encoder.build();
        self.encoder.stop();
        self.flush()?;
        if let Length::Open { most, place } = self.length
            && self.written != most
        {
            self.header.shape = vec![self.written as usize];
            // There is room for any length.
            self.output.write_at(0, &self.header.to_bytes(Padding::Growable)?)?;
            let digits = (place.end - place.start) as usize;
            self.output.write_at(place.start, &self.written.to_le_bytes()[..digits])?;
        }
        self.output.finish()?;
        Ok(())
    }

    /// Refuses to go on after an error of the output, and beyond the promised shape.
    fn check(&self) -> Result<()> {
        match self.length {
            Length::Promised(most) | Length::Open { most, .. } if self.written >= most => {
                Err(miscounted(most, self.written + 1))
            }
            _ => self.check_output(),
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    fn check_output(&self) -> Result<()> {
        match self.failed {
            true => Err(has_failed()),
            false => Ok(()),
        }
    }
}

#[cold]
pub(super) fn has_failed() -> Error {
    Error::from(io::Error::other("the output has failed before"))
}

#[cold]
fn too_many() -> Error {
    Error::usage("npy.header.shape", "a shape of over 2^64 elements")
}

#[cold]
pub(super) fn miscounted(promised: u64, count: u64) -> Error {
    let message = format!("the shape promises {promised} elements; {count} were appended");
    Error::new(ErrorKind::Usage, "npy.object.count", None, message)
}
