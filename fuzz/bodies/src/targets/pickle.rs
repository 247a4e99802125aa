//! Targets that read a pickle: lexer, survey, machine, disassembler and encoder.
//!
//! The files of `by_element`, `cuts` and `runs` are shared with the tests of pickle-stream, which
//! hold the same properties on fixtures.

use pickle_stream::{Container, Disassembler, Lexer, Limits, Progress, decode, encode};

use crate::inputs::pickle;

#[path = "../../../../crates/pickle-stream/tests/support/by_element.rs"]
mod by_element;
#[path = "../../../../crates/pickle-stream/tests/support/cuts.rs"]
mod cuts;
#[path = "../../../../crates/pickle-stream/tests/support/runs.rs"]
mod runs;

/// Returns limits that a program of one repeated opcode reaches at the length of a fuzzer's input.
fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.stack, limits.marks, limits.nodes) = (10_000, 10_000, 100_000);
    limits
}

/// Checks that, however a pickle is cut, the lexer gives the same instructions, the push decoder
/// the same value, and the survey the same batches, or an error with the same message and offset.
/// The first 8 bytes are the lengths of the pieces. The survey is also given one byte at a time,
/// because its fast path never matches in a single byte.
pub fn lexer_chunks(bytes: &[u8]) {
    let (pieces, rest) = bytes.split_at(bytes.len().min(8));
    let stream = pickle(rest);
    let cuts: Vec<usize> = pieces
        .iter()
        .scan(0, |end, &piece| {
            *end += usize::from(piece);
            Some(*end)
        })
        .collect();
    let limits = limits();
    let whole = cuts::instructions(&stream, &[], &limits);
    assert_eq!(cuts::instructions(&stream, &cuts, &limits), whole);
    let whole = decode(&stream, &limits);
    let whole = whole.map(|decoded| (by_element::show(decoded.value()), decoded.end()));
    assert_eq!(cuts::pushed(&stream, &cuts, &limits), whole);
    for container in [Container::List, Container::Dict, Container::Set] {
        let whole = cuts::surveyed(&stream, &[], container, &limits);
        for cuts in [cuts.clone(), (0..stream.len()).collect()] {
            assert_eq!(cuts::surveyed(&stream, &cuts, container, &limits), whole);
        }
    }
}

/// Checks that a list decoded element by element, at the spans that the survey found, equals the
/// list decoded whole, or is refused; and that filling in the graph of the element before gives the
/// same as building a new one.
pub fn survey_machine(bytes: &[u8]) {
    let (stream, limits) = (pickle(bytes), limits());
    let elements = by_element::by_element(&stream, by_element::Way::Rows(&[]), &limits);
    assert_eq!(elements, by_element::by_element(&stream, by_element::Way::Machine, &limits));
    if let (Ok(Some(whole)), Ok(Some(elements))) = (by_element::whole(&stream, &limits), elements) {
        assert_eq!(elements, whole);
    }
}

/// Checks that rows that are filled into the forms of their skeletons give the elements that the
/// machine builds, or the same error, and that the survey finds the same elements: under wide limits
/// and under narrow ones, however the input is cut, and with skeletons that were learnt of later
/// elements.
///
/// The first byte is the size of the pieces, and the second one the number of kinds. The instructions of
/// the kinds follow, each after its length, and then pairs of bytes, each for one element: its kind, and
/// a byte that takes the place of one of its bytes. Without kinds, the rest is a pickle.
pub fn skeletons(bytes: &[u8]) {
    let [size, kinds, rest @ ..] = bytes else { return };
    let stream = match kinds % 10 {
        0 => pickle(rest),
        kinds => list_of_kinds(kinds.into(), rest),
    };
    let cuts: Vec<usize> = (0..stream.len()).step_by(usize::from(*size).max(1)).collect();
    let mut small = limits();
    (small.stack, small.marks, small.nodes, small.argument) = (20, 8, 40, 50);
    for limits in [limits(), small] {
        let expected = by_element::by_element(&stream, by_element::Way::Machine, &limits);
        for way in
            [by_element::Way::Rows(&[]), by_element::Way::Rows(&cuts), by_element::Way::Learnt]
        {
            assert_eq!(by_element::by_element(&stream, way, &limits), expected, "{way:?}");
        }
    }
}

/// Returns a list of elements that are of one of `kinds` kinds but for one byte.
fn list_of_kinds(kinds: usize, mut bytes: &[u8]) -> Vec<u8> {
    let kinds: Vec<&[u8]> = (0..kinds)
        .map(|_| {
            let (len, rest) = bytes.split_first().unwrap_or((&0, &[]));
            let (kind, rest) = rest.split_at(rest.len().min((*len).into()));
            bytes = rest;
            kind
        })
        .collect();
    // A list, a global and a str are in the memo.
    let mut stream = b"]\x94cm\nn\n\x94a\x8c\x01a\x94a(".to_vec();
    for (index, pair) in bytes.chunks_exact(2).enumerate() {
        let &[choice, byte] = pair else { continue };
        let mut element = kinds[usize::from(choice) % kinds.len()].to_vec();
        let place = usize::from(byte) % (2 * element.len()).max(1);
        if let Some(place) = element.get_mut(place) {
            *place = choice;
        }
        stream.extend(element);
        if index % 50 == 49 {
            stream.extend(b"e(");
        }
    }
    stream.extend(b"e.");
    stream
}

/// Checks that the machine builds the same graph from a whole stream as from one instruction at a
/// time, or fails with the same error, under wide limits and under narrow ones.
pub fn machine_run(bytes: &[u8]) {
    let stream = pickle(bytes);
    let mut small = limits();
    (small.stack, small.marks, small.nodes) = (12, 4, 40);
    for limits in [limits(), small] {
        assert_eq!(runs::at_once(&stream, &limits), runs::one_by_one(&stream, &limits));
    }
}

/// Checks that the disassembler writes one line an instruction, and that an abbreviated line is
/// short.
pub fn disassembler(bytes: &[u8]) {
    let (stream, limits) = (pickle(bytes), limits());
    let (mut lexer, mut disassembler) = (Lexer::new(0, &limits), Disassembler::new(&limits));
    while let Some(rest) = stream.get(lexer.offset() as usize..)
        && let Ok(Progress::Done(instruction)) = lexer.instruction(rest)
    {
        let Ok(line) = disassembler.line(&instruction) else { break };
        assert!(!line.to_string().contains('\n'));
        assert!(line.abbreviate(3).to_string().len() < 400);
    }
}

/// Checks that a value encoded, decoded and encoded again gives the same bytes, in every protocol
/// that can express it. Before protocol 4 a set is encoded as a call with a list, so a set that
/// contains itself needs one round more: its first encoding has two lists.
pub fn encoded(bytes: &[u8]) {
    let (stream, limits) = (pickle(bytes), limits());
    let Ok(decoded) = decode(&stream, &limits) else { return };
    for protocol in 2..=5 {
        let Ok(encoded) = encode(decoded.value(), protocol) else { continue };
        let again = |encoded: &[u8]| {
            let decoded = decode(encoded, &Limits::default()).expect("what was encoded");
            assert_eq!(decoded.end(), encoded.len() as u64);
            encode(decoded.value(), protocol).expect("as before")
        };
        let twice = again(&encoded);
        assert!(twice == encoded || protocol < 4);
        assert_eq!(again(&twice), twice);
    }
}
