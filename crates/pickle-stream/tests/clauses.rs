//! The clauses of the code are those of the spec, and each stream that the spec gives as an example
//! of an error breaks its clause at the byte that the text gives.

use std::collections::BTreeSet;
use std::{fs, path::Path};

use pickle_stream::{Container, Error, Graph, Lexer, Limits, Machine, Ran, Survey};

/// The chapters of the spec with clauses of pickles.
const SPEC: [&str; 3] = [
    include_str!("../../../spec/machine.md"),
    include_str!("../../../spec/elements.md"),
    include_str!("../../../spec/limits.md"),
];

#[test]
fn clauses_of_the_code_are_those_of_the_spec() {
    let mut code = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            let literals = text.split('"').filter(|literal| literal.starts_with("pickle."));
            code.extend(literals.map(str::to_owned));
        }
    }
    assert!(code.contains("pickle.stack.underflow"));
    assert_eq!(sections().map(|(clause, _)| clause.to_owned()).collect::<BTreeSet<_>>(), code);
}

#[test]
fn example_of_a_clause_breaks_it() {
    let mut clauses_with_examples = BTreeSet::new();
    for (clause, section) in sections() {
        for line in section.lines().filter_map(|line| line.strip_prefix("b\"")) {
            // A repeated stream takes too long here. The tests of the limits have small limits.
            if line.contains("\" * ") {
                continue;
            }
            let offset = line.split("byte ").nth(1).map(|digits| digits.parse::<u64>().unwrap());
            for literal in line.split(" b\"") {
                let bytes = unescape(literal.split('"').next().unwrap());
                let expected = (clause, offset.unwrap_or(bytes.len() as u64 - 1));
                let errors = errors(&bytes);
                let found = errors.iter().any(|error| (error.clause(), error.offset()) == expected);
                assert!(found, "{expected:?} is not among {errors:?}");
                clauses_with_examples.insert(clause);
            }
        }
    }
    assert!(clauses_with_examples.len() > 20);
}

/// Returns the clauses that a stream can break, each with its text. The other clauses are rules for
/// readers.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    let sections = SPEC.into_iter().flat_map(|chapter| chapter.split("\n### ").skip(1));
    // `pickle.opcode: Opcode`, an empty line, and the rule.
    let parts = sections.filter_map(|section| {
        let (heading, rule) = section.split_once("\n\n")?;
        Some((heading.split_once(": ")?.0, rule))
    });
    parts.filter(|(clause, rule)| {
        clause.starts_with("pickle.") && !rule.starts_with("A reader MUST")
    })
}

/// Returns the errors of a stream: of a machine that runs it as a whole pickle and as one element,
/// and of a survey of a list.
fn errors(stream: &[u8]) -> Vec<Error> {
    let limits = Limits::default();
    let (mut machine, mut graph) = (Machine::new(&limits), Graph::new());
    let end = stream.len() as u64;
    let whole = machine.run(&mut graph, &mut Lexer::new(0, &limits), stream);
    let truncated = match whole {
        Ok(Ran::Need(more)) => Some(Error::truncated(end, more)),
        _ => None,
    };
    let mut survey = Survey::new(0, 0, &limits);
    survey.watch(0, Container::List);
    let surveyed = survey.advance(&[stream, b"e."].concat());
    let errors = [whole.err(), truncated, machine.finish(end).err(), surveyed.err()];
    errors.into_iter().flatten().collect()
}

/// Returns the bytes of a Python literal with the escapes that the spec uses.
fn unescape(literal: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = literal;
    while let Some(first) = rest.chars().next() {
        let (byte, width) = match (first, rest.chars().nth(1)) {
            ('\\', Some('x')) => (u8::from_str_radix(&rest[2..4], 16).unwrap(), 4),
            ('\\', Some('n')) => (b'\n', 2),
            ('\\', Some('\\')) => (b'\\', 2),
            ('\\', Some('0')) => (0, 2),
            _ => (u8::try_from(first).unwrap(), 1),
        };
        bytes.push(byte);
        rest = &rest[width..];
    }
    bytes
}
