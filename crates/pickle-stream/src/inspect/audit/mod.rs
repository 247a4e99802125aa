//! The audit: what unpickling would import and call.
//!
//! The [`Auditor`] carries out the instructions on a stack and a memo of *abstract values*: texts,
//! which may become names; globals; results of calls; and the ints, tuples and dicts that are
//! arguments of calls. So it finds each name, however the pickle makes it, also if the pickle ends
//! right after it, and a policy can look at the arguments of a call.
//!
//! ```text
//!  stream   \x8c os  \x94  \x8c system  \x93         K\x01      \x85     R
//!  stack    text     |     text text    global     global int  tuple  result
//!  found                                import os.system              call os.system
//! ```
//!
//! Memory does not grow with the pickle: when the abstract values take more than 1 MiB, old ones
//! are forgotten. A forgotten value that is read later is unknown, and a call or change of it is
//! still reported.
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
