//! However the input is cut, the lexer gives the same instructions or the same error, and the survey the same batches.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pickle_stream::{Container, Limits};

#[path = "../../crates/pickle-stream/tests/support/cuts.rs"]
mod cuts;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// Lengths of the pieces.
    pieces: Vec<u8>,
    stream: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let limits = Limits::default();
    let cuts: Vec<usize> = input
        .pieces
        .iter()
        .scan(0, |end, &piece| {
            *end += usize::from(piece);
            Some(*end)
        })
        .collect();
    let stream = input.stream;
    assert_eq!(
        cuts::instructions(stream, &cuts, &limits),
        cuts::instructions(stream, &[], &limits)
    );
    // A byte at a time, too: that is the plain way of the survey, without the fast one.
    for cuts in [cuts, (0..stream.len()).collect()] {
        assert_eq!(
            cuts::surveyed(stream, &cuts, Container::List, &limits),
            cuts::surveyed(stream, &[], Container::List, &limits)
        );
    }
});
