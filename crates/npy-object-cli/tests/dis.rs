//! Runs of `npyo dis`.

mod common;

use common::{command, file_of, npyo, ran};

/// The output of `pickletools.dis` of Python 3.13 for the file from byte 128 on.
const NONE: &str = r"  128: \x80 PROTO      2
  130: c    GLOBAL     'numpy.core.multiarray _reconstruct'
  166: q    BINPUT     1
  168: c    GLOBAL     'numpy ndarray'
  183: q    BINPUT     2
  185: K    BININT1    0
  187: \x85 TUPLE1
  188: U    SHORT_BINSTRING 'b'
  191: \x87 TUPLE3
  192: R    REDUCE
  193: q    BINPUT     3
  195: (    MARK
  196: K        BININT1    1
  198: )        EMPTY_TUPLE
  199: c        GLOBAL     'numpy dtype'
  212: q        BINPUT     4
  214: U        SHORT_BINSTRING 'O8'
  218: K        BININT1    0
  220: K        BININT1    1
  222: \x87     TUPLE3
  223: R        REDUCE
  224: q        BINPUT     5
  226: (        MARK
  227: K            BININT1    3
  229: U            SHORT_BINSTRING '|'
  232: N            NONE
  233: N            NONE
  234: N            NONE
  235: J            BININT     -1
  240: J            BININT     -1
  245: K            BININT1    63
  247: t            TUPLE      (MARK at 226)
  248: b        BUILD
  249: \x89     NEWFALSE
  250: ]        EMPTY_LIST
  251: q        BINPUT     6
  253: N        NONE
  254: a        APPEND
  255: t        TUPLE      (MARK at 195)
  256: b    BUILD
  257: .    STOP
highest protocol among opcodes = 2
";

#[test]
fn dis_output_equals_that_of_pickletools() {
    assert_eq!(npyo("dis", "shapes/0d-none-p2-py2.7-np1.16.npy", &[]).output(), NONE);
}

#[test]
fn dis_of_long_argument_prints_it_whole_only_with_full() {
    // This argument is longer than one read, so the next instruction is found by a jump over it.
    let size = 200_000;
    let payload =
        [b"B", &u32::to_le_bytes(size)[..], &vec![b'x'; size as usize], b"C\0N."].concat();
    let file = file_of("|O", "()", &payload);
    let dis = |options: &[&str]| {
        let mut command = command(["dis".as_ref(), file.path()]);
        ran(command.args(options).output()).output()
    };
    let rest = [
        "200070: C    SHORT_BINBYTES b''",
        "200072: N    NONE",
        "200073: .    STOP",
        "highest protocol among opcodes = 3",
        "",
    ];
    let rest = rest.join("\n");
    let start = "   65: B    BINBYTES   ";
    assert_eq!(dis(&[]), format!("{start}b'{}'...\n{rest}", "x".repeat(64)));
    assert_eq!(dis(&["--full"]), format!("{start}b'{}'\n{rest}", "x".repeat(size as usize)));
}

#[test]
fn dis_of_long_line_prints_it_whole_only_with_full() {
    let line = [&b"V"[..], &b"x".repeat(70_000), b"\nN."].concat();
    let file = file_of("|O", "()", &line);
    let dis = |options: &[&str]| {
        let mut command = command(["dis".as_ref(), file.path()]);
        ran(command.args(options).output())
    };
    let rest = "\n70067: N    NONE\n70068: .    STOP\nhighest protocol among opcodes = 0\n";
    let start = "   65: V    UNICODE    ";
    assert_eq!(dis(&[]).output(), format!("{start}b'{}'...{rest}", "x".repeat(64)));
    assert_eq!(dis(&["--full"]).output(), format!("{start}'{}'{rest}", "x".repeat(70_000)));
    // A whole line is held in memory, for which an eighth of 1 MB is allowed.
    let line = [&b"V"[..], &b"x".repeat(200_000), b"\nN."].concat();
    let file = file_of("|O", "()", &line);
    let full =
        ran(command(["dis".as_ref(), file.path()]).args(["--full", "--max-memory=1MB"]).output());
    assert!(full.stderr.contains("[pickle.limit.line]"), "{}", full.stderr);
}

#[test]
fn dis_of_broken_pickle_prints_instructions_before_the_error() {
    let ran = npyo("dis", "hand-pickled/unknown.npy", &[]);
    assert_eq!(
        ran.complaint(),
        "byte 0xff is not an opcode of protocols 0 to 5 (at byte 317) [pickle.opcode]\n"
    );
    assert!(ran.stdout.ends_with('\n') && ran.stdout.contains("EMPTY_LIST"), "{}", ran.stdout);

    let ran = npyo("dis", "truncated/in-text.npy", &[]);
    let complaint =
        "pickle data was truncated: at least 34 bytes missing (at byte 394) [pickle.truncated]\n";
    assert_eq!(ran.complaint(), complaint);
    assert!(ran.stdout.contains("SHORT_BINUNICODE 'a'"), "{}", ran.stdout);
}

#[test]
fn dis_of_array_without_objects_fails() {
    let ran = npyo("dis", "plain/1d-py2.7-np1.16.npy", &[]);
    assert!(ran.complaint().starts_with("no pickle: the dtype is "), "{}", ran.stderr);
}

#[test]
fn dis_at_a_path_prints_the_instructions_of_the_value() {
    let file = format!("{}/../npy-object/tests/data/splits.npy", env!("CARGO_MANIFEST_DIR"));
    let out = ran(command(["dis", &file, "--at", ".test[0]"]).output()).output();
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.contains("K ") && out.trim_end().ends_with("BININT1    6"), "{out}");
}
