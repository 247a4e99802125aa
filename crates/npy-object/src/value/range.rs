//! [`ByteRange`]: the place of the items of an array in its file.

use npy_header::DType;
use pickle_stream::ValueRef;

use crate::error::{Error, ErrorKind, Result};
use crate::value::access::wrong_type;
use crate::value::array::Data;
use crate::value::calls::{Call, tuple};
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::globals::Callable;
use crate::value::kind::Kind;
use crate::value::shape::Shape;
use crate::value::state::NdarrayState;
use crate::value::text::Text;

/// The place of the items of an array or a NumPy scalar in its file: see
/// [`NpyArray::byte_ranges`](crate::NpyArray::byte_ranges).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ByteRange {
    /// The dtype of the items, with their byte order in the file.
    pub dtype: DType,
    /// The length of each dimension; none for a scalar.
    pub shape: Vec<usize>,
    /// Whether the first index varies fastest in the bytes, rather than the last.
    pub fortran_order: bool,
    /// The offset of the first item: bytes from the start of the file. For an array without items, the
    /// offset of its pickle.
    pub offset: u64,
    /// The number of bytes.
    pub length: u64,
}

/// The parts of the call that makes an array or a scalar.
struct Parts<'a> {
    dtype: DType,
    shape: Shape,
    fortran_order: bool,
    data: ValueRef<'a>,
}

impl ByteRange {
    /// Finds the items of an element, which begins at `begin`.
    ///
    /// Fails with clause `access.type` where it is not an array or a scalar of NumPy without objects,
    /// and with clause `access.range` where its bytes are not in one piece.
    pub(crate) fn of_pickled(element: Element<'_>, begin: u64) -> Result<ByteRange> {
        let kind = element.kind();
        let is_plain = match &kind {
            Kind::Array(array) => matches!(array.data(), Data::Bytes(_)) && array.mask().is_none(),
            Kind::Scalar(_) => true,
            _ => false,
        };
        if !is_plain {
            return Err(wrong_kind(&kind).or_at(begin));
        }
        let parts = element.value().and_then(|value| Parts::of(value, element.context()));
        let parts = parts.ok_or_else(|| in_pieces("its axes are in another order", begin))?;
        let size = parts.shape.count().and_then(|count| count.checked_mul(parts.dtype.itemsize()));
        let length = size.unwrap_or(0) as u64;
        let offset = match length {
            0 => begin,
            _ => parts.data.payload_offset().ok_or_else(|| {
                in_pieces("they are text, as in protocols 0 to 2, or another object's", begin)
            })?,
        };
        let (dtype, shape, fortran_order) =
            (parts.dtype, parts.shape.to_vec(), parts.fortran_order);
        Ok(ByteRange { dtype, shape, fortran_order, offset, length })
    }
}

impl<'a> Parts<'a> {
    /// Returns the parts of a call that was recognised as an array or a scalar; `None` where its axes
    /// are in neither C nor Fortran order.
    fn of(value: ValueRef<'a>, context: &Context) -> Option<Parts<'a>> {
        let call = Call::of(value)?;
        let mut args = call.args()?;
        let (item, shape, fortran_order, data) = match call.callable {
            Callable::Reconstruct => {
                let state = NdarrayState::take(&mut tuple(call.state()?)?)?;
                let shape = state.shape()?;
                let fortran_order = state.fortran_order()? && shape.has_order();
                (state.item(context)?, shape, fortran_order, state.data?)
            }
            Callable::FromBuffer => {
                let (data, item) = (args.next()?, context.item_types.read(args.next()?)?);
                let shape = Shape::read(args.next()?)?;
                let order = Text::read(args.next()?, context.encoding())?;
                let fortran_order = match order.to_str()? {
                    "C" => false,
                    "F" => shape.has_order(),
                    _ => return None,
                };
                (item, shape, fortran_order, data)
            }
            Callable::Scalar => {
                let (item, data) = (context.item_types.read(args.next()?)?, args.next()?);
                (item, Shape::from(&[][..]), false, data)
            }
            _ => return None,
        };
        let ItemType::Plain(dtype) = item else { return None };
        Some(Parts { dtype, shape, fortran_order, data })
    }
}

#[cold]
fn wrong_kind(found: &Kind<'_>) -> Error {
    let wanted = "an array or a scalar of NumPy without objects";
    match found {
        Kind::Array(array) => {
            let kind =
                if array.mask().is_some() { "a masked array" } else { "an array of objects" };
            Error::usage("access.type", format!("expected {wanted}, found {kind}"))
        }
        other => wrong_type(wanted, other),
    }
}

/// Returns the error for items that are not in one piece.
#[cold]
pub(crate) fn in_pieces(why: &str, offset: impl Into<Option<u64>>) -> Error {
    let message = format!("expected the items of an array in one piece in the file: {why}");
    Error::new(ErrorKind::Unsupported, "access.range", offset, message)
}
