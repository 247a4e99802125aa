//! Containers whose members come one at a time, and paths into them.
//!
//! A dict that was saved alone, the list under one of its keys, a bare pickle: [`at`](crate::at)
//! leads to any value in them. Values beside the path are surveyed and not decoded.
//!
//! ```
//! use npy_object::nested::{At, Path};
//!
//! let path: Path = "['train']".parse()?;
//! let At::Container(mut list) = npy_object::at("tests/data/splits.npy", &path)? else {
//!     panic!("a list is a container")
//! };
//! assert_eq!(list.count()?, 3);
//! # Ok::<(), npy_object::Error>(())
//! ```
// It uses `decode` (the cursor), `locate` and `layout`. Read `container`, `path`, `at` (follows a
// path), `enter` (is a value a container?), `parent` (finds a member) and `tuple`.

pub(crate) mod at;
pub(crate) mod container;
mod enter;
mod parent;
pub(crate) mod path;
mod tuple;

pub use crate::decode::objects::Member;
pub use crate::layout::envelope::ContainerKind;
pub use at::At;
pub use container::Container;
pub use path::{Path, Subscript};
