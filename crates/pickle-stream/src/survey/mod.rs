//! Where the elements of a container begin and end, and that they are independent of one another.
//! Nothing is built.
//!
//! Uses `lex` for instructions; `skeleton` for elements that have the same instructions as others.
//!
//! `action` tells what an instruction does, for a reader that knows no opcodes.
//!
//! Read `span` (what is reported), `slot` (the stack), `walk` (the [`Survey`], which carries out
//! instructions on a stack of offsets) and `dependency` (what makes elements dependent on one
//! another). `rows` passes elements that have a skeleton, `learning` decides which skeletons those are,
//! `learn` at the end of a batch, and `fast` passes frequent instructions; they must agree with `walk`. `matcher` finds rows of elements that were passed
//! without them. `locate` walks to the instructions that made a memo entry.

mod action;
mod dependency;
mod fast;
mod learn;
mod learning;
mod locate;
mod matcher;
mod rows;
mod slot;
mod span;
mod walk;

pub use action::{Action, same_instructions};
pub use locate::{Located, Locator};
pub use matcher::Matcher;
pub use slot::Slot;
pub use span::{Container, Span};
pub use walk::{Event, Survey};
