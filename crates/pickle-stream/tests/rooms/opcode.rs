//! The opcode table is that of `spec/opcodes.toml`, which is for readers in other languages.

use std::collections::BTreeSet;

use pickle_stream::{Opcode, StackItem};
use toml::{Table, Value};

/// Returns an opcode as a row of `spec/opcodes.toml`.
fn row(opcode: Opcode) -> Table {
    let info = opcode.info();
    let names = |items: &[StackItem]| items.iter().map(|item| Value::from(item.name())).collect();
    let fields = [
        ("name", Value::from(info.name)),
        ("code", Value::from(i64::from(opcode.byte()))),
        ("protocol", Value::from(i64::from(info.protocol))),
        ("argument", Value::from(info.argument.name())),
        ("stack_before", Value::Array(names(info.before))),
        ("stack_after", Value::Array(names(info.after))),
        ("memo", Value::from(info.memo.name())),
        ("summary", Value::from(info.summary)),
    ];
    fields.map(|(key, value)| (key.into(), value)).into_iter().collect()
}

#[test]
fn table_is_that_of_the_spec() {
    let spec: Table = include_str!("../../../../spec/opcodes.toml").parse().unwrap();
    let rows: Vec<&Table> =
        spec["opcode"].as_array().unwrap().iter().map(|row| row.as_table().unwrap()).collect();
    assert_eq!(rows.len(), Opcode::ALL.len());
    for (opcode, expected) in Opcode::ALL.into_iter().zip(rows) {
        assert_eq!(row(opcode), *expected);
    }
}

#[test]
fn byte_gives_the_opcode_with_that_byte() {
    let defined: BTreeSet<u8> = Opcode::ALL.into_iter().map(Opcode::byte).collect();
    assert_eq!(defined.len(), Opcode::ALL.len());
    for byte in 0..=u8::MAX {
        let opcode = Opcode::from_byte(byte);
        assert_eq!(opcode.map(Opcode::byte), defined.get(&byte).copied());
    }
}
