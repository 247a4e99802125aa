//! Bytes that are fetched as they are asked for give the same elements, or the same error at the
//! same offset.

use std::fs;
use std::ops::Range;

use npy_object::{Error, Fetched, IndexKind, IndexUse, Result};

use crate::fixtures::{fixtures, line, typed_lines, typed_lines_trying};

/// A file somewhere else, and what was asked for of it.
struct Server<'a> {
    bytes: &'a [u8],
    requests: Vec<Range<u64>>,
}

impl Server<'_> {
    /// Answers an error that needs bytes of this; `false` if it does not.
    fn answer(&mut self, error: &Error) -> bool {
        let Some(need) = error.need() else { return false };
        let range = need.range();
        need.fill(self.bytes[range.start as usize..range.end as usize].to_vec()).unwrap();
        self.requests.push(range);
        true
    }

    /// Whether a byte was asked for twice.
    fn was_asked_twice(&mut self) -> bool {
        self.requests.sort_by_key(|range| range.start);
        self.requests.windows(2).any(|pair| pair[1].start < pair[0].end)
    }
}

fn server(bytes: &[u8]) -> Server<'_> {
    Server { bytes, requests: Vec::new() }
}

/// Takes a step until it has all that it needs.
fn fetching<T>(servers: &mut [(&str, Server<'_>)], mut step: impl FnMut() -> Result<T>) -> T {
    loop {
        match step() {
            Ok(done) => return done,
            Err(error) => {
                let name = error.need().expect("nothing else is wrong").of().name().to_owned();
                let (_, server) = servers.iter_mut().find(|(of, _)| *of == name).unwrap();
                server.answer(&error);
            }
        }
    }
}

#[test]
fn requests_of_any_size_give_the_same() {
    let mut compared = 0;
    for fixture in fixtures() {
        let bytes = fixture.bytes();
        let (lines, error) = typed_lines(&bytes, fixture.options());
        let whole = (lines, error.map(|error| error.to_string()));
        // Where only what one call takes is kept, it is asked for again and again.
        for (size, memory) in [(1, 1 << 20), (1, 0), (60, 1 << 20), (60, 300), (1 << 20, 0)] {
            let file = Fetched::new("a", bytes.len() as u64).request_size(size).memory(memory);
            // Opening begins anew with every request.
            let (least, most) = if bytes.len() < 2000 { (1, 8) } else { (50, 1000) };
            let options = fixture.options().read_size(least, most);
            let open = || options.clone().open(file.source());
            let mut server = server(&bytes);
            let (lines, error) = typed_lines_trying(open, &bytes, |error| server.answer(error));
            let fetched = (lines, error.map(|error| error.to_string()));
            assert_eq!(fetched, whole, "{} in requests of {size}", fixture.file);
            assert!(memory < bytes.len() || !server.was_asked_twice(), "{}", fixture.file);
        }
        compared += 1;
    }
    assert!(compared > 1000, "{compared} fixtures");
}

#[test]
fn an_index_leads_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut parts = 0;
    for fixture in fixtures() {
        let bytes = fixture.bytes();
        let (lines, error) = typed_lines(&bytes, fixture.options());
        fs::write(&path, &bytes).unwrap();
        let Ok(mut array) = fixture.options().index(false).open(&path) else { continue };
        if error.is_some() || !array.has_objects() {
            continue;
        }
        let lines = &lines[1..];
        let indexes = [IndexKind::Sparse, IndexKind::Dense]
            .map(|kind| fs::read(array.write_index_as(kind).unwrap()).unwrap());
        for index in indexes {
            let file = Fetched::new("a", bytes.len() as u64).request_size(100);
            let of_index = Fetched::new("a.idx", index.len() as u64).request_size(100);
            let servers = &mut [("a", server(&bytes)), ("a.idx", server(&index))];
            let mut array = fetching(servers, || {
                fixture.options().open_with_index(file.source(), of_index.source())
            });
            assert_eq!(array.index_use(), IndexUse::Used);
            for (number, expected) in lines.iter().enumerate().rev().step_by(1 + lines.len() / 40) {
                let element = fetching(servers, || Ok(array.get(number as u64)?.map(line)));
                assert_eq!(element.as_ref(), Some(expected), "{} {number}", fixture.file);
            }
            for expected in lines {
                let element = fetching(servers, || Ok(array.next_element()?.map(line)));
                assert_eq!(element.as_ref(), Some(expected), "{}", fixture.file);
            }
            assert!(fetching(servers, || Ok(array.next_element()?.map(line))).is_none());
            assert!(!servers.iter_mut().any(|(_, server)| server.was_asked_twice()));
            // A checkpoint before the first element and one after the last are always there.
            parts += usize::from(index[40] > 2);
        }
    }
    assert!(parts > 0, "none has places inside batches");
}
