//! Every bound on the memory of an audit, and what happens beyond it.
//!
//! The stack and the memo have at most [`MAX_ENTRIES`] abstract values each. They refer to objects
//! of [`MAX_HEAP`] bytes, and between two collections of twice the bytes in use. The exception is a
//! stream that reads its memo entries again and again, as these are not forgotten. After the last
//! step of `Interpreter::make_room` each of them refers to at most one object, with at most
//! [`MAX_SMALL`] bytes of contents, and each of the 128 runs at the ends of the stack to a tuple of
//! at most [`MAX_ITEMS`] numbers or results: together less than 12 MiB. The memory of the objects before
//! the last collection is kept for the next one.
//!
//! [`MAX_NAMES`] and [`MAX_NAME_BYTES`] bound the names.

/// Runs of equal values on the stack, values in the memo, and memo indices after gaps. Beyond it
/// the middle of the stack, or the older half of the memo, is forgotten.
pub(super) const MAX_ENTRIES: usize = 1 << 15;

/// Bytes of objects in use. Beyond it, values are forgotten in the order that
/// `Interpreter::make_room` gives.
pub(super) const MAX_HEAP: usize = 1 << 20;

/// Bytes of objects from which on unused ones are removed.
pub(super) const MIN_COLLECTED: usize = MAX_HEAP / 2;

/// Bytes of a text that is kept, as it may be a name or an argument. A longer one is
/// `AbstractValue::LongText`, and a name made of it is unknown.
pub(super) const MAX_TEXT: u64 = 1024;

/// Bytes of the contents of a text, or of a tuple, that stays in the memo where the objects in use
/// are still more than [`MAX_HEAP`] bytes after all else was forgotten: 64 characters, or 4 items.
pub(super) const MAX_SMALL: usize = 64;

/// Bytes of an int that is kept. A larger one is `AbstractValue::Number`.
pub(super) const MAX_INT_BYTES: u64 = 8;

/// Items of a tuple, and entries of a dict, that are kept. Of a longer one only the kind is known.
pub(super) const MAX_ITEMS: usize = 1024;

/// Names in one pickle. Beyond it the audit fails, as a name must not be forgotten.
pub(super) const MAX_NAMES: u64 = 1 << 16;

/// Bytes of all names in one pickle. Beyond it the audit fails.
pub(super) const MAX_NAME_BYTES: u64 = 1 << 20;

/// How far a memo index may be above the number of bytes read so far. Beyond it
/// [`Act::Costly`](super::Act::Costly) is reported: CPython's memo is an array, which takes memory
/// for each index below the highest one.
pub(super) const MAX_INDEX_AHEAD: u64 = 1 << 16;

/// Values that may be hashed for one key. Beyond it [`Act::Costly`](super::Act::Costly) is
/// reported.
pub(super) const MAX_HASHED: u32 = 10_000;

/// Objects in one another. Beyond it [`Act::Costly`](super::Act::Costly) is reported.
pub(super) const MAX_DEPTH: u32 = 5_000;
