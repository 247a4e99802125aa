//! Tests of `audit`: verdicts on files, and whether all of a file was read.

mod containers;

use std::io::{Cursor, Write};

use npy_object::audit::{Content, Report, Status, Verdict};
use npy_object::{Audit, Source};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn audit(bytes: impl Into<Vec<u8>>) -> Report {
    Audit::new().read(Source::bytes(bytes.into()))
}

fn verdict(bytes: impl Into<Vec<u8>>) -> Verdict {
    audit(bytes).verdict()
}

/// Returns the preamble of an array of one object.
fn preamble() -> Vec<u8> {
    preamble_of("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }")
}

fn preamble_of(header: &str) -> Vec<u8> {
    let padding = (64 - (header.len() + 11) % 64) % 64;
    let header = format!("{header}{}\n", " ".repeat(padding));
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0".as_slice(), &length, header.as_bytes()].concat()
}

/// Returns an array of one float.
fn numbers() -> Vec<u8> {
    [preamble_of("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"), vec![0; 8]].concat()
}

/// Returns a str, as protocol 1 writes it.
fn text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    [b"X".as_slice(), &length, text.as_bytes()].concat()
}

/// Joins parts of a pickle. Words between spaces are lines of protocol 0 or opcodes with their
/// arguments, and `'...'` is a str.
fn pickle(parts: &[&[u8]]) -> Vec<u8> {
    [b"\x80\x02".as_slice(), &parts.concat(), b"."].concat()
}

const SYSTEM: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// `numpy.dtype(code, False, True)`, without a state.
fn dtype(code: &str) -> Vec<u8> {
    [b"cnumpy\ndtype\n(".as_slice(), &text(code), b"\x89\x88tR"].concat()
}

fn little_endian(code: &str) -> Vec<u8> {
    let flags: &[u8] = if code == "O8" { b"K\x3f" } else { b"K\0" };
    let order = if code == "O8" { "|" } else { "<" };
    [
        &dtype(code),
        b"(K\x03".as_slice(),
        &text(order),
        b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff",
        flags,
        b"tb",
    ]
    .concat()
}

/// `_reconstruct(ndarray, (0,), b'b')`, and a state.
fn array(shape: &[u8], dtype: &[u8], data: &[u8]) -> Vec<u8> {
    [
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tU\x01btR(K\x01".as_slice(),
        shape,
        dtype,
        b"\x89",
        data,
        b"tb",
    ]
    .concat()
}

#[test]
fn array_that_numpy_writes_is_inert() {
    for bytes in [
        pickle(&[&array(b"(K\x02t", &little_endian("f8"), b"U\x10################")]),
        pickle(&[&array(b"(K\x02t", &little_endian("O8"), b"](NNe")]),
        pickle(&[&array(b"(K\0K\x03t", &little_endian("O8"), b"]")]),
    ] {
        let report = audit(bytes);
        assert_eq!((report.verdict(), report.status()), (Verdict::Inert, Status::Complete));
    }
}

/// `numpy.ndarray.__setstate__` reads as many items of the list as the shape has.
#[test]
fn array_state_that_does_not_fit_is_dangerous() {
    for bytes in [
        pickle(&[&array(b"(K\x03t", &little_endian("O8"), b"](NNe")]),
        pickle(&[&array(b"(J\xff\xff\xff\xfft", &little_endian("O8"), b"]")]),
        pickle(&[&array(b"(J\0\0\0\x40J\0\0\0\x40J\0\0\0\x40t", &little_endian("f8"), b"U\0")]),
        // Items as the bytes of pointers.
        pickle(&[&array(b"(K\x01t", &little_endian("O8"), b"U\x08########")]),
        // A dtype whose state may still be set.
        pickle(&[&array(b"(K\x01t", &dtype("V8"), b"U\x08########")]),
    ] {
        assert_eq!(verdict(bytes.clone()), Verdict::Dangerous, "{}", bytes.escape_ascii());
    }
}

#[test]
fn second_state_is_not_inert() {
    let array = array(b"(K\x01t", &little_endian("f8"), b"U\x08########");
    let state =
        [b"(K\x01(K\x01t".as_slice(), &little_endian("f8"), b"\x89U\x08########tb"].concat();
    assert_ne!(verdict(pickle(&[&array, &state])), Verdict::Inert);
    let twice = [&little_endian("f8"), b"(K\x03X\x01\0\0\0<NNNK\x08K\x08K\0tb".as_slice()].concat();
    assert_ne!(verdict(pickle(&[&twice])), Verdict::Inert);
}

/// The state of a dtype with two fields, at two offsets.
fn structure(a: &[u8], at_a: u8, b: &[u8], at_b: u8, size: u8, flags: u8) -> Vec<u8> {
    let field = |name: &str, dtype: &[u8], at: u8| [&text(name), dtype, &[b'K', at, 0x86]].concat();
    [
        &dtype(&format!("V{size}")),
        b"(K\x03".as_slice(),
        &text("|"),
        b"N(",
        &text("a"),
        &text("b"),
        b"t}(",
        &field("a", a, at_a),
        &field("b", b, at_b),
        b"u",
        &[b'K', size, b'K', 1, b'K', flags],
        b"tb",
    ]
    .concat()
}

#[test]
fn dtype_whose_fields_do_not_fit_is_dangerous() {
    let (f8, object) = (little_endian("f8"), little_endian("O8"));
    let is = |dtype: Vec<u8>| verdict(pickle(&[&dtype]));
    assert_eq!(is(structure(&f8, 0, &f8, 8, 16, 0)), Verdict::Inert);
    assert_eq!(is(structure(&f8, 0, &object, 8, 16, 27)), Verdict::Inert);
    // Fields of numbers may overlap.
    assert_eq!(is(structure(&f8, 0, &f8, 4, 16, 0)), Verdict::Inert);
    // A field past the end of the item.
    assert_eq!(is(structure(&f8, 0, &f8, 9, 16, 0)), Verdict::Dangerous);
    // Objects without their flags, and flags without objects.
    assert_eq!(is(structure(&f8, 0, &object, 8, 16, 0)), Verdict::Dangerous);
    assert_eq!(is(structure(&f8, 0, &f8, 8, 16, 27)), Verdict::Dangerous);
    // A number that overlaps a pointer.
    assert_eq!(is(structure(&f8, 4, &object, 0, 16, 27)), Verdict::Dangerous);
    // A field whose dtype may still get its state.
    assert_eq!(is(structure(&dtype("V8"), 0, &f8, 8, 16, 0)), Verdict::Dangerous);
}

#[test]
fn dtype_whose_names_are_not_its_fields_is_dangerous() {
    let state = |names: &[&str], keys: &[(&str, &str)]| {
        let names: Vec<u8> = names.iter().flat_map(|name| text(name)).collect();
        let fields: Vec<u8> = keys
            .iter()
            .enumerate()
            .flat_map(|(index, (key, code))| {
                [text(key), little_endian(code), vec![b'K', 8 * index as u8, 0x86]].concat()
            })
            .collect();
        let flags: &[u8] = if keys.iter().any(|key| key.1 == "O8") { b"K\x1b" } else { b"K\0" };
        let parts: [&[u8]; 9] = [
            &dtype("V16"),
            b"(K\x03",
            &text("|"),
            b"N(",
            &names,
            b"t}(",
            &fields,
            b"uK\x10K\x01",
            flags,
        ];
        verdict(pickle(&[&parts.concat(), b"tb"]))
    };
    assert_eq!(state(&["a", "b"], &[("a", "i8"), ("b", "O8")]), Verdict::Inert);
    assert_eq!(state(&["a", "a"], &[("a", "i8"), ("b", "O8")]), Verdict::Dangerous);
    assert_eq!(state(&["a"], &[("a", "i8"), ("b", "O8")]), Verdict::Dangerous);
    assert_eq!(state(&["a", "c"], &[("a", "i8"), ("b", "i8")]), Verdict::Dangerous);
}

/// NumPy keeps the dict of the fields of a dtype.
#[test]
fn dict_that_changes_after_it_was_a_state_is_dangerous() {
    let (f8, object) = (little_endian("f8"), little_endian("O8"));
    let bytes = pickle(&[
        &dtype("V8"),
        b"(K\x03",
        &text("|"),
        b"N(",
        &text("a"),
        b"t}q\x07",
        &text("a"),
        &f8,
        b"K\0\x86sK\x08K\x01K\0tb0h\x07",
        &text("a"),
        &object,
        b"K\0\x86s",
    ]);
    assert_eq!(verdict(bytes), Verdict::Dangerous);
    // The length of a list is not known after one of its items is set.
    let list: &[u8] = b"](NNNec__builtin__\nslice\nK\0K\x03N\x87R]s";
    assert_eq!(verdict(pickle(&[&array(b"(K\x03t", &object, list)])), Verdict::Dangerous);
}

#[test]
fn size_that_no_item_has_is_dangerous() {
    for code in ["S8", "U2", "V8"] {
        let flags: &[u8] = if code == "U2" { b"K\x08" } else { b"K\0" };
        let size: &[u8] = b"J\xff\xff\xff\xffK\x01";
        let state = [b"(K\x03".as_slice(), &text("<"), b"NNN", size, flags, b"tb"].concat();
        assert_eq!(verdict(pickle(&[&dtype(code), &state])), Verdict::Dangerous, "{code}");
    }
    let dimensions = [b"(".as_slice(), &b"K\x01".repeat(33), b"t"].concat();
    let array = array(&dimensions, &little_endian("f8"), b"U\x08########");
    assert_eq!(verdict(pickle(&[&array])), Verdict::Dangerous);
}

#[test]
fn attribute_that_is_called_is_not_inert() {
    let getter = [b"coperator\nitemgetter\nK\0\x85R".as_slice()].concat();
    let ordered: &[u8] = b"ccollections\nOrderedDict\n)R";
    let with = |value: &[u8]| pickle(&[ordered, b"}", &text("append"), value, b"sbNa"]);
    assert_ne!(verdict(with(&getter)), Verdict::Inert);
    assert_ne!(verdict(with(b"c__builtin__\nlen\n")), Verdict::Inert);
    assert_ne!(verdict(with(b"K\x01")), Verdict::Inert);
    let metadata = pickle(&[ordered, b"}", &text("_metadata"), b"}sb"]);
    assert_eq!(verdict(metadata), Verdict::Inert);
    // APPEND calls a method of the dict.
    assert_ne!(verdict(pickle(&[ordered, b"Na"])), Verdict::Inert);
    assert_eq!(verdict(pickle(&[ordered, b"NNs"])), Verdict::Inert);
    let deque: &[u8] = b"ccollections\ndeque\n)R";
    assert_eq!(verdict(pickle(&[deque, b"Na"])), Verdict::Inert);
    assert_ne!(verdict(pickle(&[deque, b"NNs"])), Verdict::Inert);
}

#[test]
fn exception_whose_members_are_of_other_types_is_not_inert() {
    let error = |arguments: &[u8]| {
        verdict(pickle(&[b"cexceptions\nUnicodeDecodeError\n(", arguments, b"tR"]))
    };
    let (name, bytes, reason) = (text("utf-8"), b"U\x01\xff", text("why"));
    assert_eq!(error(&[&name, &bytes[..], b"K\0K\x01", &reason].concat()), Verdict::Inert);
    let far = b"J\0\0\0\x80K\x01";
    assert_ne!(error(&[&name, &bytes[..], far, &reason].concat()), Verdict::Inert);
    let state = |key: &str| {
        let parts: [&[u8]; 4] = [b"cexceptions\nValueError\n)R}", &text(key), b"K\x05s", b"b"];
        verdict(pickle(&parts))
    };
    assert_eq!(state("note"), Verdict::Inert);
    for key in ["object", "args", "__class__"] {
        assert_ne!(state(key), Verdict::Inert, "{key}");
    }
}

/// One unpickler of CPython reads the bytes after the frame as a part of the pickle.
#[test]
fn pickle_that_ends_inside_a_frame_is_dangerous() {
    let report = audit(b"\x80\x04\x95\x10\0\0\0\0\0\0\0N.".as_slice());
    assert_eq!(report.verdict(), Verdict::Dangerous);
    assert_eq!(report.parts[0].straddled.first, 12);
}

/// 65,000 names of 2 KB are made of two times 256 words.
#[test]
fn names_take_no_more_bytes_than_the_limit() {
    let mut bytes = b"\x80\x04".to_vec();
    for word in 0..512u32 {
        bytes.extend(text(&format!("{word:01000}")));
        bytes.extend(b"\x940");
    }
    for module in 0..256u32 {
        for name in 256..512u32 {
            bytes.extend(b"j");
            bytes.extend(module.to_le_bytes());
            bytes.extend(b"j");
            bytes.extend(name.to_le_bytes());
            bytes.extend(b"\x930");
        }
    }
    bytes.extend(b"N.");
    let report = audit(bytes);
    assert_eq!(report.verdict(), Verdict::Unknown);
    assert_eq!(report.parts[0].error.as_ref().unwrap().clause(), "pickle.limit.names");
    assert!(report.parts[0].uses.len() < 600);
}

#[test]
fn instruction_out_of_proportion_is_unknown() {
    let memo = pickle(&[b"Nr\0\xe1\xf5\x05"]);
    let key = pickle(&[b"}N", &b"2\x86".repeat(30), b"Ns"]);
    // A list that gets its large item after it was put into another list.
    let ordered: &[u8] = b"ccollections\nOrderedDict\n";
    let late = [b"]q\x01]q\x02a0h\x02N".as_slice(), &b"2\x86".repeat(30), b"a0h\x02Na0"].concat();
    let late = pickle(&[&late, ordered, b"h\x01\x85R"]);
    assert_ne!(verdict(late), Verdict::Inert);
    for bytes in [memo, key] {
        let report = audit(bytes);
        assert_eq!(report.verdict(), Verdict::Unknown);
        assert!(report.parts[0].oddities()[0].contains("out of proportion"));
    }
}

/// Python frees nested objects by recursion.
#[test]
fn objects_deep_in_one_another_are_unknown() {
    let dict: &[u8] = b"ccollections\ndefaultdict\nq\x01)R";
    let inside_out =
        |depth| [&b"h\x01)RN".repeat(depth)[..], b"h\x01)R", &b"s".repeat(depth)].concat();
    // Each is put into the one before it, and then gets the next one.
    let outside_in = |depth| {
        let link: &[u8] = b"h\x02Nh\x01)Rq\x03s0h\x03q\x020";
        [dict, b"q\x020", &link.repeat(depth), b"h\x02"].concat()
    };
    for depth in [100, 20_000] {
        let expected = if depth > 5000 { Verdict::Unknown } else { Verdict::Inert };
        let inside_out = [dict, b"0", &inside_out(depth)].concat();
        assert_eq!(verdict(pickle(&[&inside_out])), expected, "{depth}");
        assert_eq!(verdict(pickle(&[&outside_in(depth)])), expected, "{depth}");
    }
}

#[test]
fn dtype_without_the_flags_of_objects_is_dangerous() {
    let state: &[u8] = b"(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb";
    assert_eq!(verdict(pickle(&[&dtype("O8"), state])), Verdict::Dangerous);
    // Not a copy: the whole program shares this dtype.
    let shared = [b"cnumpy\ndtype\n(".as_slice(), &text("f8"), b"\x89\x89tR"].concat();
    assert_ne!(verdict(pickle(&[&shared])), Verdict::Inert);
}

#[test]
fn call_that_opens_a_file_is_dangerous() {
    let arguments = [text("victim"), text("uint8"), text("w+")].concat();
    let name: &[u8] = b"cnumpy\nmemmap\n";
    for bytes in [
        pickle(&[name, b"(", &arguments, b"tR"]),
        pickle(&[name, b"(", &arguments, b"t\x81"]),
        pickle(&[name, b"(", &arguments, b"t}\x92"]),
        pickle(&[b"(", &arguments, b"inumpy\nmemmap\n"]),
        pickle(&[b"(", name, &arguments, b"o"]),
        pickle(&[b"ccopy_reg\n__newobj__\n(", name, &arguments, b"tR"]),
        pickle(&[b"ccopy_reg\n_reconstructor\n(", name, name, &text("victim"), b"tR"]),
        pickle(&[b"cfunctools\npartial\n", name, b"\x85R(", &arguments, b"tR"]),
    ] {
        assert_eq!(verdict(bytes.clone()), Verdict::Dangerous, "{}", bytes.escape_ascii());
    }
    // As the class of an array it opens no file.
    let array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nmemmap\n(K\0tU\x01btR";
    assert_eq!(verdict(pickle(&[array])), Verdict::Inert);
}

#[test]
fn state_of_a_class_is_dangerous() {
    let class: &[u8] = b"ccollections\nCounter\n";
    let state: &[u8] = b"(N}X\x01\0\0\0ac__builtin__\nint\nstb";
    let object = little_endian("O8");
    for bytes in [
        pickle(&[class, state]),
        pickle(&[class, b"q\x010h\x01", state]),
        pickle(&[b"cnumpy\nobject_\n", class, b"\x85R", state]),
        pickle(&[b"cnumpy\nobject_\n((", class, b"ttR", state]),
        pickle(&[b"cnumpy.core.multiarray\nscalar\n", &object, class, b"\x86R", state]),
        // Singletons.
        pickle(&[b"cnumpy.ma.core\nMaskedConstant\n)R", state]),
        pickle(&[b"chttp\nHTTPStatus\nK\xc8\x85R", state]),
        pickle(&[b"c__builtin__\nEllipsis\n", state]),
        // Items.
        pickle(&[class, b"NNs"]),
    ] {
        assert_eq!(verdict(bytes.clone()), Verdict::Dangerous, "{}", bytes.escape_ascii());
    }
}

#[test]
fn wrapped_function_is_judged_by_its_callee() {
    let pairs: &[u8] = b"](](X\x01\0\0\0aK\x01ee\x85R";
    let partial: &[u8] = b"cfunctools\npartial\n";
    let of = |function: &[u8], state: &[u8]| pickle(&[partial, function, b"\x85R", state, pairs]);
    let ordered: &[u8] = b"ccollections\nOrderedDict\n";
    assert_eq!(verdict(of(ordered, b"")), Verdict::Inert);
    assert_eq!(verdict(of(ordered, &[b"(", ordered, b")}Ntb"].concat())), Verdict::Inert);
    // The state replaces the function.
    assert_eq!(verdict(of(ordered, b"(cos\nsystem\n)}Ntb")), Verdict::Dangerous);
    assert_eq!(verdict(of(b"cos\nsystem\n", b"")), Verdict::Dangerous);
    assert_eq!(verdict(of(b"cpandas\nnew_block\n", b"")), Verdict::Unknown);

    let inert: [&[u8]; 6] = [
        b"coperator\nitemgetter\nK\x01\x85R",
        b"chttp\nHTTPStatus\nM\x94\x01\x85R",
        b"c__builtin__\nlen\n",
        b"c__builtin__\nlen\n]\x85R",
        b"czoneinfo\nZoneInfo._unpickle\nX\x0d\0\0\0Europe/LondonK\x01\x86R",
        b"c__builtin__\ngetattr\nczoneinfo\nZoneInfo\nX\x09\0\0\0_unpickle\x86RX\x03\0\0\0UTCK\x01\x86R",
    ];
    for bytes in inert {
        assert_eq!(verdict(pickle(&[bytes])), Verdict::Inert, "{}", bytes.escape_ascii());
    }
    let not_inert: [(&[u8], Verdict); 4] = [
        (b"coperator\nitemgetter\nK\x01\x85R](cos\nsystem\ne\x85R", Verdict::Dangerous),
        (b"coperator\nitemgetter\nK\x01\x85R]\x85R", Verdict::Unknown),
        (b"czoneinfo\nZoneInfo\nX\x09\0\0\0../passwd\x85R", Verdict::Unknown),
        (b"c__builtin__\ngetattr\ncos\npath\nX\x02\0\0\0os\x86R", Verdict::Dangerous),
    ];
    for (bytes, expected) in not_inert {
        assert_eq!(verdict(pickle(&[bytes])), expected, "{}", bytes.escape_ascii());
    }
}

/// The outer partial keeps the inner one, whose function a state replaces.
#[test]
fn partial_of_a_partial_that_may_change_is_not_inert() {
    let error: &[u8] = b"cexceptions\nValueError\n";
    let state = |function: &[u8]| [b"(", function, b")}Ntb"].concat();
    let partial: &[u8] = b"cfunctools\npartial\n";
    let inner = [partial, error, b"\x85R"].concat();
    let outer = |inner: &[u8]| [partial, inner, b"\x85R"].concat();
    assert_eq!(verdict(pickle(&[&outer(&[&inner[..], &state(error)].concat())])), Verdict::Inert);
    assert_ne!(verdict(pickle(&[&outer(&inner)])), Verdict::Inert);
    let twice = [&inner[..], &state(error), &state(error)].concat();
    assert_ne!(verdict(pickle(&[&twice])), Verdict::Inert);
}

/// CPython reads such a number in the base of its prefix.
#[test]
fn number_that_is_no_plain_decimal_is_not_known() {
    let of = |length: &str| {
        let shape = format!("(I{length}\nt");
        verdict(pickle(&[&array(shape.as_bytes(), &little_endian("O8"), b"](NNNNNNNNe")]))
    };
    assert_eq!(of("8"), Verdict::Inert);
    for length in ["010", "0x8", "0b1000", "+8", " 8", "8_0"] {
        assert_ne!(of(length), Verdict::Inert, "{length}");
    }
}

#[test]
fn value_that_takes_time_or_memory_by_its_digits_is_not_inert() {
    let decimal =
        |digits: &str| verdict(pickle(&[b"cdecimal\nDecimal\n", &text(digits), b"\x85R"]));
    for digits in ["1.10", "-0", "1E+100", "1e-9999", "NaN", "-Infinity"] {
        assert_eq!(decimal(digits), Verdict::Inert, "{digits}");
    }
    assert_ne!(decimal("1E+400000000"), Verdict::Inert);
    let fraction =
        |text_of: &str| verdict(pickle(&[b"cfractions\nFraction\n", &text(text_of), b"\x85R"]));
    assert_eq!(fraction("-1/3"), Verdict::Inert);
    assert_ne!(fraction("1e5000000"), Verdict::Inert);
}

#[test]
fn constant_of_the_standard_library_is_inert() {
    let inert: [&[u8]; 7] = [
        b"csignal\nSIGINT\n",
        b"csocket\nAF_INET\n",
        b"csocket\nSOCK_STREAM\n",
        b"c__builtin__\nprint\n",
        b"c__builtin__\ntype\nN\x85R",
        b"cexceptions\nSystemExit\n)R",
        b"cexceptions\nIOError\nK\x02\x85R",
    ];
    for bytes in inert {
        assert_eq!(verdict(pickle(&[bytes])), Verdict::Inert, "{}", bytes.escape_ascii());
    }
    let not_inert: [&[u8]; 4] = [
        b"csignal\nsignal\n",
        b"csocket\nsocket\n",
        b"c__builtin__\nprint\n)R",
        b"c__builtin__\ntype\nN\x85R}b",
    ];
    for bytes in not_inert {
        assert_ne!(verdict(pickle(&[bytes])), Verdict::Inert, "{}", bytes.escape_ascii());
    }
}

#[test]
fn name_that_a_call_returns_is_unknown() {
    let encode: &[u8] = b"c_codecs\nencode\n";
    let module = [encode, &text("bf"), &text("rot13"), b"\x86R"].concat();
    let name = [encode, &text("flfgrz"), &text("rot13"), b"\x86R"].concat();
    let report = audit(pickle(&[&module, &name, b"\x93", &text("true"), b"\x85R"]));
    assert_eq!((report.verdict(), report.status()), (Verdict::Unknown, Status::Complete));
}

#[test]
fn instruction_in_two_frames_is_dangerous() {
    let report = audit(b"\x80\x04\x95\x04\0\0\0\0\0\0\0NN\x8c\x02os00.".as_slice());
    assert_eq!(report.verdict(), Verdict::Dangerous);
    // Checks pickle.frame.straddle.
    assert!(report.parts[0].oddities()[0].contains("[pickle.frame.straddle]"));
}

#[test]
fn file_that_is_not_read_to_its_end_is_unknown() {
    let whole =
        [preamble(), array(b"(K\x01t", &little_endian("O8"), b"](Ne"), b".".to_vec()].concat();
    assert_eq!(verdict(whole.clone()), Verdict::Inert);
    for bytes in [
        whole[..whole.len() - 1].to_vec(),
        Vec::new(),
        b"garbage".to_vec(),
        // zlib
        b"\x78\x9c\x6b\x60".to_vec(),
        numbers()[..100].to_vec(),
        numbers()[..numbers().len() - 1].to_vec(),
        [&numbers(), b"\xff\xfe\xfd".as_slice()].concat(),
        // A header that NumPy refuses.
        preamble_of("{'descr': '<f8', 'fortran_order': False}"),
    ] {
        let report = audit(bytes.clone());
        assert_eq!(report.verdict(), Verdict::Unknown, "{}", bytes.escape_ascii());
        assert!(!report.status().is_complete());
    }
}

#[test]
fn pickle_after_a_header_that_is_refused_is_judged() {
    let header = preamble_of("{'descr': '|O', 'fortran_order': False, 'shape': (-1,), }");
    let report = audit([header.as_slice(), SYSTEM].concat());
    assert_eq!(report.verdict(), Verdict::Dangerous);
    assert!(!report.status().is_complete());
}

#[test]
fn bytes_after_an_array_are_judged() {
    let zip = archive(&[("archive/data.pkl", SYSTEM)], CompressionMethod::Stored);
    let twice = [&numbers(), &zip[..]].concat();
    for after in
        [SYSTEM.to_vec(), [&preamble(), SYSTEM].concat(), zip.clone(), [numbers(), zip].concat()]
    {
        assert_eq!(verdict([numbers(), after].concat()), Verdict::Dangerous);
    }
    // Archives after arrays in archives after arrays.
    let nested = (0..6).fold(twice, |inner, _| {
        [numbers(), archive(&[("a.npy", &inner)], CompressionMethod::Stored)].concat()
    });
    let report = audit(nested);
    assert_eq!(report.verdict(), Verdict::Unknown);
    assert!(report.status().to_string().contains("over 4 deep"), "{}", report.status());
}

fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn members_are_judged_by_the_kind_of_the_archive() {
    use Content as C;
    use Verdict as V;
    let (numbers, binary) = (&numbers()[..], &b"\0\xff\0\xff"[..]);
    let harmless: &[u8] = b"\x80\x02}.";
    type Members<'a> = &'a [(&'a str, &'a [u8])];
    let cases: &[(Members<'_>, &[(Content, Verdict)])] = &[
        (&[("a.npy", numbers), ("b.txt", binary)], &[(C::Loaded, V::Inert), (C::Data, V::Inert)]),
        // numpy.load returns its bytes; another loader may unpickle it.
        (&[("a.npy", numbers), ("b", SYSTEM)], &[(C::Loaded, V::Inert), (C::Data, V::Dangerous)]),
        (
            &[("m/data.pkl", harmless), ("m/data/0", binary), ("m/version", b"3\n")],
            &[(C::Loaded, V::Inert), (C::Data, V::Inert), (C::Data, V::Inert)],
        ),
        (
            &[("m/data.pkl", harmless), ("m/code/model.py", b"x")],
            &[(C::Loaded, V::Inert), (C::Unknown, V::Unknown)],
        ),
        (
            &[("m/data.pkl", harmless), ("n/data/0", binary)],
            &[(C::Loaded, V::Inert), (C::Unknown, V::Unknown)],
        ),
        (&[("m/data.pkl", SYSTEM)], &[(C::Loaded, V::Dangerous)]),
        (&[("config.json", b"{}")], &[(C::Unknown, V::Unknown)]),
        // A pickle of a number names nothing.
        (&[("a.npy", numbers), ("b", b"I1\n.")], &[(C::Loaded, V::Inert), (C::Data, V::Inert)]),
    ];
    for (members, expected) in cases {
        let report = audit(archive(members, CompressionMethod::Stored));
        let found: Vec<_> =
            report.parts.iter().map(|part| (part.content, part.verdict())).collect();
        assert_eq!(found, *expected, "{members:?}");
    }
    assert_eq!(verdict(archive(&[], CompressionMethod::Stored)), V::Inert);
}

#[test]
fn archive_with_bytes_of_no_member_is_unknown() {
    let zip = archive(&[("a.npy", &numbers())], CompressionMethod::Stored);
    assert_eq!(verdict(zip.clone()), Verdict::Inert);
    let evil =
        archive(&[("a.npy", &[preamble(), SYSTEM.to_vec()].concat())], CompressionMethod::Stored);
    let mut commented = ZipWriter::new(Cursor::new(Vec::new()));
    commented.set_raw_comment(b"a comment".to_vec().into_boxed_slice()).unwrap();
    let commented = commented.finish().unwrap().into_inner();
    for bytes in [
        [b"PK\x03\x04junk", &zip[..]].concat(),
        [&zip[..], b"junk"].concat(),
        [&evil[..], &zip].concat(),
        commented,
    ] {
        let report = audit(bytes.clone());
        assert_eq!(report.verdict(), Verdict::Unknown, "{}", bytes.escape_ascii());
        assert!(!report.status().is_complete());
    }
}

#[test]
fn line_longer_than_the_limit_is_unknown() {
    let report = audit([b"V".as_slice(), &vec![b'a'; 2 << 20], b"\n."].concat());
    assert_eq!(report.verdict(), Verdict::Unknown);
    assert_eq!(report.parts[0].error.as_ref().unwrap().clause(), "pickle.limit.line");
}

/// Returns an archive of one deflated member, with another method in both headers.
#[test]
fn member_of_a_method_that_is_not_read_is_unknown() {
    let evil = [preamble(), SYSTEM.to_vec()].concat();
    let mut bytes = archive(&[("a.npy", &evil)], CompressionMethod::Stored);
    let entry = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    (bytes[8], bytes[entry + 10]) = (12, 12);
    let report = audit(bytes);
    assert_eq!(report.verdict(), Verdict::Unknown);
    assert!(!report.status().is_complete());
}

#[test]
fn allowed_package_does_not_allow_what_is_reached_through_it() {
    let of = |module: &str, name: &str| {
        pickle(&[&text(module), &text(name), b"\x93", &text("true"), b"\x85R"])
    };
    let audit = |allowed: &str, bytes: Vec<u8>| {
        Audit::new().allow(allowed).unwrap().read(Source::bytes(bytes)).verdict()
    };
    assert_eq!(audit("sklearn.*", of("sklearn.svm", "SVC")), Verdict::Inert);
    assert_eq!(audit("sklearn.*", of("sklearn", "clone")), Verdict::Inert);
    assert_ne!(audit("sklearn.*", of("sklearn", "os.system")), Verdict::Inert);
    assert_ne!(audit("sklearn.*", of("sklearnx", "SVC")), Verdict::Inert);
    assert_eq!(audit("pandas.*", of("pandas", "read_pickle")), Verdict::Dangerous);
    assert_eq!(audit("pandas.*", of("pandas.io.pickle", "read_pickle")), Verdict::Dangerous);
    assert_eq!(audit("os.*", of("os", "system")), Verdict::Dangerous);
    // A full name allows any name.
    assert_eq!(audit("os.system", of("os", "system")), Verdict::Inert);
    assert_eq!(audit("sklearn.os.system", of("sklearn", "os.system")), Verdict::Inert);
}

#[test]
fn allowed_line_that_is_no_name_fails_with_its_number() {
    for (lines, number) in [
        ("a.b\ngarbage line\n", 2),
        ("*", 1),
        ("# a remark\n\n.*\n", 3),
        ("numpy", 1),
        ("a.*.b", 1),
    ] {
        let error = Audit::new().allow_lines(lines).unwrap_err();
        assert_eq!(error.clause(), "access.allow");
        assert!(error.to_string().starts_with(&format!("line {number}: ")), "{error}");
    }
    assert!(Audit::new().allow_lines("a.b  # a remark\n\n_x.y1.*\n").is_ok());
}

#[test]
fn one_array_of_several_is_judged_alone() {
    let file = [numbers(), [&preamble(), SYSTEM].concat(), numbers()].concat();
    let only = |number| Audit::new().only(number).read(Source::bytes(file.clone()));
    assert_eq!(only(0).verdict(), Verdict::Inert);
    assert_eq!(only(1).verdict(), Verdict::Dangerous);
    assert_eq!(only(2).verdict(), Verdict::Inert);
    assert_eq!(only(3).parts[0].error.as_ref().unwrap().clause(), "access.subscript");
}

/// A dtype that the first element defines is still known at the last one, after many elements.
#[test]
fn definition_of_many_elements_stays_known() {
    let mut bytes = b"\x80\x04]\x94(".to_vec();
    bytes.extend(little_endian("f8"));
    bytes.extend(b"q\xff");
    for number in 0..200_000u32 {
        bytes.extend(b"cnumpy.core.multiarray\nscalar\nh\xffC\x0812345678\x86R\x8c\x08");
        bytes.extend(format!("{number:08}").bytes());
        bytes.extend(b"r");
        bytes.extend((256 + number).to_le_bytes());
        if number % 500 == 499 {
            bytes.extend(b"e(");
        }
    }
    bytes.extend(b"e.");
    assert_eq!(verdict(bytes), Verdict::Inert);
}

/// A trusted function may call what it gets: `_new_Index(memmap, {...})` would create a file.
#[test]
fn trusted_function_with_a_callable_of_the_policy_is_unknown() {
    let audit = Audit::new().allow("m.f").unwrap();
    let audit = audit.allow("m.C").unwrap();
    let verdict = |bytes: &[u8]| audit.read(Source::bytes(bytes.to_vec())).verdict();
    assert_eq!(verdict(b"cm\nf\n(cm\nC\n}tR."), Verdict::Inert);
    assert_eq!(verdict(b"cm\nf\n(cnumpy\nfloat64\ntR."), Verdict::Inert);
    assert_eq!(verdict(b"cm\nf\n(cnumpy\nmemmap\n}tR."), Verdict::Unknown);
    assert_eq!(verdict(b"cm\nf\n(cm\nC\n(cnumpy\nmemmap\nttR."), Verdict::Unknown);
    assert_eq!(
        verdict(b"cm\nf\n(cfunctools\npartial\n(cbuiltins\nprint\ntR}tR."),
        Verdict::Unknown
    );
}

/// BUILD calls `__setstate__` of an instance, and APPEND its `append`.
#[test]
fn state_of_trusted_class_with_a_hook_is_unknown() {
    let audit = Audit::new().allow("m.C").unwrap();
    let verdict = |bytes: &[u8]| audit.read(Source::bytes(bytes.to_vec())).verdict();
    for (state, expected) in [
        (&b"}Vx\nNs"[..], Verdict::Inert),
        (b"}V_x\nNs", Verdict::Inert),
        (b"}V__setstate__\ncbuiltins\nprint\ns", Verdict::Unknown),
        (b"}Vappend\ncnumpy\nmemmap\ns", Verdict::Unknown),
        (b"(N}V__class__\nNst", Verdict::Unknown),
    ] {
        for object in
            [&b"cm\nC\n)\x81"[..], b"ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR"]
        {
            let bytes = [object, state, b"b."].concat();
            assert_eq!(verdict(&bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn persistent_id_is_inert_where_it_is_allowed() {
    let bytes: &[u8] = b"\x80\x02X\x01\0\0\0aQ.";
    assert_eq!(verdict(bytes), Verdict::Unknown);
    let audit = Audit::new().allow("persistent_id").unwrap();
    assert_eq!(audit.read(Source::bytes(bytes)).verdict(), Verdict::Inert);
    let audit = audit.deny("persistent_id").unwrap();
    assert_ne!(audit.read(Source::bytes(bytes)).verdict(), Verdict::Inert);
}

#[test]
fn issues_are_empty_only_of_an_inert_file() {
    for bytes in [
        &b"N."[..],
        b"cos\nsystem\n.",
        b"cm\nf\n)R.",
        b"N",
        b"N.\xff",
        b"\x80\x04\x95\xff\0\0\0\0\0\0\0N.",
    ] {
        let report = audit(bytes);
        let worst = report.issues().iter().map(|issue| issue.check.verdict()).max();
        assert_eq!(worst.unwrap_or(Verdict::Inert), report.verdict(), "{}", bytes.escape_ascii());
    }
}

/// The wrapper of an array as joblib writes it. The array follows.
fn wrapper(dtype: &[u8], shape: &[u8]) -> Vec<u8> {
    [
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(".as_slice(),
        &text("subclass"),
        b"cnumpy\nndarray\n",
        &text("shape"),
        shape,
        &text("order"),
        &text("C"),
        &text("dtype"),
        dtype,
        &text("allow_mmap"),
        b"\x88",
        &text("numpy_array_alignment_bytes"),
        b"K\x10ub",
    ]
    .concat()
}

fn joblib(bytes: &[u8]) -> Report {
    let audit = Audit::new().allow("joblib").unwrap();
    let stream = audit.read(Source::spooled(Cursor::new(bytes.to_vec()), 64));
    let report = audit.read(Source::bytes(bytes.to_vec()));
    assert_eq!(format!("{stream:?}"), format!("{report:?}"));
    report
}

#[test]
fn joblib_file_is_read_past_the_bytes_of_its_arrays() {
    let floats = wrapper(&little_endian("f8"), b"K\x02\x85");
    let bytes = [b"\x03\xff\xff\xff".as_slice(), &[0; 16]].concat();
    let file = pickle(&[b"](", &floats, &bytes, b"K\x01", &floats, &bytes, b"e"]);
    let report = joblib(&file);
    assert_eq!((report.verdict(), report.status()), (Verdict::Inert, Status::Complete));
    // Without the policy of joblib the loader is pickle.load.
    assert_eq!(verdict(file.clone()), Verdict::Unknown);
    // After the bytes of an array, and instead of them.
    let evil = pickle(&[b"](", &floats, &bytes, &SYSTEM[..SYSTEM.len() - 1], b"e"]);
    assert_eq!(joblib(&evil).verdict(), Verdict::Dangerous);
    for end in 1..file.len() {
        assert_ne!(joblib(&file[..end]).verdict(), Verdict::Inert, "{end}");
    }
}

/// `pickle.load` executes the bytes of an array that `joblib.load` skips.
#[test]
fn instructions_in_the_bytes_of_a_joblib_array_are_found() {
    let bytes = wrapper(&dtype_of_bytes(24), b"K\x01\x85");
    let hidden = [b"cos\nsystem\n(S'true'\ntR0".as_slice(), b"N."].concat();
    let padded = [&[b'0'][..], &[b'N'; 0x30], &hidden].concat();
    assert_eq!(joblib(&pickle(&[b"N", &bytes, &padded])).verdict(), Verdict::Dangerous);
}

fn dtype_of_bytes(size: u8) -> Vec<u8> {
    let state = [&[b'K', size][..], b"K\x01K\0tb"].concat();
    [&dtype(&format!("V{size}")), b"(K\x03".as_slice(), &text("|"), b"NNN", &state].concat()
}

#[test]
fn object_array_of_joblib_is_a_pickle_of_its_own() {
    let objects = wrapper(&little_endian("O8"), b"K\x01\x85");
    let items = |inside: &[u8]| {
        let data = [b"](".as_slice(), inside, b"e"].concat();
        pickle(&[&array(b"(K\x01t", &little_endian("O8"), &data)])
    };
    let of = |inside: &[u8]| joblib(&pickle(&[b"](", &objects, &items(inside), b"K\x01e"]));
    assert_eq!(of(b"N").verdict(), Verdict::Inert, "{:?}", of(b"N"));
    assert_eq!(of(&SYSTEM[..SYSTEM.len() - 1]).verdict(), Verdict::Dangerous);
}

#[test]
fn array_of_joblib_that_gets_a_state_is_dangerous() {
    let floats = wrapper(&little_endian("f8"), b"K\x01\x85");
    let file = pickle(&[&floats, b"\0", &[0; 8], b"(K\x01(K\x63t", &dtype("O8"), b"\x89]tb"]);
    assert_eq!(joblib(&file).verdict(), Verdict::Dangerous);
}

#[test]
fn joblib_array_whose_state_is_not_known_is_unknown() {
    for (dtype, shape) in
        [(&dtype("f8")[..], &b"K\x01\x85"[..]), (&little_endian("f8"), b"N"), (b"N", b"K\x01\x85")]
    {
        let file = pickle(&[&wrapper(dtype, shape), b"\0", &[0; 8]]);
        let report = joblib(&file);
        assert!(report.verdict() != Verdict::Inert && !report.status().is_complete());
    }
}

/// `torch.save` always writes the 64-bit end record.
#[test]
fn archive_with_a_zip64_record_that_is_not_needed_is_complete() {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("a.npy", SimpleFileOptions::default()).unwrap();
    archive.write_all(&numbers()).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    let (before, end) = bytes.split_at(bytes.len() - 22);
    let wide = |at: usize| u64::from(u32::from_le_bytes(end[at..at + 4].try_into().unwrap()));
    let record = [
        &b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x1e\x03\x2d\0\0\0\0\0\0\0\0\0"[..],
        &[1, 0, 0, 0, 0, 0, 0, 0],
    ];
    let record =
        [&record.concat()[..], &[1, 0, 0, 0, 0, 0, 0, 0], &wide(12).to_le_bytes()].concat();
    let record = [&record[..], &wide(16).to_le_bytes()].concat();
    let place = (before.len() as u64).to_le_bytes();
    let locator = [&b"PK\x06\x07\0\0\0\0"[..], &place, b"\x01\0\0\0"].concat();
    let report = audit([before, &record, &locator, end].concat());
    assert_eq!((report.verdict(), report.status()), (Verdict::Inert, Status::Complete));
}
