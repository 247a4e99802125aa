//! The encoder writes what decodes to the same value.

use pickle_stream::{Limits, decode, encode};
use proptest::prelude::*;

use crate::support::by_element::whole;
use crate::support::pickler::pickled_list;
use crate::support::streams::{broken_list, config, hostile_list, small_limits};

proptest! {
    #![proptest_config(config())]

    /// Protocols below 5 have no opcode for some values and write a call, so their values are not
    /// compared with the first ones; their bytes are compared after another round.
    #[test]
    fn encoded_value_decodes_to_the_same_value(
        stream in prop_oneof![pickled_list(), broken_list(), hostile_list()],
    ) {
        let limits = small_limits();
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
}
