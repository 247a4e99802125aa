//! From the bytes of a fuzzer to what a body reads: those bytes as they are, or what the generator
//! makes of them. The first byte says which.

use crate::{mutate::mutate, program};

/// A pickle.
pub fn stream(bytes: &[u8]) -> Vec<u8> {
    let any = |choices: &[u8]| match choices.split_first() {
        Some((first, choices)) if first % 2 == 0 => program::list(choices),
        Some((_, choices)) => program::program(choices),
        None => Vec::new(),
    };
    made(bytes, any, program::long_list)
}

/// A `.npy` file.
pub fn file(bytes: &[u8]) -> Vec<u8> {
    made(bytes, program::file, program::long_file)
}

/// `G` begins what is to be made, `M` what is to be made and broken; `L` and `N` the same of what is
/// longer. No pickle begins with one of them and means something, and no file does.
fn made(
    bytes: &[u8],
    make: impl Fn(&[u8]) -> Vec<u8>,
    make_long: impl Fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let make: &dyn Fn(&[u8]) -> Vec<u8> = match bytes.first() {
        Some(b'L' | b'N') => &make_long,
        _ => &make,
    };
    match bytes {
        [b'G' | b'L', choices @ ..] if !choices.is_empty() => make(choices),
        [b'M' | b'N', choices @ ..] => {
            let (changes, choices) = choices.split_at(choices.len().min(12));
            mutate(make(choices), &make(changes), changes)
        }
        _ => bytes.to_vec(),
    }
}
