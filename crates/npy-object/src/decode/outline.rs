//! [`Outline`]: a summary of an element that is too large to decode, from its first and last
//! instructions.

use npy_header::DType;
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
use crate::value::state::NdarrayState;

/// Bytes of an element that are decoded for its outline.
const DECODED: usize = 16 << 10;

/// A summary of an element from its first 16 KiB and its last instruction, without its payload: see
/// [`NpyArray::outline`](crate::NpyArray::outline).
#[derive(Clone, Debug)]
pub struct Outline {
    /// The kind of the element.
    pub kind: OutlineKind,
    /// Bytes that it takes in the file.
    pub bytes: u64,
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

impl Outline {
    /// Returns the outline of a row of an array without objects.
    pub(crate) fn of_row(dtype: &DType, shape: &[usize], bytes: u64) -> Outline {
        let (item, shape) = (ItemType::Plain(dtype.clone()), shape.to_vec());
        Outline { kind: OutlineKind::Array { item, shape }, bytes }
    }
}

impl Decoder {
    /// Returns the outline of the value of a span.
    pub(crate) fn outline(&mut self, span: Span, addresses: &dyn Addresses) -> Result<Outline> {
        let bytes = span.end - span.begin;
        let begun = self.begun_value(span, addresses)?;
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
        Ok(Outline { kind, bytes })
    }

    /// Runs the first instructions of a span, and returns the kind of the lowest value on the stack.
    fn begun_value(
        &mut self,
        span: Span,
        addresses: &dyn Addresses,
    ) -> Result<Option<OutlineKind>> {
        self.begin_own(span.memo, addresses)?;
        let mut lexer = Lexer::new(span.begin, &self.context.limits.pickle);
        let size = usize::try_from(span.end - span.begin).unwrap_or(usize::MAX).min(DECODED);
        self.window.set_anchor(span.begin);
        self.window.fill(span.begin, size)?;
        let end = span.begin + size as u64;
        loop {
            let before = lexer.clone();
            match self.execute_own(&mut lexer, end) {
                Ok(Some(Flow::Missing(memo))) => {
                    lexer = before;
                    self.resolve(memo, lexer.offset(), addresses)?;
                }
                Ok(Some(Flow::Next)) => {}
                // An error of an instruction is reported when the element is decoded.
                Ok(Some(Flow::Stop(_)) | None) | Err(_) => break,
            }
        }
        let source = Source { bytes: self.window.resident(span.begin, end), offset: span.begin };
        let (graph, stack) = self.own();
        let at = |&id: &NodeId| graph.value(id, source);
        Ok(stack
            .split_first()
            .and_then(|(first, state)| outline_of(at(first), state, at, &self.context)))
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
