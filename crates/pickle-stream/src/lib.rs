//! Reads Python pickles of protocols 0 to 5 as data, incrementally, and writes them. Nothing is
//! imported, called or executed.
//!
//! A pickle is a program for a small stack machine, and `pickle.load` calls whatever the program
//! names. This crate runs the same program without its effects: a global is a name, a call is a
//! node with its callable and arguments, and the value is a flat graph that keeps shared and cyclic
//! objects. The rules of the [machine] are in the specification.
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
//! [`PushDecoder`] decodes a pickle that arrives in pieces.
//!
//! # A list larger than memory
//!
//! An element is known to be whole only when its *batch* ends, and a reader that keeps the memo
//! keeps every element. So a [`Survey`] walks ahead, builds nothing, and reports the span of each
//! element in a batch; a [`Machine`] then runs the instructions of one element alone. Where an
//! element reads a memo entry of another one, a [`Locator`] finds the instructions that made it;
//! they are decoded once, into the shared region of the [`Graph`].
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
//! # Elements that have the same instructions
//!
//! The elements of a large list mostly differ in numbers and payloads only. The survey learns what is
//! the same, a [`Skeleton`], and gives each element that fits one a [`Row`]: which skeleton it has, and
//! what fills its holes. So a column is read from the holes, and no value is built. A [`Form`] is the
//! graph of a skeleton, into which rows are filled.
//!
//! ```
//! use pickle_stream::{Container, Event, Hole, Limits, Survey};
//!
//! // pickle.dumps([(n, n) for n in range(100)], protocol=2)
//! let tuples: Vec<u8> = (0..100).flat_map(|n| [b'K', n, b'K', n, 0x86, b'q', n + 1]).collect();
//! let bytes = [b"\x80\x02]q\0(", &tuples[..], b"e."].concat();
//! let mut survey = Survey::new(0, 0, &Limits::default());
//! survey.watch(0, Container::List);
//! assert_eq!(survey.advance(&bytes)?, Event::Batch);
//! let mut sum = 0;
//! for (row, span) in survey.rows().iter().zip(survey.batch()) {
//!     match row.skeleton().map(|index| &survey.skeletons()[index]) {
//!         // The first hole of the tuple.
//!         Some(skeleton) => match survey.holes().of(*row, skeleton.holes()) {
//!             [Hole::Int(int), _] => sum += int,
//!             other => panic!("expected two ints, found {other:?}"),
//!         },
//!         // Here a machine would decode the bytes of the span: the first elements have no row.
//!         None => sum += i64::from(bytes[span.begin as usize + 1]),
//!     }
//! }
//! assert_eq!(sum, (0..100).sum());
//! # Ok::<(), pickle_stream::Error>(())
//! ```
//!
//! # Writing
//!
//! An [`Encoder`] writes what CPython's pickler writes: [values](Encoder::value) of a graph. A
//! [`Builder`] makes such values from their parts. A [`Transcriber`] copies instructions of another
//! pickle without decoding them.
//!
//! # Input and output
//!
//! The crate does no I/O. Each reader takes bytes at any cut, and returns a result or the number of
//! bytes that are missing. Offsets are 64 bits and count from the start of the source.
//!
//! # In which order to read the source
//!
//! `opcode` is the table of opcodes; `error` and `limits` are used by all. Then come the rooms,
//! each with its reading order at the top of its `mod.rs`. A room uses only rooms above it in this
//! list:
//!
//! - `lex`: bytes to instructions
//! - `graph`: values as nodes
//! - `machine`: instructions to a graph
//! - `skeleton`: the instructions that elements have in common, and what fills their holes
//! - `survey`: where elements begin and end
//! - `write`: a pickle from values
//! - `inspect`: disassembly, short forms of values, audit
//!
//! `compat` maps names between Python 2 and Python 3.
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
pub use inspect::{Disassembler, Line, Signs, audit, printable};
pub use lex::{Argument, Head, Instruction, Lexer, Progress};
pub use limits::Limits;
pub use machine::{
    Decoded, Flow, Machine, PushDecoder, Ran, Sniffer, decode, may_begin_with_global,
};
pub use opcode::{ArgumentKind, MemoEffect, Opcode, OpcodeInfo, StackItem};
pub use survey::{
    Action, Container, Event, Located, Locator, Matcher, Slot, Span, Survey, same_instructions,
};
pub use write::{
    Builder, Encoder, ListItems, Renumbering, Savepoint, Transcribed, Transcriber, encode, in_place,
};

// Hidden: npy-object writes its own values as `Debug` of a graph's values does.
#[doc(hidden)]
pub use inspect::{Shown, short_bytes, short_str, sketch};
pub use skeleton::{Extent, Form, Hole, Holes, Row, Skeleton};

/// The examples of the README are compiled.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_send_and_sync() {
        fn check<T: Send + Sync>() {}
        check::<Error>();
        check::<Graph>();
        check::<Decoded<'_>>();
        check::<ValueRef<'_>>();
        check::<Value>();
        check::<Lexer>();
        check::<Machine>();
        check::<PushDecoder>();
        check::<Survey>();
        check::<Locator>();
        check::<Builder>();
        check::<Encoder>();
        check::<Transcriber>();
        check::<Disassembler>();
        check::<audit::Auditor>();
    }
}
