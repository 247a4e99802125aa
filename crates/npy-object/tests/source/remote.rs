//! Arrays in object stores: the requests, and faults of stores.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::TryStreamExt;
use futures::executor::block_on;
use futures::stream::BoxStream;
use npy_object::header::{DType, Header, Padding, Version};
use npy_object::{Error, ErrorKind, IndexUse, Kind, OwnedElement, Remote, RemoteArray, Source};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A fault of a store.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Answers with one byte less.
    Short,
    /// Answers with one byte more.
    Long,
    /// Ignores conditions.
    Unconditional,
    /// Has no entity tags.
    Untagged,
    /// Has neither entity tags nor times.
    Undated,
    /// Does not answer.
    Down,
}

/// A store in memory that records requests.
#[derive(Debug, Default)]
struct Counted {
    inner: InMemory,
    requests: Mutex<Vec<(String, Range<u64>)>>,
    fault: Mutex<Option<Fault>>,
}

impl Counted {
    /// Creates a store of these objects.
    fn with(objects: &[(&str, Vec<u8>)]) -> Arc<Counted> {
        let store = Arc::new(Counted::default());
        objects.iter().for_each(|(name, bytes)| store.set(name, bytes.clone()));
        store
    }

    fn set(&self, name: &str, bytes: impl Into<Bytes>) {
        block_on(self.inner.put(&Path::from(name), PutPayload::from(bytes.into()))).unwrap();
    }

    fn fail(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    /// Returns the requests since the last call.
    fn requests(&self) -> Vec<(String, Range<u64>)> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

#[async_trait]
impl ObjectStore for Counted {
    async fn get_opts(&self, path: &Path, mut options: GetOptions) -> Result<GetResult> {
        let fault = *self.fault.lock().unwrap();
        let is_head = options.head;
        if fault == Some(Fault::Down) {
            let source = io::Error::new(io::ErrorKind::TimedOut, "nobody answers").into();
            return Err(object_store::Error::Generic { store: "Counted", source });
        }
        if matches!(fault, Some(Fault::Unconditional | Fault::Untagged)) {
            (options.if_match, options.if_unmodified_since) = (None, None);
        }
        let mut result = self.inner.get_opts(path, options).await?;
        if matches!(fault, Some(Fault::Untagged | Fault::Undated)) {
            result.meta.e_tag = None;
        }
        if fault == Some(Fault::Undated) {
            // 1970, as of a server without Last-Modified.
            result.meta.last_modified = Default::default();
        }
        let (meta, range) = (result.meta.clone(), result.range.clone());
        let (attributes, extensions) = (result.attributes.clone(), result.extensions.clone());
        if !is_head {
            self.requests.lock().unwrap().push((path.to_string(), range.clone()));
        }
        let mut bytes = result.bytes().await?.to_vec();
        match fault {
            Some(Fault::Short) => drop(bytes.pop()),
            Some(Fault::Long) => bytes.push(0),
            _ => {}
        }
        let bytes = futures::stream::once(async { Ok(Bytes::from(bytes)) });
        let payload = GetResultPayload::Stream(Box::pin(bytes));
        Ok(GetResult { payload, meta, range, attributes, extensions })
    }

    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn open(store: &Arc<Counted>, name: &str) -> npy_object::Result<RemoteArray> {
    block_on(Remote::new(Arc::clone(store) as Arc<dyn ObjectStore>, name).open())
}

fn data(name: &str) -> Vec<u8> {
    fs::read(format!("tests/data/{name}")).unwrap()
}

/// Returns the next elements, which are strings.
fn strings(array: &mut RemoteArray) -> npy_object::Result<Vec<String>> {
    let elements = array.elements();
    let text = |element: OwnedElement| Ok(element.element().as_str()?.into_owned());
    block_on(elements.map_ok(text).try_collect::<Vec<_>>())?.into_iter().collect()
}

const STRINGS: [&str; 3] = ["hello", "NumPy", "objects"];

/// An array of pairs of one string, which all of them share, and bytes: of these the first eight
/// and the last eight are the number of the element, and the rest zeros. What is not written is a
/// hole in the file.
fn write_pairs(file: &mut File, sizes: &[u64]) -> io::Result<()> {
    let (dtype, shape) = (DType::OBJECT, vec![sizes.len()]);
    let header = Header { version: Version::V1, dtype, fortran_order: false, shape };
    let mut file = BufWriter::new(file);
    file.write_all(&header.to_bytes(Padding::default()).unwrap())?;
    file.write_all(
        b"\x80\x04cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01J",
    )?;
    file.write_all(&(sizes.len() as u32).to_le_bytes())?;
    file.write_all(
        b"\x85cnumpy\ndtype\nX\x02\0\0\0O8K\0K\x01\x87R\
          (K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]",
    )?;
    for (batch, sizes) in sizes.chunks(1000).enumerate() {
        file.write_all(b"(")?;
        for (number, &size) in (batch as u64 * 1000..).zip(sizes) {
            let name: &[u8] = if number == 0 { b"\x8c\x06shared\x94" } else { b"h\0" };
            file.write_all(name)?;
            file.write_all(b"\x8e")?;
            file.write_all(&size.to_le_bytes())?;
            file.write_all(&number.to_le_bytes())?;
            file.seek(SeekFrom::Current(size as i64 - 16))?;
            file.write_all(&number.to_le_bytes())?;
            file.write_all(b"\x94\x86\x94")?;
        }
        file.write_all(b"e")?;
    }
    file.write_all(b"tb.")?;
    file.flush()
}

/// A file in memory, as a store takes it.
struct Mapped(Source);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes().expect("it is in memory")
    }
}

/// A store with such an array, and its index.
fn store_of_pairs(sizes: &[u64]) -> Arc<Counted> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pairs.npy");
    write_pairs(&mut File::create(&path).unwrap(), sizes).unwrap();
    let index = npy_object::open(&path).unwrap().write_index().unwrap();
    let store = Arc::new(Counted::default());
    // SAFETY: nobody but this function knows of the file.
    let whole = unsafe { Source::map(&path) }.unwrap();
    store.set("pairs.npy", Bytes::from_owner(Mapped(whole)));
    store.set("pairs.npy.idx", fs::read(index).unwrap());
    store
}

/// Sizes between two, `total` in sum.
fn sizes(total: u64, least: u64, most: u64) -> Vec<u64> {
    let (mut sum, mut state) = (0, 1u64);
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let size = least + (state >> 33) % (most - least + 1);
        sum += size;
        (sum - size < total).then_some(size)
    };
    std::iter::from_fn(next).collect()
}

fn check_pair(element: &OwnedElement, number: u64, size: u64) {
    let Kind::Tuple(mut items) = element.element().kind() else { panic!("not a tuple") };
    let (name, bytes) = (items.next().unwrap(), items.next().unwrap());
    assert_eq!(name.as_str().unwrap(), "shared");
    let bytes = bytes.as_bytes().unwrap();
    assert_eq!(bytes.len() as u64, size);
    let (begin, end) = (bytes.first_chunk().unwrap(), bytes.last_chunk().unwrap());
    assert_eq!((u64::from_le_bytes(*begin), u64::from_le_bytes(*end)), (number, number));
}

fn bytes_in(requests: &[(String, Range<u64>)]) -> u64 {
    requests.iter().map(|(_, range)| range.end - range.start).sum()
}

/// Whoever wants one element gets it with few requests and not much more than its bytes.
fn check_gets(sizes: &[u64]) {
    let store = store_of_pairs(sizes);
    let count = sizes.len() as u64;
    for number in
        [0, 1, count / 3, 999, 1000, count / 2, count - 2, count - 1].map(|n| n.min(count - 1))
    {
        store.requests();
        let mut array = open(&store, "pairs.npy").unwrap();
        assert_eq!(array.array().index_use(), IndexUse::Used);
        let opening = store.requests();
        assert!(opening.len() <= 2, "{opening:?}");
        let size = sizes[number as usize];
        let element = block_on(array.get(number)).unwrap().expect("an element");
        check_pair(&element, number, size);
        let requests = store.requests();
        assert!(requests.len() <= 4, "{number}: {requests:?}");
        assert!(bytes_in(&requests) <= size + (64 << 10), "{number}: {requests:?}");
        // Once what is shared is known, there are the index and the element.
        let next = (number + count / 2) % count;
        let element = block_on(array.get(next)).unwrap().expect("an element");
        check_pair(&element, next, sizes[next as usize]);
        let requests = store.requests();
        assert!(requests.len() <= 3, "{next}: {requests:?}");
    }
}

/// Whoever goes through all elements gets each byte once, in requests of one size.
fn check_loop(sizes: &[u64], request_size: u64, indexed: bool) {
    let store = store_of_pairs(sizes);
    let path = Path::from("pairs.npy");
    let size = block_on(store.inner.head(&path)).unwrap().size;
    let options = npy_object::Options::new().index(indexed);
    let remote = Remote::new(Arc::clone(&store) as Arc<dyn ObjectStore>, path);
    let remote = remote.options(options).request_size(request_size);
    let mut array = block_on(remote.open()).unwrap();
    let mut number = 0;
    block_on(async {
        let mut elements = pin!(array.elements());
        while let Some(element) = elements.try_next().await.unwrap() {
            check_pair(&element, number, sizes[number as usize]);
            number += 1;
        }
    });
    assert_eq!(number, sizes.len() as u64);
    let (index, object): (Vec<_>, Vec<_>) =
        store.requests().into_iter().partition(|(name, _)| name.ends_with(".idx"));
    let mut end = 0;
    for (_, range) in &object {
        assert_eq!(range.start, end, "each byte once, in order");
        end = range.end;
    }
    // The end of the pickle is seen by those who survey it.
    assert!(if indexed { end <= size } else { end == size }, "{end} of {size}");
    // The first bytes came with opening, and the last may be few.
    assert!(object.len() as u64 <= size / request_size + 3, "{} requests", object.len());
    assert_eq!(!index.is_empty(), indexed);
    assert!(bytes_in(&index) <= 1 << 20);
}

#[test]
fn get_of_an_element_takes_few_requests() {
    // A large element takes a request of its own; small elements come together.
    check_gets(&sizes(256 << 20, 64 << 10, 1 << 20));
    check_gets(&sizes(16 << 20, 16, 3000));
    check_gets(&sizes(8 << 20, 16, 200));
}

#[test]
fn loop_over_an_object_reads_each_byte_once() {
    check_loop(&sizes(64 << 20, 64 << 10, 1 << 20), 8 << 20, true);
    check_loop(&sizes(16 << 20, 16, 3000), 1 << 20, true);
    // Without an index, the elements of a batch come after its end is read.
    check_loop(&sizes(16 << 20, 16, 3000), 1 << 20, false);
}

#[test]
#[ignore = "takes a minute"]
fn object_of_four_gibibytes_takes_few_requests() {
    let sizes = sizes(4 << 30, 64 << 10, 1 << 20);
    check_gets(&sizes);
    check_loop(&sizes, 8 << 20, true);
}

#[test]
fn object_on_disk_is_read() {
    let store: Arc<dyn ObjectStore> =
        Arc::new(LocalFileSystem::new_with_prefix("tests/data").unwrap());
    let mut array = block_on(Remote::new(store, "strings.npy").open()).unwrap();
    assert_eq!((array.array().len(), array.array().index_use()), (3, IndexUse::None));
    assert_eq!(strings(&mut array).unwrap(), STRINGS);
    assert!(block_on(array.get(3)).unwrap().is_none());
    array.seek(1);
    assert_eq!(strings(&mut array).unwrap(), STRINGS[1..]);
}

#[test]
fn small_object_takes_one_request() {
    let store = Counted::with(&[("strings.npy", data("strings.npy"))]);
    let mut array = open(&store, "strings.npy").unwrap();
    assert_eq!(strings(&mut array).unwrap(), STRINGS);
    let size = data("strings.npy").len() as u64;
    assert_eq!(store.requests(), [("strings.npy".to_owned(), 0..size)]);
}

#[test]
fn index_of_another_object_is_stale_or_damaged() {
    let pairs = store_of_pairs(&sizes(1 << 20, 16, 3000));
    let get = |name: &str| block_on(async { pairs.get(&Path::from(name)).await?.bytes().await });
    let (object, index) = (get("pairs.npy").unwrap(), get("pairs.npy.idx").unwrap());
    let uses = |object: Bytes, index: Bytes| {
        let store = Counted::default();
        store.set("a.npy", object);
        store.set("a.npy.idx", index);
        let mut array = open(&Arc::new(store), "a.npy").unwrap();
        let last = array.array().len() - 1;
        let error = block_on(array.get(last)).err();
        // The error stays the same.
        let again = block_on(array.get(last)).err();
        assert_eq!(again.map(|error| error.to_string()), error.as_ref().map(Error::to_string));
        (array.array().index_use(), error.map(|error| (error.kind(), error.clause())))
    };
    assert_eq!(uses(object.clone(), index.clone()), (IndexUse::Used, None));
    let longer = Bytes::from([&object[..], b"!"].concat());
    assert_eq!(uses(longer, index.clone()), (IndexUse::Stale, None));
    assert_eq!(uses(object.clone(), index.slice(..index.len() - 1)), (IndexUse::Damaged, None));
    assert_eq!(uses(object.clone(), index.slice(..20)), (IndexUse::Damaged, None));
    assert_eq!(uses(object.clone(), Bytes::new()), (IndexUse::Damaged, None));
    // A block is read when it is needed, and its damage found then.
    let mut broken = index.to_vec();
    let offset = broken.len() - 5;
    broken[offset] ^= 1;
    let error = Some((ErrorKind::Malformed, "index.layout"));
    assert_eq!(uses(object.clone(), broken.into()), (IndexUse::Used, error));
    // An object of the same size with the same first elements; later ones have other lengths.
    let mut sizes = sizes(1 << 20, 16, 3000);
    sizes[10..].reverse();
    let other = store_of_pairs(&sizes);
    let other = block_on(async { other.get(&Path::from("pairs.npy")).await?.bytes().await });
    let (used, error) = uses(other.unwrap(), index);
    assert_eq!(used, IndexUse::Used);
    assert_eq!(error.expect("it cannot be right").0, ErrorKind::Malformed);
}

#[test]
fn fault_of_a_store_is_an_io_error() {
    let failed = |error: Error| (error.kind(), error.offset(), error.message().to_owned());
    let sizes = sizes(48 << 20, 16, 3000);
    let last = sizes.len() as u64 - 1;
    let store = store_of_pairs(&sizes);
    let mut array = open(&store, "pairs.npy").unwrap();
    let mut get = |fault: Option<Fault>| {
        store.fail(fault);
        block_on(array.get(last))
    };
    let is_beyond = |offset: Option<u64>| offset.is_some_and(|offset| offset > 1000);
    // A block of the index is needed.
    for (fault, says) in [
        (Fault::Down, "nobody answers"),
        (Fault::Short, "pairs.npy.idx: "),
        (Fault::Long, ", found "),
    ] {
        let (cause, offset, message) = failed(get(Some(fault)).unwrap_err());
        assert!(cause == ErrorKind::Io && is_beyond(offset), "{offset:?}");
        assert!(message.contains(says), "{message}");
    }
    // The array goes on after the errors.
    check_pair(&get(None).unwrap().expect("an element"), last, sizes[last as usize]);

    let missing = open(&store, "nothing.npy").unwrap_err();
    assert_eq!((missing.kind(), missing.offset()), (ErrorKind::Io, Some(0)));
    let source = std::error::Error::source(&missing).unwrap().downcast_ref::<io::Error>();
    assert_eq!(source.unwrap().kind(), io::ErrorKind::NotFound);
    store.set("empty.npy", Bytes::new());
    let empty = open(&store, "empty.npy").unwrap_err();
    assert_eq!((empty.kind(), empty.clause()), (ErrorKind::Truncated, "npy.truncated"));
    store.fail(Fault::Short);
    assert_eq!(open(&store, "pairs.npy").unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn object_that_changes_is_an_error() {
    let sizes = sizes(1 << 20, 16, 3000);
    for fault in [None, Some(Fault::Unconditional), Some(Fault::Untagged)] {
        let store = store_of_pairs(&sizes);
        store.fail(fault);
        let mut array = open(&store, "pairs.npy").unwrap();
        assert!(block_on(array.get(sizes.len() as u64 - 1)).unwrap().is_some());
        let same = block_on(async { store.get(&Path::from("pairs.npy")).await?.bytes().await });
        store.set("pairs.npy", same.unwrap());
        let error = block_on(array.get(sizes.len() as u64 / 2)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{fault:?}");
        assert_eq!(error.message(), "pairs.npy was changed while it was read");
        assert!(error.offset().is_some());
    }
}

#[test]
fn object_without_tag_and_time_is_read() {
    let sizes = sizes(1 << 20, 16, 3000);
    let store = store_of_pairs(&sizes);
    store.fail(Fault::Undated);
    let mut array = open(&store, "pairs.npy").unwrap();
    let last = sizes.len() as u64 - 1;
    let element = block_on(array.get(last)).unwrap().expect("an element");
    check_pair(&element, last, sizes[last as usize]);
}

#[test]
fn compressed_object_over_one_request_is_refused() {
    // A small one comes with one request.
    let store = Counted::with(&[("a.npy.gz", data("strings.npy.gz"))]);
    assert_eq!(strings(&mut open(&store, "a.npy.gz").unwrap()).unwrap(), STRINGS);

    let pairs = store_of_pairs(&sizes(1 << 20, 16, 3000));
    let pairs = block_on(async { pairs.get(&Path::from("pairs.npy")).await?.bytes().await });
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(&pairs.unwrap()).unwrap();
    store.set("b.npy.gz", gzip.finish().unwrap());
    let mut array = open(&store, "b.npy.gz").unwrap();
    let error = block_on(array.get(array.array().len() - 1)).unwrap_err();
    assert_eq!((error.kind(), error.clause()), (ErrorKind::Unsupported, "access.fetched"));
}
