//! Where the elements of a container begin and end, and that they are independent of one another.
//! Nothing is built.
//!
//! Uses `lex` for instructions; `skeleton` for elements that repeat the bytes of the one before.
//!
//! `action` tells what an instruction does, for a reader that knows no opcodes.
//!
//! Read `span` (what is reported), `walk` (the [`Survey`], which carries out instructions on a stack
//! of offsets) and `dependency` (what makes elements dependent on one another). `locate` walks to the instructions that made a memo entry. `fast` and `likeness` get through
//! frequent instructions and repeated elements faster; both must agree with `walk`.

mod action;
mod dependency;
mod fast;
mod learn;
mod locate;
mod rows;
mod span;
mod walk;

pub use action::{Action, same_instructions};
pub use locate::{Located, Locator};
pub use span::{Container, Span};
pub use walk::{Event, Slot, Survey};
