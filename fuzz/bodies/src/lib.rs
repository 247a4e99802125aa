//! The fuzz targets, as functions that stable Rust can call, and the inputs that they are given.
//!
//! Start with [`targets`]: each of its functions takes any bytes, and panics where the property
//! that it checks does not hold. `fuzz/fuzz_targets` hands them to libFuzzer; `tests/smoke.rs`
//! calls them on the corpus. Then [`inputs`]: how the bytes of a fuzzer become a pickle or a file.
//! [`program`] generates well-formed pickles and files, [`mutate`] breaks them, and [`digest`]
//! writes a decoded value in a form that `oracle/differential.py` compares with CPython's.
//! [`bombs`] are files that ask for more time or memory than their size can justify.
#![forbid(unsafe_code)]

pub mod bombs;
pub mod digest;
pub mod inputs;
pub mod mutate;
pub mod program;
pub mod targets;
