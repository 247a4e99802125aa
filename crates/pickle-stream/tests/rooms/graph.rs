//! Graphs: a copy is the same value, and values that share objects differently are not the same.

use pickle_stream::{Limits, Source, decode};
use proptest::prelude::*;

use crate::support::runs::same::difference;
use crate::support::streams::{config, small_limits, stream};

const NO_SOURCE: Source<'_> = Source { bytes: &[], offset: 0 };

proptest! {
    #![proptest_config(config())]

    #[test]
    fn copied_value_is_the_same(stream in stream()) {
        let Ok(decoded) = decode(&stream, &small_limits()) else { return Ok(()) };
        let (graph, root) = decoded.value().to_graph();
        prop_assert_eq!(difference(&[(decoded.value(), graph.value(root, NO_SOURCE))]), None);
    }
}

#[test]
fn values_that_differ_in_content_or_sharing_are_not_the_same() {
    let streams: [&[u8]; 8] = [
        b"]](K\x01e2\x86.",
        b"](K\x01e](K\x01e\x86.",
        b"](K\x01e](K\x02e\x86.",
        b"](K\x01e](K\x01K\x01e\x86.",
        b"](K\x01e](Ne\x86.",
        b"](K\x01e](G?\xf0\0\0\0\0\0\0e\x86.",
        // l = []; l.append(l); (l, l)
        b"]q\0h\0ah\0\x86.",
        b"]q\0h\0a]q\x01h\x01a\x86.",
    ];
    let limits = Limits::default();
    for (index, left) in streams.iter().enumerate() {
        for (other, right) in streams.iter().enumerate() {
            let [left, right] = [left, right].map(|stream| decode(stream, &limits).unwrap());
            let is_same = difference(&[(left.value(), right.value())]).is_none();
            assert_eq!(is_same, index == other, "{index} {other}");
        }
    }
}
