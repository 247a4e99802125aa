//! Pickles: lexer, survey, machine, disassembler, encoder.

use pickle_stream::{Container, Disassembler, Lexer, Limits, Progress, decode, encode};

use crate::inputs::stream;

#[path = "../../../../crates/pickle-stream/tests/support/by_element.rs"]
mod by_element;
#[path = "../../../../crates/pickle-stream/tests/support/cuts.rs"]
mod cuts;
#[path = "../../../../crates/pickle-stream/tests/support/runs.rs"]
mod runs;

/// Limits that floods meet.
fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.stack, limits.marks, limits.nodes) = (10_000, 10_000, 100_000);
    limits
}

/// However a stream is cut, the lexer gives the same instructions, the push decoder the same value,
/// and the survey the same spans, or the same error with the same message and offset. Pieces of one
/// byte are too short for the fast loop of the survey.
pub fn lexer_chunks(bytes: &[u8]) {
    let (pieces, rest) = bytes.split_at(bytes.len().min(8));
    let stream = stream(rest);
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

/// A list decoded element by element, by what the survey found, is the list decoded whole, or is
/// refused; filling in the graph of the last element does what building it does.
pub fn survey_machine(bytes: &[u8]) {
    let (stream, limits) = (stream(bytes), limits());
    let elements = by_element::by_element(&stream, true, &limits);
    assert_eq!(elements, by_element::by_element(&stream, false, &limits));
    if let (Ok(Some(whole)), Ok(Some(elements))) = (by_element::whole(&stream, &limits), elements) {
        assert_eq!(elements, whole);
    }
}

/// The fast way of the machine makes what the plain one makes, also where a limit is met.
pub fn fast_machine(bytes: &[u8]) {
    let stream = stream(bytes);
    let mut small = limits();
    (small.stack, small.marks, small.nodes) = (12, 4, 40);
    for limits in [limits(), small] {
        assert_eq!(runs::at_once(&stream, &limits), runs::one_by_one(&stream, &limits));
    }
}

/// An instruction is a line, however short it has to be.
pub fn disassembler(bytes: &[u8]) {
    let (stream, limits) = (stream(bytes), limits());
    let (mut lexer, mut disassembler) = (Lexer::new(0, &limits), Disassembler::new(&limits));
    while let Some(rest) = stream.get(lexer.offset() as usize..)
        && let Ok(Progress::Done(instruction)) = lexer.instruction(rest)
    {
        let Ok(line) = disassembler.line(&instruction) else { break };
        assert!(!line.to_string().contains('\n'));
        assert!(line.abbreviate(3).to_string().len() < 400);
    }
}

/// What is encoded, in any protocol that has a form for it, is encoded as the same bytes again once
/// it has been decoded. Before protocol 4 a set is made by a call, of a list: of one that contains
/// itself there are two lists at first.
pub fn encoded(bytes: &[u8]) {
    let (stream, limits) = (stream(bytes), limits());
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
