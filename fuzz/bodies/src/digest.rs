//! Writes a decoded value as bytes that are easy to compare. `oracle/unpicklers.py` writes the
//! values of CPython in the same form.
//!
//! A shared object is written once, and later as a number, so that aliases and cycles are compared
//! too. A key that is set twice is written once, as in a dict of Python; the members of sets are
//! sorted.

use std::collections::HashMap;
use std::io::Write;

use num_bigint::BigInt;
use pickle_stream::{Construct, Entries, Items, Kind, NodeId, ValueRef};

/// How deep values may be nested; more would overflow the stack, because they are walked by
/// recursion.
const DEPTH: usize = 100;

/// The maximum length of a digest.
const BYTES: usize = 16 << 20;

/// The maximum length of a key or a member of a set, in which shared objects are written each time.
const KEY_BYTES: usize = 100_000;

/// The value is nested too deep, or its digest is too long.
#[derive(Debug)]
pub struct TooLarge;

/// Returns the digest of a value.
///
/// # Errors
/// Fails where the value is nested deeper than 100 levels, where its digest has more than 16 MiB,
/// and where that of a key or a member of a set has more than 100,000 bytes.
pub fn digest(value: ValueRef<'_>) -> Result<Vec<u8>, TooLarge> {
    let mut writer = Writer { out: Vec::new(), seen: HashMap::new() };
    writer.value(value, DEPTH)?;
    Ok(writer.out)
}

struct Writer {
    out: Vec<u8>,
    seen: HashMap<NodeId, usize>,
}

impl Writer {
    fn value(&mut self, value: ValueRef<'_>, depth: usize) -> Result<(), TooLarge> {
        if self.out.len() > BYTES {
            return Err(TooLarge);
        }
        let depth = depth.checked_sub(1).ok_or(TooLarge)?;
        if has_identity(&value.kind()) {
            if let Some(number) = self.seen.get(&value.id()) {
                write!(self.out, "R{number},").expect("written to memory");
                return Ok(());
            }
            self.seen.insert(value.id(), self.seen.len());
        }
        match value.kind() {
            Kind::ByteArray(bytes) => self.payload(b'B', bytes),
            Kind::Tuple(items) => self.all(b'(', items, depth)?,
            Kind::List(items) => self.all(b'[', items, depth)?,
            Kind::Set(items) => self.set(b'{', items)?,
            Kind::FrozenSet(items) => self.set(b'<', items)?,
            Kind::Dict(entries) => self.dict(entries, depth)?,
            Kind::PersistentId(id) => {
                self.out.push(b'P');
                self.value(id, depth)?;
            }
            Kind::Object(object) => {
                self.out.push(if object.construct() == Construct::New { b'n' } else { b'c' });
                self.value(object.callable(), depth)?;
                let Kind::Tuple(args) = object.args().kind() else { return Err(TooLarge) };
                self.all(b'(', args, depth)?;
                match object.kwargs().map(ValueRef::kind) {
                    Some(Kind::Dict(kwargs)) => self.dict(kwargs, depth)?,
                    _ => self.out.extend(b"d;"),
                }
                self.all(b'b', object.states(), depth)?;
                self.all(b'a', object.appended(), depth)?;
                self.out.push(b's');
                for (key, value) in object.items() {
                    self.value(key, depth)?;
                    self.value(value, depth)?;
                }
                self.out.push(b';');
                self.all(b'+', object.added(), depth)?;
            }
            simple => self.simple(&simple),
        }
        Ok(())
    }

    fn all(&mut self, letter: u8, items: Items<'_>, depth: usize) -> Result<(), TooLarge> {
        self.out.push(letter);
        for item in items {
            self.value(item, depth)?;
        }
        self.out.push(b';');
        Ok(())
    }

    fn dict(&mut self, entries: Entries<'_>, depth: usize) -> Result<(), TooLarge> {
        let mut indices = HashMap::new();
        let mut kept: Vec<(ValueRef<'_>, ValueRef<'_>)> = Vec::new();
        for (key, value) in entries {
            let index = *indices.entry(equal(key, DEPTH)?).or_insert(kept.len());
            match kept.get_mut(index) {
                Some(entry) => entry.1 = value,
                None => kept.push((key, value)),
            }
        }
        self.out.push(b'd');
        for (key, value) in kept {
            self.value(key, depth)?;
            self.value(value, depth)?;
        }
        self.out.push(b';');
        Ok(())
    }

    fn set(&mut self, letter: u8, items: Items<'_>) -> Result<(), TooLarge> {
        self.out.push(letter);
        for member in members(items, DEPTH)? {
            self.out.extend(member);
        }
        self.out.push(b';');
        Ok(())
    }

    fn payload(&mut self, letter: u8, bytes: &[u8]) {
        write!(self.out, "{}{}:", char::from(letter), bytes.len()).expect("written to memory");
        self.out.extend(bytes);
    }

    /// Writes a value that contains no others.
    fn simple(&mut self, kind: &Kind<'_>) {
        match kind {
            Kind::None => self.out.push(b'N'),
            Kind::Bool(true) => self.out.push(b'T'),
            Kind::Bool(false) => self.out.push(b'F'),
            Kind::Int(value) => self.out.extend(format!("i{value},").into_bytes()),
            Kind::Long(value) => {
                let value = value.to_big_int();
                // Python refuses to write more than 4,300 digits in decimal.
                let text = if value.bits() < 10_000 {
                    format!("i{value},")
                } else {
                    format!("x{value:x},")
                };
                self.out.extend(text.into_bytes());
            }
            Kind::Float(value) => {
                self.out.extend(format!("f{:016x}", value.to_bits()).into_bytes());
            }
            Kind::Str(text) => self.payload(b's', text.as_bytes()),
            Kind::Str2(bytes) | Kind::Bytes(bytes) => self.payload(b'b', bytes),
            Kind::Global(global) => {
                self.payload(b'G', global.module.as_bytes());
                self.payload(b'.', global.name.as_bytes());
            }
            Kind::Extension(code) => self.out.extend(format!("X{code},").into_bytes()),
            Kind::Buffer { index, .. } => self.out.extend(format!("U{index},").into_bytes()),
            _ => self.out.push(b'?'),
        }
    }
}

/// Returns whether two uses of the value can be told apart from two equal values.
fn has_identity(kind: &Kind<'_>) -> bool {
    match kind {
        Kind::Tuple(items) => items.len() > 0,
        Kind::List(_) | Kind::Dict(_) | Kind::Set(_) | Kind::ByteArray(_) => true,
        Kind::Object(_) | Kind::PersistentId(_) => true,
        _ => false,
    }
}

/// Returns the digests of the distinct members of a set, sorted.
fn members(items: Items<'_>, depth: usize) -> Result<Vec<Vec<u8>>, TooLarge> {
    let mut kept = HashMap::new();
    for item in items {
        let key = equal(item, depth)?;
        if let std::collections::hash_map::Entry::Vacant(entry) = kept.entry(key) {
            entry.insert(member(item, depth)?);
        }
    }
    let mut members: Vec<_> = kept.into_values().collect();
    members.sort_unstable();
    Ok(members)
}

/// Returns the digest of a member of a set. Objects that are hashed by identity are all the same
/// `O`, because their order is not known.
fn member(value: ValueRef<'_>, depth: usize) -> Result<Vec<u8>, TooLarge> {
    let depth = depth.checked_sub(1).ok_or(TooLarge)?;
    let mut writer = Writer { out: Vec::new(), seen: HashMap::new() };
    match value.kind() {
        Kind::Tuple(items) => {
            writer.out.push(b'(');
            for item in items {
                writer.out.extend(member(item, depth)?);
                if writer.out.len() > KEY_BYTES {
                    return Err(TooLarge);
                }
            }
            writer.out.push(b';');
        }
        Kind::FrozenSet(items) => {
            writer.out = [&b"<"[..], &members(items, depth)?.concat(), b";"].concat();
        }
        kind if has_identity(&kind) => writer.out.push(b'O'),
        Kind::Buffer { .. } => writer.out.push(b'O'),
        kind => writer.simple(&kind),
    }
    Ok(writer.out)
}

/// Returns bytes that are equal for two keys exactly where Python takes them for the same key.
fn equal(value: ValueRef<'_>, depth: usize) -> Result<Vec<u8>, TooLarge> {
    let depth = depth.checked_sub(1).ok_or(TooLarge)?;
    let mut writer = Writer { out: Vec::new(), seen: HashMap::new() };
    match value.kind() {
        Kind::Bool(value) => writer.simple(&Kind::Int(value.into())),
        // NaN equals no other value, but a dict finds the same object again.
        Kind::Float(number) if number.is_nan() => {
            writer.out = format!("#{:?}", value.id()).into_bytes();
        }
        Kind::Float(number) if number == number.trunc() && number.is_finite() => {
            writer.out = format!("i{},", whole(number)).into_bytes();
        }
        Kind::Tuple(items) => {
            writer.out.push(b'(');
            for item in items {
                writer.out.extend(equal(item, depth)?);
                if writer.out.len() > KEY_BYTES {
                    return Err(TooLarge);
                }
            }
            writer.out.push(b';');
        }
        Kind::FrozenSet(items) => {
            let mut keys = items.map(|item| equal(item, depth)).collect::<Result<Vec<_>, _>>()?;
            keys.sort_unstable();
            keys.dedup();
            writer.out = [&b"<"[..], &keys.concat(), b";"].concat();
        }
        kind if has_identity(&kind) => writer.out = format!("#{:?}", value.id()).into_bytes(),
        Kind::Buffer { index, .. } => writer.out = format!("U{index}").into_bytes(),
        kind => writer.simple(&kind),
    }
    Ok(writer.out)
}

/// Returns the integer that equals a float without a fraction.
fn whole(number: f64) -> BigInt {
    let bits = number.abs().to_bits();
    let exponent = (bits >> 52) as i64 - 1075;
    let mantissa = BigInt::from(bits & ((1 << 52) - 1) | if bits >> 52 == 0 { 0 } else { 1 << 52 });
    let size = if exponent < 0 { mantissa >> -exponent } else { mantissa << exponent };
    if number < 0.0 { -size } else { size }
}
