//! The survey: a list that is decoded by its spans is the list that is decoded whole, or is
//! refused.

use pickle_stream::{Container, Limits};
use proptest::prelude::*;

use crate::support::by_element::{Way, by_element, whole};
use crate::support::cuts::surveyed;
use crate::support::pickler::{pickled_list, pickled_repeats};
use crate::support::streams::{
    broken_list, config, cuts, every_byte, hostile_list, small_limits, stream,
};

proptest! {
    #![proptest_config(config())]

    /// This compares the fast loop of the survey with the plain one, which reads each instruction
    /// of an input of one byte.
    #[test]
    fn survey_of_a_cut_stream_is_that_of_the_whole(
        stream in stream(),
        cuts in cuts(),
        container in prop::sample::select(vec![Container::List, Container::Set, Container::Dict]),
    ) {
        let whole = surveyed(&stream, &[], container, &small_limits());
        for cuts in [cuts, every_byte(&stream)] {
            prop_assert_eq!(&surveyed(&stream, &cuts, container, &small_limits()), &whole);
        }
    }

    #[test]
    fn pickled_list_by_element_is_the_whole_list(stream in prop_oneof![pickled_list(), pickled_repeats()]) {
        let limits = Limits::default();
        let expected = whole(&stream, &limits).unwrap();
        prop_assert!(expected.is_some());
        prop_assert_eq!(&by_element(&stream, Way::Machine, &limits).unwrap(), &expected);
        prop_assert_eq!(&by_element(&stream, Way::Rows(&[]), &limits).unwrap(), &expected);
    }

    #[test]
    fn broken_list_by_element_fails_or_is_the_whole_list(stream in prop_oneof![broken_list(), hostile_list()]) {
        let limits = small_limits();
        if let (Ok(Some(whole)), Ok(Some(elements))) = (whole(&stream, &limits), by_element(&stream, Way::Rows(&[]), &limits)) {
            prop_assert_eq!(elements, whole);
        }
    }

    #[test]
    fn any_stream_by_element_does_not_panic(stream in stream()) {
        let _ = whole(&stream, &small_limits());
        let _ = by_element(&stream, Way::Rows(&[]), &small_limits());
    }
}
