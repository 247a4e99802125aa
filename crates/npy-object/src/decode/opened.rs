//! A file that was opened: everything before its elements was read, once.

use crate::decode::decoder::{Bounds, Decoder};
use crate::decode::envelope_reader::EnvelopeReader;
use crate::decode::rows::Rows;
use crate::error::Result;
use crate::layout::envelope::Envelope;
use crate::layout::preamble::Preamble;
use crate::locate::checkpoints::Route;
use crate::options::Options;
use crate::source::Source;
use crate::value::context::Context;

/// A file whose preamble was read, and whose pickle was run up to the first container in it.
pub(crate) struct Opened {
    pub(crate) preamble: Preamble,
    pub(crate) data: Data,
}

/// What comes after the preamble.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum Data {
    Rows(Rows),
    Pickle(Pickle),
}

/// A pickle of which nothing was decoded but the envelope of the first container in it.
pub(crate) struct Pickle {
    pub(crate) decoder: Decoder,
    pub(crate) reader: EnvelopeReader,
    /// `None` where the pickle does not begin with a container.
    pub(crate) first: Result<Option<Envelope>>,
}

impl Opened {
    /// Unpacks and opens a source.
    ///
    /// Fails where the preamble cannot be read. What is wrong with the pickle is in
    /// [`Pickle::first`].
    pub(crate) fn new(source: Source, options: &Options) -> Result<Opened> {
        let (window, preamble) = Preamble::open(source, options)?;
        let context = Context::new(options);
        let data = match preamble.header_of_rows() {
            Some(header) => Data::Rows(Rows::open(window, context, preamble.data, header)?),
            None => {
                let mut decoder = Decoder::new(window, context);
                let (value, outer) = (Bounds::of_pickle(preamble.data), Route::default());
                let mut reader = EnvelopeReader::new(value, &mut decoder, &outer)?;
                let first = reader.next(&mut decoder, &outer);
                Data::Pickle(Pickle { decoder, reader, first })
            }
        };
        Ok(Opened { preamble, data })
    }

    /// Returns whether the file holds an array of objects without dimensions.
    pub(crate) fn has_one_object(&self) -> bool {
        let Data::Pickle(Pickle { first: Ok(Some(envelope)), .. }) = &self.data else {
            return false;
        };
        envelope.array().is_some_and(|state| state.shape.is_empty())
    }
}
