//! Files that hold a bare pickle, a value that is no array after a header, or several arrays.

mod common;

use std::fs;

use common::{Ran, command, file_of, fixture, ran};
use tempfile::NamedTempFile;

/// Returns a new file of these bytes.
fn file(bytes: &[u8]) -> NamedTempFile {
    let file = tempfile::Builder::new().suffix(".pkl").tempfile().unwrap();
    fs::write(&file, bytes).unwrap();
    file
}

fn run(file: &NamedTempFile, args: &[&str]) -> Ran {
    ran(command(args).arg(file.path()).output())
}

/// Returns the text on stderr after the name of the file.
fn note<'a>(ran: &'a Ran, file: &NamedTempFile) -> &'a str {
    let name = format!("npyo: {}: ", file.path().display());
    ran.stderr.strip_prefix(&name).unwrap_or_else(|| panic!("{ran:?}")).trim_end()
}

/// Returns the bytes of a file with an array of two objects.
fn array() -> Vec<u8> {
    fs::read(fixture("shapes/two-p4-py3.9-np2.0.npy")).unwrap()
}

#[test]
fn bare_container_is_read_by_every_command() {
    for (pickle, holds, lines) in [
        (&b"\x80\x04](K\x01K\x02e."[..], "list of 2", "1\n2\n"),
        (b"(lp0\nI1\naI2\na.", "list of 2", "1\n2\n"),
        (b"\x80\x04K\x01K\x02\x86.", "tuple of 2", "1\n2\n"),
        (b"\x80\x04\x8f(K\x01K\x02\x90.", "set of 2", "1\n2\n"),
        (b"\x80\x04(K\x01K\x02\x91.", "frozenset of 2", "1\n2\n"),
        (b"\x80\x04}(K\x05K\x01K\x06K\x02u.", "dict of 2", "{\"5\":1}\n{\"6\":2}\n"),
        (
            b"ccollections\nOrderedDict\n)R(K\x05K\x01K\x06K\x02u.",
            "OrderedDict of 2",
            "{\"5\":1}\n{\"6\":2}\n",
        ),
        (
            b"ccollections\ndefaultdict\nN\x85R(K\x05K\x01K\x06K\x02u.",
            "defaultdict of 2",
            "{\"5\":1}\n{\"6\":2}\n",
        ),
        (b"ccollections\ndeque\n)K\x09\x86R(K\x01K\x02e.", "deque of 2", "1\n2\n"),
    ] {
        let file = file(pickle);
        assert_eq!(run(&file, &["cat"]).output(), lines, "{holds}");
        let info = run(&file, &["info"]).output();
        assert!(info.contains(&format!("\nholds     {holds}\nelements  2\n")), "{info}");
        assert!(info.contains("\npickle    protocol "), "{info}");
        assert!(!info.contains("\nwriter"), "{info}");
        let stats = run(&file, &["stats"]).output();
        assert!(stats.starts_with("elements  2\nkinds                2  int\n"), "{stats}");
        let dis = run(&file, &["dis"]).output();
        assert!(dis.contains("highest protocol"), "{dis}");
        let index = run(&file, &["index"]);
        if holds.starts_with("tuple") || holds.starts_with("frozenset") {
            assert!(note(&index, &file).contains("needs no index"), "{index:?}");
        } else {
            assert!(index.output().ends_with(": 2 elements, 128 bytes\n"));
            assert_eq!(run(&file, &["cat"]).output(), lines, "{holds}");
            fs::remove_file(format!("{}.idx", file.path().display())).unwrap();
        }
    }
}

#[test]
fn bare_value_is_read_by_every_command() {
    for (pickle, holds, line) in
        [(&b"I5\n."[..], "int", "5\n"), (b"S'a'\n.", "str", "\"a\"\n"), (b"N.", "None", "null\n")]
    {
        let file = file(pickle);
        assert_eq!(run(&file, &["cat"]).output(), line);
        let info = run(&file, &["info"]).output();
        assert!(info.contains(&format!("\nholds     {holds}\nelements  1\n")), "{info}");
        let stats = run(&file, &["stats"]).output();
        assert!(stats.starts_with(&format!("elements  1\nkinds                1  {holds}\n")));
        let error = "expected an array or a container, found a single value, which needs no index \
                     [access.index]";
        assert_eq!(note(&run(&file, &["index"]), &file), error);
    }
}

#[test]
fn info_json_of_bare_pickle_prints_kind_and_entries() {
    let file = file(b"\x80\x04}\x8c\x01a](K\x01K\x02es.");
    let info: serde_json::Value =
        serde_json::from_str(&run(&file, &["info", "--json"]).output()).unwrap();
    assert_eq!(info["holds"], "dict of 1");
    assert_eq!((&info["elements"], &info["arrays"]), (&1.into(), &1.into()));
    assert_eq!((&info["version"], &info["dtype"]), (&().into(), &().into()));
    let first = serde_json::json!({"key": "\"a\"", "kind": "list of 2", "preview": "[1,2]"});
    assert_eq!(info["first"], serde_json::json!([first]));
}

#[test]
fn list_after_header_is_read() {
    let file = file_of("|O", "(2,)", b"\x80\x04](K\x01K\x02e.");
    assert_eq!(run(&file, &["cat"]).output(), "1\n2\n");
    let info = run(&file, &["info"]).output();
    assert!(info.contains("\nshape     (2,)\nholds     list of 2\nelements  2\n"), "{info}");
}

#[test]
fn second_array_in_file_is_noted_on_stderr() {
    let file = file(&array().repeat(3));
    let end = array().len();
    for args in [&["cat"][..], &["info"], &["stats"], &["cat", "--to", "1"], &["cat", "--typed"]] {
        let ran = run(&file, args);
        let expected =
            format!("another array follows at byte {end}: --array 1 shows it, --all everything");
        assert_eq!((ran.code, note(&ran, &file)), (Some(0), &expected[..]), "{args:?}");
    }
    let second = run(&file, &["cat", "--array", "1"]);
    assert!(note(&second, &file).contains("--array 2 shows it"), "{second:?}");
    assert_eq!(run(&file, &["cat", "--array", "2"]).stderr, "");
    let fourth = run(&file, &["cat", "--array", "3"]);
    let expected = "no array or pickle 3, counted from 0: the file holds 3";
    assert_eq!((fourth.code, note(&fourth, &file)), (Some(1), expected));
}

#[test]
fn all_option_prints_every_array_and_pickle() {
    let file = file(&[&array()[..], b"I5\n.", b"\x80\x04](K\x01K\x02e."].concat());
    let first = run(&file, &["cat"]).stdout;
    assert_eq!(run(&file, &["cat", "--all"]).output(), format!("{first}5\n1\n2\n"));
    assert_eq!(run(&file, &["cat", "--array", "2"]).output(), "1\n2\n");
    assert!(run(&file, &["stats", "--all"]).output().starts_with("elements  5\n"));
    let info = run(&file, &["info", "--all", "--json"]).output();
    let reports: Vec<serde_json::Value> =
        info.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let elements: Vec<_> = reports.iter().map(|report| report["elements"].as_u64()).collect();
    assert_eq!(elements, [Some(2), Some(1), Some(2)]);
    let info = run(&file, &["info"]);
    assert!(info.stdout.contains("\narrays    3, of which this is one\n"), "{info:?}");
}

#[test]
fn other_bytes_after_array_are_noted_on_stderr() {
    let end = array().len();
    let file = file(&[&array()[..], b"\0\0\0\0"].concat());
    for command in ["cat", "info", "stats"] {
        let ran = run(&file, &[command]);
        let expected = format!("the bytes from {end} on are no array and no pickle");
        assert_eq!((ran.code, note(&ran, &file)), (Some(0), &expected[..]));
    }
}

#[test]
fn interrupted_append_is_noted_on_stderr() {
    let end = array().len();
    let file = file(&[&array()[..], b"U\x12npyo append 74622e0(K"].concat());
    let ran = run(&file, &["cat"]);
    let expected = format!(
        "the bytes from {end} on are no array and no pickle: an append was interrupted, and the next one removes \
         them"
    );
    assert_eq!((ran.code, note(&ran, &file)), (Some(0), &expected[..]));
}

/// Returns a file with a 0-d array that holds a dict of arrays of `size` bytes.
fn dict_of_arrays(count: u8, size: u32) -> NamedTempFile {
    let mut pickle = b"\x80\x04cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01)\
        cnumpy\ndtype\nC\x02O8K\0K\x01\x87R(K\x03C\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]}(".to_vec();
    for key in 0..count {
        pickle.extend([b'K', key]);
        pickle.extend(
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01J",
        );
        pickle.extend(size.to_le_bytes());
        pickle.extend(b"\x85cnumpy\ndtype\n\x8c\x02u1K\0K\x01\x87R(K\x03\x8c\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89B");
        pickle.extend(size.to_le_bytes());
        pickle.resize(pickle.len() + size as usize, 7);
        pickle.extend(b"tb");
    }
    pickle.extend(b"uatb.");
    file_of("|O", "()", &pickle)
}

#[test]
fn info_of_dict_decodes_only_the_entries_it_shows() {
    let file = dict_of_arrays(40, 500_000);
    for memory in ["1GB", "3MB"] {
        let info = run(&file, &["info", "--max-memory", memory]).output();
        assert!(info.contains("\nholds     dict of 40\nelements  1\n"), "{info}");
        assert!(info.contains("\n├─ 19: array |u1 (500000,)  488.4 KB\n└─ … 20 more\n"), "{info}");
    }
    // Of a value larger than the memory, `info` reads only the dtype and the shape.
    let file = dict_of_arrays(2, 4_000_000);
    let info = run(&file, &["info", "--max-memory", "3MB"]).output();
    assert!(info.contains("\nholds     dict of 2\n"), "{info}");
    assert!(info.ends_with("\n└─ 1: array |u1 (4000000,)  3.8 MB\n"), "{info}");
}
