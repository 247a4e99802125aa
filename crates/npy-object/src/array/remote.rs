//! Arrays in object stores: Amazon S3, Google Cloud Storage, Azure, HTTP, and the other stores of
//! the crate [`object_store`].
//!
//! Bytes that [`Fetched`] files need are requested, and the call that needed them is made again.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::array::npy_array::NpyArray;
use crate::error::{Error, Result};
use crate::locate::index::Index;
use crate::options::Options;
use crate::source::{Fetched, Need};
use crate::value::owned::OwnedElement;

/// Bytes of an object that are requested before its length is known. The preamble and the envelope
/// are there, and most often the definitions that elements share.
const START: usize = 16 << 10;

/// A builder that opens an object as an array.
///
/// ```
/// use std::sync::Arc;
///
/// use npy_object::Remote;
/// use object_store::local::LocalFileSystem;
///
/// # futures::executor::block_on(async {
/// let store = Arc::new(LocalFileSystem::new_with_prefix("tests/data")?);
/// let mut array = Remote::new(store, "strings.npy").open().await?;
/// assert_eq!(array.array().shape(), [3]);
/// let second = array.get(1).await?.expect("one of three");
/// assert_eq!(second.element().as_str()?, "NumPy");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    path: Path,
    options: Options,
    request_size: Option<u64>,
    memory: Option<usize>,
}

impl Remote {
    /// Creates a builder for the object at a path of a store.
    pub fn new(store: Arc<dyn ObjectStore>, path: impl Into<Path>) -> Remote {
        let (options, request_size, memory) = (Options::new(), None, None);
        Remote { store, path: path.into(), options, request_size, memory }
    }

    /// Sets the options. [`Options::index`] sets whether an index is requested.
    #[must_use]
    pub fn options(mut self, options: Options) -> Remote {
        self.options = options;
        self
    }

    /// Sets how many bytes a loop requests at once: see [`Fetched::request_size`].
    #[must_use]
    pub fn request_size(mut self, bytes: u64) -> Remote {
        self.request_size = Some(bytes);
        self
    }

    /// Sets how many bytes of the object are kept: see [`Fetched::memory`].
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Remote {
        self.memory = Some(bytes);
        self
    }

    /// Opens the object, and its index, if there is one next to it as `NAME.idx`.
    ///
    /// Fails as [`Options::open`] does, and where requests do; with clause `access.fetched` where
    /// the object is compressed and does not come with one request.
    pub async fn open(self) -> Result<RemoteArray> {
        let Remote { store, path, options, request_size, memory } = self;
        let object = Object::open(Arc::clone(&store), path, START).await?;
        let object = object.map_err(|missing| failed(0, missing))?.sized(request_size, memory);
        let source = object.file.source();
        let index = object.path_of_index()?;
        let mut objects = Objects(vec![object]);
        let read = || options.open(&source);
        let mut array = objects.fetching(read).await?;
        if options.index
            && array.has_objects()
            && let Ok(index) = Object::open(store, index, Index::FRONT).await?
        {
            let source = index.file.source();
            objects.0.push(index);
            objects.fetching(|| array.use_index(source.clone())).await?;
        }
        Ok(RemoteArray { array, objects })
    }
}

/// An array in an object store. Its elements own what they hold.
///
/// With an index beside the object, any element is found with a few kilobytes of both. Without one,
/// it is surveyed up to there.
#[derive(Debug)]
pub struct RemoteArray {
    array: NpyArray,
    objects: Objects,
}

impl RemoteArray {
    /// Returns the array, for its shape, its length, and whether its index is used. Methods that
    /// read may fail: see [`Error::need`].
    pub fn array(&self) -> &NpyArray {
        &self.array
    }

    /// Returns the element of this number: see [`NpyArray::get`].
    ///
    /// Fails as that does, and where requests do; then it can be tried again.
    pub async fn get(&mut self, index: u64) -> Result<Option<OwnedElement>> {
        let RemoteArray { array, objects } = self;
        objects.fetching(|| array.get_owned(index)).await
    }

    /// Returns the next element, until there are no more: see [`NpyArray::next_element`].
    ///
    /// Fails as that does, and where requests do; then it can be tried again.
    pub async fn next_element(&mut self) -> Result<Option<OwnedElement>> {
        let RemoteArray { array, objects } = self;
        objects.fetching(|| array.next_owned()).await
    }

    /// Makes the element of this number the next one.
    pub fn seek(&mut self, index: u64) {
        self.array.seek(index);
    }

    /// Returns a stream of the elements from here on. It ends after an error.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::sync::Arc;
    ///
    /// use futures::TryStreamExt;
    /// use npy_object::Remote;
    /// use object_store::local::LocalFileSystem;
    ///
    /// # futures::executor::block_on(async {
    /// let store = Arc::new(LocalFileSystem::new_with_prefix("tests/data")?);
    /// let mut array = Remote::new(store, "strings.npy").open().await?;
    /// let mut letters = 0;
    /// let mut elements = pin!(array.elements());
    /// while let Some(element) = elements.try_next().await? {
    ///     letters += element.element().as_str()?.len();
    /// }
    /// assert_eq!(letters, 17);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn elements(&mut self) -> impl Stream<Item = Result<OwnedElement>> + Send + '_ {
        stream::try_unfold(self, async |array| {
            let next = array.next_element().await?;
            Ok(next.map(|element| (element, array)))
        })
    }
}

/// The object, and its index, if there is one.
#[derive(Debug)]
struct Objects(Vec<Object>);

impl Objects {
    /// Calls `step`, and again after each request for bytes that it needs.
    async fn fetching<T>(&self, mut step: impl FnMut() -> Result<T>) -> Result<T> {
        loop {
            let done = step();
            let Some(need) = done.as_ref().err().and_then(Error::need).cloned() else {
                return done;
            };
            let of = self.0.iter().find(|object| object.file.name() == need.of().name());
            of.expect("a need of one of these").fetch(&need).await?;
        }
    }
}

struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// Its size, time and tag when it was opened.
    meta: ObjectMeta,
    file: Fetched,
}

impl Object {
    /// Requests the first bytes of an object; the error of the store where there is no such object.
    async fn open(
        store: Arc<dyn ObjectStore>,
        path: Path,
        first: usize,
    ) -> Result<Result<Object, object_store::Error>> {
        let range = GetRange::Bounded(0..first as u64);
        let got = store.get_opts(&path, GetOptions::new().with_range(Some(range))).await;
        let (meta, bytes) = match got {
            Ok(got) => {
                let meta = got.meta.clone();
                (meta, got.bytes().await.map_err(|error| failed(0, error))?)
            }
            Err(error @ object_store::Error::NotFound { .. }) => return Ok(Err(error)),
            // An empty object has no first byte.
            Err(error) => match store.head(&path).await {
                Ok(meta) if meta.size == 0 => (meta, Bytes::new()),
                _ => return Err(failed(0, error)),
            },
        };
        let file = Fetched::new(path.as_ref(), meta.size);
        file.need(0..meta.size.min(first as u64)).fill(bytes)?;
        Ok(Ok(Object { store, path, meta, file }))
    }

    fn sized(self, request_size: Option<u64>, memory: Option<usize>) -> Object {
        let file = request_size.into_iter().fold(self.file, Fetched::request_size);
        Object { file: memory.into_iter().fold(file, Fetched::memory), ..self }
    }

    fn path_of_index(&self) -> Result<Path> {
        let path = Path::parse(format!("{}.idx", self.path));
        path.map_err(|error| failed(0, error.into()))
    }

    /// Requests bytes of the object, which must be as it was when it was opened.
    async fn fetch(&self, need: &Need) -> Result<()> {
        let range = need.range();
        // A weak tag never matches.
        let e_tag = self.meta.e_tag.as_deref().filter(|e_tag| !e_tag.starts_with("W/"));
        // A store that does not tell the time of an object says 1970.
        let time = Some(self.meta.last_modified).filter(|time| time.timestamp() > 0);
        let options = GetOptions::new()
            .with_range(Some(GetRange::Bounded(range.clone())))
            .with_if_match(e_tag)
            .with_if_unmodified_since(time.filter(|_| e_tag.is_none()));
        let got = match self.store.get_opts(&self.path, options).await {
            Err(object_store::Error::Precondition { .. }) => return Err(self.changed(range.start)),
            got => got.map_err(|error| failed(range.start, error))?,
        };
        // A store may ignore the conditions.
        let ObjectMeta { size, e_tag, last_modified, .. } = &got.meta;
        let is_same = *size == self.meta.size
            && *e_tag == self.meta.e_tag
            && (e_tag.is_some() || *last_modified == self.meta.last_modified);
        if !is_same {
            return Err(self.changed(range.start));
        }
        need.fill(got.bytes().await.map_err(|error| failed(range.start, error))?)
    }

    #[cold]
    fn changed(&self, offset: u64) -> Error {
        let message = format!("{} was changed while it was read", self.path);
        Error::io_at(offset, io::Error::other(message))
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Without the store, which may print all of its objects.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(f)
    }
}

/// Returns the error of a request for bytes from `offset` on.
#[cold]
fn failed(offset: u64, error: object_store::Error) -> Error {
    use object_store::Error as E;
    let kind = match &error {
        E::NotFound { .. } => io::ErrorKind::NotFound,
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        E::InvalidPath { .. } => io::ErrorKind::InvalidInput,
        _ => io::ErrorKind::Other,
    };
    Error::io_at(offset, io::Error::new(kind, error))
}
