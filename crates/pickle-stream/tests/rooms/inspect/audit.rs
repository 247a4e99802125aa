//! The audit finds every act, however the stream makes it and wherever it is cut.

use pickle_stream::audit::{
    Act, Audited, Auditor, Construct, Finding, Growth, Name, Operand, Subject,
};
use pickle_stream::{Error, Limits};

/// Returns the findings, the names and the end of an audit that reads a stream in pieces of one
/// size.
fn audit_in_pieces(stream: &[u8], size: usize) -> (Vec<Finding>, Vec<Name>, Result<(), Error>) {
    let mut auditor = Auditor::new(0, &Limits::default());
    let (mut found, mut end) = (Vec::new(), size.min(stream.len()));
    let ended = loop {
        let begin = (auditor.offset() as usize).min(end);
        match auditor.advance(&stream[begin..end]) {
            Ok(Audited::Found(next)) => found.push(next),
            Ok(Audited::Stop) => break Ok(()),
            Ok(Audited::Need(_)) if end < stream.len() => end = (end + size).min(stream.len()),
            Ok(Audited::Need(more)) => break Err(Error::truncated(end as u64, more)),
            Err(error) => break Err(error),
        }
    };
    (found, auditor.names().to_vec(), ended)
}

/// Returns the findings in words, each with its offset, and the clause of the error at the end.
/// Checks that they do not depend on the cuts.
fn audit(stream: &[u8]) -> Vec<String> {
    let (found, names, ended) = audit_in_pieces(stream, stream.len());
    for size in [1, 2, 7] {
        let in_pieces = audit_in_pieces(stream, size);
        assert_eq!((&in_pieces.0, &in_pieces.1), (&found, &names), "{}", stream.escape_ascii());
        assert_eq!(in_pieces.2, ended, "{}", stream.escape_ascii());
    }
    let word = |name: usize| match &names[name] {
        Name::Global { module, name } => format!("{module}.{name}"),
        other => format!("{other:?}"),
    };
    let subject = |subject| match subject {
        Subject::Named(name) => word(name.index()),
        Subject::ResultOf(name) => format!("{}()", word(name.index())),
    };
    let line = |Finding { offset, act, .. }| match act {
        Act::Import(name) => format!("{offset} import {}", word(name.index())),
        Act::Call(called) => format!("{offset} call {}", subject(called)),
        Act::SetState(set) => format!("{offset} set {}", subject(set)),
        Act::Add(to) => format!("{offset} add to {}", subject(to)),
        Act::Overwrite(entry) => format!("{offset} overwrite {entry}"),
        Act::Straddle => format!("{offset} straddle"),
        Act::Alter => format!("{offset} alter"),
        Act::Costly => format!("{offset} costly"),
    };
    let mut lines: Vec<String> = found.into_iter().map(line).collect();
    lines.extend(ended.err().map(|error| error.clause().to_owned()));
    lines
}

#[test]
fn act_is_found_however_the_stream_makes_it() {
    let cases: &[(&[u8], &[&str])] = &[
        (b"cos\nsystem\n(S'x'\ntR.", &["0 import os.system", "18 call os.system"]),
        (b"(S'x'\nios\nsystem\n.", &["6 import os.system", "6 call os.system"]),
        (b"(cos\nsystem\nS'x'\no.", &["1 import os.system", "17 call os.system"]),
        (b"\x80\x02cos\nsystem\n)\x81.", &["2 import os.system", "14 call os.system"]),
        (b"\x80\x04cos\nsystem\n)}\x92.", &["2 import os.system", "15 call os.system"]),
        // The module is read from the memo; DUP and POP are between the name and STACK_GLOBAL.
        (b"\x80\x04\x8c\x02os\x94h\0\x8c\x06system2N00\x93.", &["21 import os.system"]),
        (b"\x80\x04\x8c\x02os\x94h\0\x8c\x06system2N0\x87.", &[]),
        (
            b"\x80\x04\x8c\x02os\x8c\x06system2N00\x93)R.",
            &["18 import os.system", "20 call os.system"],
        ),
        // Module and name are text of protocol 0 with escapes.
        (b"S'o\\x73'\nV\\u0073ystem\n\x93.", &["22 import os.system"]),
        // A result is called, given a state, and added to.
        (
            b"cm\nf\n)R)R}bNa.",
            &["0 import m.f", "6 call m.f", "8 call m.f()", "10 set m.f()", "12 add to m.f()"],
        ),
        (
            b"cm\nf\n(NNu(Ne(N\x90(u.",
            &["0 import m.f", "8 add to m.f", "11 add to m.f", "14 add to m.f"],
        ),
        // Attributes of a class are set.
        (b"cm\nC\n}(S'a'\nNub.", &["0 import m.C", "14 set m.C"]),
        // Entries that are overwritten.
        (
            b"cm\nf\nq\0cm\ng\nq\0h\0)R.",
            &["0 import m.f", "7 import m.g", "12 overwrite 0", "17 call m.g"],
        ),
        (b"Nq\0Nq\0.", &[]),
        (
            b"\x80\x04N\x94N\x94cm\nf\nr\x01\0\0\0h\x01)R.",
            &["6 import m.f", "11 overwrite 1", "19 call m.f"],
        ),
        // MEMOIZE writes the entry whose index is the number of entries.
        (b"cm\nf\nq\x07N\x94h\x07)R.", &["0 import m.f", "12 call m.f"]),
        (
            b"\x82\x07)R\x83\x01\x01.",
            &["0 import Extension(7)", "3 call Extension(7)", "4 import Extension(257)"],
        ),
        (b"Pid\nNQ.", &["0 call PersistentId", "5 call PersistentId"]),
        // Names of Python 2 are mapped below protocol 3.
        (b"c__builtin__\neval\n.", &["0 import builtins.eval"]),
        (b"\x80\x03c__builtin__\neval\n.", &["2 import __builtin__.eval"]),
        (b"c__builtin__\nxrange\n.", &["0 import builtins.range"]),
        // Python raises a TypeError: an int cannot be called.
        (b"K\x05)R.", &[]),
        // Adding to a list, a dict or a set is not an act.
        (b"]Na}NNs0\x8f(N\x90.", &[]),
        // Findings before an error.
        (
            b"cos\nsystem\n)R0000",
            &["0 import os.system", "12 call os.system", "pickle.stack.underflow"],
        ),
        (b"cos\nsystem\n)R", &["0 import os.system", "12 call os.system", "pickle.truncated"]),
        (b"N\x93.", &["pickle.stack.underflow"]),
        (b"NN\x93.", &["pickle.stack.type"]),
        (b"h\0.", &["pickle.memo.missing"]),
        (b"o", &["pickle.stack.mark"]),
        (b"(o", &["pickle.stack.underflow"]),
        // A dict in a state is changed; an item of a list is set by its index.
        (
            b"cm\nf\n)R(}q\x01tbh\x01NNs.",
            &["0 import m.f", "6 call m.f", "12 set m.f()", "17 alter"],
        ),
        (b"]K\0Ns.", &["4 alter"]),
        (b"}NNs.", &[]),
        // The module is the result of a call.
        (b"cm\nf\n)RVn\n\x93.", &["0 import m.f", "6 call m.f", "10 import Unknown"]),
        // The module is a global: `os.name` is a str.
        (
            b"cos\nname\nVgetpid\n\x93)R.",
            &["0 import os.name", "17 import Unknown", "19 call Unknown"],
        ),
        // Frames.
        (b"\x80\x04\x95\x04\0\0\0\0\0\0\0NNN0.", &[]),
        (b"\x80\x04\x95\x04\0\0\0\0\0\0\0NN\x8c\x02os00.", &["13 straddle"]),
        (b"\x80\x04\x95\x0c\0\0\0\0\0\0\0N0\x95\x02\0\0\0\0\0\0\0N.", &["13 straddle"]),
    ];
    for (stream, expected) in cases {
        assert_eq!(audit(stream), *expected, "{}", stream.escape_ascii());
    }
}

#[test]
fn act_on_a_forgotten_value_is_found() {
    let mut stream = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94".to_vec();
    for number in 0..400_000u32 {
        stream.extend(b"\x8c\x08");
        stream.extend(format!("{number:08}").bytes());
        stream.extend(b"\x940");
    }
    stream.extend(b"h\0h\x01\x93)R.");
    let (found, names, ended) = audit_in_pieces(&stream, stream.len());
    assert_eq!(names, [Name::Unknown]);
    assert_eq!(found.len(), 2);
    ended.unwrap();

    // A global is not forgotten.
    let import = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94";
    stream.splice(..import.len() - 2, import.iter().copied());
    let (_, names, ended) = audit_in_pieces(&stream, stream.len());
    assert_eq!(names, [Name::Global { module: "os".into(), name: "system".into() }]);
    ended.unwrap();
}

/// A stream can read all its memo entries again and again, so that none of them is forgotten as
/// old.
#[test]
fn large_memo_entries_that_are_read_again_keep_only_their_kind() {
    let tuple = |items: usize| [b"(N", &b"2".repeat(items - 1)[..], b"t"].concat();
    let entries: [&[u8]; 5] = [
        &tuple(5),
        &[&b"\x8c\x41"[..], &[b'a'; 65]].concat(),
        b"cm\nf\n)R\x85",
        b"K\x02K\x03\x86",
        b"\x8c\x01b",
    ];
    // The arguments begin with a tuple that stays on the stack.
    let mut stream = [b"\x80\x04cm\nf\n(", &tuple(1024)[..]].concat();
    let flood = tuple(1024);
    for index in 0..250 {
        stream.extend(entries.get(index).copied().unwrap_or(&flood));
        stream.extend(b"\x940");
        stream.extend((0..=index as u8).flat_map(|read| [b'h', read, b'0']));
    }
    stream.extend(b"h\0h\x01h\x02h\x03h\x04tR.");
    let mut auditor = Auditor::new(0, &Limits::default());
    while auditor.advance(&stream[auditor.offset() as usize..]).unwrap() != Audited::Stop {}
    let Operand::Tuple(items) = auditor.operands().arguments else { panic!() };
    let items: Vec<Operand<'_>> = items.iter().collect();
    let [
        Operand::Tuple(on_stack),
        Operand::Other,
        Operand::LongText,
        Operand::Other,
        Operand::Tuple(small),
        Operand::Text(b"b"),
    ] = items[..]
    else {
        panic!("{items:?}")
    };
    assert_eq!((on_stack.len(), small.len()), (1024, 2));
}

#[test]
fn flood_of_an_instruction_is_read_to_its_end() {
    for (instruction, end) in
        [(&b"N"[..], &b"t."[..]), (b"(", b"N."), (b"N2", b"t."), (b"]", b"t.")]
    {
        let mut stream = b"(".to_vec();
        stream.extend(instruction.repeat(1_000_000));
        stream.extend(end);
        assert!(audit_in_pieces(&stream, stream.len()).2.is_ok());
    }
    let mut nested = b"(N".repeat(1_000_000);
    nested.push(b'.');
    let error = audit_in_pieces(&nested, nested.len()).2.unwrap_err();
    assert_eq!(error.clause(), "pickle.limit.stack");
}

#[test]
fn more_names_than_the_limit_fail() {
    let names = |count: u32| (0..count).map(|n| format!("cm\n{n}\n0")).collect::<String>() + "N.";
    let most = names(1 << 16);
    assert_eq!(audit_in_pieces(most.as_bytes(), most.len()).2, Ok(()));
    let more = names((1 << 16) + 1);
    let (found, _, ended) = audit_in_pieces(more.as_bytes(), more.len());
    let error = ended.unwrap_err();
    assert_eq!((error.clause(), found.len()), ("pickle.limit.names", 1 << 16));
    assert!(error.to_string().starts_with("names limit: 65537 is more than 65536 (at byte "));
}

/// A key of 40 bytes makes Python hash 2^20 values.
#[test]
fn large_key_is_costly() {
    let key = [b"N".as_slice(), &b"2\x86".repeat(20)].concat();
    let keys: [(&[u8], &[u8]); 5] =
        [(b"}", b"Ns."), (b"}(", b"Nu."), (b"(", b"Nd."), (b"\x8f(", b"\x90."), (b"(", b"\x91.")];
    for (before, after) in keys {
        let stream = [before, &key, after].concat();
        let found = audit(&stream);
        assert_eq!(found.len(), 1, "{}: {found:?}", stream.escape_ascii());
        assert!(found[0].ends_with(" costly"), "{found:?}");
    }
    // The value of an entry is not hashed.
    assert!(audit(&[b"}N".as_slice(), &key, b"s."].concat()).is_empty());
    // The key comes after more keys than are kept.
    let many = [b"}(".as_slice(), &b"NN".repeat(3000), &key, b"Nu."].concat();
    assert_eq!(audit(&many).len(), 1);
}

#[test]
fn operands_of_a_call_are_its_arguments() {
    let stream = b"\x80\x04cm\nf\n(K\x01X\x01\0\0\0a](NNe}NNs\x89N)tR}b.";
    let mut auditor = Auditor::new(0, &Limits::default());
    let mut calls = 0;
    while let Audited::Found(found) = auditor.advance(&stream[auditor.offset() as usize..]).unwrap()
    {
        let operands = auditor.operands();
        match found.act {
            Act::Call(_) => {
                let Operand::Tuple(items) = operands.arguments else { panic!("{operands:?}") };
                let items: Vec<Operand<'_>> = items.iter().collect();
                let [
                    Operand::Int(1),
                    Operand::Text(b"a"),
                    Operand::List(list),
                    Operand::Dict(dict),
                    Operand::Bool(false),
                    Operand::None,
                    Operand::Tuple(empty),
                ] = items[..]
                else {
                    panic!("{items:?}")
                };
                assert_eq!((list.len, dict.entries().map(|it| it.len())), (Some(2), Some(1)));
                assert!(empty.is_empty());
                let result = operands.result.unwrap();
                auditor.set_fact(result, 7, false);
                calls += 1;
            }
            Act::SetState(_) => {
                let Operand::Result(result) = operands.object else { panic!("{operands:?}") };
                assert_eq!(result.fact, 7);
                calls += 1;
            }
            _ => {}
        }
    }
    assert_eq!(calls, 2);
}

/// The auditor forgets the indices of entries after gaps beyond 32,768.
#[test]
fn entry_overwritten_after_many_gaps_has_the_new_value() {
    let mut stream = b"cm\nold\nr\x0a\0\0\x000".to_vec();
    for index in 0..(1u32 << 15) {
        stream.extend(b"Nr");
        stream.extend((100 + index).to_le_bytes());
        stream.push(b'0');
    }
    // An entry that was read lately is held.
    stream.extend(b"h\x0a0");
    for index in 0..10 {
        stream.extend([b'N', b'q', index, b'0']);
    }
    stream.extend(b"cm\nnew\nq\x0a0h\x0a)R.");
    let lines = audit(&stream);
    assert!(lines.last().unwrap().ends_with(" call m.new"), "{lines:?}");
}

#[test]
fn byte_of_a_bytearray_is_unknown() {
    // An item of the bytearray is set before it is an argument.
    let stream = b"\x80\x05cm\nf\n(C\x01b\x96\x01\0\0\0\0\0\0\0bK\0K\x07stR.";
    let mut auditor = Auditor::new(0, &Limits::default());
    while !matches!(auditor.advance(&stream[auditor.offset() as usize..]), Ok(Audited::Stop)) {}
    let Operand::Tuple(items) = auditor.operands().arguments else { panic!() };
    let items: Vec<Operand<'_>> = items.iter().collect();
    assert!(matches!(items[..], [Operand::Bytes(Some(b'b')), Operand::Bytes(None)]), "{items:?}");
}

#[test]
fn finding_tells_how_an_object_is_made_and_grown() {
    let rows: [(&[u8], Construct, Option<Growth>); 7] = [
        (b"cm\nC\n)RNa.", Construct::Call, Some(Growth::List)),
        (b"cm\nC\n)R(Ne.", Construct::Call, Some(Growth::List)),
        (b"cm\nC\n)\x81NNs.", Construct::New, Some(Growth::Dict)),
        (b"cm\nC\n)}\x92(NNu.", Construct::New, Some(Growth::Dict)),
        (b"(im\nC\n(N\x90.", Construct::Instance, Some(Growth::Set)),
        (b"(cm\nC\noNb.", Construct::Instance, None),
        (b"Pid\n.", Construct::Persistent, None),
    ];
    for (stream, construct, growth) in rows {
        let (found, ..) = audit_in_pieces(stream, stream.len());
        let made: Vec<_> = found.iter().filter_map(Finding::construct).collect();
        let grown: Vec<_> = found.iter().filter_map(Finding::growth).collect();
        assert_eq!((&made[..], grown.first().copied()), (&[construct][..], growth));
    }
}
