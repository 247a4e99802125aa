//! Values nested so deep, or shared so often, that recursion or copying would end the process.

use npy_object::header::{DType, Header, Padding, Version};
use npy_object::json::{PlainJson, TypedJson};
use npy_object::{Kind, Options};

use crate::allocator::peak_of;

/// Returns a file with one element, which these instructions make.
fn file(element: &[u8]) -> Vec<u8> {
    let dtype = DType::OBJECT;
    let header = Header { version: Version::V1, dtype, fortran_order: false, shape: vec![1] };
    let mut file = header.to_bytes(Padding::default()).unwrap();
    file.extend_from_slice(
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R\
          (K\x01K\x01\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R\
          (K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]",
    );
    file.extend_from_slice(element);
    file.extend_from_slice(b"atb.");
    file
}

/// Reads a file, and writes its element as JSON, on a stack that leaves no room for recursion.
/// Returns the kind of the element.
fn read(file: Vec<u8>) -> &'static str {
    let reader = move || {
        let mut array = Options::new().open(file).unwrap();
        let element = array.next_element().unwrap().unwrap();
        TypedJson::new().write(&mut std::io::sink(), element).unwrap();
        PlainJson::new().write(&mut std::io::sink(), element).unwrap();
        element.kind().name()
    };
    peak_of(usize::MAX, reader).1
}

/// Returns a file whose element is nested 50,000 deep: too deep for recursion.
fn nested(before: &[u8], core: &[u8], after: &[u8]) -> Vec<u8> {
    const DEPTH: usize = 50_000;
    file(&[before.repeat(DEPTH), core.to_vec(), after.repeat(DEPTH)].concat())
}

#[test]
fn element_nested_in_calls_is_read_without_recursion() {
    assert_eq!(read(nested(b"]", b"N", b"a")), "list");
    assert_eq!(read(nested(b"", b"N", b"\x85")), "tuple");
    // set([set([...])])
    assert_eq!(read(nested(b"c__builtin__\nset\n]", b"N", b"a\x85R")), "set");
    // set(set(...)): the argument is no list, so the call stays a call
    let object = "object of an unknown class";
    assert_eq!(read(nested(b"c__builtin__\nset\n", b"]", b"\x85R")), object);
    assert_eq!(read(nested(b"cdatetime\ndatetime\n", b"U\0", b"\x85R")), object);
    assert_eq!(read(nested(b"c__builtin__\nbytearray\n", b"U\0", b"\x85R")), object);
    assert_eq!(read(nested(b"cnumpy\ndtype\n", b"U\x02f8", b"\x85R")), object);
    // scalar(dtype, scalar(dtype, ...))
    let scalar = b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02f8\x85R";
    assert_eq!(read(nested(scalar, b"U\x08........", b"\x86R")), object);
    // An array whose data are an array, whose data are an array, ...
    let array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R\
        (K\x01)cnumpy\ndtype\nU\x02f8\x85R\x89";
    assert_eq!(read(nested(array, b"U\x08........", b"tb")), object);
}

#[test]
fn dtype_that_is_a_field_of_itself_stays_an_object() {
    // d = dtype('V8'); its state: a field 'a' of dtype d
    let dtype =
        b"cnumpy\ndtype\nU\x02V8\x85Rq\x01(K\x03U\x01|N(U\x01at}U\x01ah\x01K\0\x86sK\x08K\x01K\0tb";
    assert_eq!(read(file(dtype)), "object of an unknown class");
}

#[test]
fn value_that_contains_itself_is_read() {
    assert_eq!(read(file(b"]q\x01h\x01a")), "list");
    assert_eq!(read(file(b"}q\x01U\x01ah\x01s")), "dict");
    assert_eq!(
        read(file(b"ccopy_reg\n_reconstructor\n)Rq\x01h\x01b")),
        "object of an unknown class"
    );
}

#[test]
fn sharing_that_would_fill_memory_is_not_written_out() {
    // 40 levels of (x, x): 2^40 values in plain JSON. Typed JSON writes a shared value once.
    let bomb = file(&[b"N".as_slice(), &b"2\x86".repeat(40)].concat());
    let mut array = Options::new().open(bomb).unwrap();
    let element = array.next_element().unwrap().unwrap();
    let mut typed = Vec::new();
    TypedJson::new().write(&mut typed, element).unwrap();
    assert!(typed.len() < 4000);
    assert!(PlainJson::new().write(&mut std::io::sink(), element).is_err());
    assert!(matches!(element.kind(), Kind::Tuple(_)));
}
