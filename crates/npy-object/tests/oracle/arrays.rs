//! `as_array` and `as_plain_array` take a shorter way to the arrays of numbers that there are most
//! of: it leads to what `kind` says.

use npy_header::ByteOrder;
use npy_object::{Data, Element, ItemType, Kind, Options, Primitive, TypedArray};

use crate::fixtures::fixtures;

/// The numbers of an element, by way of its kind.
fn by_kind<T: Primitive>(element: Element<'_>) -> Option<TypedArray<'_, T>> {
    match element.kind() {
        Kind::Array(array) => array.into_typed().ok(),
        _ => None,
    }
}

/// Whether an element is a plain array, which is what its kind says.
fn is_plain(element: Element<'_>) -> bool {
    let Some(plain) = element.as_plain_array() else { return false };
    let Kind::Array(array) = element.kind() else { panic!("{element:?} is no array") };
    assert_eq!(array.item(), &ItemType::Plain(plain.item().into()));
    assert_eq!(array.shape(), plain.shape());
    assert_eq!(array.fortran_order(), plain.fortran_order());
    assert!(matches!(array.data(), Data::Bytes(bytes) if **bytes == *plain.data()));
    assert_ne!(plain.item().order(), ByteOrder::Big);
    true
}

/// A call that makes an array, and has items or a second state besides, is an object.
#[test]
fn call_of_array_with_extra_items_is_object() {
    let begin = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\0\x85C\x01b\x87R\
        (K\x01K\x28\x85cnumpy\ndtype\nX\x02\0\0\0f8\x89\x88\x87R(K\x03X\x01\0\0\0<NNN\
        J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbq\x030cnumpy\ndtype\nX\x02\0\0\0O8\x89\x88\x87R(K\x03X\x01\0\0\0|NNN\
        J\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](";
    let array = b"h\x01h\x02K\0\x85C\x01b\x87R(K\x01K\x01\x85h\x03\x89C\x08\0\0\0\0\0\0\xf0?tb";
    let buffer =
        b"cnumpy.core.numeric\n_frombuffer\n(C\x08\0\0\0\0\0\0\xf0?h\x03K\x01\x85X\x01\0\0\0CtR";
    for (array, more, is_array) in [
        (&array[..], &b""[..], true),
        (array, b"K\x07a", false),
        (array, b"K\x07K\x08s", false),
        (buffer, b"", true),
        (buffer, b"}b", false),
    ] {
        let array_is_plain = array != buffer;
        let element = [array, more].concat();
        let file = [&begin[..], &element.repeat(40), b"etb."].concat();
        let mut array = Options::new().open(file).unwrap();
        while let Some(element) = array.next_element().unwrap() {
            assert_eq!(matches!(element.kind(), Kind::Array(_)), is_array);
            assert_eq!(is_plain(element), is_array && array_is_plain);
            assert_eq!(element.as_array::<f64>().is_ok(), is_array);
        }
    }
}

#[test]
fn as_array_of_any_element_agrees_with_kind() {
    let (mut arrays, mut plain_elements, mut plain_rows) = (0, 0, 0);
    for fixture in fixtures() {
        let options = Options::new().trust_payload(true);
        let Ok(mut array) = options.open(fixture.bytes()) else { continue };
        while let Ok(Some(element)) = array.next_element() {
            let floats = by_kind::<f64>(element);
            arrays += u32::from(floats.is_some());
            assert_eq!(element.as_array::<f64>().ok(), floats, "{}", fixture.file);
            let ints = by_kind::<i64>(element);
            assert_eq!(element.as_array::<i64>().ok(), ints, "{}", fixture.file);
            let plain =
                if element.value().is_some() { &mut plain_elements } else { &mut plain_rows };
            *plain += u32::from(is_plain(element));
        }
    }
    assert!(arrays > 100, "{arrays} arrays of floats");
    assert!(plain_elements > 100 && plain_rows > 50, "{plain_elements} and {plain_rows}");
}

/// The file has the bytes of each array at its byte range, unless they have no place in the file.
#[test]
fn byte_range_of_any_array_has_its_bytes() {
    let (mut found, mut refused) = (0, 0);
    for fixture in fixtures() {
        let file = fixture.bytes();
        let Ok(mut array) = Options::new().trust_payload(true).open(file.clone()) else { continue };
        let has_objects = array.has_objects();
        for number in 0..array.len() {
            array.seek(number);
            let range = array.byte_ranges().next();
            let Ok(Some(element)) = array.get(number) else { break };
            let (Kind::Array(array), Some(range)) = (element.kind(), range) else { continue };
            let (range, bytes) = match (range, array.data()) {
                (Ok(range), Data::Bytes(bytes)) => (range, bytes),
                (Err(error), _) => {
                    // Checks access.range.
                    assert!(["access.type", "access.range"].contains(&error.clause()), "{error}");
                    assert!(error.element() == Some(number) && error.offset().is_some(), "{error}");
                    refused += 1;
                    continue;
                }
                (Ok(range), _) => panic!("{}: {range:?} of objects", fixture.file),
            };
            assert_eq!(range.length, bytes.len() as u64);
            assert_eq!(range.shape, array.shape(), "{}, element {number}", fixture.file);
            // A row of a file in Fortran order is given in C order.
            if range.fortran_order != array.fortran_order() {
                assert!(range.fortran_order && !has_objects, "{}, element {number}", fixture.file);
                continue;
            }
            // The bytes of a big-endian array are turned for the caller.
            if array.item() == &ItemType::Plain(range.dtype) {
                let (begin, end) = (range.offset as usize, (range.offset + range.length) as usize);
                assert!(file[begin..end] == **bytes, "{}, element {number}", fixture.file);
                found += u32::from(range.length > 0);
            }
        }
    }
    assert!(found > 500 && refused > 100, "{found} found, {refused} refused");
}
