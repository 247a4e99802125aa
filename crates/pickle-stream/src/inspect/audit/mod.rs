//! Reports what `pickle.load` would import, call and change, without doing it.
//!
//! The auditor is an abstract interpreter. It runs every instruction on a stack and a memo, like
//! the machine, but on *abstract values*, which hold only what a verdict can depend on. So it finds
//! a name however the stream makes it, and everything before an error or the end of the input.
//!
//! ```text
//!  stream   \x8c os  \x94  \x8c system  \x93         K\x01      \x85     R
//!  stack    text     |     text text    global     global int  tuple  result
//!  finding                              import os.system              call os.system
//! ```
//!
//! # What it tracks
//!
//! Text of up to 1,024 bytes, which may become a name; globals; results of calls; `None`, bools,
//! 64-bit ints and `bytes` of one byte; the items of tuples and the entries of dicts, up to 1,024
//! of each; the number of items of a list; and for each object how costly it is to hash and to
//! remove. Objects are on a heap and have an identity, so a change through one reference is seen
//! through all.
//!
//! # What it forgets, and why that is safe
//!
//! Memory is bounded whatever the length of the stream; `bounds` has every bound. A value over a
//! bound, or one that was removed to make room, becomes less precise, and at worst
//! `AbstractValue::Unknown`, which stands for any value. Three rules keep this sound:
//!
//! - An abstract value describes every value that the instruction may have in Python. Forgetting
//!   only widens it.
//! - An act on an unknown value is reported, with [`Name::Unknown`]: importing a name made of it,
//!   calling it, setting its state, and adding to it. A policy must not take `Unknown` for
//!   harmless. This also covers the change of a known object through a forgotten reference.
//! - The names that were found are never forgotten. There is an error instead
//!   (`pickle.limit.names`), and an audit that ends in an error is incomplete.
//!
//! The auditor fails only where CPython's unpicklers raise an error, after which they run nothing
//! more (stack underflow, a missing memo entry, STACK_GLOBAL without text), and over a limit. Where
//! it does not know whether they raise one, it goes on.
//!
//! # Reading order
//!
//! `finding` (what is reported), `bounds`, `value` (abstract values), `cost`, `slice`, `heap`,
//! `names`, `stack`, `memo`, `frames`, `interpreter` (what each instruction does) and `auditor`
//! (bytes in, findings out). `operand` shows the values of a call to a policy; the policy itself is
//! not here.
//!
//! It uses `lex`, `compat` (names that Python 2 wrote), and of `graph` the reading of large ints.

mod auditor;
mod bounds;
mod cost;
mod finding;
mod frames;
mod heap;
mod interpreter;
mod location;
mod memo;
mod names;
mod operand;
mod slice;
mod stack;
mod value;

pub use auditor::Auditor;
pub use finding::{Act, Audited, Construct, Finding, Growth, Subject};
pub use names::{Name, NameId};
pub use operand::{Operand, OperandDict, OperandItems, OperandList, OperandResult, Operands};
pub use value::ObjectId;
