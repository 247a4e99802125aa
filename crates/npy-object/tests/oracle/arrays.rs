//! `as_array` takes a shorter way to the arrays of numbers that there are most of: it leads to what
//! `kind` says.

use npy_object::{Element, Kind, Options, Primitive, TypedArray};

use crate::fixtures::fixtures;

/// The numbers of an element, by way of its kind.
fn by_kind<T: Primitive>(element: Element<'_>) -> Option<TypedArray<'_, T>> {
    match element.kind() {
        Kind::Array(array) => array.into_typed().ok(),
        _ => None,
    }
}

#[test]
fn as_array_is_what_the_kind_is() {
    let mut arrays = 0;
    for fixture in fixtures() {
        let options = Options::new().trust_payload(true);
        let Ok(mut array) = options.open(fixture.path()) else { continue };
        while let Ok(Some(element)) = array.next_element() {
            let floats = by_kind::<f64>(element);
            arrays += u32::from(floats.is_some());
            assert_eq!(element.as_array::<f64>().ok(), floats, "{}", fixture.file);
            let ints = by_kind::<i64>(element);
            assert_eq!(element.as_array::<i64>().ok(), ints, "{}", fixture.file);
        }
    }
    assert!(arrays > 100, "{arrays} arrays of floats");
}
