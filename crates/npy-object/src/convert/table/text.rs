//! JSON lines and CSV.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::Sink;
use crate::error::{Error, ErrorKind, Result};
use crate::output::Output;

#[cfg(feature = "jsonl")]
pub(super) use json_lines::JsonLines;

#[cfg(feature = "jsonl")]
mod json_lines {
    use std::io::Write;
    use std::sync::Arc;

    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float16Type, Float32Type, Float64Type};
    use arrow_json::writer::{Encoder, EncoderFactory, LineDelimited, NullableEncoder};
    use arrow_json::{EncoderOptions, Writer, WriterBuilder};
    use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
    use arrow_schema::{ArrowError, DataType, FieldRef};

    use super::*;

    pub(in super::super) struct JsonLines(Writer<Output<'static>, LineDelimited>);

    impl JsonLines {
        pub(in super::super) fn create(path: &Path, schema: &SchemaRef) -> Result<JsonLines> {
            for field in schema.flattened_fields() {
                if let DataType::Union(..) = field.data_type() {
                    let name = field.name();
                    let message =
                        format!("column {name:?} is a union, which has no JSON: use mixed JSON");
                    return Err(Error::new(ErrorKind::Unsupported, "access.type", None, message));
                }
            }
            let builder = WriterBuilder::new().with_explicit_nulls(true);
            let builder = builder.with_encoder_factory(Arc::new(Values));
            Ok(JsonLines(builder.build(Output::create(path)?)))
        }
    }

    impl Sink for JsonLines {
        fn write(&mut self, batch: &RecordBatch, _: u64) -> Result<()> {
            Ok(self.0.write(batch)?)
        }

        fn finish(mut self: Box<Self>) -> Result<()> {
            self.0.finish()?;
            self.0.into_inner().finish()
        }
    }

    /// The encoders of values that arrow-json would write as something else.
    #[derive(Debug)]
    struct Values;

    impl EncoderFactory for Values {
        fn make_default_encoder<'a>(
            &self,
            field: &'a FieldRef,
            array: &'a dyn Array,
            _: &'a EncoderOptions,
        ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
            let extension = field.metadata().get(EXTENSION_TYPE_NAME_KEY).map(String::as_str);
            let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
                DataType::LargeUtf8 if extension == Some("arrow.json") => {
                    Box::new(Json(array.as_string()))
                }
                DataType::Float16 => {
                    let values = array.as_primitive::<Float16Type>().values();
                    Box::new(Floats(move |row: usize| values[row].into()))
                }
                DataType::Float32 => {
                    // The digits of an f32, not of the f64 that equals it.
                    let values = array.as_primitive::<Float32Type>().values();
                    Box::new(Floats32(values))
                }
                DataType::Float64 => {
                    let values = array.as_primitive::<Float64Type>().values();
                    Box::new(Floats(move |row: usize| values[row]))
                }
                _ => return Ok(None),
            };
            Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
        }
    }

    /// Text that is JSON.
    struct Json<'a>(&'a arrow_array::LargeStringArray);

    impl Encoder for Json<'_> {
        fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
            out.extend_from_slice(self.0.value(row).as_bytes());
        }
    }

    /// Floats, with NaN and infinities as strs, as in plain JSON of this crate.
    struct Floats<F>(F);

    impl<F: FnMut(usize) -> f64> Encoder for Floats<F> {
        fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
            write_float(self.0(row), |value| format!("{value:?}"), out);
        }
    }

    struct Floats32<'a>(&'a [f32]);

    impl Encoder for Floats32<'_> {
        fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
            let value = self.0[row];
            write_float(value.into(), |_| format!("{value:?}"), out);
        }
    }

    fn write_float(value: f64, digits: impl FnOnce(f64) -> String, out: &mut Vec<u8>) {
        let text = match value {
            value if value.is_nan() => "\"NaN\"".to_owned(),
            f64::INFINITY => "\"Infinity\"".to_owned(),
            f64::NEG_INFINITY => "\"-Infinity\"".to_owned(),
            value => digits(value),
        };
        // Writing to a Vec does not fail.
        let _ = out.write_all(text.as_bytes());
    }
}

#[cfg(feature = "csv")]
pub(super) struct Csv(arrow_csv::Writer<Output<'static>>);

#[cfg(feature = "csv")]
impl Csv {
    pub(super) fn create(path: &Path, schema: &SchemaRef) -> Result<Csv> {
        if let Some(field) = schema.fields().iter().find(|field| field.data_type().is_nested()) {
            let (name, data_type) = (field.name(), field.data_type());
            let message = format!(
                "expected columns without lists, structs and unions, as CSV has no place for them, \
                 found {data_type} in column {name:?}: JSON lines have"
            );
            return Err(Error::new(ErrorKind::Unsupported, "access.type", None, message));
        }
        let builder = arrow_csv::WriterBuilder::new().with_header(true);
        Ok(Csv(builder.build(Output::create(path)?)))
    }
}

#[cfg(feature = "csv")]
impl Sink for Csv {
    fn write(&mut self, batch: &RecordBatch, _: u64) -> Result<()> {
        Ok(self.0.write(batch)?)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.into_inner().finish()
    }
}
