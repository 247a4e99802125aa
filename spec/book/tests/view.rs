//! The page of `npyo view` has the opcodes and the rules of the specification.

use std::fs;

use serde_json::{Map, Value, json};
use spec_book::{Specification, root};

/// The file of the page, which is part of the command.
const FILE: &str = "crates/npy-object-cli/src/view/assets/spec.json";

/// Writes the file with `UPDATE=1`.
#[test]
fn page_of_view_has_the_opcodes_and_clauses_of_the_chapters() {
    let expected = format!("{:#}\n", json!({ "clauses": clauses(), "opcodes": opcodes() }));
    let path = root().join(FILE);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(found == expected, "run: UPDATE=1 cargo test -p spec-book --test view");
}

fn clauses() -> Map<String, Value> {
    let specification = Specification::load().unwrap();
    let entry = |clause: &spec_book::clauses::Clause| {
        let value = json!({ "title": clause.title, "rule": plain(&clause.rule) });
        (clause.id.clone(), value)
    };
    specification.clauses.iter().map(entry).collect()
}

fn opcodes() -> Map<String, Value> {
    let table = fs::read_to_string(root().join("spec/opcodes.toml")).unwrap();
    let opcodes = table.split("[[opcode]]").skip(1).map(|opcode| {
        let value = |name: &str| -> Value {
            let mut lines = opcode.lines().filter_map(|line| line.split_once(" = "));
            let (_, value) = lines.find(|(known, _)| *known == name).unwrap();
            // Strings, numbers and lists of strings are the same in TOML and in JSON.
            serde_json::from_str(value).unwrap()
        };
        let name = value("name").as_str().unwrap().to_owned();
        let (before, after) = (value("stack_before"), value("stack_after"));
        let argument = value("argument");
        let of = clauses_of(&name, argument.as_str().unwrap(), &before);
        let summary = plain(value("summary").as_str().unwrap());
        let opcode = json!({
            "protocol": value("protocol"),
            "argument": argument,
            "before": before,
            "after": after,
            "summary": summary,
            "clauses": of,
        });
        (name, opcode)
    });
    opcodes.collect()
}

/// Returns the clauses that an instruction with this opcode can break.
fn clauses_of(name: &str, argument: &str, before: &Value) -> Vec<&'static str> {
    let before: Vec<&str> = before.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut clauses = Vec::new();
    clauses.extend(match argument {
        "decimalnl_short" | "decimalnl_long" => Some("pickle.text.int"),
        "floatnl" => Some("pickle.text.float"),
        "float8" => Some("pickle.number.float"),
        "stringnl" => Some("pickle.text.string"),
        "stringnl_noescape" | "stringnl_noescape_pair" => Some("pickle.text.ascii"),
        "unicodestringnl" => Some("pickle.text.unicode"),
        "unicodestring1" | "unicodestring4" | "unicodestring8" => Some("pickle.utf8"),
        "string4" | "long4" => Some("pickle.length"),
        "int4" | "uint1" | "uint2" | "uint4" | "uint8" | "long1" => Some("pickle.number.int"),
        _ => None,
    });
    let named: &[&str] = match name {
        "FRAME" => &["pickle.frame", "pickle.frame.straddle"],
        "PROTO" => &["pickle.protocol"],
        "GET" | "BINGET" | "LONG_BINGET" => &["pickle.memo.missing", "pickle.memo.same"],
        "PUT" | "BINPUT" | "LONG_BINPUT" | "MEMOIZE" => &["pickle.memo.index", "pickle.memo.same"],
        "REDUCE" | "BUILD" | "INST" | "OBJ" | "NEWOBJ" | "NEWOBJ_EX" => &["pickle.call"],
        "SETITEMS" | "DICT" => &["pickle.items.odd", "pickle.items.unhashable"],
        "SETITEM" | "ADDITEMS" => &["pickle.items.unhashable"],
        "EXT1" | "EXT2" | "EXT4" => &["pickle.extension"],
        _ => &[],
    };
    clauses.extend(named);
    if before.contains(&"mark") {
        clauses.push("pickle.stack.mark");
    }
    if before.iter().any(|item| !matches!(*item, "any" | "mark" | "stackslice")) {
        clauses.push("pickle.stack.type");
    }
    if before.iter().any(|item| !matches!(*item, "mark" | "stackslice")) {
        clauses.push("pickle.stack.underflow");
    }
    clauses
}

/// Returns Markdown without its marks: the words of links, and no backticks.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        match after
            .split_once("](")
            .and_then(|(words, link)| Some((words, link.split_once(')')?.1)))
        {
            Some((words, after)) if !words.contains('[') => {
                text.push_str(words);
                rest = after;
            }
            _ => {
                text.push('[');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text.replace(['`', '*'], "").replace('\n', " ")
}
