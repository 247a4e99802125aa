//! Bytes in a pickle: bytes, and the calls that stand for them before protocol 3.

use std::borrow::Cow;

use pickle_stream::{Kind as Raw, ValueRef};

use crate::options::Encoding;
use crate::value::calls::Call;
use crate::value::globals::Callable;
use crate::value::text::Text;

/// Reads the bytes that an array or a datetime is made of, in the form of any protocol.
pub(crate) fn raw_bytes(value: ValueRef<'_>, encoding: Encoding) -> Option<Cow<'_, [u8]>> {
    match value.kind() {
        Raw::Bytes(bytes) | Raw::ByteArray(bytes) | Raw::Str2(bytes) => Some(bytes.into()),
        // A Python 3 that unpickled a Python 2 str as text, and pickled it again.
        Raw::Str(text) => latin_1(text.to_str()?).map(Cow::Owned),
        Raw::Object(object) => bytes_of_call(Call::of_object(object)?, encoding),
        _ => None,
    }
}

/// Returns the bytes that a call of `encode`, `bytes` or `bytearray` makes.
pub(crate) fn bytes_of_call<'a>(call: Call<'a>, encoding: Encoding) -> Option<Cow<'a, [u8]>> {
    let mut args = call.args()?;
    match call.callable {
        Callable::Encode => encoded(args.next()?, args.next()?, encoding),
        Callable::Bytes | Callable::ByteArray => {
            let Some(arg) = args.next() else { return Some(Cow::Borrowed(&[])) };
            match (call.callable, arg.kind(), Text::read(arg, encoding)) {
                // `bytearray(text, 'latin-1')`
                (Callable::ByteArray, _, Some(_)) => encoded(arg, args.next()?, encoding),
                (_, Raw::Bytes(bytes), _) | (_, Raw::Str2(bytes), None) => Some(bytes.into()),
                // `bytearray(_codecs.encode(text, 'latin1'))`
                (_, Raw::Object(object), _) => {
                    let call = Call::of_object(object)?;
                    let mut args = call.args()?;
                    match call.callable {
                        Callable::Encode => encoded(args.next()?, args.next()?, encoding),
                        _ => None,
                    }
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Encodes a text by the name of an encoding, which is Latin-1.
fn encoded<'a>(
    text: ValueRef<'a>,
    name: ValueRef<'a>,
    encoding: Encoding,
) -> Option<Cow<'a, [u8]>> {
    let (text, name) = (Text::read(text, encoding)?, Text::read(name, encoding)?);
    if !matches!(name.to_str()?, "latin1" | "latin-1") {
        return None;
    }
    latin_1(text.to_str()?).map(Cow::Owned)
}

fn latin_1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}
