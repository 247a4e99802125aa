//! Ways to the same elements: on several threads, by parts, with an index, without a cache, by
//! several readers, all at once.

use std::fs;
use std::ops::ControlFlow;

use npy_object::{
    Data, ErrorKind, IndexKind, IndexUse, Kind, Limits, NpyArray, Result, Source, Split,
};

use crate::fixtures::{Fixture, fixtures, line, typed_lines};

/// Those that have objects and can be read, with their elements.
fn readable() -> impl Iterator<Item = (Fixture, Vec<u8>, Vec<String>)> {
    fixtures().into_iter().filter_map(|fixture| {
        let bytes = fixture.bytes();
        let (lines, error) = typed_lines(&bytes, fixture.options());
        let array = fixture.options().open(bytes.clone()).ok()?;
        (error.is_none() && array.has_objects()).then(|| (fixture, bytes, lines[1..].to_vec()))
    })
}

fn all(array: &mut NpyArray) -> Result<Vec<String>> {
    array.elements().map(|element| Ok(line(element?.element()))).collect()
}

fn on_threads(array: &mut NpyArray, threads: usize) -> (Vec<String>, Option<String>) {
    let mut lines = Vec::new();
    let outcome = array.map_parallel(threads, line, |line| {
        lines.push(line);
        ControlFlow::Continue(())
    });
    (lines, outcome.err().map(|error| error.to_string()))
}

#[test]
fn threads_give_the_elements_and_the_error_in_order() {
    for fixture in fixtures() {
        let bytes = fixture.bytes();
        let open = || fixture.options().open(bytes.clone());
        let (Ok(mut alone), Ok(mut threads)) = (open(), open()) else { continue };
        let mut expected = Vec::new();
        let error = loop {
            match alone.next_element() {
                Ok(Some(element)) => expected.push(line(element)),
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        assert_eq!(on_threads(&mut threads, 3), (expected, error), "{}", fixture.file);
    }
}

#[test]
fn from_anywhere_and_no_further_than_wanted() {
    for (fixture, bytes, lines) in readable().filter(|(.., lines)| lines.len() > 900) {
        let mut array = fixture.options().open(bytes).unwrap();
        array.seek(700);
        let mut seen = Vec::new();
        let each = |line| {
            seen.push(line);
            if seen.len() < 150 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        array.map_parallel(2, line, each).unwrap();
        assert_eq!(seen, lines[700..850]);
        assert_eq!(array.position(), 850);
        assert_eq!(line(array.next_element().unwrap().unwrap()), lines[850]);
    }
}

#[test]
fn by_parts_that_others_read() {
    for (fixture, bytes, lines) in readable() {
        let path = fixture.to_path();
        let splits = fixture.options().open(bytes).unwrap().splits(3).unwrap();
        let mut together = Vec::new();
        for split in &splits {
            // As it would come to another machine.
            let split: Split =
                serde_json::from_str(&serde_json::to_string(split).unwrap()).unwrap();
            let mut part = fixture.options().open_split(&*path, &split).unwrap();
            assert_eq!(part.position(), split.first());
            let elements = all(&mut part).unwrap();
            assert_eq!(elements.len() as u64, split.len());
            together.extend(elements);
        }
        assert_eq!(together, lines, "{}", fixture.file);
    }
}

#[test]
fn get_with_an_index_gives_the_same_elements() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (fixture, bytes, lines)) in readable().enumerate() {
        let file = folder.path().join(format!("{number}.npy"));
        fs::write(&file, &bytes).unwrap();
        let open = || fixture.options().open(&file).unwrap();
        assert_eq!(open().index_use(), IndexUse::None);
        for kind in [IndexKind::Sparse, IndexKind::Dense] {
            let index = open().write_index_as(kind).unwrap();
            assert_eq!(index, folder.path().join(format!("{number}.npy.idx")));
            let version = fs::read(&index).unwrap()[7];
            assert_eq!(version, if kind == IndexKind::Dense { 3 } else { 2 });
            let mut array = open();
            assert_eq!(array.index_use(), IndexUse::Used);
            for (index, expected) in lines.iter().enumerate().rev().step_by(1 + lines.len() / 40) {
                let element = array.get(index as u64).unwrap().expect("an element");
                assert_eq!(line(element), *expected, "{} {index}", fixture.file);
                // The next ones are found from there.
                let next = array.get(index as u64 + 1).unwrap().map(line);
                assert_eq!(next.as_ref(), lines.get(index + 1), "{} {index}", fixture.file);
            }
            assert!(array.get(lines.len() as u64).unwrap().is_none());
            for split in array.splits(3).unwrap() {
                let mut part = fixture.options().open_split(&file, &split).unwrap();
                let last = (split.first() + split.len() - 1) as usize;
                let found = part.get(last as u64).unwrap().map(line);
                assert_eq!(found.as_ref(), lines.get(last), "{} {last}", fixture.file);
            }
            assert_eq!(all(&mut array).unwrap(), lines);
            array.seek(lines.len() as u64 / 2);
            assert_eq!(all(&mut array).unwrap(), lines[lines.len() / 2..]);
        }
        assert_eq!(fixture.options().index(false).open(&file).unwrap().index_use(), IndexUse::None);
    }
}

#[test]
fn an_index_of_another_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.npy");
    let (fixture, bytes, lines) =
        readable().find(|(.., lines)| lines.len() > 2000).expect("a fixture of several batches");
    fs::write(&file, &bytes).unwrap();
    let open = || fixture.options().open(&file).unwrap();
    let index = open().write_index_as(IndexKind::Sparse).unwrap();
    let whole = fs::read(&index).unwrap();
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let touch = |time| fs::File::options().write(true).open(&file).unwrap().set_modified(time);

    // Written again, at another time.
    touch(modified + std::time::Duration::from_secs(1)).unwrap();
    assert_eq!(open().index_use(), IndexUse::Stale);
    // Another file, of the same size and time.
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() = b'!';
    fs::write(&file, &changed).unwrap();
    touch(modified).unwrap();
    assert_eq!(open().index_use(), IndexUse::Stale);
    fs::write(&file, &bytes).unwrap();
    touch(modified).unwrap();
    assert_eq!(open().index_use(), IndexUse::Used);

    for offset in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[offset] ^= 0x10;
        fs::write(&index, &damaged).unwrap();
        assert_eq!(open().index_use(), IndexUse::Damaged, "byte {offset}");
        fs::write(&index, &whole[..offset]).unwrap();
        assert_eq!(open().index_use(), IndexUse::Damaged, "cut at {offset}");
    }
    assert_eq!(all(&mut open()).unwrap(), lines);
}

/// An index whose checksum is right, and whose last checkpoint is wrong.
#[test]
fn get_with_a_wrong_checkpoint_does_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.npy");
    let (fixture, bytes, lines) =
        readable().find(|(.., lines)| lines.len() > 3500).expect("a fixture of several batches");
    fs::write(&file, &bytes).unwrap();
    let mut array = fixture.options().open(&file).unwrap();
    let index = array.write_index_as(IndexKind::Sparse).unwrap();
    let whole = fs::read(&index).unwrap();
    let end = whole.len() - 4;
    assert!(end >= 48 + 2 * 24, "it has one checkpoint");
    for wrong in [1, 7, 100, u64::MAX / 2] {
        for field in [8, 16] {
            let mut lie = whole[..end].to_vec();
            let field_bytes = &mut lie[end - field..end - field + 8];
            let number =
                u64::from_le_bytes((&*field_bytes).try_into().unwrap()).wrapping_add(wrong);
            field_bytes.copy_from_slice(&number.to_le_bytes());
            let sum = crc32fast::hash(&lie).to_le_bytes();
            fs::write(&index, [&lie[..], &sum].concat()).unwrap();
            let mut array = fixture.options().open(&file).unwrap();
            for element in (3000..lines.len() as u64).step_by(50) {
                let _ = array.get(element).map(|element| element.map(line));
            }
        }
    }
}

/// A dense index whose checksums are right, and whose places are wrong.
#[test]
fn get_with_wrong_places_does_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.npy");
    let (fixture, bytes, lines) =
        readable().find(|(.., lines)| lines.len() > 3500).expect("a fixture of several batches");
    fs::write(&file, &bytes).unwrap();
    let open = || fixture.options().open(&file).unwrap();
    let index = open().write_index_as(IndexKind::Dense).unwrap();
    let whole = fs::read(&index).unwrap();
    let number = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().unwrap()) as usize;
    // One block: its first checkpoint is at the front, and the next two numbers of runs bound the first.
    let block = 56 + 32 + 4;
    assert!(number(40) <= 256, "one block");
    let run = number(block + 24)..number(block + 32 + 24);
    assert!(run.len() > 1000, "{run:?}");
    let (mut wrong, mut right) = (0, 0);
    for offset in (0..run.len() - 4).step_by(7).chain(0..20) {
        for flip in [1, 0x80, 0xff] {
            let mut lie = whole.clone();
            lie[run.start + offset] ^= flip;
            let sum = crc32fast::hash(&lie[run.start..run.end - 4]).to_le_bytes();
            lie[run.end - 4..run.end].copy_from_slice(&sum);
            fs::write(&index, lie).unwrap();
            let mut array = open();
            assert_eq!(array.index_use(), IndexUse::Used);
            for element in (0..200).chain((0..lines.len() as u64).step_by(97)) {
                match array.get(element) {
                    Ok(found) => right += u64::from(found.is_some()),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
                        wrong += 1;
                    }
                }
            }
        }
    }
    assert!(wrong > 100 && right > 100, "{wrong} {right}");
    // A run that is damaged is an error of the element.
    let mut damaged = whole.clone();
    damaged[run.start + 30] ^= 1;
    fs::write(&index, damaged).unwrap();
    assert_eq!(open().get(5).unwrap_err().clause(), "index.layout");
    assert_eq!(all(&mut open()).unwrap(), lines);
}

/// Returns limits that allow the headers of all fixtures.
fn wide_header(mut limits: Limits) -> Limits {
    limits.header.header_chars = usize::MAX;
    limits
}

#[test]
fn loop_without_room_for_definitions_gives_the_same_elements() {
    for (fixture, bytes, lines) in readable() {
        let mut limits = wide_header(Limits::default());
        limits.shared = 0;
        let options = fixture.options().limits(limits);
        let mut array = options.open(bytes).unwrap();
        assert_eq!(all(&mut array).unwrap(), lines, "{}", fixture.file);
    }
}

#[test]
fn loop_within_1_mib_gives_elements_up_to_a_limit_error() {
    for (fixture, bytes, lines) in readable() {
        let options = fixture.options().limits(wide_header(Limits::within(1 << 20)));
        let mut array = options.clone().open(bytes).unwrap();
        let mut elements = array.elements().map(|element| element.map(|copy| line(copy.element())));
        let before: Vec<_> = elements.by_ref().map_while(Result::ok).collect();
        assert!(lines.starts_with(&before), "{}", fixture.file);
        if before.len() < lines.len() {
            // It was a limit that ended it, and says so.
            let mut array = options.open(fixture.bytes()).unwrap();
            let error = all(&mut array).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit, "{}: {error}", fixture.file);
        }
    }
}

#[test]
fn by_readers_that_go_their_own_ways() {
    for (fixture, bytes, lines) in readable() {
        let mut array = fixture.options().open(bytes).unwrap();
        let half = lines.len() / 2;
        for expected in &lines[..half] {
            assert_eq!(line(array.next_element().unwrap().unwrap()), *expected, "{}", fixture.file);
        }
        let mut other = array.clone();
        assert_eq!(all(&mut array).unwrap(), lines[half..], "{}", fixture.file);
        assert_eq!(all(&mut other).unwrap(), lines[half..], "{}", fixture.file);
    }
}

#[test]
fn load_gives_the_same_elements() {
    let mut read = 0;
    for (fixture, bytes, lines) in readable() {
        // In the whole, an array that contains itself is not called the array that is read.
        if lines.iter().any(|line| line.contains("{\"root\":true}")) {
            continue;
        }
        let whole = fixture.options().load(Source::bytes(bytes)).unwrap();
        let Kind::Array(array) = whole.element().kind() else { panic!("{}", fixture.file) };
        let Data::Items(items) = array.data() else { panic!("{}", fixture.file) };
        assert_eq!(items.clone().map(line).collect::<Vec<_>>(), lines, "{}", fixture.file);
        read += 1;
    }
    assert!(read > 1000, "{read} fixtures");
}
