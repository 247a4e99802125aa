//! Turns the bytes of a fuzzer into the input of a target: the bytes as they are, or a program or
//! file generated from them.
//!
//! The first byte decides. `G` and `L` generate from the bytes after it, `M` and `N` generate and
//! then mutate; `L` and `N` make many similar elements. Neither a valid pickle nor a `.npy` file
//! begins with one of these letters, so no useful input is lost.

use crate::{mutate::mutate, program};

/// Returns a pickle.
pub fn pickle(bytes: &[u8]) -> Vec<u8> {
    let any = |choices: &[u8]| match choices.split_first() {
        Some((first, choices)) if first % 2 == 0 => program::list(choices),
        Some((_, choices)) => program::program(choices),
        None => Vec::new(),
    };
    generate(bytes, any, program::long_list)
}

/// Returns a `.npy` file.
pub fn file(bytes: &[u8]) -> Vec<u8> {
    generate(bytes, program::file, program::long_file)
}

fn generate(
    bytes: &[u8],
    short: impl Fn(&[u8]) -> Vec<u8>,
    long: impl Fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let generator: &dyn Fn(&[u8]) -> Vec<u8> = match bytes.first() {
        Some(b'L' | b'N') => &long,
        _ => &short,
    };
    match bytes {
        [b'G' | b'L', choices @ ..] if !choices.is_empty() => generator(choices),
        [b'M' | b'N', choices @ ..] => {
            let (changes, choices) = choices.split_at(choices.len().min(12));
            mutate(generator(choices), &generator(changes), changes)
        }
        _ => bytes.to_vec(),
    }
}
