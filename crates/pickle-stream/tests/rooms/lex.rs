//! The lexer is incremental.

use proptest::prelude::*;

use crate::support::cuts::instructions;
use crate::support::streams::{config, cuts, every_byte, small_limits, stream};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn instructions_of_a_cut_stream_are_those_of_the_whole(stream in stream(), cuts in cuts()) {
        let whole = instructions(&stream, &[], &small_limits());
        for cuts in [cuts, every_byte(&stream)] {
            prop_assert_eq!(&instructions(&stream, &cuts, &small_limits()), &whole);
        }
    }
}
