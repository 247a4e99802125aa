//! Runs of `npyo get` and `npyo index`, and the options `--at`, `--array` and `--max-memory`.

mod common;

use std::fs;

use common::{command, fixture, npyo, oracle, oracle_with_header, ran};

#[test]
fn get_prints_several_elements_in_the_order_of_the_numbers() {
    let all = oracle(RAGGED);
    let out = npyo("get", RAGGED, &["2", "-1", "2", "--typed"]).output();
    assert_eq!(out.lines().collect::<Vec<_>>(), [&all[2], &all[3], &all[2]]);
    // The elements before one that does not exist are printed.
    let refused = npyo("get", RAGGED, &["1", "9", "--typed"]);
    assert_eq!((refused.code, refused.stdout.trim_end()), (Some(1), all[1].as_str()));
}

#[test]
fn get_at_a_path_of_names_is_that_of_subscripts() {
    let file = split_dict();
    let path = file.path().to_str().expect("a UTF-8 path");
    for at in ["['train']", ".train", " .train "] {
        let out = ran(command(["get", path, "--at", at, "1"]).output()).output();
        assert_eq!(out, "4\n", "{at}");
    }
    for at in [".", ".train.", ".train..x"] {
        assert_eq!(ran(command(["get", path, "--at", at, "1"]).output()).code, Some(2), "{at}");
    }
}

/// A truncated array of several batches.
const BATCHES: &str = "truncated/in-third-batch.npy";
const RAGGED: &str = "arrays/ragged-p4-py3.9-np2.0.npy";

/// Returns a file with a pickled dict of a list and a dict.
fn split_dict() -> tempfile::NamedTempFile {
    // {'train': [3, 4], 'test': {7: None}}, as pickle.dump writes it in protocol 4.
    let pickle = b"\x80\x04}\x94(\x8c\x05train\x94]\x94(K\x03K\x04e\x8c\x04test\x94}\x94K\x07Nsu.";
    let file = tempfile::Builder::new().suffix(".pkl").tempfile().expect("a file can be made");
    fs::write(&file, pickle).expect("it can be written");
    file
}

#[test]
fn get_counts_from_either_end() {
    let all = oracle(RAGGED);
    for (index, expected) in [("0", &all[0]), ("2", &all[2]), ("-1", &all[3]), ("-4", &all[0])] {
        let out = npyo("get", RAGGED, &[index, "--typed"]).output();
        assert_eq!(out.trim_end(), expected, "{index}");
    }
    for index in ["4", "-5", "9223372036854775807", "-9223372036854775808"] {
        let refused = npyo("get", RAGGED, &[index]);
        assert_eq!(refused.complaint(), format!("no element {index}: there are 4 elements\n"));
    }
}

#[test]
fn get_of_element_before_the_cut_succeeds() {
    let all = oracle(BATCHES);
    assert_eq!(npyo("get", BATCHES, &["1999", "--typed"]).output().trim_end(), all[1999]);
    assert!(npyo("get", BATCHES, &["2001"]).complaint().contains("truncated"));
}

#[test]
fn index_is_written_next_to_the_file_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.npy");
    fs::copy(fixture(RAGGED), &file).unwrap();
    let run = |args: &[&str]| {
        let mut command = command(args.iter().take(1));
        ran(command.arg(&file).args(&args[1..]).output())
    };
    let report = run(&["index"]).output();
    assert_eq!(report, format!("{}.idx: 4 elements, 128 bytes\n", file.display()));
    assert_eq!(run(&["get", "1"]).output(), "[0.0]\n");

    let index = folder.path().join("a.npy.idx");
    let mut damaged = fs::read(&index).unwrap();
    damaged[20] ^= 1;
    fs::write(&index, damaged).unwrap();
    let warned = run(&["get", "1"]);
    assert_eq!((warned.code, warned.stdout.as_str()), (Some(0), "[0.0]\n"));
    assert!(warned.stderr.contains("a.npy.idx is damaged and not used"), "{}", warned.stderr);
}

#[test]
fn cat_at_path_prints_members_of_the_container() {
    let file = split_dict();
    let cat = |options: &[&str]| {
        let mut command = command(["cat"]);
        ran(command.arg(file.path()).args(options).output())
    };
    assert_eq!(cat(&[]).output(), "{\"train\":[3,4]}\n{\"test\":{\"7\":null}}\n");
    assert_eq!(cat(&["--from", "1"]).output(), "{\"test\":{\"7\":null}}\n");
    assert_eq!(cat(&["--at", "['train']"]).output(), "3\n4\n");
    assert_eq!(cat(&["--at", "['train'][-1]"]).output(), "4\n");
    assert_eq!(cat(&["--at", "['test']", "--typed"]).output(), "[7,null]\n");
    assert!(cat(&["--at", "['valid']"]).stderr.contains("there is no ['valid'] in the dict"));
    let misspelt = cat(&["--at", "train"]);
    assert_eq!(misspelt.code, Some(2));
    assert!(misspelt.stderr.contains("expected '[' at 0"), "{}", misspelt.stderr);
}

#[test]
fn dis_of_bare_pickle_starts_at_byte_0() {
    let file = split_dict();
    let run = |name| ran(command([name]).arg(file.path()).output());
    let dis = run("dis").output();
    assert!(dis.starts_with("    0: \\x80 PROTO      4\n"), "{dis}");
    assert!(dis.ends_with("highest protocol among opcodes = 4\n"), "{dis}");
    let info = run("info").output();
    assert!(info.contains("\nformat    pickle, without a header\nholds     dict of 2\n"), "{info}");
}

#[test]
fn max_memory_limits_element_size() {
    // [1, bytes(2 MiB)]
    let large = vec![0; 2 << 20];
    let pickle = [b"\x80\x04](K\x01B", &(2u32 << 20).to_le_bytes()[..], &large, b"e."].concat();
    let file = tempfile::Builder::new().suffix(".pkl").tempfile().expect("a file can be made");
    fs::write(&file, pickle).expect("it can be written");
    let cat = |limit| ran(command(["cat", "--max-memory", limit]).arg(file.path()).output());
    assert_eq!(cat("16MB").output().len(), 2 + "\"\"\n".len() + large.len().div_ceil(3) * 4);
    let refused = cat("1 MiB");
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), "1\n"));
    assert!(refused.stderr.contains("the limit is 524288"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--max-memory"), "{}", refused.stderr);
    assert_eq!(cat("many").code, Some(2));
}

#[test]
fn array_option_selects_the_second_array() {
    let read = |file| fs::read(fixture(file)).expect("a fixture");
    let matrix = "plain/2d-fortran-py2.7-np1.16.npy";
    let all = [read(RAGGED), read(matrix), read(RAGGED)].concat();
    let file = tempfile::Builder::new().suffix(".npy").tempfile().expect("a file can be made");
    fs::write(&file, all).expect("it can be written");
    let cat = |number: &str| {
        let mut command = command(["cat", "--typed", "--array", number]);
        ran(command.arg(file.path()).output())
    };
    for (number, fixture) in [("0", RAGGED), ("1", matrix), ("2", RAGGED)] {
        assert!(cat(number).stdout.lines().eq(oracle_with_header(fixture)), "{number}");
    }
    assert_eq!(cat("3").complaint(), "no array or pickle 3, counted from 0: the file holds 3\n");
}
