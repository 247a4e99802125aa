//! Runs on URLs, with a server of this test on 127.0.0.1.
#![cfg(feature = "urls")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use common::{Ran, fixture, ran};
use npy_object::ArrayWriter;
use npy_object::write::NpzWriter;

/// A list of bytes, without their payload and what comes after it.
const LIST: &[u8] = b"\x80\x04](\x8e\0\0\0\0\x10\0\0\0";
const PAYLOAD_END: usize = LIST.len() + (1 << 36);
const RAGGED: &str = "arrays/ragged-p4-py3.9-np2.0.npy";

/// A server of files.
struct Server {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    files: BTreeMap<&'static str, Vec<u8>>,
    /// The number of requests and the bytes of the answers, by the first part of the path.
    sent: Mutex<BTreeMap<String, (u64, u64)>>,
}

impl Server {
    fn new(files: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let files = files.into_iter().collect();
        let shared = Arc::new(Shared { files, sent: Mutex::default() });
        let server = Server { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                // The client may close the connection at any time.
                thread::spawn(move || shared.serve(&stream.unwrap()));
            }
        });
        server
    }

    fn url(&self, file: &str) -> String {
        format!("http://{}/{file}", self.address)
    }

    /// Returns the number of requests for paths that begin with `how`, and the bytes of their answers.
    fn sent(&self, how: &str) -> (u64, u64) {
        self.shared.sent.lock().unwrap().get(how).copied().unwrap_or_default()
    }
}

impl Shared {
    /// Answers the requests of a connection. The first part of a path says how.
    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let (target, headers) = request(&mut reader)?;
            let path = target.split('?').next().unwrap_or_default();
            let (how, name) = path[1..].split_once('/').unwrap_or(("", &path[1..]));
            let mut out = stream;
            let mut answer = |head: &str, body: &[u8]| {
                let mut sent = self.sent.lock().unwrap();
                let (requests, bytes) = sent.entry(how.to_owned()).or_default();
                (*requests, *bytes) = (*requests + 1, *bytes + body.len() as u64);
                drop(sent);
                write!(out, "HTTP/1.1 {head}\r\n\r\n").ok()?;
                out.write_all(body).ok()
            };
            let Some(file) = self.files.get(name) else {
                answer("404 Not Found\r\ncontent-length: 9", b"not found")?;
                continue;
            };
            let range = range_of(&headers, file.len());
            match how {
                "plain" => {
                    answer(&format!("200 OK\r\ncontent-length: {}", file.len()), file)?;
                }
                // The connection ends in the middle of the body.
                "cut" => {
                    let body = &file[range.clone()?];
                    answer(&partial(&range?, file.len()), &body[..body.len() / 2])?;
                    return None;
                }
                "cut-plain" => {
                    let head = format!("200 OK\r\ncontent-length: {}", file.len());
                    answer(&head, &file[..file.len() / 2])?;
                    return None;
                }
                // The file is said to be larger than it is, and the answer than what was asked for.
                "huge" => {
                    let head = format!("content-range: bytes 0-16383/{}", u64::MAX - 1);
                    let head =
                        format!("206 Partial Content\r\ncontent-length: {}\r\n{head}", 1u64 << 60);
                    answer(&head, file)?;
                    while out.write_all(&[0; 65536]).is_ok() {}
                    return None;
                }
                // The file is said to have a payload of 64 GiB, of which the first MiB can be read.
                "announced" => {
                    let range = range_of(&headers, 1 << 60)?;
                    if (1 << 20..PAYLOAD_END).contains(&range.start) {
                        return None;
                    }
                    let byte = |at: usize| match at.checked_sub(PAYLOAD_END) {
                        Some(after) => b"e.".get(after).copied().unwrap_or(0),
                        None => file.get(at).copied().unwrap_or(0),
                    };
                    let body: Vec<u8> = range.clone().map(byte).collect();
                    answer(&partial(&range, 1 << 60), &body)?;
                }
                // The body of an error has no end.
                "error" => {
                    answer("403 Forbidden\r\ncontent-length: 1000000000000", b"<Code>No</Code>")?;
                    while out.write_all(&[b'x'; 65536]).is_ok() {}
                    return None;
                }
                "changing" => {
                    let tag = self.sent.lock().unwrap().get(how).map_or(0, |sent| sent.0);
                    let head = partial(range.as_ref()?, file.len());
                    answer(&format!("{head}\r\netag: \"{tag}\""), &file[range?])?;
                }
                "moved" => answer(
                    &format!("302 Found\r\ncontent-length: 0\r\nlocation: /files/{name}"),
                    b"",
                )?,
                "escape" => {
                    answer("302 Found\r\ncontent-length: 0\r\nlocation: file:///etc/passwd", b"")?;
                }
                "secret" => {
                    // user:p@ss
                    let is_known =
                        headers.get("authorization").is_some_and(|a| a == "Basic dXNlcjpwQHNz");
                    match is_known && target.ends_with("?key=secret") {
                        true => answer(&partial(range.as_ref()?, file.len()), &file[range?])?,
                        false => answer("401 Unauthorized\r\ncontent-length: 0", b"")?,
                    }
                }
                _ => match range {
                    Some(range) if range.is_empty() => {
                        answer("416 Range Not Satisfiable\r\ncontent-length: 0", b"")?;
                    }
                    Some(range) => answer(&partial(&range, file.len()), &file[range])?,
                    None => answer(&format!("200 OK\r\ncontent-length: {}", file.len()), b"")?,
                },
            }
        }
    }
}

/// Reads a request: its target and its headers.
fn request(reader: &mut impl BufRead) -> Option<(String, BTreeMap<String, String>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    Some((target, headers))
}

fn range_of(headers: &BTreeMap<String, String>, size: usize) -> Option<Range<usize>> {
    let (start, last) = headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
    let start = start.parse::<usize>().ok()?.min(size);
    Some(start..last.parse::<usize>().map_or(size, |last| (last + 1).min(size)))
}

fn partial(range: &Range<usize>, size: usize) -> String {
    let Range { start, end } = range;
    let length = end - start;
    format!(
        "206 Partial Content\r\ncontent-length: {length}\r\ncontent-range: bytes {start}-{}/{size}",
        end - 1
    )
}

fn command(args: &[&str]) -> Command {
    let mut command = common::command(args);
    command.env("NO_PROXY", "127.0.0.1");
    command
}

fn npyo(args: &[&str]) -> Ran {
    ran(command(args).output())
}

const COUNT: u64 = 1_000_000;

/// A million ints, with an index and without, and other files.
static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let ints = folder.path().join("ints.npy");
    let mut writer = ArrayWriter::create(&ints).unwrap();
    for number in 0..COUNT {
        writer.append_with(|build| build.int(number as i64)).unwrap();
    }
    writer.finish().unwrap();
    npy_object::open(&ints).unwrap().write_index().unwrap();
    let pickled = folder.path().join("pickled.pkl");
    let batches = (0..1000).map(|number: u16| {
        let item = [b"M".as_slice(), &number.to_le_bytes()].concat();
        [b"(".as_slice(), &item.repeat(1000), b"e"].concat()
    });
    fs::write(
        &pickled,
        [b"\x80\x04]".as_slice(), &batches.collect::<Vec<_>>().concat(), b"."].concat(),
    )
    .unwrap();
    npyo(&["index", pickled.to_str().unwrap()]).output();
    let ragged = fs::read(fixture(RAGGED)).unwrap();
    let mut writer = ArrayWriter::create(folder.path().join("bytes.npy")).unwrap();
    for number in 0..3000 {
        writer.append_with(|build| build.bytes(&[number as u8; 3000])).unwrap();
    }
    writer.finish().unwrap();
    let mut archive = NpzWriter::create(folder.path().join("two.npz")).unwrap();
    archive.add("a:b", ragged.clone()).unwrap();
    archive.add("c", ragged.clone()).unwrap();
    archive.finish().unwrap();
    let ints = fs::read(ints).unwrap();
    Server::new([
        ("ints.npy.idx", fs::read(folder.path().join("ints.npy.idx")).unwrap()),
        ("alone.npy", ints.clone()),
        ("ints.npy", ints),
        ("ragged.npy", ragged),
        ("pickled.pkl", fs::read(&pickled).unwrap()),
        ("pickled.pkl.idx", fs::read(folder.path().join("pickled.pkl.idx")).unwrap()),
        ("empty.npy", Vec::new()),
        ("list.pkl", LIST.to_vec()),
        ("bytes.npy", fs::read(folder.path().join("bytes.npy")).unwrap()),
        ("two.npz", fs::read(folder.path().join("two.npz")).unwrap()),
    ])
});

#[test]
fn commands_print_of_a_url_what_they_print_of_a_file() {
    let (url, file) = (SERVER.url("files/ragged.npy"), fixture(RAGGED));
    let file = file.to_str().unwrap();
    let commands: [&[&str]; 15] = [
        &["info"],
        &["info", "--json"],
        &["tree"],
        &["head"],
        &["tail"],
        &["sample", "--seed", "1"],
        &["cat"],
        &["get", "-1"],
        &["stats"],
        &["validate"],
        &["dis"],
        &["audit"],
        &["audit", "--json"],
        &["schema"],
        &["refs"],
    ];
    for args in commands {
        let of = |file: &str| {
            let mut all = vec![args[0], file];
            all.extend(&args[1..]);
            let ran = npyo(&all);
            (ran.code, ran.stdout.replace(file, "FILE"), ran.stderr)
        };
        assert_eq!(of(&url), of(file), "{args:?}");
    }
}

#[test]
fn commands_write_of_a_url_what_they_write_of_a_file() {
    let (url, file) = (SERVER.url("files/ragged.npy"), fixture(RAGGED));
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    for (args, suffix) in [
        #[cfg(feature = "tables")]
        (["convert", "FILE"], ".parquet"),
        (["salvage", "FILE"], ".npy"),
        (["slice", "FILE"], ".npy"),
        (["concat", "FILE"], ".npy"),
    ] {
        let of = |file: &str| {
            let new = format!("{}{suffix}", new.display());
            npyo(&[args[0], file, "-o", &new]).output();
            fs::read(&new).unwrap()
        };
        assert!(of(&url) == of(file.to_str().unwrap()), "{args:?}");
    }
}

#[test]
fn get_with_an_index_requests_kilobytes() {
    assert_eq!(npyo(&["get", &SERVER.url("indexed/ints.npy"), "900000"]).output(), "900000\n");
    let (requests, bytes) = SERVER.sent("indexed");
    assert!(requests <= 8 && bytes < 100_000, "{requests} requests, {bytes} bytes");
    // A list that is pickled alone.
    assert_eq!(npyo(&["get", &SERVER.url("list/pickled.pkl"), "900000"]).output(), "900\n");
    let (requests, bytes) = SERVER.sent("list");
    assert!(requests <= 8 && bytes < 100_000, "{requests} requests, {bytes} bytes");
}

#[test]
fn look_at_a_large_file_requests_its_first_part() {
    for args in [&["info"][..], &["head"], &["get", "10"], &["cat", "--to", "10"], &["tree"]] {
        let url = SERVER.url(&format!("look-{}/alone.npy", args[0]));
        npyo(&[&args[..1], &[url.as_str()], &args[1..]].concat()).output();
        let (_, bytes) = SERVER.sent(&format!("look-{}", args[0]));
        assert!(bytes < 1_500_000, "{args:?}: {bytes} bytes");
    }
}

#[test]
fn commands_that_read_all_of_a_file_request_large_parts() {
    for name in ["cat", "dis", "audit", "stats", "validate", "schema"] {
        for file in ["alone.npy", "bytes.npy"] {
            let how = format!("all-{name}-{file}");
            npyo(&[name, &SERVER.url(&format!("{how}/{file}"))]).output();
            let (requests, bytes) = SERVER.sent(&how);
            let size = SERVER.shared.files[file].len() as u64;
            assert!(requests < 16 && bytes < size * 5 / 4, "{how}: {requests}, {bytes} of {size}");
        }
    }
}

#[test]
fn cat_requests_every_byte_about_once_and_keeps_few() {
    let url = SERVER.url("cat/alone.npy");
    let size = SERVER.shared.files["alone.npy"].len() as u64;
    let mut cat = command(&["cat", "--max-memory", "16MB", &url]);
    let mut child = cat.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for number in 0..COUNT - 100_000 {
        assert_eq!(lines.next().unwrap().unwrap(), number.to_string());
    }
    // It waits, as nobody reads its output.
    if cfg!(target_os = "linux") {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak < 48 << 10, "{peak} kB");
    }
    assert_eq!(lines.count(), 100_000);
    assert!(child.wait().unwrap().success());
    let (_, bytes) = SERVER.sent("cat");
    assert!(bytes < size + size / 4, "{bytes} bytes of {size}");
}

#[test]
fn member_of_an_archive_is_read() {
    let expected = npyo(&["cat", fixture(RAGGED).to_str().unwrap()]).output();
    for args in [
        &["cat", &SERVER.url("files/two.npz:a:b")][..],
        &["cat", &SERVER.url("files/two.npz"), "--member", "a:b"],
        &["cat", &SERVER.url("plain/two.npz:c")],
    ] {
        assert_eq!(npyo(args).output(), expected, "{args:?}");
    }
    let audit = npyo(&["audit", &SERVER.url("files/two.npz:c")]).output();
    assert!(audit.starts_with(&format!("{}: inert", SERVER.url("files/two.npz"))), "{audit}");
}

#[test]
fn file_of_a_server_without_ranges_is_read_as_a_stream() {
    let url = SERVER.url("plain/ints.npy");
    assert_eq!(npyo(&["get", &url, "900000"]).output(), "900000\n");
    assert_eq!(npyo(&["cat", &url, "--from", "-1"]).output(), "999999\n");
}

#[test]
fn user_and_query_are_sent_and_not_shown() {
    let url = format!("http://user:p%40ss@{}/secret/ragged.npy", SERVER.address);
    let shown = SERVER.url("secret/ragged.npy");
    let report = npyo(&["audit", "--json", &format!("{url}?key=secret")]).output();
    assert!(report.contains(&format!("{shown:?}")) && !report.contains("key="), "{report}");
    for url in [format!("{url}?key=wrong"), url.replace("user", "nobody") + "?key=secret"] {
        for args in [&["cat", &url][..], &["info", &url, &url]] {
            let refused = npyo(args);
            let all = format!("{}{}", refused.stdout, refused.stderr);
            assert!(all.contains(&shown), "{all}");
            assert!(all.contains("the server answered 401 Unauthorized"), "{all}");
            assert!(!all.contains("p%40ss") && !all.contains("key"), "{all}");
        }
    }
}

#[test]
fn failing_request_gives_an_error_that_names_the_url() {
    for (path, why) in [
        ("files/missing.npy", "the server answered 404 Not Found"),
        ("files/empty.npy", "an empty file"),
        ("cut/ragged.npy", "end of file before message length reached"),
        ("cut-plain/ragged.npy", "end of file before message length reached"),
        ("changing/alone.npy", "the file was changed while it was read"),
        ("error/ragged.npy", "the server answered 403 Forbidden: No"),
        ("escape/ragged.npy", "the server answered 302 Found"),
    ] {
        let url = SERVER.url(path);
        let failed = npyo(&["cat", &url]);
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(failed.stderr.starts_with(&format!("npyo: {url}: ")), "{failed:?}");
        assert!(failed.stderr.contains(why), "{failed:?}");
    }
    // Nothing listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let failed = npyo(&["cat", &format!("http://127.0.0.1:{port}/a.npy")]);
    assert!(failed.stderr.contains("/a.npy: Connection refused"), "{failed:?}");
    let invalid = npyo(&["cat", "http://a b/"]);
    assert_eq!((invalid.code, invalid.stdout.as_str()), (Some(1), ""), "{invalid:?}");
}

#[test]
fn answer_is_not_read_past_what_was_requested() {
    let failed = npyo(&["cat", &SERVER.url("huge/ragged.npy")]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("expected 16384 bytes, found more"), "{failed:?}");
}

#[cfg(unix)]
#[test]
fn bytes_that_were_not_read_take_no_memory() {
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v 8388608; exec \"$0\" cat \"$1\""]);
    limited.args([env!("CARGO_BIN_EXE_npyo"), &SERVER.url("announced/list.pkl")]);
    let failed = ran(limited.env("NO_PROXY", "127.0.0.1").output());
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("connection closed before message completed"), "{failed:?}");
}

#[test]
fn redirect_is_followed() {
    let expected = npyo(&["cat", fixture(RAGGED).to_str().unwrap()]).output();
    assert_eq!(npyo(&["cat", &SERVER.url("moved/ragged.npy")]).output(), expected);
}
