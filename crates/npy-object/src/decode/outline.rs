//! [`Outline`]: a summary of an element that is too large to decode, from its first and last
//! instructions.

use pickle_stream::{
    Action, Container, Flow, Kind, Lexer, NodeId, Progress, Source, Span, ValueRef,
};

use crate::decode::decoder::Decoder;
use crate::error::Result;
use crate::layout::envelope::ContainerKind;
use crate::locate::checkpoints::Addresses;
use crate::value::calls::Call;
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::globals::Callable;
use crate::value::range::ByteRange;
use crate::value::shape::Shape;
use crate::value::state::NdarrayState;

/// Bytes of an element that are decoded for its outline.
const DECODED: usize = 16 << 10;

/// A summary of an element from its first 16 KiB and its last instruction, without its payload: see
/// [`NpyArray::outline`](crate::NpyArray::outline).
#[derive(Clone, Debug)]
pub struct Outline {
    /// The kind of the element.
    pub kind: OutlineKind,
    /// Where it begins: bytes from the start of the source, unpacked.
    pub begin: u64,
    /// Bytes that it takes in the file.
    pub bytes: u64,
    /// Where the items are, of an array without objects that takes more than 16 KiB, and of a row.
    /// The offset counts from the start of the source, unpacked. `None` where the items are not in
    /// one piece, or were not looked for.
    pub range: Option<ByteRange>,
}

/// The kind of an element: see [`Outline`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OutlineKind {
    /// A NumPy array.
    Array {
        /// The dtype of its items.
        item: ItemType,
        /// The length of each dimension.
        shape: Vec<usize>,
    },
    /// A container. How many members it has is not known.
    Container(ContainerKind),
    /// A str.
    Str,
    /// Bytes.
    Bytes,
    /// Something else.
    Other,
}

impl OutlineKind {
    /// Returns the name of the type in Python: `list`, `str`; `array` for a NumPy array, and `value` for
    /// something else.
    pub fn name(&self) -> &'static str {
        match self {
            OutlineKind::Array { .. } => "array",
            OutlineKind::Container(kind) => kind.name(),
            OutlineKind::Str => "str",
            OutlineKind::Bytes => "bytes",
            OutlineKind::Other => "value",
        }
    }

    /// Returns whether a path may lead into the value: it is a container, or an array of objects.
    pub fn has_members(&self) -> bool {
        match self {
            OutlineKind::Container(_) => true,
            OutlineKind::Array { item, .. } => item.has_object(),
            OutlineKind::Str | OutlineKind::Bytes | OutlineKind::Other => false,
        }
    }
}

impl Outline {
    /// Returns the outline of a row of an array without objects.
    pub(crate) fn of_row(range: ByteRange, is_in_one_piece: bool) -> Outline {
        let (item, shape) = (ItemType::Plain(range.dtype.clone()), range.shape.clone());
        let (begin, bytes) = (range.offset, range.length);
        let range = is_in_one_piece.then_some(range);
        Outline { kind: OutlineKind::Array { item, shape }, begin, bytes, range }
    }
}

impl Decoder {
    /// Returns the outline of the value of a span.
    pub(crate) fn outline(&mut self, span: Span, addresses: &dyn Addresses) -> Result<Outline> {
        let bytes = span.end - span.begin;
        let (begun, range) = self.begun_value(span, addresses)?;
        let last = self.last_action(span)?;
        use ContainerKind as C;
        let kind = match (last, begun) {
            (Action::Tuple, _) => OutlineKind::Container(C::Tuple),
            (Action::FrozenSet, _) => OutlineKind::Container(C::FrozenSet),
            // If the last instruction pushes a value, the element is that value.
            (Action::Str, _) => OutlineKind::Str,
            (Action::Bytes, _) => OutlineKind::Bytes,
            // If the last instruction changes the first value, the element is the first value.
            (
                Action::Grow(Container::List),
                Some(kind @ OutlineKind::Container(C::List | C::Deque)),
            )
            | (Action::Grow(Container::Set), Some(kind @ OutlineKind::Container(C::Set)))
            | (Action::SetState, Some(kind @ OutlineKind::Array { .. }))
            | (
                Action::Grow(Container::Dict),
                Some(kind @ OutlineKind::Container(C::Dict | C::OrderedDict | C::DefaultDict)),
            ) => kind,
            _ => OutlineKind::Other,
        };
        let range = range.filter(|_| matches!(kind, OutlineKind::Array { .. }));
        Ok(Outline { kind, begin: span.begin, bytes, range })
    }

    /// Runs the first instructions of a span, and returns the kind of the lowest value on the stack; of
    /// an array, also where its items are, if they are the payload after these instructions.
    fn begun_value(
        &mut self,
        span: Span,
        addresses: &dyn Addresses,
    ) -> Result<(Option<OutlineKind>, Option<ByteRange>)> {
        self.begin_own(span.memo, addresses)?;
        let mut lexer = Lexer::new(span.begin, &self.context.limits.pickle);
        let size = usize::try_from(span.end - span.begin).unwrap_or(usize::MAX).min(DECODED);
        self.window.set_anchor(span.begin);
        self.window.fill(span.begin, size)?;
        let end = span.begin + size as u64;
        let next = loop {
            let before = lexer.clone();
            match self.execute_own(&mut lexer, end) {
                Ok(Some(Flow::Missing(memo))) => {
                    lexer = before;
                    self.resolve(memo, lexer.offset(), addresses)?;
                }
                Ok(Some(Flow::Next)) => {}
                // An error of an instruction is reported when the element is decoded.
                Ok(Some(Flow::Stop(_)) | None) | Err(_) => break before,
            }
        };
        let source = Source { bytes: self.window.resident(span.begin, end), offset: span.begin };
        let payload = next_payload(next, source);
        let (graph, stack) = self.own();
        let at = |&id: &NodeId| graph.value(id, source);
        let Some((first, state)) = stack.split_first() else { return Ok((None, None)) };
        let kind = outline_of(at(first), state, at, &self.context);
        let range = match &kind {
            Some(OutlineKind::Array { item: ItemType::Plain(dtype), shape }) => payload
                .zip(NdarrayState::take(&mut state.iter().map(at)))
                .and_then(|((offset, length), state)| {
                    let fortran_order = state.fortran_order()?;
                    let shape = Shape::from(&shape[..]);
                    let size = shape.count()?.checked_mul(dtype.itemsize())? as u64;
                    let fits = size == length && !dtype.has_object() && state.data.is_none();
                    let fortran_order = fortran_order && shape.has_order();
                    let (dtype, shape) = (dtype.clone(), shape.to_vec());
                    fits.then_some(ByteRange { dtype, shape, fortran_order, offset, length })
                }),
            _ => None,
        };
        Ok((kind, range))
    }

    /// Returns the action of the last instruction of a span that does more than put a value in the memo.
    fn last_action(&mut self, span: Span) -> Result<Action> {
        let mut lexer = Lexer::new(span.begin, &self.context.limits.pickle);
        let (mut last, mut needed) = (Action::Other, 1);
        while lexer.offset() < span.end {
            let here = lexer.offset();
            self.window.set_anchor(here);
            let bytes = self.window.fill(here, needed)?;
            let seen = here + bytes.len() as u64;
            match lexer.pass(bytes)? {
                Progress::Need(more) => needed = self.window.needed(seen, lexer.offset(), more)?,
                Progress::Done(head) => {
                    needed = 1;
                    if head.action() != Action::Put {
                        last = head.action();
                    }
                    if lexer.offset() > seen {
                        let payload = head.payload;
                        self.window.step_over(payload);
                    }
                }
            }
        }
        Ok(last)
    }
}

/// Returns the offset and the length of the bytes that the next instruction pushes; `None` where it
/// does something else.
fn next_payload(mut lexer: Lexer, source: Source<'_>) -> Option<(u64, u64)> {
    let here = usize::try_from(lexer.offset() - source.offset).ok()?;
    let Ok(Progress::Done(head)) = lexer.pass(source.bytes.get(here..)?) else { return None };
    let is_bytes = head.action() == Action::Bytes;
    is_bytes.then_some((head.offset + head.size as u64, head.payload))
}

/// Returns the kind of a value, with the values above it on the stack.
fn outline_of<'a>(
    value: ValueRef<'a>,
    state: &[NodeId],
    at: impl Fn(&NodeId) -> ValueRef<'a>,
    context: &Context,
) -> Option<OutlineKind> {
    let kind = match value.kind() {
        Kind::List(_) => ContainerKind::List,
        Kind::Dict(_) => ContainerKind::Dict,
        Kind::Set(_) => ContainerKind::Set,
        _ => match Call::of(value)?.callable {
            Callable::OrderedDict => ContainerKind::OrderedDict,
            Callable::DefaultDict => ContainerKind::DefaultDict,
            Callable::Deque => ContainerKind::Deque,
            Callable::Reconstruct | Callable::MaskedReconstruct => {
                let state = NdarrayState::take(&mut state.iter().map(at))?;
                let (item, shape) = (state.item(context)?, state.shape()?.to_vec());
                return Some(OutlineKind::Array { item, shape });
            }
            _ => return None,
        },
    };
    Some(OutlineKind::Container(kind))
}
