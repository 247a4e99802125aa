//! Elements as JSON: the plain form, and both forms of values that are odd, endless or hostile. The
//! tests of the oracle compare typed JSON of every fixture with that of Python.

use std::io::{self, Cursor, Write};

use npy_object::json::{ElementReader, PlainJson, TypedJson};
use npy_object::nested::{self, At};
use npy_object::{Element, NpyArray, Options, WriteOptions};

/// Applies `read` to the first element of an array.
fn first<T>(mut array: NpyArray, read: impl FnOnce(Element<'_>) -> T) -> T {
    read(array.next_element().expect("an element that can be read").expect("an element"))
}

fn plain(element: Element<'_>) -> String {
    let mut out = Vec::new();
    PlainJson::new().write(&mut out, element).expect("memory takes everything");
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn typed(element: Element<'_>) -> String {
    let mut out = Vec::new();
    TypedJson::new().write(&mut out, element).expect("memory takes everything");
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// An array of one element, which the instructions make.
fn array_of(instructions: &[u8]) -> NpyArray {
    const HEADER: &[u8] = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n";
    const ENVELOPE: &[u8] = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R\
        (K\x01K\x01\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]";
    let length = [u8::try_from(HEADER.len()).expect("a short header"), 0];
    let parts = [b"\x93NUMPY\x01\0", &length[..], HEADER, ENVELOPE, instructions, b"atb."];
    Options::new().open(parts.concat()).expect("an envelope as NumPy writes it")
}

/// A NumPy array without data, as an element.
fn empty_array(shape: &[u8], dtype: &[u8]) -> NpyArray {
    let parts: [&[u8]; 7] = [
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01",
        shape,
        b"cnumpy\ndtype\nU\x02",
        dtype,
        b"K\0K\x01\x87R(K\x03U\x01|NNN",
        if dtype == b"S0" { b"K\0K\x01" } else { b"J\xff\xff\xff\xffJ\xff\xff\xff\xff" },
        b"K\0tb\x89C\0tb",
    ];
    array_of(&parts.concat())
}

#[test]
fn plain_json_of_python_values() {
    for (instructions, expected) in [
        (&b"N"[..], "null"),
        (b"\x88", "true"),
        (b"K\x07", "7"),
        // 1 << 70
        (b"\x8a\x09\0\0\0\0\0\0\0\0@", "1180591620717411303424"),
        (b"G\xbf\xf8\0\0\0\0\0\0", "-1.5"),
        (b"G\x80\0\0\0\0\0\0\0", "-0.0"),
        (b"G\x7f\xf0\0\0\0\0\0\0", "\"Infinity\""),
        (b"G\xff\xf0\0\0\0\0\0\0", "\"-Infinity\""),
        (b"G\x7f\xf8\0\0\0\0\0\0", "\"NaN\""),
        (b"X\x05\0\0\0\"\\\n\xc3\xa9", r#""\"\\\né""#),
        // "\ud800"
        (b"X\x03\0\0\0\xed\xa0\x80", "\"\u{fffd}\""),
        (b"C\x02\0\xff", "\"AP8=\""),
        // [1, (2, {3})]
        (b"](K\x01K\x02c__builtin__\nset\n](K\x03e\x85R\x86e", "[1,[2,[3]]]"),
        // {"a": 1, 2: None, (1, "b"): 2, None: 3, True: 4, 1.5: 5, b"k": 6}
        (
            b"}(X\x01\0\0\0aK\x01K\x02NK\x01X\x01\0\0\0b\x86K\x02NK\x03\x88K\x04G\x3f\xf8\0\0\0\0\0\0K\x05C\x01kK\x06u",
            r#"{"a":1,"2":null,"[1,\"b\"]":2,"null":3,"true":4,"1.5":5,"aw==":6}"#,
        ),
        // {datetime.date(2024, 2, 29): 0}
        (b"}cdatetime\ndate\nC\x04\x07\xe8\x02\x1d\x85RK\0s", r#"{"2024-02-29":0}"#),
        (b"cgeometry\nPoint\n", "\"geometry.Point\""),
        (
            b"cgeometry\nPoint\n)\x81}X\x01\0\0\0xK\x01sb",
            r#"{"callable":"geometry.Point","args":[],"state":{"x":1}}"#,
        ),
    ] {
        assert_eq!(first(array_of(instructions), plain), expected);
    }
}

#[test]
fn json_of_int_over_8192_bits_is_hexadecimal() {
    // -(1 << 8192)
    let long = [&b"\x8b\x01\x04\0\0"[..], &[0; 1024], b"\xff"].concat();
    let digits = format!("-0x1{}", "0".repeat(2048));
    assert_eq!(first(array_of(&long), plain), format!("\"{digits}\""));
    assert_eq!(first(array_of(&long), typed), format!("{{\"int\":\"{digits}\"}}"));
    let key = [b"}", &long[..], b"Ns"].concat();
    assert_eq!(first(array_of(&key), plain), format!("{{\"{digits}\":null}}"));
    for text in [&format!(r#"{{"int":"{digits}"}}"#)[..], r#"{"int":"-0x1F"}"#, r#"{"int":"-31"}"#]
    {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
        ElementReader::new().append(&mut writer, text).unwrap();
        writer.finish().unwrap();
        let array = Options::new().open(file.into_inner()).unwrap();
        let expected = if text.contains(&digits) { text } else { "-31" };
        assert_eq!(first(array, typed), expected);
    }
}

/// Each expected text was compared with what NumPy prints of the file.
#[test]
fn plain_json_of_numpy_values() {
    for (file, expected) in [
        ("arrays/of-bool-p2-py3.9-np2.0", "[false,true,false]"),
        ("arrays/of-text-p2-py3.9-np2.0", r#"["a","日😀"]"#),
        ("arrays/of-bytes-p2-py3.9-np2.0", r#"["a","bcd",""]"#),
        (
            "arrays/of-datetimes-p2-py3.9-np2.0",
            r#"["1986-01-14T14:38:42.914230528","2004-05-17T18:35:05.618843912","2022-09-18T22:31:28.323457296"]"#,
        ),
        (
            "arrays/of-u8-p2-py3.9-np2.0",
            "[506097522914230528,1084818905618843912,1663540288323457296]",
        ),
        ("arrays/fortran-objects-p2-py3.9-np2.0", r#"[[1,"a",null],[[],2.5,"eA=="]]"#),
        ("arrays/of-longdouble-p2-py3.9-np2.0", "[1.5,1.5]"),
        (
            "scalars/void-with-objects-p2-py3.9-np2.0",
            r#"{"n":0,"o":["o",0],"inner":{"p":{"p":0},"q":0},"pair":[0,0]}"#,
        ),
        ("stdlib/datetimes-p2-py3.9-np2.0", "\"0001-01-01T00:00:00\""),
        ("stdlib/decimals-p2-py3.9-np2.0", "\"1.10\""),
        ("plain/2d-fortran-py2.7-np1.16", "[256,770,1284,1798]"),
    ] {
        let fixture = npy_object_fixtures::find(&format!("{file}.npy")).expect("a fixture");
        let array =
            Options::new().open(fixture.bytes().to_vec()).expect("a fixture that can be read");
        assert_eq!(first(array, plain), expected);
    }
}

#[test]
fn json_of_value_inside_itself_ends() {
    for (instructions, expected_plain, expected_typed) in [
        // l = [1]; l.append(l)
        (&b"]q\0K\x01ah\0a"[..], r#"[1,"..."]"#, r#"[1,{"ref":0}]"#),
        // d = {}; d["d"] = d
        (b"}q\0X\x01\0\0\0dh\0s", r#"{"d":"..."}"#, r#"{"dict":[["d",{"ref":0}]]}"#),
        // a dict whose key has the dict as its state
        (
            b"}q\0cm\nn\n)Rh\0bK\x01s",
            r#"{"{\"callable\":\"m.n\",\"args\":[],\"state\":\"...\"}":1}"#,
            r#"{"dict":[[{"call":{"callable":{"global":["m","n"]},"args":{"tuple":[]},"state":[{"ref":0}]}},1]]}"#,
        ),
    ] {
        assert_eq!(first(array_of(instructions), plain), expected_plain);
        assert_eq!(first(array_of(instructions), typed), expected_typed);
    }
}

#[test]
fn json_of_shared_value_is_copied_or_referred_to() {
    let instructions = b"](]q\0K\x01ah\0e"; // inner = [1]; [inner, inner]
    assert_eq!(first(array_of(instructions), plain), "[[1],[1]]");
    assert_eq!(first(array_of(instructions), typed), r#"[[1],{"ref":1}]"#);
}

#[test]
fn json_of_value_100000_deep_is_written() {
    let depth = 100_000;
    let instructions = [b"N".to_vec(), b"\x85".repeat(depth)].concat(); // (((None,),),)
    let expected = |open: &str, close: &str| open.repeat(depth) + "null" + &close.repeat(depth);
    assert_eq!(first(array_of(&instructions), plain), expected("[", "]"));
    assert_eq!(first(array_of(&instructions), typed), expected("{\"tuple\":[", "]}"));
}

/// Objects whose state is a dict that has such an object as its key, and so on: the text of a key
/// in a key would be escaped twice, and twice as long at every level.
#[test]
fn plain_json_of_key_in_key_is_ellipsis() {
    let depth = 50_000;
    let instructions = [b"}cm\nn\n)R".repeat(depth), b"N".to_vec(), b"bK\x01s".repeat(depth)];
    let expected = r#"{"{\"callable\":\"m.n\",\"args\":[],\"state\":{\"...\":1}}":1}"#;
    assert_eq!(first(array_of(&instructions.concat()), plain), expected);
}

#[test]
fn plain_json_of_empty_array_is_nested_as_by_tolist() {
    for (shape, expected) in [
        (&b"K\0\x85"[..], "[]"),
        (b"K\x02K\0\x86", "[[],[]]"),
        (b"K\0K\x02\x86", "[]"),
        (b"K\x02K\x01K\0\x87", "[[[]],[[]]]"),
        (b"K\x02K\0K\x03\x87", "[[],[]]"),
    ] {
        assert_eq!(first(empty_array(shape, b"u1"), plain), expected);
    }
}

#[test]
fn plain_json_of_empty_array_over_65536_lists_is_one_list() {
    for shape in [
        &b"J\x01\0\x01\0K\0\x86"[..],
        // Lengths of 2^40 before and after the zero, whose product does not fit in 64 bits.
        b"\x8a\x06\0\0\0\0\0\x01\x8a\x06\0\0\0\0\0\x01K\0\x87",
        b"K\0\x8a\x06\0\0\0\0\0\x01\x8a\x06\0\0\0\0\0\x01\x87",
    ] {
        assert_eq!(first(empty_array(shape, b"u1"), plain), "[]");
    }
}

/// 10^12 items of no bytes at all: 200 bytes of file, and terabytes of JSON.
#[test]
fn plain_json_of_items_without_bytes_is_over_a_limit() {
    let three = empty_array(b"K\x03\x85", b"S0");
    assert_eq!(first(three, plain), r#"["","",""]"#);
    let many = || empty_array(b"\x8a\x06\0\x10\xa5\xd4\xe8\0\x85", b"S0");
    let error = first(many(), |element| PlainJson::new().write(&mut io::sink(), element));
    assert!(error.unwrap_err().to_string().contains("too many values"));
    let expected = r#"{"array":{"dtype":"|S0","shape":[1000000000000],"order":"C","data":""}}"#;
    assert_eq!(first(many(), typed), expected);
}

/// A writer that takes this many bytes, and no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn writer_that_failed_writes_the_next_element() {
    let instructions = b"}K\x01]K\x02as"; // {1: [2]}
    let (expected_plain, expected_typed) = (r#"{"1":[2]}"#, r#"{"dict":[[1,[2]]]}"#);
    let (mut plain, mut typed) = (PlainJson::new(), TypedJson::new());
    first(array_of(instructions), |element| {
        for room in 0..expected_plain.len() {
            assert!(plain.write(&mut Full(room), element).is_err(), "{room}");
            let mut out = Vec::new();
            plain.write(&mut out, element).expect("memory takes everything");
            assert_eq!(out, expected_plain.as_bytes());
        }
        for room in 0..expected_typed.len() {
            assert!(typed.write(&mut Full(room), element).is_err(), "{room}");
            let mut out = Vec::new();
            typed.write(&mut out, element).expect("memory takes everything");
            assert_eq!(out, expected_typed.as_bytes());
        }
    });
}

#[test]
fn json_of_dict_entry_is_an_object_or_a_pair() {
    let At::Container(mut dict) = npy_object::at("tests/data/splits.npy", &nested::Path::default())
        .expect("a dict in an array without dimensions")
    else {
        panic!("a dict is a container")
    };
    let (mut plain, mut typed) = (Vec::new(), Vec::new());
    while let Some(member) = dict.next_member().unwrap() {
        PlainJson::new().write_member(&mut plain, member).unwrap();
        TypedJson::new().write_member(&mut typed, member).unwrap();
    }
    assert_eq!(plain, br#"{"train":[3,4,5]}{"test":[6]}"#);
    assert_eq!(typed, br#"["train",[3,4,5]]["test",[6]]"#);
}

#[test]
fn append_of_line_that_is_not_typed_json_fails() {
    let mut writer = WriteOptions::new().write_to(Cursor::new(Vec::new())).unwrap();
    let mut reader = ElementReader::new();
    let mut refusal = |line: &str| reader.append(&mut writer, line).unwrap_err().clause();
    for line in [
        "",
        "1 2",
        "1.5",
        "{}",
        r#"{"a":1,"b":2}"#,
        r#"{"nonsense":1}"#,
        r#"{"tuple":1}"#,
        r#"{"int":"one"}"#,
        r#"{"int":"-"}"#,
        r#"{"int":"+1"}"#,
        r#"{"int":"1_0"}"#,
        r#"{"int":"0x"}"#,
        r#"{"int":"0x-1"}"#,
        &format!(r#"{{"int":"{}"}}"#, "9".repeat(4301)),
        r#"{"float":"3ff"}"#,
        r#"{"bytes":"*"}"#,
        r#"{"ref":0}"#,
        r#"[{"ref":1}]"#,
        r#"{"dict":[[1]]}"#,
        r#"{"shared":[-1,[]]}"#,
        r#"{"shared":[1]}"#,
        r#"{"array":{"dtype":"<f8","shape":[1]}}"#,
        r#"{"array":{"class":"list","dtype":"<f8","shape":[0],"order":"C","data":""}}"#,
    ] {
        assert_eq!(refusal(line), "access.json", "{line}");
    }
    assert_eq!(refusal(&"[".repeat(1001)), "access.depth");
    assert_eq!(refusal(r#"{"dict":[[[],1]]}"#), "pickle.items.unhashable");
    assert_eq!(refusal(r#"{"dtype":"<q9"}"#), "npy.descr.type");
}
