//! From a span to an element.
//!
//! It uses `locate` (where the elements are), `layout` (what comes before them), `source` and
//! `value`. Read in this order:
//!
//! - `decoder`: decodes one member at a time, each alone
//! - `forms`: graphs that are filled in with rows
//! - `envelope_reader`: runs a value up to its first member, if it is a container
//! - `definitions`: what elements share, found by address
//! - `opened`: a file that was opened, with a decoder that is before the first element
//! - `objects`: the members of a container; `rows`: the rows of an array without objects
//! - `resident`: consecutive members that are resident, and their rows; `plan`: how a row becomes a
//!   value; `block`: both together, which is lent
//! - `memo_cache`: what a caller knows of memo entries
//! - `position`: how far a loop has come
//! - `cursor`: objects or rows, and a position
//! - `elements`: iterators of the elements that a cursor reads
//! - `parallel`: several decoders at once
//! - `outline`: what an element is that is too large to be decoded

pub(crate) mod block;
pub(crate) mod cursor;
pub(crate) mod decoder;
pub(crate) mod definitions;
pub(crate) mod elements;
pub(crate) mod envelope_reader;
pub(crate) mod forms;
pub(crate) mod memo_cache;
pub(crate) mod objects;
pub(crate) mod opened;
pub(crate) mod outline;
pub(crate) mod parallel;
pub(crate) mod plan;
pub(crate) mod position;
pub(crate) mod resident;
pub(crate) mod rows;
