//! What holds for every file: however it is cut, the same elements come out, or the same error at
//! the same offset.

use std::io::Cursor;

use crate::fixtures::{Fixture, fixtures, line, typed_lines, typed_lines_of};
use crate::pickler::pickled_repeats;
use crate::streams::alike;
use npy_object::{Element, Error, Kind, Limits, NpyArray, Options, Source, pickle};
use proptest::prelude::*;

/// Fixtures of less than `size` bytes.
fn small(size: usize) -> impl Iterator<Item = (Fixture, Vec<u8>)> {
    fixtures()
        .into_iter()
        .map(|fixture| {
            let bytes = fixture.bytes();
            (fixture, bytes)
        })
        .filter(move |(_, bytes)| bytes.len() < size)
}

/// The lines, and the error as text.
fn outcome(bytes: &[u8], options: Options) -> (Vec<String>, Option<String>) {
    let (lines, error) = typed_lines(bytes, options);
    (lines, error.map(|error| error.to_string()))
}

#[test]
fn reading_in_any_pieces_gives_the_same() {
    for (fixture, bytes) in small(usize::MAX) {
        let whole = outcome(&bytes, fixture.options());
        // With pieces of one byte the input ends at every offset at which it can end.
        for (least, most) in [(1, 1), (1, 3), (7, 64)] {
            let options = fixture.options().read_size(least, most);
            let source = Source::reader(Cursor::new(bytes.clone())).expect("in memory");
            let (lines, error) = typed_lines_of(source, &bytes, options);
            let pieces = (lines, error.map(|error| error.to_string()));
            assert_eq!(pieces, whole, "{} in pieces of {least} to {most}", fixture.file);
        }
    }
}

#[test]
fn elements_before_the_end_of_a_truncated_file_stay_valid() {
    for (fixture, bytes) in small(1200).step_by(5) {
        let (lines, error) = outcome(&bytes, fixture.options());
        if error.is_some() {
            continue;
        }
        for cut in 0..bytes.len() {
            let (before, error) = outcome(&bytes[..cut], fixture.options());
            assert!(lines.starts_with(&before), "{} cut at {cut}", fixture.file);
            // NumPy ignores what follows the end of a pickle.
            assert!(
                error.is_some() || before == lines,
                "{} cut at {cut} ends without an error",
                fixture.file
            );
        }
    }
}

#[test]
fn elements_alone_are_the_elements_of_the_whole() {
    let mut compared = 0;
    for (fixture, bytes) in small(usize::MAX) {
        let Ok(mut array) = fixture.options().open(bytes.clone()) else { continue };
        if !array.has_objects() {
            continue;
        }
        let payload = &bytes[array.data_offset() as usize..];
        let Ok(whole) = pickle::decode(payload, &pickle::Limits::default()) else { continue };
        let mut elements = list_of_elements(whole.value()).expect("an array of objects");
        let limits = pickle::TreeLimits::default();
        while let Ok(Some(element)) = array.next_element() {
            let alone = element.value().expect("a pickled value").to_value(limits);
            let in_whole = elements.next().expect("as many elements").to_value(limits);
            match (alone, in_whole) {
                (Ok(alone), Ok(in_whole)) => {
                    // Debug, as NaN is not equal to itself.
                    assert_eq!(format!("{alone:?}"), format!("{in_whole:?}"), "{}", fixture.file);
                    compared += 1;
                }
                // Cycles have no tree.
                (Err(alone), Err(in_whole)) => assert_eq!(alone.kind(), in_whole.kind()),
                (alone, in_whole) => panic!("{}: {alone:?}, {in_whole:?}", fixture.file),
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

/// The list in the state of an array.
fn list_of_elements(array: pickle::ValueRef<'_>) -> Option<pickle::Items<'_>> {
    let pickle::Kind::Object(array) = array.kind() else { return None };
    let pickle::Kind::Tuple(mut state) = array.states().last()?.kind() else { return None };
    state.find_map(|part| match part.kind() {
        pickle::Kind::List(elements) => Some(elements),
        _ => None,
    })
}

#[test]
fn owned_elements_are_the_same() {
    for (fixture, bytes) in small(usize::MAX) {
        let read = || fixture.options().open(bytes.clone());
        let (Ok(mut lent), Ok(mut owned)) = (read(), read()) else { continue };
        let mut json = npy_object::json::TypedJson::new();
        let mut text = |element: Element<'_>| {
            let mut line = Vec::new();
            json.write(&mut line, element).expect("written to memory");
            line
        };
        for copy in owned.elements() {
            match (lent.next_element(), copy) {
                (Ok(Some(element)), Ok(copy)) => assert_eq!(text(element), text(copy.element())),
                (Err(error), Err(copy)) => assert_eq!(error.to_string(), copy.to_string()),
                (element, copy) => panic!("{}: {element:?}, {copy:?}", fixture.file),
            }
        }
    }
}

#[test]
fn elements_are_the_same_in_any_order() {
    for (fixture, bytes) in small(usize::MAX) {
        let (lines, error) = outcome(&bytes, fixture.options());
        if error.is_some() {
            continue;
        }
        let lines = &lines[1..];
        let open = || fixture.options().open(bytes.clone()).unwrap();
        let count = lines.len() as u64;
        // Each step leads anywhere, also twice to the same element; steps of every size come up.
        let mut anywhere = open();
        let mut index = 0;
        for step in 0..count.min(300) {
            index = (index + step * step + 7) % count;
            let element = anywhere.get(index).unwrap().expect("an element");
            assert_eq!(line(element), lines[index as usize], "{} {index}", fixture.file);
        }
        assert!(anywhere.get(count).unwrap().is_none());
        assert_eq!(anywhere.position(), 0);

        let backwards: Vec<_> =
            open().elements().rev().map(|copy| line(copy.unwrap().element())).collect();
        assert!(backwards.iter().eq(lines.iter().rev()), "{}", fixture.file);
    }
}

#[test]
fn parts_of_an_array_are_those_of_the_list_in_python() {
    let fixtures = small(usize::MAX).filter(|(fixture, _)| fixture.file.contains("batches"));
    let mut seen = 0;
    for (fixture, bytes) in fixtures.chain(small(2000).step_by(40)) {
        let (lines, error) = outcome(&bytes, fixture.options());
        if error.is_some() {
            continue;
        }
        let lines = &lines[1..];
        let count = lines.len() as u64;
        let mut array = fixture.options().open(bytes.clone()).unwrap();
        for (from, to) in [(0, 1), (1, count), (count / 2, count / 2 + 3), (count, count + 9)] {
            let part: Vec<_> =
                array.elements_in(from..to).map(|copy| line(copy.unwrap().element())).collect();
            let (from, to) = (from.min(count) as usize, to.min(count) as usize);
            assert_eq!(part, lines[from..to.max(from)], "{} {from}..{to}", fixture.file);
        }
        array.seek(count / 3);
        let rest = array.elements().step_by(2).count();
        assert_eq!(rest, (count - count / 3).div_ceil(2) as usize);
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn a_header_that_disagrees_is_an_error_unless_waived() {
    let mut bytes = fixtures()
        .into_iter()
        .find(|fixture| fixture.file == "numpy-tests/py3-objarr.npy")
        .expect("NumPy's test file")
        .bytes();
    let offset = bytes.windows(4).position(|text| text == b"(4,)").expect("its shape");
    bytes[offset + 1] = b'3';
    let error = Options::new().open(bytes.clone()).unwrap_err();
    assert_eq!(error.clause(), "npy.object.agreement");
    let mut array = Options::new().trust_payload(true).open(bytes).unwrap();
    assert_eq!((array.header().unwrap().shape.as_slice(), array.shape()), (&[3][..], &[4][..]));
    assert_eq!(array.elements().count(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Damaged files end in an error or give other elements; they never panic.
    #[test]
    fn damage_does_no_harm(pick in any::<prop::sample::Index>(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        thread_local! {
            static FILES: Vec<Vec<u8>> =
                small(3000).map(|(_, bytes)| bytes).filter(|bytes| !bytes.is_empty()).collect();
        }
        FILES.with(|files| {
            let mut bytes = pick.get(files).clone();
            for (offset, value) in damage {
                let offset = offset.index(bytes.len());
                bytes[offset] = value;
            }
            if let Ok(mut array) = Options::new().trust_payload(true).open(bytes) {
                let mut elements = 0;
                while let Ok(Some(element)) = array.next_element() {
                    let _ = format!("{:?}", element.kind());
                    let _ = npy_object::json::PlainJson::new().write(&mut std::io::sink(), element);
                    let _ = npy_object::json::TypedJson::new().write(&mut std::io::sink(), element);
                    elements += 1;
                    // A plain array of items of no bytes can have any number of them.
                    if elements > 5000 || matches!(element.kind(), Kind::Root) {
                        break;
                    }
                }
            }
        });
    }
}

/// Returns the file of an array whose elements are those of a pickled list.
fn array_of(list: &[u8], count: u64) -> Vec<u8> {
    let header = format!("{{'descr': '|O', 'fortran_order': False, 'shape': ({count},), }}");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    let padding = 63 - (file.len() + 2 + header.len()) % 64;
    file.extend(((header.len() + padding + 1) as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend([b' '].repeat(padding));
    file.push(b'\n');
    // The call of `_reconstruct`, and its state up to the list. Memo entries are those of the list.
    file.extend(b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tC\x01btR");
    file.extend(b"(K\x01(");
    file.extend([&b"J"[..], &(count as u32).to_le_bytes(), b"t"].concat());
    file.extend(b"cnumpy\ndtype\n(X\x02\0\0\0O8K\0K\x01tR(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89");
    let list = list.strip_prefix(b"\x80").map_or(list, |rest| &rest[1..]);
    file.extend(list.strip_suffix(b".").unwrap_or(list));
    file.extend(b"tb.");
    file
}

fn text(element: Result<Option<Element<'_>>, Error>) -> String {
    match element {
        Ok(Some(element)) => line(element),
        Ok(None) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(300),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Elements that are alike are filled into the graph of the one before: that must not show.
    #[test]
    fn elements_that_are_alike_are_the_same_in_any_order(
        list in prop_oneof![pickled_repeats(), alike()],
        steps in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
    ) {
        let decoded = pickle::decode(&list, &pickle::Limits::default());
        let count = match decoded.as_ref().map(|decoded| decoded.value().kind()) {
            Ok(pickle::Kind::List(items)) => items.len() as u64,
            _ => 100,
        };
        let file = array_of(&list, count);
        let mut unshared = Limits::default();
        unshared.shared = 0;
        let open = |options: Options| options.trust_payload(true).open(file.clone());
        let Ok(mut array) = open(Options::new()) else { return Ok(()) };
        // An error is not compared: who begins at a checkpoint does not see all that is wrong before it.
        let mut expected = Vec::new();
        while let Ok(Some(element)) = array.next_element() {
            expected.push(line(element));
        }
        prop_assume!(!expected.is_empty());
        let mut ways: Vec<NpyArray> = vec![array];
        ways.push(open(Options::new()).unwrap());
        ways.push(open(Options::new().limits(unshared)).unwrap());
        ways.push(open(Options::new().read_size(1, 3)).unwrap());
        for (way, array) in ways.iter_mut().enumerate() {
            for step in &steps {
                let index = step.index(expected.len());
                prop_assert_eq!(text(array.get(index as u64)), &expected[index][..], "{} in way {}", index, way);
                array.seek(index as u64);
                for expected in expected[index..].iter().take(3) {
                    prop_assert_eq!(text(array.next_element()), &expected[..], "from {} in way {}", index, way);
                }
            }
        }
    }
}

/// Most elements are `([], d)` with a `d` of the fourth one. The first one reads it too, before it is
/// there.
#[test]
fn element_that_reads_a_later_one_fails_also_after_others_were_read() {
    let element = b"]\x94j\x04\0\0\0\x86";
    let batch = [b"(", &element.repeat(50)[..], b"e"].concat();
    let list = [b"]\x94", &batch[..], &batch, &batch, b"."].concat();
    let mut array = Options::new().open(array_of(&list, 150)).unwrap();
    let first = array.get(0).unwrap_err();
    assert_eq!(first.clause(), "pickle.memo.missing");
    for index in 10..150 {
        array.get(index).unwrap();
    }
    assert_eq!(array.get(0).unwrap_err().clause(), "pickle.memo.missing");
}
