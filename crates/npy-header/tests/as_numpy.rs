//! Compares the reader with NumPy on the headers of `as_numpy.txt`, which `as_numpy.py` writes. The
//! differences are listed here.

use npy_header::{DType, Limits, Progress, parse};

/// The differences from the newest NumPy: a part of the header, the result of this crate, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    // Read here, refused by NumPy 2.
    ("'a5'", "|S5 False 3", NUMPY_1),
    ("'a'", "|S0 False 3", NUMPY_1),
    ("'bool8'", "|b1 False 3", NUMPY_1),
    ("'object0'", "|O False 3", NUMPY_1),
    ("'float_'", "<f8 False 3", NUMPY_1),
    ("'string_'", "|S0 False 3", NUMPY_1),
    ("'unicode_'", "<U0 False 3", NUMPY_1),
    ("'cfloat'", "<c16 False 3", NUMPY_1),
    ("'int0'", "<i8 False 3", NUMPY_1),
    ("{'vlen': 'str'}", "{a=|O@0}8 False 3", METADATA),
    ("{'metadata': ", "|O False 3", METADATA),
    ("'int_,f8'", "{f0=<i8@0 f1=<f8@8}16 False 3", ELEMENTS),
    ("'M8[3D/2],f8'", "{f0=<M8[36h]@0 f1=<f8@8}16 False 3", ELEMENTS),
    ("' f8,i4'", "{f0=<f8@0 f1=<i4@8}12 False 3", ELEMENTS),
    ("'(2)f8'", "<f8[2] False 3", ELEMENTS),
    ("('S', (5,))", "|S0[5] False 3", "a subarray of empty strings, as to_descr writes it"),
    ("\n {'descr'", "<f8 True 4", LINE_ENDS),
    (" \\\n", "<f8 True 4", LINE_ENDS),
    // Refused here, read by NumPy 2.
    ("'T'", "error", "StringDType: NumPy saves it as |O"),
    ("'M8[W/604800]'", "error", "NumPy reads past the end of its table and returns 0Y"),
    ("'M8[h/-2]'", "error", STRTOL),
    ("'M8[s/ 2]'", "error", STRTOL),
    ("'S+5'", "error", STRTOL),
    ("'S 5'", "error", STRTOL),
    ("'(2,)2f8'", "error", "a shape and a repeat count"),
    ("('<f8', 'i8')", "error", OVERLAY),
    ("('V8', [", "error", OVERLAY),
    ("('<f8', (2,), 3)", "error", "NumPy ignores the third part of a tuple"),
    ("['ab']", "error", ITERABLE),
    ("{('a', 'f8')}", "error", ITERABLE),
    ("{('a', 'f8'): 1}", "error", ITERABLE),
    ("(1, 'a')", "error", "titles are strings"),
    ("\\N{", "error", "needs a table of the names of all characters"),
    ("\\ud800", "error", "a Rust string cannot hold a lone surrogate"),
    // Refused here; NumPy reads the header, and then numpy.load refuses it.
    ("(-1,)", "error", LOAD),
    ("(True,)", "error", LOAD),
    ("(18446744073709551616,)", "error", LOAD),
    ("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)", "error", LOAD),
];

const METADATA: &str = "metadata, which NumPy 1 writes";
const NUMPY_1: &str = "a name of NumPy 1";
const ELEMENTS: &str = "an element of a list may be any type";
const LINE_ENDS: &str = "line ends are blanks also outside brackets";
const STRTOL: &str = "NumPy uses strtol of C, which skips blanks and accepts signs";
const OVERLAY: &str = "a pair of two dtypes over the same bytes";
const ITERABLE: &str = "NumPy accepts any iterable of two parts as a field";
const LOAD: &str = "no array has this shape";

#[test]
fn header_is_read_as_in_numpy() {
    let mut wrong = Vec::new();
    let mut used = vec![false; DIFFERENCES.len()];
    for line in include_str!("as_numpy.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut next = || unescape(columns.next().unwrap());
        let (version, header, theirs) = (next(), next(), next());
        let ours = read(version.parse().unwrap(), &header);
        let known =
            DIFFERENCES.iter().position(|(part, says, _)| header.contains(part) && ours == *says);
        match known {
            Some(index) if ours != theirs => used[index] = true,
            _ if ours == theirs => {}
            _ => wrong.push(format!("{header}\n   NumPy: {theirs}\n    ours: {ours}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unused: Vec<_> = DIFFERENCES.iter().zip(used).filter(|(_, used)| !used).collect();
    assert!(unused.is_empty(), "not a difference, or not in as_numpy.txt: {unused:?}");
}

fn read(version: u8, header: &str) -> String {
    let text: Vec<u8> = match version {
        3 => header.as_bytes().to_vec(),
        _ => header.chars().map(|c| u8::try_from(c).unwrap()).collect(),
    };
    let mut bytes = [b"\x93NUMPY", &[version, 0][..]].concat();
    match version {
        1 => bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes()),
        _ => bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes()),
    }
    bytes.extend(text);
    match parse(&bytes, &Limits::default()) {
        Err(_) => "error".into(),
        Ok(Progress::Need(_)) => panic!("needs more of a whole preamble: {header}"),
        Ok(Progress::Done { header, length }) => {
            assert_eq!(length, bytes.len());
            let order = if header.fortran_order { "True" } else { "False" };
            format!("{} {order} {}", show(&header.dtype), join(&header.shape)).trim_end().into()
        }
    }
}

fn show(dtype: &DType) -> String {
    match dtype {
        DType::Scalar(scalar) => scalar.to_string(),
        DType::Subarray(subarray) => {
            format!("{}[{}]", show(subarray.base()), join(subarray.shape()))
        }
        DType::Struct(record) => {
            let field = |field: &npy_header::Field| {
                let title = field.title.iter().map(|title| format!("/{title}")).collect::<String>();
                format!("{}{title}={}@{}", field.name, show(&field.dtype), field.offset)
            };
            let fields: Vec<_> = record.fields().iter().map(field).collect();
            format!("{{{}}}{}", fields.join(" "), record.itemsize())
        }
    }
}

fn join(lengths: &[usize]) -> String {
    lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    let mut out = String::new();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('\\') => '\\',
                other => panic!("not an escape of as_numpy.py: {other:?}"),
            },
            c => c,
        });
    }
    out
}
