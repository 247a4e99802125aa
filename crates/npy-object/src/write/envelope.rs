//! The envelope that is written: the pickle instructions before the first element.

use std::ops::Range;

use pickle_stream::{
    Builder, Encoder, Graph, Lexer, Limits, Machine, NodeId, Region, Source, same_instructions,
};

use npy_header::DType;

use crate::error::Result;
use crate::layout::envelope;
use crate::value::globals::ArrayClass;
use crate::write::numpy;

/// The values of an envelope without the shape. They are shared, so that elements can read them.
pub(crate) struct Envelope {
    /// The array without its state.
    array: NodeId,
    /// The first item of its state.
    version: NodeId,
    dtype: NodeId,
}

/// The positions of parts of an envelope that was written.
pub(crate) struct Parts {
    /// The memo entry of the array.
    pub(crate) root: u64,
    /// The range of the bytes of its length, from the start of the pickle, if it has one dimension.
    pub(crate) length: Option<Range<u64>>,
}

impl Envelope {
    /// Builds the envelope of an array of a dtype.
    pub(crate) fn new(dtype: &DType, build: &mut Builder) -> Result<Envelope> {
        let array = build.once("array", |build| numpy::new_array(build, ArrayClass::Array))?;
        let version = build.once("version", |build| build.int(1))?;
        Ok(Envelope { array, version, dtype: numpy::dtype(build, dtype)? })
    }

    /// Copies the envelope of another array in a pickle of this protocol: its dtype and class, by
    /// the names that they have there. Returns `None` where it does not have the parts of an
    /// envelope.
    pub(crate) fn of(
        other: &envelope::Envelope,
        protocol: u8,
        is_masked: bool,
        build: &mut Builder,
    ) -> Result<Option<Envelope>> {
        let limits = Limits::default();
        let (mut graph, mut machine) = (Graph::new(), Machine::new(&limits));
        graph.set_protocol(protocol);
        machine.reset(&graph, Region::Shared, other.memo.start);
        machine.run(&mut graph, &mut Lexer::new(other.offset, &limits), &other.bytes)?;
        let &[array, version, _shape, dtype, _order, _list] = machine.stack() else {
            return Ok(None);
        };
        let mut copy = |id| {
            let value = graph.value(id, Source { bytes: &[], offset: 0 });
            build.shared(|build| build.copy(value, None))
        };
        let (dtype, version) = (copy(dtype)?, copy(version)?);
        let array =
            if is_masked { Envelope::new(&DType::OBJECT, build)?.array } else { copy(array)? };
        Ok(Some(Envelope { array, version, dtype }))
    }

    /// Writes the envelope, up to the empty list of elements. `array_setstate` in NumPy's
    /// `methods.c` reads the state. Without a shape the array has one dimension, and room for its
    /// length.
    pub(crate) fn write(
        &self,
        shape: Option<&[usize]>,
        fortran_order: bool,
        build: &mut Builder,
        encoder: &mut Encoder,
    ) -> Result<Parts> {
        encoder.value(build.value(self.array))?;
        let root = encoder.entry(build.value(self.array)).unwrap_or_default();
        encoder.mark();
        encoder.value(build.value(self.version))?;
        let length = match shape {
            None => Some(encoder.int_of_8_bytes(0)),
            Some(&[length]) => Some(encoder.int(length as i64)),
            Some(shape) => {
                build.clear();
                let shape = numpy::shape(build, shape)?;
                encoder.value(build.value(shape))?;
                None
            }
        };
        if length.is_some() {
            encoder.tuple1();
        }
        encoder.value(build.value(self.dtype))?;
        encoder.value(build.value(build.bool(fortran_order)))?;
        encoder.empty_list();
        Ok(Parts { root, length })
    }

    /// Returns whether the instructions that it writes are those of `other`: then the memo entries
    /// have the same indices.
    pub(crate) fn is_written_as(
        &self,
        other: &envelope::Envelope,
        shape: &[usize],
        fortran_order: bool,
        build: &mut Builder,
        protocol: u8,
    ) -> Result<bool> {
        let mut encoder = Encoder::new(protocol)?;
        self.write(Some(shape), fortran_order, build, &mut encoder)?;
        let entries = encoder.entries();
        encoder.stop();
        let is_same = same_instructions(encoder.ready(), &other.bytes);
        Ok(other.memo == (0..entries) && is_same)
    }
}
