//! Elements to other representations, and back.
//!
//! | to or from | file | feature |
//! |---|---|---|
//! | types of the caller's, through serde | `de/` reads, `ser` writes | `serde` |
//! | Arrow record batches | `arrow/` | `arrow` |
//! | tables: Parquet, Arrow IPC, JSON lines, CSV, flat `.npy` | `table/`, of record batches | `arrow` and one of each |
//! | arrays of the crate `ndarray` | `ndarray` reads and writes | `ndarray` |
//! | JSON, for people or lossless | `json/` | `json` |
//!
//! Each file begins with a table of what becomes what, and says what fails. It uses `value` and, to
//! write, `write`; the other rooms do not use it. A new dtype needs an arm in
//! `de::array::Item::visit_scalar`, `arrow::infer::type_of_scalar` and `json::plain::write_scalar`
//! (`npy_header::ScalarKind` lists the places in other rooms); typed JSON writes the bytes of every
//! dtype. A datetime becomes text in `value/time.rs`, a datetime64 in `value/calendar.rs`.

#[cfg(feature = "arrow")]
pub(crate) mod arrow;
#[cfg(feature = "serde")]
pub(crate) mod de;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "ndarray")]
pub(crate) mod ndarray;
#[cfg(feature = "serde")]
pub(crate) mod ser;
#[cfg(feature = "arrow")]
pub mod table;
