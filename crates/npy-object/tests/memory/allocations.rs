//! A loop with `next_element` allocates nothing for an element.

use std::io::Write;

use npy_object::{Element, Options, Result};

use crate::allocator;

const ELEMENTS: u16 = 20_000;

/// A file as NumPy 2 writes it, of elements that are pickled like this: the first in its own way.
fn file(element: impl Fn(u16) -> Vec<u8>) -> Vec<u8> {
    let header = format!("{{'descr': '|O', 'fortran_order': False, 'shape': ({ELEMENTS},), }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(b"\x80\x04\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94");
    file.extend(
        b"\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94",
    );
    file.extend([b"(K\x01M", &ELEMENTS.to_le_bytes()[..], b"\x85\x94"].concat());
    file.extend(b"h\x03\x8c\x05dtype\x94\x93\x94\x8c\x02O8\x94\x89\x88\x87\x94R\x94");
    file.extend(b"(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?t\x94b\x89]\x94");
    for number in 0..ELEMENTS {
        if number % 1000 == 0 {
            file.push(b'(');
        }
        file.extend(element(number));
        if number % 1000 == 999 {
            file.push(b'e');
        }
    }
    file.extend(b"t\x94b.");
    file
}

/// Returns how many allocations a loop takes after the first eighth of the file: the larger number
/// of a file in memory and one on disk.
fn allocations(file: Vec<u8>, read: impl Fn(Element<'_>) -> Result<i64>) -> u64 {
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(&file).unwrap();
    let arrays = [Options::new().open(on_disk.path()), Options::new().open(file)];
    let counts = arrays.map(|array| {
        let mut array = array.unwrap();
        let (mut sum, mut before, mut count) = (0, 0, 0);
        while let Some(element) = array.next_element().unwrap() {
            sum += read(element).unwrap();
            count += 1;
            if count == ELEMENTS / 8 {
                before = allocator::allocations();
            }
        }
        assert!(count == ELEMENTS && sum > 0);
        allocator::allocations() - before
    });
    counts[0].max(counts[1])
}

/// Allocations that grow with the file: a vector of checkpoints, which doubles.
const CHECKPOINTS: u64 = 8;

#[test]
fn loop_over_numbers_and_text_allocates_only_checkpoints() {
    let int = |number: u16| [b"M", &number.to_le_bytes()[..]].concat();
    assert!(allocations(file(int), |element| element.as_i64()) <= CHECKPOINTS);

    let text = |number: u16| {
        let text = &b"text"[..usize::from(number % 5)];
        [b"\x8c", &[text.len() as u8][..], text, b"\x94"].concat()
    };
    let read = |element: Element<'_>| Ok(element.as_str()?.len() as i64);
    assert!(allocations(file(text), read) <= CHECKPOINTS);
}

#[test]
fn loop_over_lists_and_dicts_allocates_only_checkpoints() {
    // Of any length, so that they are not made alike.
    let list = |number: u16| {
        let ints: Vec<u8> = (0..number % 7).flat_map(|int| [b'K', int as u8]).collect();
        [b"]\x94(", &ints[..], b"e"].concat()
    };
    let read = |element: Element<'_>| element.as_items()?.map(Element::as_i64).sum();
    assert!(allocations(file(list), read) <= CHECKPOINTS);

    let dict = |number: u16| [b"}\x94(K\x01M", &number.to_le_bytes()[..], b"K\x02Nu"].concat();
    let read = |element: Element<'_>| match element.as_entries()?.next() {
        Some((_, value)) => value.as_i64(),
        None => Ok(0),
    };
    assert!(allocations(file(dict), read) <= CHECKPOINTS);
}

/// A file of arrays of this dtype, each with so many items of these bytes.
fn arrays(dtype: &str, item: &[u8], items: impl Fn(u16) -> usize) -> Vec<u8> {
    file(|number| {
        let len = items(number);
        let bytes = item.repeat(len);
        let begin = b"h\x02h\x05K\x00\x85\x94h\x07\x87\x94R\x94(K\x01K";
        // The first brings the dtype along, as entry 25.
        let dtype = match number {
            0 => [
                b"\x85\x94h\x0c\x8c\x02",
                dtype.as_bytes(),
                b"\x94\x89\x88\x87\x94R\x94\
                  (K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94b\x89C",
            ]
            .concat(),
            _ => b"\x85\x94h\x19\x89C".to_vec(),
        };
        [begin, &[len as u8][..], &dtype, &[bytes.len() as u8], &bytes, b"\x94t\x94b"].concat()
    })
}

#[test]
fn loop_over_arrays_allocates_only_checkpoints() {
    let array = arrays("u1", &[1], |number| usize::from(number % 10));
    let read = |element: Element<'_>| Ok(element.as_array::<u8>()?.data().len() as i64);
    assert!(allocations(array, read) <= CHECKPOINTS);
}

/// They are at any address, so that most have to be copied.
#[test]
fn short_arrays_of_floats() {
    let sum =
        |element: Element<'_>| Ok(element.as_array::<f64>()?.data().iter().sum::<f64>() as i64);
    let array = arrays("f8", &1f64.to_le_bytes(), |number| usize::from(number % 17));
    assert!(allocations(array, sum) <= CHECKPOINTS);
}

#[test]
fn rows_of_a_plain_array() {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({ELEMENTS}, 3)}}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend((0..3 * ELEMENTS).flat_map(|number| f64::from(number).to_le_bytes()));
    let sum =
        |element: Element<'_>| Ok(element.as_array::<f64>()?.data().iter().sum::<f64>() as i64);
    assert!(allocations(file, sum) <= CHECKPOINTS);
}
