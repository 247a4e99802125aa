//! [`ArrayWriter`]: writes an array of objects, one element at a time.
//!
//! ```text
//!  preamble              the shape, with room for any length
//!  _reconstruct(..)      the empty array
//!  ( 1  shape  dtype  fortran_order  [       its state, up to the list of elements
//!      ( element .. e                        a batch of 1,000 elements
//!      ( element .. e                        the next batch
//!  t b .                 the end of the state, and of the pickle
//! ```
//!
//! A length that is not known before is written at the end, in the preamble and in the state.

use std::fmt;
use std::io::{self, Seek, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use npy_header::{DType, Header, Padding, Version};
use pickle_stream::{Builder, Encoder, NodeId};

use super::append::{Continued, Extension};
use super::envelope::Envelope;
use super::numpy;
use crate::array::npy_array::NpyArray;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::{self, ContainerKind};
use crate::output::Output;
use crate::value::element::{Element, Repr};
use crate::value::globals::ArrayClass;
use crate::value::shape::Shape;

/// Options of writing an array.
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
/// let mut array = npy_object::Options::new().open(file.into_inner())?;
/// assert_eq!(array.get(1)?.unwrap().as_str()?, "arrays");
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options write nothing before `create` or `write_to`"]
pub struct WriteOptions {
    protocol: u8,
    pub(super) version: Version,
    pub(super) dtype: DType,
    pub(super) shape: Option<Vec<usize>>,
    /// Whether fewer elements are allowed than the one dimension has.
    pub(super) may_be_shorter: bool,
    pub(super) fortran_order: bool,
    model: Option<Model>,
}

/// The array that the new one is like.
#[derive(Clone, Debug)]
struct Model {
    header: Header,
    /// The bytes of its preamble; none for a bare pickle.
    preamble: Vec<u8>,
    envelope: Arc<envelope::Envelope>,
    /// The protocol of its pickle.
    protocol: u8,
    /// Whether it has a mask, which comes after the elements.
    is_masked: bool,
}

impl Default for WriteOptions {
    fn default() -> WriteOptions {
        WriteOptions::new()
    }
}

impl WriteOptions {
    /// Creates the default options: one dimension of any length, in protocol 4.
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

    /// Creates the options of an array like another one: of the same class, dtype, order and
    /// protocol, and of the same shape unless another one is [set](Self::shape). With its elements
    /// [copied](ArrayWriter::copy_from) it is the same file, if NumPy has written that.
    ///
    /// For a masked array, whose mask comes after the elements, it is an array of the data.
    /// Protocols 0 and 1 become 2.
    ///
    /// Fails where `array` has no objects, and where reading fails.
    pub fn like(array: &mut NpyArray) -> Result<WriteOptions> {
        let is_masked = array.class() == Some(ArrayClass::Masked);
        let (shape, fortran_order) = (array.shape().to_vec(), array.fortran_order());
        let (header, preamble) = (array.header().cloned(), array.data_offset() as usize);
        let Some(members) = array.objects_mut() else {
            let message = "an array without objects is not a pickle";
            return Err(Error::usage("access.type", message));
        };
        let preamble = members.decoder.window.fill_aside(0, preamble)?[..preamble].to_vec();
        let envelope = members.decoder.envelope().cloned();
        let protocol = members.decoder.protocol();
        let new = || Header::new(DType::OBJECT, fortran_order, shape.clone());
        let header = header.unwrap_or_else(new);
        let (version, dtype) = (header.version, header.dtype.clone());
        let model =
            envelope.map(|envelope| Model { header, preamble, envelope, protocol, is_masked });
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

    /// Creates the options of an array of the rows of several arrays of objects, one array after
    /// another: [like](Self::like) the first, as long as all along the first dimension, and of the
    /// highest protocol of all. Its elements can be [copied](ArrayWriter::copy_from) from each.
    ///
    /// Fails where there is no array, where one has no objects, and where one has no dimensions, or
    /// another dtype, or other lengths of the inner dimensions than the first.
    ///
    /// ```
    /// use npy_object::{NpyArray, Options, WriteOptions};
    ///
    /// let file = "tests/data/strings.npy";
    /// let mut arrays = [npy_object::open(file)?, npy_object::open(file)?];
    /// let mut joined = std::io::Cursor::new(Vec::new());
    /// let mut writer = WriteOptions::joining(&mut arrays)?.write_to(&mut joined)?;
    /// arrays.iter_mut().try_for_each(|array| writer.copy_from(array).elements(..))?;
    /// writer.finish()?;
    /// let array = Options::new().open(joined.into_inner())?;
    /// assert_eq!(array.len(), 6);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn joining(arrays: &mut [NpyArray]) -> Result<WriteOptions> {
        let Some((first, others)) = arrays.split_first_mut() else {
            return Err(Error::usage("access.shape", "expected an array, found none"));
        };
        let mut options = WriteOptions::like(first)?;
        let mut shape = first.shape().to_vec();
        let Some((length, inner)) = shape.split_first_mut() else {
            let message = "expected an array with a dimension, found one without";
            return Err(Error::usage("access.shape", message));
        };
        for other in others {
            let found = other.shape();
            if !other.has_objects() || other.to_header().dtype != options.dtype {
                let found = other.to_header().dtype;
                let message = format!("expected dtype {}, found {found}", options.dtype);
                return Err(Error::usage("access.type", message));
            }
            let Some((&more, _)) = found.split_first().filter(|(_, found)| *found == inner) else {
                let message = format!(
                    "expected the inner dimensions {}, found shape {}",
                    Shape::from(&*inner),
                    Shape::from(found)
                );
                return Err(Error::usage("access.shape", message));
            };
            *length = length.checked_add(more).ok_or_else(too_many)?;
            if let Some(objects) = other.objects_mut() {
                options.protocol = options.protocol.max(objects.decoder.protocol());
            }
        }
        Ok(options.shape(&shape))
    }

    /// Sets the protocol of the pickle, 2 to 5; 4 by default, as NumPy 2 writes. Python 2 reads 2,
    /// and Python 3.4 reads up to 4.
    pub fn protocol(mut self, protocol: u8) -> WriteOptions {
        self.protocol = protocol;
        self
    }

    /// Sets the dtype, order, shape and version of a header. The version is raised where the header
    /// needs it.
    pub fn header(self, header: &Header) -> WriteOptions {
        let Header { version, dtype, fortran_order, shape } = header;
        let options = self.dtype(dtype.clone()).fortran_order(*fortran_order).shape(shape);
        WriteOptions { version: *version, ..options }
    }

    /// Sets the dtype: `O`, or a structure with objects, whose elements are tuples.
    pub fn dtype(mut self, dtype: DType) -> WriteOptions {
        self.dtype = dtype;
        self
    }

    /// Sets the length of each dimension; none for an array without dimensions, which has one
    /// element. Exactly the elements of the shape have to be appended then, in C order.
    ///
    /// With a shape, the file is the one that NumPy writes, byte for byte. Without one, the length
    /// has more bytes than it needs.
    pub fn shape(mut self, shape: &[usize]) -> WriteOptions {
        self.shape = Some(shape.to_vec());
        self.may_be_shorter = false;
        self
    }

    /// Sets one dimension of at most this length, as for elements that are chosen from an array. If
    /// all of them are appended, the file is the one that NumPy writes.
    pub fn up_to(self, length: usize) -> WriteOptions {
        WriteOptions { may_be_shorter: true, ..self.shape(&[length]) }
    }

    /// Allows fewer rows than the shape has, in an array without objects.
    pub(crate) fn or_shorter(self) -> WriteOptions {
        WriteOptions { may_be_shorter: true, ..self }
    }

    /// Sets one dimension of any length.
    pub fn any_length(mut self) -> WriteOptions {
        self.shape = None;
        self
    }

    /// Sets whether NumPy keeps the array in Fortran order, with its first index varying fastest.
    pub fn fortran_order(mut self, fortran_order: bool) -> WriteOptions {
        self.fortran_order = fortran_order;
        self
    }

    /// Creates a file. Until [`finish`](ArrayWriter::finish) it has another name next to `path`,
    /// and an old file at `path` stays.
    ///
    /// Fails where the file cannot be created, and on a protocol that is not 2 to 5.
    pub fn create(self, path: impl AsRef<Path>) -> Result<ArrayWriter<'static>> {
        let output = Output::create(path.as_ref())?;
        ArrayWriter::begin(output, self)
    }

    /// Writes to an output. It is whole only after [`finish`](ArrayWriter::finish), which seeks to
    /// its beginning.
    pub fn write_to<'a>(self, output: impl Write + Seek + Send + 'a) -> Result<ArrayWriter<'a>> {
        ArrayWriter::begin(Output::of(output), self)
    }
}

/// A writer of an array of objects. It appends elements, and holds one in memory.
///
/// After an element that cannot be written, the writer goes on with the next. After an error of the
/// output, nothing more can be written, and a file does not get its name.
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
    /// The last element, if it was built.
    last: Option<NodeId>,
    /// The memo entry of the array itself.
    pub(super) root: u64,
    /// The container that is the only element of the array, whose members are written.
    inside: Option<ContainerKind>,
    /// The envelope of the model, if the same was written.
    pub(super) same_as: Option<Arc<envelope::Envelope>>,
    failed: bool,
}

/// The number of elements.
enum Length {
    Promised(u64),
    /// Any number of members of a container.
    Members,
    /// Up to `most`. `range` is the range in the file of their number, which is written at the end.
    Open {
        most: u64,
        range: Range<u64>,
    },
    /// Those of a file, and any number after them.
    Appended(Box<Extension>),
}

/// Elements of a batch, as in CPython's pickler.
const BATCH: usize = 1000;

/// Bytes of shared values after which they are forgotten, and written again.
const SHARED: usize = 1 << 20;

impl ArrayWriter<'static> {
    /// Creates a file with the default [`WriteOptions`].
    pub fn create(path: impl AsRef<Path>) -> Result<ArrayWriter<'static>> {
        WriteOptions::new().create(path)
    }

    /// Opens a file to append elements to its array, which has one dimension of objects. They are
    /// part of the file after [`finish`](Self::finish). Until then, and if the process stops before,
    /// it has the old ones. Only one writer can append to a file at a time.
    ///
    /// With an [index](crate::NpyArray::write_index) this takes the time of the new elements, and without
    /// one a survey of the file; `finish` writes an index. An index that cannot be written is left
    /// out.
    ///
    /// Fails with clause `access.append` where the file is not one that NumPy or this crate has
    /// written: of another dtype or more dimensions, in Fortran order, compressed, of protocol 0 or
    /// 1, or with data after its array. Then a [copy](Self::copy_from) in a new file can have more
    /// elements.
    ///
    /// ```
    /// use npy_object::ArrayWriter;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("strings.npy");
    /// # std::fs::copy("tests/data/strings.npy", &path)?;
    /// let mut writer = ArrayWriter::append_to(&path)?;
    /// writer.append_with(|build| build.str("appended"))?;
    /// writer.finish()?;
    /// let mut array = npy_object::open(&path)?;
    /// assert_eq!(array.len(), 4);
    /// assert_eq!(array.get(3)?.unwrap().as_str()?, "appended");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn append_to(path: impl AsRef<Path>) -> Result<ArrayWriter<'static>> {
        let Continued { extension, output, encoder, build, root, same_as } =
            Continued::open(path.as_ref())?;
        Ok(ArrayWriter {
            output,
            encoder,
            build,
            header: extension.header().clone(),
            written: extension.elements(),
            length: Length::Appended(Box::new(extension)),
            batch: 0,
            last: None,
            root,
            inside: None,
            same_as,
            failed: false,
        })
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
            Some(Model { envelope, protocol, is_masked, .. }) => {
                Envelope::of(envelope, *protocol, *is_masked, &mut build)?
            }
            None => None,
        };
        let envelope = match like {
            Some(like) => like,
            None => Envelope::new(&dtype, &mut build)?,
        };
        let parts = envelope.write(shape.as_deref(), fortran_order, &mut build, &mut encoder)?;

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
        let length = match parts.length {
            Some(Range { start, end }) if shape.is_none() || may_be_shorter => {
                let before = preamble.len() as u64;
                let most = if shape.is_none() { u64::MAX } else { promised };
                Length::Open { most, range: before + start..before + end }
            }
            _ => Length::Promised(promised),
        };
        let mut canonical = None;
        if let Some(Model { header: old, envelope: of_model, .. }) = model {
            let (shape, order) = (&old.shape, old.fortran_order);
            let is_same = envelope.is_written_as(&of_model, shape, order, &mut build, protocol)?
                && old.shape.is_empty() == header.shape.is_empty();
            canonical = is_same.then_some(of_model);
        }
        Ok(ArrayWriter {
            output,
            encoder,
            build,
            header,
            length,
            written: 0,
            batch: 0,
            last: None,
            root: parts.root,
            inside: None,
            same_as: canonical,
            failed: false,
        })
    }

    /// Returns how many elements were written, with those that the file had before.
    pub fn len(&self) -> u64 {
        self.written
    }

    /// Returns whether no elements were written.
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Returns the protocol of the pickle.
    pub fn protocol(&self) -> u8 {
        self.encoder.protocol()
    }

    /// Appends an element of another array. A row of an array without objects becomes an array or a
    /// scalar. Objects that the element shares with other elements are written again;
    /// [`copy_from`](Self::copy_from) shares them.
    ///
    /// Fails where writing fails, past the end of the shape, and where the protocol cannot express
    /// the element.
    pub fn append(&mut self, element: Element<'_>) -> Result<()> {
        let root = self.root;
        match element.repr() {
            Repr::Value(value) | Repr::Typed(value, _) | Repr::Plain(value, _) => {
                self.append_with(|build| build.copy(value, Some(root)))
            }
            Repr::Row(row) => match row.scalar() {
                Some(scalar) => {
                    self.append_with(|build| numpy::scalar(build, scalar.dtype(), scalar.data()))
                }
                None => self.append_array(row.dtype, row.shape, false, row.bytes),
            },
        }
    }

    /// Appends a NumPy array without objects. `data` are the bytes of its items, in the byte order
    /// of `dtype` and in C order, or in Fortran order if `fortran_order` is true.
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
    /// let mut array = Options::new().open(file.into_inner())?;
    /// assert_eq!(array.get(0)?.unwrap().as_array::<i16>()?.data(), [1, 2, 3, 4]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    ///
    /// Fails as [`append`](Self::append) does, and with clause `access.type` where `dtype` has
    /// objects, and where `data` does not have the bytes of the shape.
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
                format!("{} bytes are not an array of {dtype} and shape {shape:?}", data.len());
            return Err(Error::usage("access.type", message));
        }
        let class = ArrayClass::Array;
        self.append_with(|build| numpy::array(build, class, dtype, shape, fortran_order, data))
    }

    /// Appends the value that `make` builds. If it fails, nothing is written.
    ///
    /// Fails as [`append`](Self::append) does.
    pub fn append_with<E>(
        &mut self,
        make: impl FnOnce(&mut Builder) -> Result<NodeId, E>,
    ) -> Result<()>
    where
        Error: From<E>,
    {
        self.check(1)?;
        if self.build.shared_bytes() > SHARED {
            self.build.forget_shared();
            self.encoder.forget_shared();
        }
        self.build.clear();
        let value = make(&mut self.build)?;
        self.element(|encoder, build| Ok(encoder.value_with_outer(build.value(value))?))?;
        self.last = Some(value);
        Ok(())
    }

    /// Returns the memo entry of the last element, if it has one and was not copied from a pickle: see
    /// [`entry_of`](Self::entry_of).
    pub fn last_entry(&self) -> Option<u64> {
        self.entry_of(self.last?)
    }

    /// Returns the memo entry of a part of the last element, with which later elements can share
    /// it: see [`Encoder::entry`](pickle_stream::Encoder::entry). `None` where it has none, as an
    /// int.
    pub fn entry_of(&self, part: NodeId) -> Option<u64> {
        self.encoder.entry(self.build.value(part))
    }

    /// Returns the memo entry of the array itself, for elements that contain it.
    pub fn root(&self) -> u64 {
        self.root
    }

    /// Writes an element into the batch. If it fails, nothing is written.
    pub(super) fn element(
        &mut self,
        write: impl FnOnce(&mut Encoder, &mut Builder) -> Result<()>,
    ) -> Result<()> {
        self.elements(1, write)
    }

    /// Returns how many elements fit into the open batch, or, if that is full, into the next one.
    pub(super) fn room(&self) -> usize {
        BATCH - self.batch % BATCH
    }

    /// Writes elements into the batch, as many as [`room`](Self::room) says at most. If it fails,
    /// nothing is written.
    pub(super) fn elements(
        &mut self,
        count: usize,
        write: impl FnOnce(&mut Encoder, &mut Builder) -> Result<()>,
    ) -> Result<()> {
        self.check(count as u64)?;
        self.last = None;
        let savepoint = self.encoder.savepoint();
        let begins = self.batch == 0 || self.batch == BATCH;
        if self.batch == BATCH {
            self.close_batch();
        }
        if begins && !self.is_single() && !self.is_in_tuple() {
            self.encoder.mark();
        }
        write(&mut self.encoder, &mut self.build)
            .inspect_err(|_| self.encoder.go_back(savepoint))?;
        self.batch = if begins { count } else { self.batch + count };
        self.written += count as u64;
        self.flush()
    }

    /// Writes the bytes that do not change any more.
    fn flush(&mut self) -> Result<()> {
        self.failed = true;
        self.output.write(self.encoder.ready())?;
        self.encoder.take();
        self.failed = false;
        Ok(())
    }

    /// Returns whether there is one element, which is appended without a mark.
    fn is_single(&self) -> bool {
        matches!(self.length, Length::Promised(1) | Length::Open { most: 1, .. })
    }

    /// Begins a container as the only element of an array without dimensions. The next elements are
    /// its members: values, or keys with their values. `head` writes the container without them.
    pub(crate) fn enter(
        &mut self,
        kind: ContainerKind,
        head: impl FnOnce(&mut Encoder, &mut Builder) -> Result<()>,
    ) -> Result<()> {
        self.check(1)?;
        self.inside = Some(kind);
        self.length = Length::Members;
        if self.is_in_tuple() {
            self.encoder.mark();
            return Ok(());
        }
        head(&mut self.encoder, &mut self.build)
    }

    /// Returns whether members of a tuple or frozenset are written. One instruction makes it of all
    /// of them, so it has no batches.
    fn is_in_tuple(&self) -> bool {
        matches!(self.inside, Some(ContainerKind::Tuple | ContainerKind::FrozenSet))
    }

    /// Ends the batch: appends its elements to the array or the container.
    fn close_batch(&mut self) {
        use ContainerKind as K;
        match self.inside {
            None | Some(K::List | K::Deque | K::Array) => self.encoder.appends(),
            Some(K::Dict | K::OrderedDict | K::DefaultDict) => self.encoder.set_items(),
            Some(K::Set) => self.encoder.add_items(),
            Some(K::Tuple | K::FrozenSet) => {}
        }
    }

    /// Ends the array. A file gets its name.
    ///
    /// Fails where writing fails or has failed, and where fewer elements were appended than the
    /// shape has.
    pub fn finish(mut self) -> Result<()> {
        self.check_output()?;
        if let Length::Appended(extension) = &self.length
            && extension.elements() == self.written
        {
            return Ok(());
        }
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
        match self.length {
            Length::Appended(extension) => return extension.join(self.output, self.written),
            Length::Open { most, range } if self.written != most => {
                self.header.shape = vec![self.written as usize];
                // The header has room for any length.
                self.output.write_at(0, &self.header.to_bytes(Padding::Growable)?)?;
                let digits = (range.end - range.start) as usize;
                self.output.write_at(range.start, &self.written.to_le_bytes()[..digits])?;
            }
            _ => {}
        }
        self.output.finish()
    }

    /// Fails after an error of the output, and where this many elements go past the end of the shape.
    fn check(&self, count: u64) -> Result<()> {
        match &self.length {
            &Length::Promised(most) | &Length::Open { most, .. } if most - self.written < count => {
                Err(miscounted(most, self.written + count))
            }
            Length::Appended(extension) => {
                extension.check(self.written + count)?;
                self.check_output()
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

impl fmt::Debug for ArrayWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayWriter").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cold]
pub(super) fn has_failed() -> Error {
    Error::from(io::Error::other("writing to the output has failed before"))
}

#[cold]
fn too_many() -> Error {
    Error::usage("npy.header.shape", "the shape has over 2^64 elements")
}

#[cold]
pub(super) fn miscounted(promised: u64, count: u64) -> Error {
    let message = format!("expected {promised} elements by the shape, {count} were appended");
    Error::new(ErrorKind::Usage, "npy.object.count", None, message)
}
