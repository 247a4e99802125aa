//! Decodes Python pickles, of every protocol from 0 to 5, incrementally and without running
//! anything; and writes them.
//!
//! A pickle is a program for a small stack machine, and `pickle.load` runs whatever that program
//! names. This crate reads the same program as data. A global is a name, a call is a node that says
//! what would have been called with what, and the value is a flat graph in which shared and cyclic
//! objects are exactly what they were. The [machine] and its rules are written down.
//!
//! [machine]: https://github.com/npy-object/npy-object/blob/main/spec/machine.md
//!
//! # A whole pickle
//!
//! ```
//! use pickle_stream::{Kind, Limits, decode};
//!
//! // pickle.dumps({"answer": 42}, protocol=2)
//! let bytes = b"\x80\x02}q\0X\x06\0\0\0answerq\x01K*s.";
//! let decoded = decode(bytes, &Limits::default())?;
//! let Kind::Dict(mut entries) = decoded.value().kind() else { panic!("not a dict") };
//! let (key, value) = entries.next().unwrap();
//! assert!(matches!(key.kind(), Kind::Str(text) if text == "answer"));
//! assert!(matches!(value.kind(), Kind::Int(42)));
//! # Ok::<(), pickle_stream::Error>(())
//! ```
//!
//! # A list that is larger than memory
//!
//! Two facts decide how a list is read one element at a time: an element is only known to be whole
//! when its *batch* ends, and a reader that keeps the memo keeps everything. So a [`Survey`] walks
//! ahead, builds nothing, and says where the elements of each batch lie; a [`Machine`] then runs
//! the instructions of one element alone. What an element reads from the memo of another is found
//! by its address with a [`Locator`], decoded once, and kept in the [`Graph`]'s shared region.
//!
//! ```
//! use pickle_stream::{Container, Event, Graph, Lexer, Limits, Machine, Region, Source, Survey};
//!
//! // pickle.dumps([(1, 2), 3], protocol=2): an element that looks like two until TUPLE2.
//! let bytes = b"\x80\x02]q\0(K\x01K\x02\x86q\x01K\x03e.";
//! let limits = Limits::default();
//! let mut survey = Survey::new(0, 0, &limits);
//! survey.watch(0, Container::List); // the list will be the lowest value on the stack
//! let (mut machine, mut graph) = (Machine::new(&limits), Graph::new());
//! while survey.advance(&bytes[survey.offset() as usize..])? == Event::Batch {
//!     for span in survey.batch() {
//!         graph.clear();
//!         machine.reset(&graph, Region::Own, span.memo);
//!         let element = &bytes[span.begin as usize..span.end as usize];
//!         machine.run(&mut graph, &mut Lexer::new(span.begin, &limits), element)?;
//!         let value = machine.finish(span.end)?;
//!         println!("{:?}", graph.value(value, Source { bytes: element, offset: span.begin }).kind());
//!     }
//! }
//! # Ok::<(), pickle_stream::Error>(())
//! ```
//!
//! # Writing
//!
//! An [`Encoder`] writes what CPython's pickler writes: [values](Encoder::value) of a graph, which a
//! [`Builder`] makes from their parts, or a [`Transcriber`] takes from another pickle as they stand.
//!
//! Nothing here does I/O: bytes come in at any cut, answers and "at least so many more" go out.
//! Offsets count from the start of the source in 64 bits.
//!
//! # In which order to read the modules
//!
//! `opcode` (the table), `lexer` (bytes to instructions), `machine` (instructions to a graph),
//! `graph`, `view` (looking at it), `nodes`, then `survey` and `locate` (finding elements without building
//! them), `dis` and `sketch` (for people), `value` (owned trees). Short ways to a graph are `leaf`, `numbers`,
//! `template` and `repeat`. To write: `build`, `encode`, `transcribe`. `compat` maps the
//! names of Python 2 and Python 3. `audit` says what unpickling
//! would import and call.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod compat;
mod error;
mod graph;
mod inspect;
mod lex;
mod limits;
mod machine;
mod opcode;
mod skeleton;
mod survey;
mod write;

pub use compat::{to_python_2, to_python_3};
pub use error::{Error, ErrorKind, Result};
pub use graph::{
    Construct, Entries, Global, Graph, Items, Kind, Long, NodeId, NodeMap, Object, ObjectRef,
    Paused, Region, Source, Str, TreeLimits, Value, ValueRef,
};
pub use inspect::{
    Disassembler, Line, Shown, Signs, audit, printable, short_bytes, short_str, sketch,
};
pub use lex::{Argument, Head, Instruction, Lexer, Progress};
pub use limits::Limits;
pub use machine::{Decoded, Flow, Machine, PushDecoder, Ran, decode};
pub use opcode::{ArgumentKind, MemoEffect, Opcode, OpcodeInfo, StackItem};
pub use skeleton::{Pattern, Repeater};
pub use survey::{Container, Event, Located, Locator, Slot, Span, Survey};
pub use write::{Builder, Encoder, Place, Renumbering, Transcribed, Transcriber, encode};

/// The examples of the README are compiled.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
