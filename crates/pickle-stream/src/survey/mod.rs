//! Where the elements of a container begin and end, and that they are independent of one another.
//! Nothing is built.
//!
//! Uses `lex` for instructions; `skeleton` for elements that repeat the bytes of the one before.
//!
//! Read `walk` first: the [`Survey`], which carries out instructions on a stack of offsets.
//! `locate` walks to the instructions that made a memo entry. `fast` and `likeness` get through
//! frequent instructions and repeated elements faster; both must agree with `walk`.

mod fast;
mod likeness;
mod locate;
mod walk;

pub use locate::{Located, Locator};
pub use walk::{Container, Event, Slot, Span, Survey};
