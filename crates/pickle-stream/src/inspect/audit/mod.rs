//! Says what unpickling would import and call.
//!
//! The auditor carries out the instructions on a stack and a memo of *abstract values*, which are facts about values:
//! which are text and may become a name, which are globals, what a call returned, and the ints,
//! tuples and dicts that the arguments of a call are made of. So a name is found however it came
//! about, also where the stream breaks off after it, and a policy can ask what a call was given.
//!
//! ```text
//!  stream   \x8c os  \x94  \x8c system  \x93         K\x01      \x85     R
//!  stack    text     |     text text    global     global int  tuple  result
//!  found                                import os.system              call os.system
//! ```
//!
//! Memory does not grow with the stream. When the facts take more than 1 MiB, the
//! older ones are forgotten. A value read from there later is unknown, and what is done with it is
//! found as that: never overlooked.
//!
//! Read `finding` (what is reported), `heap` (abstract values), `names`, `stack`, `memo`, then
//! `auditor` (the instructions). `operand` shows abstract values to a policy.

mod at;
mod auditor;
mod finding;
mod heap;
mod memo;
mod names;
mod operand;
mod stack;

pub use auditor::Auditor;
pub use finding::{Act, Audited, Finding, Subject};
pub use heap::ObjectId;
pub use names::{Name, NameId};
pub use operand::{Operand, OperandDict, OperandItems, OperandList, OperandResult, Operands};
