//! The class `Array`, its views, and loops over it.
//!
//! The room uses `file::reader` (cursors on an open file) and `object` (Python objects of elements).
//! Read `view` (which elements a part has), `py_array` (the class, and NumPy arrays of it),
//! `elements` and `rows` (loops), `methods` (what Python calls), `arrow`.

mod arrow;
pub(crate) mod elements;
pub(crate) mod methods;
pub(crate) mod py_array;
mod rows;
pub(crate) mod view;
