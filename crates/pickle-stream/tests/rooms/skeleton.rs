//! Rows: filling in the form of a skeleton gives the graph that the machine builds.

use pickle_stream::{Container, Event, Limits, Survey};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::support::by_element::{Way, by_element, elements};
use crate::support::pickler::pickled_repeats;
use crate::support::streams::{
    alike, broken, broken_list, config, cuts, hostile_list, tight_limits,
};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn filled_row_is_the_element_that_the_machine_builds(
        stream in prop_oneof![
            2 => broken(pickled_repeats()),
            2 => pickled_repeats(),
            2 => alike(),
            1 => broken_list(),
            1 => hostile_list(),
        ],
        size in 1..200usize,
        cuts in cuts(),
    ) {
        let mut tight = tight_limits(size);
        tight.argument = size as u64;
        for limits in [tight, Limits::default()] {
            let expected = by_element(&stream, Way::Machine, &limits);
            for way in [Way::Rows(&[]), Way::Rows(&cuts), Way::Learnt] {
                let found = by_element(&stream, way, &limits);
                prop_assert_eq!(&found, &expected, "{:?} of {}", way, stream.escape_ascii());
            }
        }
    }

    #[test]
    fn holes_of_any_stream_are_bounded(stream in prop_oneof![pickled_repeats(), alike()], stack in 1..200usize) {
        let mut limits = Limits::default();
        limits.stack = stack;
        let mut survey = Survey::new(0, 0, &limits);
        survey.watch(0, Container::List);
        while let Ok(Event::Batch) = survey.advance(&stream[survey.offset() as usize..]) {
            // The row after which nothing is added has 256 holes at most.
            prop_assert!(survey.holes().memory() <= MOST_ALLOCATED * (64 * stack + 256 * 16));
        }
    }
}

/// What is allocated for each byte of holes: four sequences of them, each of which grows to twice its
/// size.
const MOST_ALLOCATED: usize = 8;

#[test]
fn holes_of_large_lists_are_bounded() {
    let list = [b"](", &b"K\x01".repeat(3_000_000)[..], b"e"].concat();
    let items = [b"](", &b"K\x01N".repeat(1_000_000)[..], b"e"].concat();
    let small = b"](K\x01NK\x01e".repeat(100);
    let stream = [b"](", &small[..], &small, &list, &list, &items, b"eNNNNNNNNNN."].concat();
    let mut survey = Survey::new(0, 0, &Limits::default());
    survey.watch(0, Container::List);
    assert_eq!(survey.advance(&stream), Ok(Event::Batch));
    assert_eq!(survey.batch().len(), 203);
    assert!(survey.holes().memory() <= MOST_ALLOCATED * (4 << 20));
}

/// If few elements had rows, the properties would say little about them.
#[test]
fn many_elements_of_the_random_streams_have_rows() {
    let mut runner = TestRunner::deterministic();
    let limits = Limits::default();
    for (streams, share) in [(pickled_repeats().boxed(), 30), (alike().boxed(), 40)] {
        let (mut all, mut with_row) = (0, 0);
        for _ in 0..500 {
            let stream = streams.new_tree(&mut runner).unwrap().current();
            let Ok(Some(elements)) = elements(&stream, Way::Rows(&[]), &limits) else { continue };
            // A skeleton is learnt from a few elements.
            if elements.len() > 20 {
                all += elements.len();
                with_row += elements.iter().filter(|(_, has_row)| *has_row).count();
            }
        }
        assert!(all > 3000 && 100 * with_row > share * all, "{with_row} of {all}");
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
        assert!(
            error.unwrap_err().contains("pickle.independence.mutation"),
            "{}",
            named.escape_ascii()
        );
    }
}

#[test]
fn hole_that_an_instruction_changes_is_not_filled_with_an_object_of_another_element() {
    // APPEND and BUILD change an int, and then a list.
    for (int, list) in [(b"NK\x01a", b"h\x01K\x01a"), (b"NK\x01b", b"h\x01K\x01b")] {
        let stream = [b"]\x94(]\x94", &int.repeat(9)[..], list, b"eNNNNNNNNNN."].concat();
        let error = elements_in_every_way(&stream).unwrap_err();
        assert!(error.contains("pickle.independence.mutation"), "{error}");
    }
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

#[test]
fn values_that_an_element_drops_are_validated() {
    let dropped = b"K\x01K\x02\x8c\x01\xff\x860";
    let stream = list(&[&b"K\x01K\x02\x86".repeat(5)], dropped);
    assert!(elements_in_every_way(&stream).unwrap_err().contains("pickle.utf8"));
}

#[test]
fn hole_that_a_few_elements_fill_in_another_way_is_not_fixed() {
    let (most, few) = (b"K\x01K\x02\x86", b"K\x03K\x02\x86");
    let first = [b"(", &most.repeat(30)[..], few, &most.repeat(30), b"e"].concat();
    let second = [b"(", &[&most[..], few].concat().repeat(30)[..], b"e"].concat();
    let stream = [b"]", &first[..], &second, &second, b".NNNNNNNNNN"].concat();
    let elements = elements(&stream, Way::Rows(&[]), &Limits::default()).unwrap().unwrap();
    let without = elements[61..].iter().filter(|(_, has_row)| !has_row).count();
    assert_eq!(without, 0);
}

/// The offset of the last byte, and many memo entries, are in a row as in any other one.
#[test]
fn elements_at_the_last_offsets_have_rows() {
    let (entry, member) = (b"\x8c\x01kK\x01K\x02\x86\x94", b"K\x01K\x02\x86\x94");
    for (container, item, end) in [
        (Container::Dict, &entry[..], b"u"),
        (Container::Set, member, b"\x90"),
        (Container::List, member, b"e"),
    ] {
        let stream = [b"(", &item.repeat(40)[..], end].concat().repeat(2);
        let starts = [0, u64::MAX - stream.len() as u64];
        for (begin, memo) in starts.into_iter().flat_map(|begin| [(begin, 0), (begin, 1 << 40)]) {
            let survey = || Survey::resume(begin, memo, container, &Limits::default());
            let (mut whole, mut by_byte, mut rows) = (survey(), survey(), 0);
            for _ in 0..2 {
                let place = (whole.offset() - begin) as usize;
                assert_eq!(whole.advance(&stream[place..]), Ok(Event::Batch));
                let mut size = 1;
                loop {
                    let place = (by_byte.offset() - begin) as usize;
                    size = match by_byte.advance(&stream[place..place + size]) {
                        Ok(Event::Need(more)) if by_byte.offset() - begin == place as u64 => {
                            size + more
                        }
                        Ok(Event::Need(_)) => 1,
                        event => break assert_eq!(event, Ok(Event::Batch)),
                    };
                }
                assert_eq!(whole.batch(), by_byte.batch());
                assert!(by_byte.rows().iter().all(|row| !row.is_some()));
                rows += whole.rows().iter().filter(|row| row.is_some()).count();
            }
            assert!(rows > 40, "{rows} of {container:?} from {begin}, {memo}");
        }
    }
}
