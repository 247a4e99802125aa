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

#[test]
fn as_array_is_what_the_kind_is() {
    let (mut arrays, mut plain_elements, mut plain_rows) = (0, 0, 0);
    for fixture in fixtures() {
        let options = Options::new().trust_payload(true);
        let Ok(mut array) = options.open(fixture.path()) else { continue };
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
