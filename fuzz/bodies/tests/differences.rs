//! `oracle/differences.json`, where CPython's unpicklers differ from one another, or from what is
//! done here: what it says of here is so. `oracle/differential.py --ledger` asks CPython.

use npy_object_fuzz_bodies::digest::digest;
use pickle_stream::{Limits, decode};
use serde_json::Value;

#[test]
fn what_differs_is_read_as_the_ledger_says() {
    let ledger: Value =
        serde_json::from_str(include_str!("../../../oracle/differences.json")).unwrap();
    for difference in ledger.as_array().unwrap() {
        let text = |member: &str| difference[member].as_str().unwrap();
        // A char is a byte.
        let program: Vec<u8> =
            text("program").chars().map(|char| u8::try_from(char).unwrap()).collect();
        let here = match decode(&program, &Limits::default()) {
            Ok(decoded) => String::from_utf8(digest(decoded.value()).unwrap()).unwrap(),
            Err(error) => format!("!{}", error.clause()),
        };
        assert_eq!(here, text("here"), "{}: {}", text("what"), program.escape_ascii());
        let readers = [text("c"), text("python"), &here];
        let refused = readers.map(|answer| answer.starts_with('!'));
        let same = readers.iter().all(|&answer| answer == readers[0]) || refused == [true; 3];
        assert!(!same, "{} is no difference", text("what"));
    }
}
