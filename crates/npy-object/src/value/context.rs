//! [`Context`]: how the values of one file are read.

use std::sync::Arc;

use npy_header::DType;

use crate::options::{Encoding, Limits, Options};
use crate::value::dtype::{ItemType, ItemTypes};

/// The settings and the cache that all values of one file share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) limits: Arc<Limits>,
    /// The dtype of the elements, where the array is pickled.
    pub(crate) item: Option<ItemType>,
    pub(crate) item_types: ItemTypes,
}

impl Context {
    pub(crate) fn new(options: &Options) -> Context {
        let (limits, item_types) = (Arc::clone(&options.limits), ItemTypes::new(options.encoding));
        Context { limits, item: None, item_types }
    }

    /// Returns the encoding of Python 2 str.
    pub(crate) fn encoding(&self) -> Encoding {
        self.item_types.encoding
    }

    /// Returns the dtype of the elements, where they are items of a structured array.
    pub(crate) fn record_dtype(&self) -> Option<&DType> {
        match &self.item {
            Some(ItemType::Plain(dtype @ DType::Struct(_))) => Some(dtype),
            _ => None,
        }
    }

    /// Returns the same context for another graph, whose node ids mean other values.
    pub(crate) fn fresh(&self) -> Context {
        Context {
            limits: Arc::clone(&self.limits),
            item: self.item.clone(),
            item_types: ItemTypes::new(self.encoding()),
        }
    }
}
