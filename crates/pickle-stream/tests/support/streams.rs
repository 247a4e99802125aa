//! Random streams, cuts and limits.

use pickle_stream::{Limits, Opcode};
use proptest::prelude::*;

use super::pickler::pickled_list;

/// Returns how many cases a property runs.
pub(crate) fn config() -> ProptestConfig {
    ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() }
}

/// Returns limits that a stream of a few hundred bytes can exceed.
pub(crate) fn small_limits() -> Limits {
    let mut limits = Limits::default();
    (limits.stack, limits.marks, limits.nodes, limits.argument) = (200, 200, 5000, 1000);
    limits
}

/// Returns limits of `size` on stack and marks, and of half as much again on nodes.
pub(crate) fn tight_limits(size: usize) -> Limits {
    let mut limits = small_limits();
    (limits.stack, limits.marks, limits.nodes) = (size, size, size + size / 2);
    limits
}

/// Random offsets at which a stream is cut.
pub(crate) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..300usize, 0..20)
}

/// Returns the cuts before every byte.
pub(crate) fn every_byte(stream: &[u8]) -> Vec<usize> {
    (0..stream.len()).collect()
}

/// A pickled list, a broken one, or random bytes.
pub(crate) fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![pickled_list(), broken_list(), any_stream()]
}

/// Random bytes, most of which are opcodes and small numbers.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(&Opcode::ALL[..]).prop_map(Opcode::byte),
        // The opcodes of lists, and of elements that depend on one another.
        4 => prop::sample::select(&b"](eaNq\x94hb20}s\x8f\x85"[..]),
        2 => 0..4u8,
        1 => any::<u8>(),
        1 => Just(b'\n'),
    ];
    prop::collection::vec(byte, 0..80)
}

/// A pickled list with some bytes replaced or cut off.
pub(crate) fn broken_list() -> impl Strategy<Value = Vec<u8>> {
    broken(pickled_list())
}

/// A stream with up to two places of up to three bytes replaced, and half of the time cut off.
pub(crate) fn broken(stream: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
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

/// A list that begins well and has random elements.
pub(crate) fn hostile_list() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![&b"]"[..], b"]q\0", b"]\x94(", b"](]\x94"]);
    (start, any_stream(), prop::sample::select(vec![&b"e."[..], b".", b"ae."]))
        .prop_map(|(start, middle, end)| [start, &middle, end].concat())
}
