//! What NumPy writes around the elements of an object array.
//!
//! ```text
//!  _reconstruct(ndarray, (0,), b'b')                       the array, empty, on the stack
//!  ( 1  shape  dtype  is_fortran  [                        its state, up to the list of elements
//!      ( element element ... e   ( element ... e           batches
//!  ] ) BUILD .                                             the rest of the state, and the end
//! ```
//!
//! The envelope is everything before the first batch. It is run once, in the shared region of the
//! graph, as elements read what it put in the memo. The array itself is not whole before its last
//! element is: an element that reads it contains what contains it.

use npy_header::DType;
use pickle_stream::{Container, Graph, Lexer, Limits, Machine, Opcode, Progress, Ran, Region, Source, Survey};

use crate::error::{Cause, Error, Result};
use crate::value::dtype::ItemType;
use crate::value::element::{Context, Element};
use crate::value::globals::{self, Known};
use crate::value::kind::Kind;
use crate::value::shape::Shape;
use crate::window::Window;

/// The envelope of an object array.
pub(crate) struct Envelope {
    /// Its bytes.
    bytes: Vec<u8>,
    /// Where they begin in the file.
    offset: u64,
    pub(crate) shape: Shape,
    pub(crate) fortran_order: bool,
    pub(crate) item: ItemType,
    /// The memo entries that are the array.
    pub(crate) root: Vec<u64>,
}

impl Envelope {
    /// Runs the pickle at `offset` up to the list of elements, and says where the survey of them
    /// begins.
    pub(crate) fn read(
        window: &mut Window,
        offset: u64,
        context: &Context,
        graph: &mut Graph,
    ) -> Result<(Envelope, Survey)> {
        let limits = &context.limits.pickle;
        let most = context.limits.envelope;
        let mut lexer = Lexer::new(offset, limits);
        let mut machine = Machine::new(limits);
        machine.reset(graph, Region::Shared, 0);
        let mut needed = 1;
        loop {
            let place = lexer.offset();
            let read = (place - offset) as usize;
            if read + needed > most {
                let message =
                    format!("no list of elements in the first {most} bytes of the pickle");
                return Err(Error::new(Cause::Limit, "npy.object.envelope", place, message));
            }
            let bytes = window.fill(offset, read + needed)?;
            let instruction = match lexer.instruction(&bytes[read..])? {
                Progress::Done(instruction) => instruction,
                Progress::Need(more) => {
                    let have = bytes.len() - read;
                    if have < needed {
                        let wanted = place.saturating_add((have + more) as u64);
                        return Err(window.truncated(wanted));
                    }
                    needed = have + more;
                    continue;
                }
            };
            needed = 1;
            machine.execute(graph, &instruction)?;
            match instruction.opcode {
                Opcode::EmptyList | Opcode::List => {}
                Opcode::Stop => return Err(no_array(place)),
                _ => continue,
            }
            let Some((shape, fortran_order, item)) = state(&machine, graph, context) else {
                continue;
            };
            let end = lexer.offset();
            let bytes = bytes[..(end - offset) as usize].to_vec();
            let root = machine.stack()[0];
            let root: Vec<u64> = machine.entries_of(root).collect();
            machine.define_entries(graph);
            root.iter().for_each(|&entry| graph.define_outer(entry));

            let mut survey = Survey::new(offset, 0, limits);
            survey.advance(&bytes)?;
            survey.watch(survey.slots().len() - 1, Container::List);
            return Ok((Envelope { bytes, offset, shape, fortran_order, item, root }, survey));
        }
    }

    /// Defines the entries of the envelope again, in a graph that has forgotten them.
    pub(crate) fn define(&self, graph: &mut Graph, limits: &Limits) -> Result<()> {
        let mut machine = Machine::new(limits);
        machine.reset(graph, Region::Shared, 0);
        match machine.run(graph, &mut Lexer::new(self.offset, limits), &self.bytes)? {
            Ran::Need(_) => {}
            Ran::Stop(_) | Ran::Missing(_) => return Err(no_array(self.offset)),
        }
        machine.define_entries(graph);
        self.root.iter().for_each(|&entry| graph.define_outer(entry));
        Ok(())
    }
}

/// Reads the state of an array of objects, if that is what the stack holds with a new list on top
/// of it.
fn state(machine: &Machine, graph: &Graph, context: &Context) -> Option<(Shape, bool, ItemType)> {
    // All of the envelope is in the shared region, which does not look at the source.
    let source = Source { bytes: &[], offset: 0 };
    let at = |place: usize| Element::new(graph.value(machine.stack()[place], source), context);
    let (&[1], Some(above)) = (machine.marks(), machine.stack().len().checked_sub(1)) else {
        return None;
    };
    // Pickles from before NumPy 1.0 have no version before the shape.
    let shape = match above {
        4 => 1,
        5 => 2,
        _ => return None,
    };
    let callable = globals::called(at(0).value()?)?;
    if !matches!(callable, Known::Reconstruct | Known::MaskedReconstruct) {
        return None;
    }
    // A list that LIST made of something has elements that no batch brings.
    if !matches!(at(above).shallow_kind(), Kind::List(elements) if elements.len() == 0) {
        return None;
    }
    let fortran_order = match at(shape + 2).shallow_kind() {
        Kind::Bool(fortran_order) => fortran_order,
        Kind::Int(flag) => flag != 0,
        _ => return None,
    };
    let item = ItemType::read(at(shape + 1))?;
    Some((Shape::read(at(shape))?, fortran_order, item))
}

impl ItemType {
    /// Whether a header may say `header` where the pickle says this. StringDType has no name that a
    /// header could say.
    pub(crate) fn is_in_header_as(&self, header: &DType) -> bool {
        match self {
            ItemType::Plain(dtype) => dtype == header,
            ItemType::String { .. } => *header == DType::OBJECT,
        }
    }
}

#[cold]
fn no_array(offset: u64) -> Error {
    let message = "the pickle is not an array of objects as NumPy writes it";
    Error::new(Cause::Unsupported, "npy.object.envelope", offset, message)
}
