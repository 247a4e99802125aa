//! The machine: its fast loop against single instructions, and pickles that arrive in pieces.

use pickle_stream::{Limits, decode};
use proptest::prelude::*;

use crate::support::by_element::show;
use crate::support::cuts::pushed;
use crate::support::runs::{at_once, one_by_one};
use crate::support::streams::{config, cuts, every_byte, small_limits, stream, tight_limits};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn run_gives_what_single_instructions_give(stream in stream(), size in 20..200usize) {
        for limits in [tight_limits(size), Limits::default()] {
            prop_assert_eq!(at_once(&stream, &limits), one_by_one(&stream, &limits));
        }
    }

    #[test]
    fn pushed_pickle_at_any_cut_is_the_whole_pickle(stream in stream(), cuts in cuts()) {
        let limits = small_limits();
        let whole = decode(&stream, &limits).map(|decoded| (show(decoded.value()), decoded.end()));
        for cuts in [cuts, every_byte(&stream)] {
            prop_assert_eq!(&pushed(&stream, &cuts, &limits), &whole);
        }
    }
}

/// The fast loop keeps a batch of numbers as a row without nodes.
#[test]
fn run_of_numbers_in_batches_gives_what_single_instructions_give() {
    let ints = b"K\x00K\x01".repeat(500);
    let floats = b"G?\xf8\0\0\0\0\0\0".repeat(1000);
    let lists: [&[&[u8]]; 5] = [
        &[b"](", &ints, b"eK\x00a"],
        &[b"]q\0(", &ints, b"eK\x00ah\0"],
        &[b"](", &ints, b"e(", &ints, b"eNa"],
        &[b"](", &ints, b"2e"],
        &[b"](", &floats, b"eK\x00a"],
    ];
    for list in lists {
        let array = [b"\x80\x02cm\nf\n)R(K\x01", &list.concat()[..], b"tb."].concat();
        for limits in [Limits::default(), tight_limits(1010)] {
            assert_eq!(at_once(&array, &limits), one_by_one(&array, &limits));
        }
    }
}
