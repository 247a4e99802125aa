//! `pyferrite-typed-json FILE`: what pyferrite reads, as typed JSON.
//!
//! Nothing is made better than it is: what pyferrite does not keep (which objects are shared,
//! NumPy's scalars, frozensets) cannot be told here either, and calls that it does not understand
//! stay calls.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use base64::{Engine, engine::general_purpose::STANDARD};
use pyferrite::value::{Array, PyObject, Value};
use serde_json::{Value as Json, json};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: pyferrite-typed-json FILE");
        return ExitCode::from(2);
    };
    let elements = match pyferrite::read(path) {
        Ok(Value::List(elements)) => elements.iter().map(value).collect(),
        Ok(Value::Array(numbers)) => rows(&numbers),
        Ok(other) => vec![value(&other)],
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut out = BufWriter::new(std::io::stdout());
    for element in elements {
        if writeln!(out, "{element}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    if out.flush().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn value(value: &Value) -> Json {
    const SAFE: i64 = (1 << 53) - 1;
    match value {
        Value::None => Json::Null,
        Value::Bool(bool) => json!(bool),
        Value::Int(int) if (-SAFE..=SAFE).contains(int) => json!(int),
        Value::Int(int) => json!({ "int": int.to_string() }),
        Value::BigInt(bytes) => json!({ "int": decimal(bytes) }),
        Value::Float(float) => json!({ "float": bits(*float) }),
        Value::Complex(complex) => json!({ "complex": [bits(complex.re), bits(complex.im)] }),
        Value::Str(text) => json!(text),
        Value::Bytes(bytes) => json!({ "bytes": STANDARD.encode(bytes) }),
        Value::List(items) => values(items),
        Value::Tuple(items) => json!({ "tuple": values(items) }),
        Value::Set(items) => json!({ "set": values(items) }),
        Value::Dict(dict) => {
            let pairs: Vec<Json> =
                dict.iter().map(|(k, v)| json!([self::value(k), self::value(v)])).collect();
            json!({ "dict": pairs })
        }
        Value::Array(array) => json!({ "array": whole(array) }),
        Value::Frame(_) => json!({ "frame": null }),
        Value::Object(object) => call(object),
    }
}

fn values(items: &[Value]) -> Json {
    Json::Array(items.iter().map(value).collect())
}

fn call(object: &PyObject) -> Json {
    let callable = json!({ "global": [object.module, object.name] });
    if object.args.is_empty() && object.state.is_none() {
        return callable;
    }
    let mut members = json!({ "callable": callable, "args": { "tuple": values(&object.args) } });
    if let Some(state) = &object.state {
        members["state"] = json!([value(state)]);
    }
    if !object.list_items.is_empty() {
        members["appended"] = values(&object.list_items);
    }
    json!({ "call": members })
}

fn bits(float: f64) -> String {
    format!("{:016x}", float.to_bits())
}

/// The digits of an int of any width, in little-endian two's complement.
fn decimal(bytes: &[u8]) -> String {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in &mut magnitude {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|&byte| byte != 0) {
        let mut rest = 0_u32;
        for byte in magnitude.iter_mut().rev() {
            let part = rest << 8 | u32::from(*byte);
            (*byte, rest) = ((part / 10) as u8, part % 10);
        }
        digits.push(char::from(b'0' + rest as u8));
    }
    let digits: String = digits.into_iter().rev().collect();
    format!("{}{}", if negative { "-" } else { "" }, if digits.is_empty() { "0" } else { &digits })
}

/// The dtype and the items of an array in C order, for the types that both sides have.
fn items(array: &Array) -> Option<(&'static str, Vec<Vec<u8>>)> {
    macro_rules! numbers {
        ($($variant:ident $descr:literal)*) => {
            match array {
                $(Array::$variant(a) => Some(($descr, a.iter().map(|x| x.to_le_bytes().to_vec()).collect())),)*
                Array::Bool(a) => Some(("|b1", a.iter().map(|&x| vec![u8::from(x)]).collect())),
                Array::C128(a) => Some(("<c16", a.iter().map(|x| {
                    [x.re.to_le_bytes(), x.im.to_le_bytes()].concat()
                }).collect())),
                Array::C64(a) => Some(("<c8", a.iter().map(|x| {
                    [x.re.to_le_bytes(), x.im.to_le_bytes()].concat()
                }).collect())),
                _ => None,
            }
        };
    }
    numbers!(I8 "|i1" I16 "<i2" I32 "<i4" I64 "<i8" U8 "|u1" U16 "<u2" U32 "<u4" U64 "<u8" F32 "<f4" F64 "<f8")
}

fn whole(array: &Array) -> Json {
    match items(array) {
        Some((descr, items)) => json!({
            "dtype": descr, "shape": array.shape(), "order": "C", "data": STANDARD.encode(items.concat())
        }),
        None => json!({ "dtype": null, "shape": array.shape() }),
    }
}

/// The rows of an array of numbers along its first axis.
fn rows(array: &Array) -> Vec<Json> {
    let Some((descr, items)) = items(array) else {
        return vec![json!({ "array": whole(array) })];
    };
    let scalar =
        |item: &Vec<u8>| json!({ "scalar": { "dtype": descr, "data": STANDARD.encode(item) } });
    match array.shape() {
        [] | [_] => items.iter().map(scalar).collect(),
        [count, row @ ..] => {
            let width: usize = row.iter().product();
            let data = |i: usize| STANDARD.encode(items[i * width..(i + 1) * width].concat());
            let row = |i| json!({ "array": { "dtype": descr, "shape": row, "order": "C", "data": data(i) } });
            (0..*count).map(row).collect()
        }
    }
}
