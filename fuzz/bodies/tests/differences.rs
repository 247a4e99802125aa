//! Checks our answers in `oracle/differences.json`, the list of programs on which CPython's
//! unpicklers differ from each other or from us. `oracle/differential.py --ledger` checks CPython's
//! answers.

use npy_object_fuzz_bodies::digest::digest;
use pickle_stream::{Limits, decode};
use serde_json::Value;

#[test]
fn programs_of_the_ledger_give_our_recorded_answer() {
    let ledger: Value =
        serde_json::from_str(include_str!("../../../oracle/differences.json")).unwrap();
    let mut wrong = Vec::new();
    for difference in ledger.as_array().unwrap() {
        let text = |member: &str| difference[member].as_str().unwrap();
        // JSON has no bytes: each char is one.
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
