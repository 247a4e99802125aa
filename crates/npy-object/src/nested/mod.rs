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
//!
//! [`Tree`] describes all of them, without a path.
// It uses `decode` (the cursor), `locate` and `layout`. Read `container`, `path`, `at` (follows a
// path), `enter` (is a value a container?), `parent` (finds a member) and `tuple`; then `tree` (walks
// through all members) and `node` (what is known of them).

pub(crate) mod at;
pub(crate) mod container;
mod enter;
mod node;
mod parent;
pub(crate) mod path;
mod tree;
mod tuple;

pub use crate::decode::objects::Member;
pub use crate::layout::envelope::ContainerKind;
pub use at::At;
pub use container::Container;
pub use node::{Entry, Key, Node, Sort};
pub use path::{Path, Subscript};
pub use tree::Tree;
