//! Properties of every input: the answer does not depend on how the input is cut, no input panics,
//! and a written header is read back.

use npy_header::{
    ByteOrder, DType, Field, Header, Limits, Padding, Progress, Scalar, ScalarKind, Struct,
    TimeBase, TimeUnit, Version, parse,
};
use proptest::prelude::*;

fn answer(input: &[u8]) -> Result<Progress, npy_header::Error> {
    parse(input, &Limits::default())
}

/// Checks every prefix of `input`: up to some length the answer is a number of bytes that the
/// preamble still has, and from there on it is the answer for the whole input.
fn check_cuts(input: &[u8]) {
    let whole = answer(input);
    let mut answered = false;
    for end in 0..=input.len() {
        match answer(&input[..end]) {
            Ok(Progress::Need(more)) => {
                assert!(!answered, "needs more after the answer");
                assert!(more > 0);
                if let Ok(Progress::Done { length, .. }) = whole {
                    assert!(more <= length - end, "needs more than the preamble has");
                }
            }
            other => {
                assert_eq!(other, whole);
                answered = true;
            }
        }
    }
}

/// Reads a header as a caller does that appends exactly the bytes that are needed.
fn feed(input: &[u8]) -> Result<Header, npy_header::Error> {
    let mut end = 0;
    loop {
        match answer(&input[..end])? {
            Progress::Need(more) => end += more,
            Progress::Done { header, length } => {
                assert_eq!(length, end);
                return Ok(header);
            }
        }
    }
}

fn scalars() -> impl Strategy<Value = DType> {
    use ScalarKind::*;
    let bases = (0..13usize).prop_map(|index| {
        let names = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"];
        TimeBase::from_name(names[index]).unwrap()
    });
    let units = prop_oneof![
        Just(TimeUnit::GENERIC),
        (bases, 1..1000u32).prop_map(|(base, num)| TimeUnit::new(base, num, 1).unwrap()),
    ];
    let sized = |kind, sizes: &'static [usize]| (Just(kind), proptest::sample::select(sizes));
    let kinds = prop_oneof![
        sized(Bool, &[1]),
        sized(Int, &[1, 2, 4, 8]),
        sized(Uint, &[1, 2, 4, 8]),
        sized(Float, &[2, 4, 8, 12, 16]),
        sized(Complex, &[8, 16, 24, 32]),
        sized(Bytes, &[0, 1, 7, 100_000]),
        sized(Unicode, &[0, 4, 40]),
        sized(Void, &[0, 2, 9]),
        sized(Object, &[8]),
        units.clone().prop_map(|unit| (Datetime(unit), 8)),
        units.prop_map(|unit| (Timedelta(unit), 8)),
    ];
    (kinds, prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)])
        .prop_map(|((kind, size), order)| Scalar::new(kind, order, size).unwrap().into())
}

/// Dtypes that a header can hold: fields are in order, with gaps between them, and have names, so
/// that none is read back as padding.
fn dtypes() -> impl Strategy<Value = DType> {
    scalars().prop_recursive(3, 16, 4, |inner| {
        let field = ("\\PC{0,6}|[\\x01-\\x7f]{1,3}", any::<bool>(), inner.clone(), 0..5usize);
        let fields = (proptest::collection::vec(field, 0..4), 0..5usize);
        prop_oneof![
            (inner, proptest::collection::vec(0..4usize, 1..3))
                .prop_map(|(base, shape)| DType::subarray(base, shape).unwrap()),
            fields.prop_map(|(parts, end)| {
                let mut offset = 0;
                let mut fields = Vec::new();
                for (index, (name, titled, dtype, gap)) in parts.into_iter().enumerate() {
                    offset += gap;
                    let size = dtype.itemsize();
                    let title = titled.then(|| format!("{index} title"));
                    fields.push(Field { name: format!("{index}{name}"), title, dtype, offset });
                    offset += size;
                }
                DType::Struct(Struct::new(fields, offset + end).unwrap())
            }),
        ]
    })
}

fn headers() -> impl Strategy<Value = Header> {
    let versions = prop_oneof![Just(Version::V1), Just(Version::V2), Just(Version::V3)];
    let shapes = proptest::collection::vec(0..=i64::MAX as usize, 0..5);
    (versions, dtypes(), any::<bool>(), shapes).prop_map(|(version, dtype, order, shape)| Header {
        version,
        ..Header::new(dtype, order, shape)
    })
}

fn paddings() -> impl Strategy<Value = Padding> {
    prop_oneof![Just(Padding::Growable), Just(Padding::Align64), Just(Padding::Align16)]
}

proptest! {
    #[test]
    fn written_header_is_read_back(header in headers(), padding in paddings()) {
        let bytes = header.to_bytes(padding).unwrap();
        let read = feed(&bytes).unwrap();
        prop_assert!(read.version >= header.version);
        let expected = Header { version: read.version, ..header };
        prop_assert_eq!(&read, &expected);
        prop_assert_eq!(read.to_bytes(padding).unwrap(), bytes);
    }

    #[test]
    fn cut_header_gives_the_same_answer(
        header in headers(),
        tail in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let bytes = header.to_bytes(Padding::Align16).unwrap();
        check_cuts(&[bytes, tail].concat());
    }

    /// Most headers with a changed byte are errors.
    #[test]
    fn cut_header_with_a_changed_byte_gives_the_same_answer(
        header in headers(),
        at in any::<usize>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = header.to_bytes(Padding::Align16).unwrap();
        let length = bytes.len();
        bytes[at % length] = byte;
        check_cuts(&bytes);
    }

    #[test]
    fn cut_bytes_give_the_same_answer(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        check_cuts(&bytes);
    }

    /// The text is made of the parts of headers, to reach all of the grammar.
    #[test]
    fn cut_text_gives_the_same_answer(
        version in 1..=3u8,
        words in proptest::collection::vec(proptest::sample::select(WORDS), 0..40),
    ) {
        let text = words.concat();
        let length = (text.len() as u32).to_le_bytes();
        let width = if version == 1 { 2 } else { 4 };
        let head = [b"\x93NUMPY", &[version, 0][..], &length[..width]].concat();
        check_cuts(&[&head, text.as_bytes()].concat());
    }

    #[test]
    fn displayed_scalar_is_read_back(text in "[<>|=]?[a-zA-Z?0-9(),\\[\\]/ ]{0,12}") {
        if let Ok(dtype) = text.parse::<DType>() {
            // Other dtypes display as a list or a tuple, which is not a type string.
            if let Some(scalar) = dtype.as_scalar() {
                prop_assert_eq!(scalar.to_string().parse::<DType>(), Ok(dtype));
            }
        }
    }
}

const WORDS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\n",
    "\r",
    "\\\n",
    "#",
    "+",
    "-",
    "'descr'",
    "'fortran_order'",
    "'shape'",
    "'<f8'",
    "'",
    "\"",
    "'''",
    "r'",
    "b'x'",
    "u'",
    "\\",
    "\\x4",
    "\\ud8",
    "é",
    "1",
    "0x",
    "_",
    "2L",
    "1.5",
    "e3",
    "j",
    "True",
    "False",
    "None",
    "('a','f8')",
    "'M8[3D/2]'",
    "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
];
