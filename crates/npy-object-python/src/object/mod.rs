//! Elements as the Python objects that `numpy.load` makes.
//!
//! A value may contain others, as deep as the file likes, and itself. [`walk`] fills a few levels of
//! lists, dicts and tuples by calls that nest; from there on nothing recurses. A container that can
//! exist before its members (a list, a dict, an array, an `Opaque`) is made empty in [`begin`] and
//! filled later. One that cannot (a tuple, a frozenset, the call of a class that `find_class`
//! allows) waits for its members until [`finish`].
//!
//! ```text
//!  tasks   what to do next, last first:   Members(of a tuple)   Finish(the tuple)
//!  values  objects that wait for the object that they are members of
//!  fills   containers that are still empty
//! ```
//!
//! Nothing that a file names is imported or called, unless `find_class` gives it. [`names`] lists the
//! other names that are called, and [`standard`] calls those of the standard library.
//!
//! The room uses `errors` and nothing else of this crate. Read `maker` (what elements have in common),
//! `ready` (the elements of a block, for a loop), `row` (elements that are made without being decoded)
//! with `plans`, then those that take more: `task`, `work` (the stacks above), `begin`, `finish` and `walk`,
//! which makes an element that was decoded, and does the tasks. `ndarray` calls NumPy's C API, and
//! `strings` is a cache.

mod begin;
mod finish;
pub(crate) mod maker;
pub(crate) mod names;
pub(crate) mod ndarray;
mod plans;
pub(crate) mod ready;
mod row;
mod standard;
mod strings;
mod task;
mod walk;
mod work;
