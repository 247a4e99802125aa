//! The class `Array`, its views, and loops over it.
//!
//! The room uses `file` (an open file and its readers, containers) and `object` (Python objects of
//! elements). Read `view` (which elements a part has), `cursor` (a reader in use), `elements` and `rows`
//! (loops), `py_array` (the class, and NumPy arrays of it), `split` (a part for another process),
//! `methods` (what Python calls), `arrow`, `table`, `ranges`.

pub(crate) mod arrow;
pub(crate) mod cursor;
pub(crate) mod elements;
mod many;
pub(crate) mod methods;
pub(crate) mod py_array;
mod ranges;
mod rows;
pub(crate) mod split;
mod table;
pub(crate) mod view;
