//! Skeletons: the instructions of an element with what varies taken out.
//!
//! Most elements of a file have the same instructions, but for numbers and payloads. A skeleton is
//! what is the same; its *holes* are what varies. An element that fits a skeleton is a *row*: which
//! skeleton it is, and what fills its holes.
//!
//! Uses `lex`, `graph` and `machine`.
//!
//! Read `skeleton` first, then `word` (instructions that are always the same), `hole` (what fills a
//! row), `fit` (whether instructions are those of a skeleton), `learn` (the skeleton of one element),
//! `cache` (the skeletons that a survey keeps), `form` (the
//! graph of a skeleton, which is filled in row by row) and `patience` (when to learn again).

mod cache;
mod fit;
mod form;
mod hole;
mod learn;
mod patience;
#[allow(clippy::module_inception)]
mod skeleton;
mod word;

pub(crate) use cache::Skeletons;
pub(crate) use fit::{Fitted, fit_scalar};
pub use form::Form;
pub use hole::{Extent, Hole, Holes, Row};
pub(crate) use patience::Patience;
pub use skeleton::Skeleton;
pub(crate) use skeleton::Step;
pub(crate) use word::FRAME_SIZE;
