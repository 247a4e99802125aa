//! A list decoded element by element, by what the survey found, is the list decoded whole; if the stream does not allow
//! that, it is refused. The fast way of the machine does what the plain one does, and filling a graph in what building it
//! does. Nothing panics, and floods meet limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pickle_stream::Limits;

#[path = "../../crates/pickle-stream/tests/support/by_element.rs"]
mod by_element;
#[path = "../../crates/pickle-stream/tests/support/runs.rs"]
mod runs;

fuzz_target!(|stream: &[u8]| {
    let mut limits = Limits::default();
    (limits.stack, limits.marks, limits.nodes) = (10_000, 10_000, 100_000);
    let whole = by_element::whole(stream, &limits);
    let elements = by_element::by_element(stream, true, &limits);
    assert_eq!(elements, by_element::by_element(stream, false, &limits));
    if let (Ok(Some(whole)), Ok(Some(elements))) = (whole, elements) {
        assert_eq!(elements, whole);
    }
    assert_eq!(runs::at_once(stream, &limits), runs::one_by_one(stream, &limits));
});
