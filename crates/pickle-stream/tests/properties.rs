//! Properties of every pickle: cuts do not matter, an element decoded alone is the element of the
//! whole, nothing panics.

mod support;

use proptest::prelude::*;

use pickle_stream::{Container, Disassembler, Lexer, Limits, Opcode, Progress, decode, encode};
use support::by_element::{by_element, show, whole};
use support::cuts::{instructions, pushed, surveyed};
use support::pickler::{pickled_list, pickled_repeats};
use support::runs::{at_once, one_by_one};

/// Returns small limits, so that floods exceed them.
fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.stack, limits.marks, limits.nodes, limits.argument) = (200, 200, 5000, 1000);
    limits
}

/// Bytes, mostly opcodes and small numbers.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(&Opcode::ALL[..]).prop_map(Opcode::byte),
        // The bytes of lists, and of elements that depend on one another.
        4 => prop::sample::select(&b"](eaNq\x94hb20}s\x8f\x85"[..]),
        2 => 0..4u8,
        1 => any::<u8>(),
        1 => Just(b'\n'),
    ];
    prop::collection::vec(byte, 0..80)
}

/// A pickled list, with some of its bytes replaced or cut off.
fn broken_list() -> impl Strategy<Value = Vec<u8>> {
    broken(pickled_list())
}

/// A stream, with some of its bytes replaced or cut off.
fn broken(stream: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any_stream(), 0..4usize);
    (stream, prop::collection::vec(change, 0..3), any::<prop::sample::Index>()).prop_map(
        |(mut stream, changes, end)| {
            for (at, bytes, width) in changes {
                let at = at.index(stream.len());
                let bytes = &bytes[..bytes.len().min(width)];
                stream.splice(at..(at + width).min(stream.len()), bytes.iter().copied());
            }
            stream.truncate(end.index(2 * stream.len() + 2));
            stream
        },
    )
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![pickled_list(), broken_list(), any_stream()]
}

/// A list that begins well and goes on with anything.
fn hostile_list() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![&b"]"[..], b"]q\0", b"]\x94(", b"](]\x94"]);
    (start, any_stream(), prop::sample::select(vec![&b"e."[..], b".", b"ae."]))
        .prop_map(|(start, middle, end)| [start, &middle, end].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lexer_reads_the_same_at_any_cut(stream in stream(), cuts in prop::collection::vec(0..300usize, 0..20)) {
        let every: Vec<usize> = (0..stream.len()).collect();
        for cuts in [cuts, every] {
            prop_assert_eq!(instructions(&stream, &cuts, &limits()), instructions(&stream, &[], &limits()));
        }
    }

    #[test]
    fn push_decoder_decodes_the_same_at_any_cut(stream in stream(), cuts in prop::collection::vec(0..300usize, 0..20)) {
        let every: Vec<usize> = (0..stream.len()).collect();
        let whole = decode(&stream, &limits()).map(|decoded| (show(decoded.value()), decoded.end()));
        for cuts in [cuts, every] {
            prop_assert_eq!(&pushed(&stream, &cuts, &limits()), &whole);
        }
    }

    /// Inputs of a few bytes are too short for the fast loop of the survey, so this also compares
    /// the fast loop with the plain one.
    #[test]
    fn survey_reports_the_same_at_any_cut(
        stream in stream(),
        cuts in prop::collection::vec(0..300usize, 0..20),
        container in prop::sample::select(vec![Container::List, Container::Set, Container::Dict]),
    ) {
        let every: Vec<usize> = (0..stream.len()).collect();
        let whole = surveyed(&stream, &[], container, &limits());
        for cuts in [cuts, every] {
            prop_assert_eq!(&surveyed(&stream, &cuts, container, &limits()), &whole);
        }
    }

    /// The fast loop of the machine and the plain one give the same.
    #[test]
    fn run_gives_the_same_as_execute(stream in stream(), small in 20..200usize) {
        let mut limits = limits();
        (limits.stack, limits.marks, limits.nodes) = (small, small, small + small / 2);
        for limits in [limits, Limits::default()] {
            prop_assert_eq!(at_once(&stream, &limits), one_by_one(&stream, &limits));
        }
    }

    #[test]
    fn elements_alone_are_the_elements_of_the_whole(stream in prop_oneof![pickled_list(), pickled_repeats()]) {
        let limits = Limits::default();
        let expected = whole(&stream, &limits).unwrap();
        prop_assert!(expected.is_some());
        prop_assert_eq!(&by_element(&stream, false, &limits).unwrap(), &expected);
        prop_assert_eq!(&by_element(&stream, true, &limits).unwrap(), &expected);
    }

    /// A graph that is filled in again is the one that the machine builds.
    #[test]
    fn repeated_element_is_the_decoded_element(
        stream in prop_oneof![broken(pickled_repeats()), broken_list(), hostile_list()],
        small in 5..200usize,
    ) {
        let mut limits = limits();
        (limits.stack, limits.marks, limits.nodes) = (small, small, small + small / 2);
        limits.argument = small as u64;
        for limits in [limits, Limits::default()] {
            prop_assert_eq!(by_element(&stream, true, &limits), by_element(&stream, false, &limits));
        }
    }

    /// Dependent elements fail; all others are the elements of the whole.
    #[test]
    fn elements_of_hostile_lists_are_right_or_fail(stream in prop_oneof![broken_list(), hostile_list()]) {
        let limits = limits();
        if let (Ok(Some(whole)), Ok(Some(elements))) = (whole(&stream, &limits), by_element(&stream, true, &limits)) {
            prop_assert_eq!(elements, whole);
        }
    }

    /// An encoded value decodes to the same value. Only protocol 5 has an opcode for everything.
    #[test]
    fn encoded_value_decodes_to_the_same_value(stream in prop_oneof![pickled_list(), broken_list(), hostile_list()]) {
        let limits = limits();
        let Ok(decoded) = decode(&stream, &limits) else { return Ok(()) };
        for protocol in 2..=5 {
            let Ok(encoded) = encode(decoded.value(), protocol) else { continue };
            if protocol == 5 && let Ok(Some(elements)) = whole(&stream, &limits) {
                prop_assert_eq!(whole(&encoded, &Limits::default()).unwrap().unwrap(), elements);
            }
            let again = decode(&encoded, &Limits::default()).unwrap();
            prop_assert_eq!(again.end(), encoded.len() as u64);
            prop_assert_eq!(encode(again.value(), protocol).unwrap(), encoded);
        }
    }

    #[test]
    fn nothing_panics(mut stream in &stream()) {
        let limits = limits();
        let _ = whole(&stream, &limits);
        let _ = by_element(&stream, true, &limits);
        // The disassembler, from every byte on.
        while !stream.is_empty() {
            let (mut lexer, mut disassembler) = (Lexer::new(0, &limits), Disassembler::new(&limits));
            while let Ok(Progress::Done(instruction)) = lexer.instruction(&stream[lexer.offset() as usize..]) {
                let Ok(line) = disassembler.line(&instruction) else { break };
                let (whole, brief) = (line.to_string(), line.abbreviate(3).to_string());
                prop_assert!(!whole.contains('\n') && brief.len() < 400);
            }
            stream.remove(0);
        }
    }
}
