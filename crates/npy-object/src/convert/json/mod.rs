//! Elements as JSON, one line for each.
//!
//! - [`TypedJson`] is lossless: different values have different lines, and an object that is met
//!   twice is written once. `spec/typed-json.md` specifies it; [`ElementReader`] reads it, and plain JSON too.
//! - [`PlainJson`] is for people: arrays are nested lists, tuples are lists, bytes are base64.
//!
//! Both write as they walk, do not recurse, and so take values of any depth.
//!
//! [`write_kerchunk`] writes where the arrays are in their file, for zarr.
//!
//! ```
//! use npy_object::json::{PlainJson, TypedJson};
//!
//! let mut array = npy_object::open("tests/data/ragged.npy")?;
//! let (mut plain, mut typed) = (Vec::new(), Vec::new());
//! let element = array.get(2)?.unwrap();
//! PlainJson::new().write(&mut plain, element)?;
//! TypedJson::new().write(&mut typed, element)?;
//! assert_eq!(plain, b"[0.0,1.0,2.0]");
//! assert!(typed.starts_with(br#"{"array":{"dtype":"<f8","shape":[3],"#));
//! # Ok::<(), npy_object::Error>(())
//! ```

// In which file to look:
//
// | file | what it has |
// |---|---|
// | `kerchunk` | references to the arrays in a file |
// | `plain` | values to plain JSON; each dtype and `datetime` in `write_scalar` |
// | `typed` | values to typed JSON |
// | `walk` | the walk over a value that both share |
// | `read` | lines of typed JSON to elements |
// | `untyped` | lines of plain JSON to elements |
// | `rows` | lines of typed JSON to rows of an array without objects |
// | `sharing` | which objects several elements have, for typed JSON |
// | `text` | strings, base64 and commas |
// | `tree` | nodes of a tree |

mod kerchunk;
mod plain;
mod read;
mod rows;
mod sharing;
mod text;
mod tree;
mod typed;
mod untyped;
mod walk;

pub use kerchunk::{write_kerchunk, write_kerchunk_with};
pub use plain::PlainJson;
pub use read::{ElementReader, read_header};
pub use rows::read_row;
pub use text::escape;
pub use typed::{TypedJson, write_dtype, write_header};
