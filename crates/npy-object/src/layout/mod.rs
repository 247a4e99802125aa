//! Everything before the elements: the preamble, the envelope, and whether they agree.
//!
//! Nothing here decodes an element. It uses `source` (bytes), `value` (to recognise an array in the
//! values of the envelope), and the crates below. Read in this order:
//!
//! - [`preamble`]: the header, and where the data begin
//! - [`envelope`]: the pickle instructions before the first element, and what they make
//! - [`provenance`]: which NumPy and Python wrote a pickle
//! - [`Layout`]: what is known of an array when both were read; all cursors on the array share it

pub(crate) mod envelope;
pub(crate) mod preamble;
pub(crate) mod provenance;

use npy_header::{DType, Header, Version};

use crate::layout::envelope::ArrayState;
use crate::layout::preamble::Preamble;
use crate::value::dtype::ItemType;
use crate::value::globals::ArrayClass;

/// The properties of an array that a file states before its elements.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) preamble: Preamble,
    /// `None` where it is not NumPy's.
    pub(crate) class: Option<ArrayClass>,
    pub(crate) shape: Vec<usize>,
    pub(crate) fortran_order: bool,
    /// The items; `None` where the header alone describes them, in an array without objects.
    pub(crate) item: Option<ItemType>,
}

impl Layout {
    /// Creates the layout of an array of objects.
    pub(crate) fn of_objects(preamble: Preamble, state: &ArrayState) -> Layout {
        Layout {
            preamble,
            class: state.class,
            shape: state.shape.to_vec(),
            fortran_order: state.fortran_order,
            item: Some(state.item.clone()),
        }
    }

    /// Creates the layout of an array of the members of a container, which has no header.
    pub(crate) fn of_members(shape: Vec<usize>, item: Option<ItemType>) -> Layout {
        Layout {
            preamble: Preamble { header: None, data: 0 },
            class: Some(ArrayClass::Array),
            shape,
            fortran_order: false,
            item: Some(item.unwrap_or(ItemType::Plain(DType::OBJECT))),
        }
    }

    /// Creates the layout of an array without objects, which the header alone describes.
    pub(crate) fn of_rows(preamble: Preamble) -> Layout {
        let header = preamble.header.as_ref();
        Layout {
            class: Some(ArrayClass::Array),
            shape: header.map_or_else(Vec::new, |header| header.shape.clone()),
            fortran_order: header.is_some_and(|header| header.fortran_order),
            item: None,
            preamble,
        }
    }

    /// Returns a header that describes the array: that of the file where header and pickle agree.
    pub(crate) fn to_header(&self) -> Header {
        let header = self.preamble.header.as_ref();
        let dtype = match (header, &self.item) {
            (Some(header), _) => header.dtype.clone(),
            (None, Some(ItemType::Plain(dtype))) => dtype.clone(),
            (None, _) => DType::OBJECT,
        };
        let version = header.map_or(Version::V1, |header| header.version);
        Header { version, ..Header::new(dtype, self.fortran_order, self.shape.clone()) }
    }
}
