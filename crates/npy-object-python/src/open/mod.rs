//! The functions `open`, `load` and `open_all`, which return an `Array`, a `Container`, an `Npz`, or the
//! object that a file holds.
//!
//! The room uses all others, and none of them uses it. Read `opened` (what one source holds), `npz` (an
//! archive, which opens its members), and `functions` (what Python calls).

pub(crate) mod functions;
pub(crate) mod npz;
mod opened;
