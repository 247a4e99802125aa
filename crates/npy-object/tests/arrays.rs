//! `as_array` takes a shorter way to the arrays of numbers that there are most of: it leads to what
//! `kind` says.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use npy_object::{Element, Kind, Options, Primitive, TypedArray};

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
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracle/fixtures")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension() != Some(OsStr::new("npy")) {
                continue;
            }
            let Ok(mut array) = Options::new().trust_payload(true).open(&path) else { continue };
            while let Ok(Some(element)) = array.next_element() {
                let floats = by_kind::<f64>(element);
                arrays += u32::from(floats.is_some());
                assert_eq!(element.as_array::<f64>().ok(), floats, "{}", path.display());
                let ints = by_kind::<i64>(element);
                assert_eq!(element.as_array::<i64>().ok(), ints, "{}", path.display());
            }
        }
    }
    assert!(arrays > 100, "{arrays} arrays of floats");
}
