//! Archives of arrays (`.npz`), as `numpy.savez` and `numpy.savez_compressed` write them: zip files
//! in which each member is a file.
// Reading order:
//
// - `member`: `Member`, an entry of the directory
// - `directory`: the zip format; finds the members and their data
// - `stored`, `deflated`: the data of a member, with the comparison of its size and checksum
// - `archive`: `Npz`
// - `names`: the error for a name that no member has

mod archive;
mod deflated;
mod directory;
mod member;
mod names;
mod stored;

pub use archive::Npz;
pub use member::{Member, Method};
