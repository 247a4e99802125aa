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
