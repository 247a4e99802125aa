//! Files at URLs, read through `object_store`.
//!
//! [`Object`] requests ranges of a file and keeps some of them. A file whose server has no ranges is read as a
//! stream.

use std::error::Error as StdError;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use npy_object::{Access, Fetched, Limits, ReadAt, Source};
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, GetOptions, GetRange, GetResult, HeaderMap, HeaderValue, ObjectMeta,
    ObjectStore, ObjectStoreExt, RetryConfig,
};
use tokio::runtime::{Builder, Runtime};

/// Bytes of a file that are requested before its length is known: the header, and often all of a small file.
const START: u64 = 16 << 10;
/// Bytes of the first request after a jump that is for a loop, and of the largest request.
const LEAST: u64 = 64 << 10;
const MOST: u64 = 4 << 20;
/// The most bytes of a file that are kept: a batch of 1,000 elements that is larger is requested twice.
const MEMORY: usize = 64 << 20;
/// Bytes of the body of an error that are read.
const ERROR_BODY: usize = 4 << 10;
/// The time in which a server accepts a connection, and the longest pause of an answer.
const CONNECT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(30);

/// Opens the file at a URL.
pub(crate) fn open(url: &str, limits: &Limits) -> io::Result<Source> {
    let place = Place::new(url)?;
    match Object::open(place.clone(), START, limits.spool.min(MEMORY)) {
        Ok(object) => Ok(Source::new(object)),
        Err(Error::NotSupported { .. }) => {
            let got = place.run(place.store.get(&place.path));
            let chunks = got.map_err(failed)?.into_stream();
            let body = Body { place, chunks, chunk: Bytes::new() };
            let source = Source::stream(body);
            source.limit_memory(limits.spool)?;
            Ok(source)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Where a file is, and the means to request it.
#[derive(Clone)]
struct Place {
    url: String,
    store: Arc<dyn ObjectStore>,
    path: Path,
    connector: Connector,
    runtime: Arc<Runtime>,
}

impl Place {
    fn new(url: &str) -> io::Result<Place> {
        let runtime = Arc::new(Builder::new_current_thread().enable_all().build()?);
        Place::within(url.to_owned(), Connector::default(), runtime)
    }

    fn within(url: String, connector: Connector, runtime: Arc<Runtime>) -> io::Result<Place> {
        let (store, path) = store(&url, &connector).map_err(failed)?;
        Ok(Place { url, store, path, connector, runtime })
    }

    /// Returns the place of the index next to the file.
    fn index(&self) -> io::Result<Place> {
        let is_object = self.url.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("s3://"));
        let end = if is_object { None } else { self.url.find(['?', '#']) };
        let mut url = self.url.clone();
        url.insert_str(end.unwrap_or(url.len()), ".idx");
        Place::within(url, self.connector.clone(), Arc::clone(&self.runtime))
    }

    fn run<F: Future>(&self, request: F) -> F::Output {
        self.runtime.block_on(request)
    }
}

/// Returns the store of a URL, and the path of the file in it.
fn store(url: &str, connector: &Connector) -> object_store::Result<(Arc<dyn ObjectStore>, Path)> {
    let retry = RetryConfig { max_retries: 3, retry_timeout: PAUSE, ..RetryConfig::default() };
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if scheme.eq_ignore_ascii_case("s3") {
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_retry(retry)
            .with_http_connector(connector.clone())
            .build()?;
        return Ok((Arc::new(store), Path::parse(key)?));
    }
    // A user name and a password are sent in a header, to this host only.
    let (authority, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let rest = user.map_or(rest, |user| &rest[user.len() + 1..]);
    let mut options = ClientOptions::new()
        // With https, this also refuses to be sent on to http.
        .with_allow_http(scheme.eq_ignore_ascii_case("http"))
        .with_timeout_disabled()
        .with_read_timeout(PAUSE)
        .with_connect_timeout(CONNECT);
    if let Some(user) = user {
        options = options.with_default_headers(authorization(user));
    }
    // The URL is that of the file, as the path of a store would lose the query and be encoded twice.
    let store = HttpBuilder::new()
        .with_url(format!("{scheme}://{rest}"))
        .with_client_options(options)
        .with_retry(retry)
        .with_http_connector(connector.clone())
        .build()?;
    Ok((Arc::new(store), Path::default()))
}

/// Returns the header for the user name and password of a URL.
fn authorization(user: &str) -> HeaderMap {
    let mut decoded = Vec::new();
    let mut rest = user.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.first_chunk::<2>().and_then(|digits| str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            (&byte, _) => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    if !decoded.contains(&b':') {
        decoded.push(b':');
    }
    let mut headers = HeaderMap::new();
    let basic = format!("Basic {}", BASE64_STANDARD.encode(decoded));
    let mut basic = HeaderValue::from_str(&basic).expect("base64 is ASCII");
    basic.set_sensitive(true);
    headers.insert("authorization", basic);
    headers
}

/// A file of which ranges are requested.
struct Object {
    place: Place,
    /// Its size, time and tag when it was opened.
    meta: ObjectMeta,
    file: Fetched,
    ahead: Mutex<Ahead>,
    most: u64,
}

/// The next request, where reading goes straight on.
struct Ahead {
    /// The end of the last request.
    from: u64,
    size: u64,
}

impl Object {
    /// Requests the first bytes of a file.
    fn open(place: Place, first: u64, memory: usize) -> object_store::Result<Object> {
        let (meta, bytes) = place.run(async {
            match get(&place, 0..first).await {
                Ok(got) => Ok((got.meta.clone(), bytes(got).await?)),
                // An empty file has no first byte.
                Err(error) if reason(&error).contains("416") => {
                    match place.store.head(&place.path).await {
                        Ok(meta) if meta.size == 0 => Ok((meta, Bytes::new())),
                        _ => Err(error),
                    }
                }
                Err(error) => Err(error),
            }
        })?;
        let file = Fetched::new(place.url.as_str(), meta.size).memory(memory);
        let from = bytes.len() as u64;
        file.put(0, bytes);
        let most = MOST.min(memory as u64 / 2).max(LEAST);
        let ahead = Mutex::new(Ahead { from, size: LEAST });
        Ok(Object { place, meta, file, ahead, most })
    }

    /// Calls `step`, and again after each request for bytes that it needs.
    fn fetching<T>(&self, mut step: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            let error = match step() {
                Ok(done) => return Ok(done),
                Err(error) => npy_object::Error::from(error),
            };
            match error.need() {
                Some(need) => self.fetch(need.range())?,
                None => return Err(error.into()),
            }
        }
    }

    /// Requests a range, and more where reading goes straight on.
    fn fetch(&self, range: Range<u64>) -> io::Result<()> {
        let Range { mut start, mut end } = range;
        let mut ahead = self.ahead();
        // A reader may skip a part of what comes next, and come back to it.
        if start.checked_sub(ahead.from).is_some_and(|skipped| skipped <= ahead.size) {
            start = ahead.from;
            end = end.max(start.saturating_add(ahead.size)).min(self.meta.size);
            ahead.size = (4 * ahead.size).min(self.most);
        } else {
            ahead.size = LEAST;
        }
        ahead.from = end;
        drop(ahead);
        let fetched = self.place.run(async {
            let got = get(&self.place, start..end).await?;
            // The file that was opened has these too.
            let ObjectMeta { size, e_tag, last_modified, .. } = &got.meta;
            let is_same = *size == self.meta.size
                && *e_tag == self.meta.e_tag
                && *last_modified == self.meta.last_modified;
            if is_same { bytes(got).await.map(Some) } else { Ok(None) }
        });
        let Some(bytes) = fetched.map_err(failed)? else {
            return Err(io::Error::other("the file was changed while it was read"));
        };
        // A read is not made again from its start, so earlier bytes need not be kept for it.
        self.file.release();
        self.file.put(start, bytes);
        Ok(())
    }

    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReadAt for Object {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let room = buffer.len().min(self.most as usize);
        self.fetching(|| self.file.read_at(&mut buffer[..room], offset))
    }

    /// Requests the first bytes of what is needed. Reading requests the rest of a large element in parts.
    fn prepare(&self, needed: Range<u64>, access: Access) -> io::Result<()> {
        let most = needed.start.saturating_add(self.most);
        let access = match access {
            Access::UpTo(end) => Access::UpTo(end.min(most)),
            access => access,
        };
        // A loop requests more each time, so that a look at the first elements takes little.
        let _ = self.file.clone().request_size(self.ahead().size);
        let needed = needed.start..needed.end.min(most);
        self.fetching(|| self.file.prepare(needed.clone(), access))
    }

    fn known_size(&self) -> Option<u64> {
        Some(self.meta.size)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.meta.size)
    }

    fn is_size_announced(&self) -> bool {
        true
    }

    fn memory(&self) -> usize {
        ReadAt::memory(&self.file)
    }

    fn index(&self) -> npy_object::Result<Option<Source>> {
        const FRONT: u64 = 24 << 10;
        match Object::open(self.place.index()?, FRONT, MEMORY / 64) {
            Ok(index) => Ok(Some(Source::new(index))),
            // S3 calls a missing object forbidden where a list of the bucket is.
            Err(
                Error::NotFound { .. }
                | Error::NotSupported { .. }
                | Error::PermissionDenied { .. }
                | Error::Unauthenticated { .. },
            ) => Ok(None),
            Err(error) => {
                let error = failed(error);
                let message = format!("its index: {error}");
                Err(io::Error::new(error.kind(), message).into())
            }
        }
    }
}

/// Requests a range of a file.
async fn get(place: &Place, range: Range<u64>) -> object_store::Result<GetResult> {
    let options = GetOptions::new().with_range(Some(GetRange::Bounded(range)));
    place.store.get_opts(&place.path, options).await
}

/// Returns the bytes of an answer, which are as many as it has announced: a range that was requested.
async fn bytes(got: GetResult) -> object_store::Result<Bytes> {
    let size = (got.range.end - got.range.start) as usize;
    let mut chunks = got.into_stream();
    let mut bytes = Vec::with_capacity(size);
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > size {
            break;
        }
    }
    if bytes.len() == size {
        return Ok(bytes.into());
    }
    let found = if bytes.len() > size { "more".to_owned() } else { bytes.len().to_string() };
    let source = format!("expected {size} bytes, found {found}").into();
    Err(Error::Generic { store: "", source })
}

/// The body of an answer, as a stream.
struct Body {
    place: Place,
    chunks: BoxStream<'static, object_store::Result<Bytes>>,
    /// What is left of the last chunk.
    chunk: Bytes,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.place.run(self.chunks.next()) {
                Some(chunk) => self.chunk = chunk.map_err(failed)?,
                None => return Ok(0),
            }
        }
        let room = self.chunk.len().min(buffer.len());
        buffer[..room].copy_from_slice(&self.chunk.split_to(room));
        Ok(room)
    }
}

/// Makes one client for a file and its index.
#[derive(Clone, Debug, Default)]
struct Connector(Arc<OnceLock<HttpClient>>);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        if let Some(client) = self.0.get() {
            return Ok(client.clone());
        }
        // It fails where the process has a provider already, which is used then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = HttpClient::new(Bounded(ReqwestConnector::default().connect(options)?));
        Ok(self.0.get_or_init(|| client).clone())
    }
}

/// A client that reads the first bytes of the body of an error, which `object_store` would read to its end.
#[derive(Debug)]
struct Bounded(HttpClient);

#[async_trait::async_trait]
impl HttpService for Bounded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.0.execute(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let (mut chunks, mut start) = (body.bytes_stream(), Vec::new());
        while start.len() < ERROR_BODY
            && let Some(Ok(chunk)) = chunks.next().await
        {
            start.extend_from_slice(&chunk[..chunk.len().min(ERROR_BODY - start.len())]);
        }
        Ok(HttpResponse::from_parts(parts, Bytes::from(start).into()))
    }
}

/// Returns the error of a request.
#[cold]
fn failed(error: Error) -> io::Error {
    let kind = match &error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        Error::InvalidPath { .. } => io::ErrorKind::InvalidInput,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, reason(&error))
}

/// Returns why a request failed.
fn reason(error: &Error) -> String {
    let cause = cause(error);
    // Without credentials in the environment, they are requested from the machine in the cloud.
    let text = error.to_string();
    match text.contains("/latest/api/token") || text.contains("/latest/meta-data") {
        true => format!(
            "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or for a public bucket \
             AWS_SKIP_SIGNATURE=true ({cause})"
        ),
        false => cause,
    }
}

/// Returns the cause of an error, without the errors around it: their text has the URL with its secrets.
fn cause(error: &Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let Some(answer) = text.strip_prefix("Server returned non-2xx status code: ") else {
        return text;
    };
    let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
    // S3 has a word for each error.
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    match code {
        Some((code, _)) => format!("the server answered {status}: {code}"),
        None => format!("the server answered {status}"),
    }
}
