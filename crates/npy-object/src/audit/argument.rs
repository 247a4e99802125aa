//! Questions about the arguments of a call, and about the names in them.

use pickle_stream::audit::{NameId, Operand, OperandDict, OperandItems};

use super::fact::Fact;
use super::rule::Rule;

/// The items of a tuple: the arguments of a call, or a state.
pub(super) struct Arguments<'a> {
    known: [Operand<'a>; Arguments::MOST],
    len: usize,
}

impl<'a> Arguments<'a> {
    /// Items of the longest call or state that a rule allows.
    const MOST: usize = 9;

    /// Returns the items; `None` where there are more than in any call or state that a rule allows.
    pub(super) fn of(items: OperandItems<'a>) -> Option<Arguments<'a>> {
        let mut known = [Operand::None; Arguments::MOST];
        let len = items.len();
        for (index, item) in items.iter().enumerate() {
            *known.get_mut(index)? = item;
        }
        Some(Arguments { known, len })
    }

    pub(super) fn as_slice(&self) -> &[Operand<'a>] {
        &self.known[..self.len]
    }
}

/// The names in a pickle, for the rules.
pub(super) trait Lookup {
    /// Returns the rule of a name; `None` where it is not known to be inert.
    fn rule(&self, name: NameId) -> Option<Rule>;
    /// Returns the rule of an attribute of a name.
    fn rule_of_attribute(&self, name: NameId, attribute: &[u8]) -> Option<Rule>;
    /// Returns a number for a dtype that no other dtype of the pickle has; 0 where there were too
    /// many.
    fn next_serial(&mut self) -> u32;
}

/// Returns whether it is a plain value, or made by a call that a rule allows, and cannot be called.
pub(super) fn is_plain(value: &Operand<'_>) -> bool {
    match value {
        Operand::Unknown | Operand::Global(_) => false,
        Operand::Result(result) => match Fact::unpack(result.fact) {
            Fact::Bytes | Fact::DType(_) | Fact::Array(_) => true,
            Fact::Made { rule, .. } => rule != Rule::ItemGetter,
            Fact::None | Fact::MayBeGlobal | Fact::Allowed | Fact::Callable { .. } => false,
        },
        _ => true,
    }
}

pub(super) fn is_number(value: &Operand<'_>) -> bool {
    matches!(value, Operand::Int(_) | Operand::Bool(_) | Operand::Number)
}

pub(super) fn is_flag(value: &Operand<'_>) -> bool {
    matches!(value, Operand::Bool(_) | Operand::Int(0 | 1))
}

pub(super) fn is_text(value: &Operand<'_>) -> bool {
    matches!(value, Operand::Text(_) | Operand::LongText)
}

/// Returns whether it is bytes, or text, the form in which Python 2 writes bytes.
pub(super) fn is_bytes(value: &Operand<'_>) -> bool {
    match value {
        Operand::Bytes(_) => true,
        Operand::Result(result) => Fact::unpack(result.fact) == Fact::Bytes,
        _ => is_text(value),
    }
}

pub(super) fn is_made(value: &Operand<'_>, by: Rule) -> bool {
    let Operand::Result(result) = value else { return false };
    matches!(Fact::unpack(result.fact), Fact::Made { rule, .. } if rule == by)
}

pub(super) fn is_zone(value: &Operand<'_>) -> bool {
    matches!(value, Operand::None) || is_made(value, Rule::TimeZone) || is_made(value, Rule::Zone)
}

pub(super) fn is_sequence(value: &Operand<'_>) -> bool {
    matches!(value, Operand::List(_) | Operand::Tuple(_))
}

/// Returns whether it is a list whose items may become keys.
pub(super) fn is_hashable(value: &Operand<'_>) -> bool {
    match value {
        Operand::List(list) => list.is_hashable,
        // Python 2 writes a list. An empty tuple does the same.
        Operand::Tuple(items) => items.is_empty(),
        _ => false,
    }
}

/// Returns whether it is None or an empty dict, which sets no attributes.
pub(super) fn is_empty(value: &Operand<'_>) -> bool {
    match value {
        Operand::None => true,
        Operand::Dict(dict) => dict.entries().is_some_and(|entries| entries.len() == 0),
        _ => false,
    }
}

/// Returns whether an attribute of an exception may be set. `__setstate__` calls setattr, which
/// would give the members that C code reads any type.
pub(super) fn is_attribute(name: &[u8]) -> bool {
    const MEMBERS: [&[u8]; 13] = [
        b"args",
        b"characters_written",
        b"encoding",
        b"end",
        b"errno",
        b"filename",
        b"filename2",
        b"object",
        b"reason",
        b"start",
        b"strerror",
        b"value",
        b"winerror",
    ];
    (!name.starts_with(b"__") || name == b"__notes__") && !MEMBERS.contains(&name)
}

/// Returns whether a state may set an attribute that the unpickler calls with values of the file:
/// `append` and others of the instance, or one whose name begins with `__`, such as `__setstate__`.
pub(super) fn sets_hook(state: &Operand<'_>) -> bool {
    let is_hook = |(key, _): (Operand<'_>, Operand<'_>)| match key {
        Operand::Text(b"append" | b"extend" | b"add") => true,
        Operand::Text(name) => name.starts_with(b"__"),
        Operand::Result(_) | Operand::Unknown => true,
        _ => false,
    };
    match state {
        // More entries than the auditor keeps.
        Operand::Dict(dict) => dict.entries().is_none_or(|mut entries| entries.any(is_hook)),
        // The attributes, and those in slots.
        Operand::Tuple(items) => items.len() == 2 && items.iter().any(|item| sets_hook_of(&item)),
        // The class may call methods of an object that it expects to be a dict.
        Operand::Result(result) => matches!(
            Fact::unpack(result.fact),
            Fact::None | Fact::MayBeGlobal | Fact::Allowed | Fact::Callable { .. }
        ),
        Operand::Global(_) | Operand::Unknown => true,
        _ => false,
    }
}

fn sets_hook_of(part: &Operand<'_>) -> bool {
    matches!(part, Operand::Dict(_)) && sets_hook(part)
}

pub(super) fn is_latin_1(encoding: &Operand<'_>) -> bool {
    matches!(encoding, Operand::Text(b"latin1" | b"latin-1"))
}

pub(super) fn is_array_code(code: &Operand<'_>) -> bool {
    matches!(code, Operand::Text([code]) if b"bBuhHiIlLqQfdw".contains(code))
}

/// Returns whether the exponent of a decimal number has at most 4 digits. The time and memory to
/// convert a number to an int grow with the exponent.
pub(super) fn has_small_exponent(number: &[u8]) -> bool {
    let Some(index) = number.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return true;
    };
    let exponent = &number[index + 1..];
    let digits = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
    digits.len() <= 4
}

/// Returns whether it is the name of a time zone that cannot lead out of the folder of time zones.
pub(super) fn is_zone_key(key: &Operand<'_>) -> bool {
    let Operand::Text(key) = key else { return false };
    let is_part = |part: &[u8]| {
        !part.is_empty()
            && !part.starts_with(b"__")
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(byte))
    };
    key.split(|&byte| byte == b'/').all(is_part)
}

/// Returns whether all keys are str, and `is` holds for all entries.
pub(super) fn has_entries(
    dict: &OperandDict<'_>,
    mut is: impl FnMut(&[u8], &Operand<'_>) -> bool,
) -> bool {
    dict.entries().is_some_and(|mut entries| {
        entries.all(|(key, value)| match key {
            Operand::Text(key) => is(key, &value),
            _ => false,
        })
    })
}

/// Returns the rule of a function that is wrapped. The inner `None` is a function whose call is not
/// known to be inert; the outer one is not a function.
pub(super) fn rule_of(function: &Operand<'_>, names: &dyn Lookup) -> Option<Option<Rule>> {
    match function {
        Operand::Global(name) => Some(names.rule(*name)),
        Operand::Result(result) => match Fact::unpack(result.fact) {
            Fact::Callable { rule, is_open: false } => Some(rule),
            _ => None,
        },
        _ => None,
    }
}
