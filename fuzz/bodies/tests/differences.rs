//! `oracle/differences.json`, where CPython's unpicklers differ from one another, or from what is
//! done here: what it says of here is so. `oracle/differential.py --ledger` asks CPython.

use npy_object_fuzz_bodies::digest::digest;
use pickle_stream::{Limits, decode};
use serde_json::Value;

#[test]
fn what_differs_is_read_as_the_ledger_says() {
    let ledger: Value =
        serde_json::from_str(include_str!("../../../oracle/differences.json")).unwrap();
    let mut wrong = Vec::new();
    for difference in ledger.as_array().unwrap() {
        let text = |member: &str| difference[member].as_str().unwrap();
        // A char is a byte.
        let program: Vec<u8> =
            text("program").chars().map(|char| u8::try_from(char).unwrap()).collect();
        let here = match decode(&program, &Limits::default()) {
            Ok(decoded) => String::from_utf8(digest(decoded.value()).unwrap()).unwrap(),
            Err(error) => format!("!{}", error.clause()),
        };
        let readers = [text("c"), text("python"), &here];
        let all_refuse = readers.iter().all(|answer| answer.starts_with('!'));
        let differs = !all_refuse && readers.iter().any(|&answer| answer != readers[0]);
        if here != text("here") || !differs {
            wrong.push(format!("{} ({}): {here}", text("what"), program.escape_ascii()));
        }
    }
    assert_eq!(wrong, [""; 0]);
}
