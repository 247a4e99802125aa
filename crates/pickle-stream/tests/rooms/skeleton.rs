//! Rows: filling in the form of a skeleton gives the graph that the machine builds.

use pickle_stream::Limits;
use proptest::prelude::*;

use crate::support::by_element::{Way, by_element};
use crate::support::pickler::pickled_repeats;
use crate::support::streams::{broken, broken_list, config, hostile_list, tight_limits};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn filled_row_is_the_element_that_the_machine_builds(
        stream in prop_oneof![broken(pickled_repeats()), broken_list(), hostile_list()],
        size in 5..200usize,
    ) {
        let mut tight = tight_limits(size);
        tight.argument = size as u64;
        for limits in [tight, Limits::default()] {
            prop_assert_eq!(by_element(&stream, Way::Rows(&[]), &limits), by_element(&stream, Way::Machine, &limits));
        }
    }
}

/// Returns the elements as a machine makes them, after a check that rows give the same.
fn elements_in_every_way(stream: &[u8]) -> Result<Option<Vec<String>>, String> {
    let limits = Limits::default();
    let of = |way| by_element(stream, way, &limits).map_err(|error| error.to_string());
    let expected = of(Way::Machine);
    for way in [Way::Rows(&[]), Way::Learnt] {
        assert_eq!(of(way), expected, "{way:?} of {}", stream.escape_ascii());
    }
    expected
}

/// Returns a list of `first` and of many `others`, in one batch.
fn list(first: &[&[u8]], others: &[u8]) -> Vec<u8> {
    [b"]\x94(", &first.concat()[..], &others.repeat(40), b"eNNNNNNNNNN."].concat()
}

#[test]
fn second_memo_entry_of_an_object_of_another_element_is_refused() {
    for named in
        [&b"h\x01\x94"[..], b"h\x01\x94\x94", b"h\x01q\x0f", b"(h\x01\x94t", b"](h\x01\x94e"]
    {
        let mut stream = b"]\x94(]\x94".to_vec();
        for other in [&b"K\x01\x94"[..], b"h\x01", b"(K\x01\x94t", b"](K\x01\x94e"] {
            stream.extend(other.repeat(if other.contains(&0x94) { 3 } else { 9 }));
        }
        let error = elements_in_every_way(&[&stream[..], named, b"eNNNNNNNNNN."].concat());
        assert!(error.unwrap_err().contains("pickle.independence"), "{}", named.escape_ascii());
    }
}

#[test]
fn hole_that_an_instruction_changes_is_not_filled_with_an_object_of_another_element() {
    // APPEND and BUILD change an int, and then a list.
    for (int, list) in [(b"NK\x01a", b"h\x01K\x01a"), (b"NK\x01b", b"h\x01K\x01b")] {
        let stream = [b"]\x94(]\x94", &int.repeat(9)[..], list, b"eNNNNNNNNNN."].concat();
        let error = elements_in_every_way(&stream).unwrap_err();
        assert!(error.contains("pickle.independence"), "{error}");
    }
}

#[test]
fn values_that_an_element_drops_are_validated() {
    let dropped = b"K\x01K\x02\x8c\x01\xff\x860";
    let stream = list(&[&b"K\x01K\x02\x86".repeat(5)], dropped);
    assert!(elements_in_every_way(&stream).unwrap_err().contains("pickle.utf8"));
}

#[test]
fn memo_entries_of_holes_do_not_shift_those_that_the_element_reads() {
    // ('a', [], 1, []), where the two lists are one.
    let learnt = b"(\x8c\x01ar\xff\xff\xff\xff]r\xff\xff\xff\xffK\x01j\xff\xff\xff\xfft";
    let mut stream = b"](".to_vec();
    let mut memo = 0u32;
    for _ in 0..40 {
        let mut index = memo;
        let parts: Vec<&[u8]> = learnt.split(|byte| *byte == 0xff).collect();
        for part in parts.iter().filter(|part| !part.is_empty()) {
            stream.extend(*part);
            match part.last() {
                Some(b'r') => {
                    stream.extend(index.to_le_bytes());
                    index += 1;
                }
                Some(b'j') => stream.extend((memo + 1).to_le_bytes()),
                _ => {}
            }
        }
        memo = index;
    }
    let [one, two, _] = [memo, memo + 1, memo + 2].map(u32::to_le_bytes);
    // The same without an entry of 'a', and with one of 1, which is read.
    stream.extend(
        [b"(\x8c\x01a]r", &one[..], b"K\x01r", &two, b"j", &two, b"teNNNNNNNNNN."].concat(),
    );
    let elements = elements_in_every_way(&stream).unwrap().unwrap();
    assert_eq!(elements[40], r#"Tuple([Str("a"), List([]), Int(1), Int(1)])"#);
    assert_eq!(elements[0], r#"Tuple([Str("a"), List([]), Int(1), List([])])"#);
}
