//! The rules of the policy: which calls, states and items of a name that is known are inert.
//!
//! A rule allows what CPython's and NumPy's picklers write, and as little else as possible. A call
//! that it does not allow may do anything that the callable can be made to do. The same rules are
//! in `spec/audit.md`; a test compares the two.

use pickle_stream::Opcode;
use pickle_stream::audit::{NameId, Operand, OperandDict, OperandItems};

use super::fact::Fact;
use super::numpy;

macro_rules! rules {
    ($($variant:ident $name:literal $reason:literal,)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Rule {
            $($variant,)*
        }

        impl Rule {
            const ALL: &[(Rule, &str, &str)] = &[$((Rule::$variant, $name, $reason),)*];
        }
    };
}

rules! {
    Value "value" "a type, as a value",
    Function "function" "a function, as a value",
    Type "type" "a type, as a value",
    Len "len" "a length",
    Array "array" "arrays",
    MemMap "memmap" "arrays",
    MaskedArray "masked-array" "masked arrays",
    MaskedConstant "masked-constant" "masked arrays",
    Reconstruct "reconstruct" "arrays",
    MaskedReconstruct "masked-reconstruct" "masked arrays",
    FromBuffer "from-buffer" "arrays",
    Scalar "scalar" "scalars",
    Record "record" "scalars",
    DType "dtype" "dtypes",
    StringDType "string-dtype" "dtypes",
    Object "object" "values",
    Complex "complex" "values",
    Bytes "bytes" "values",
    ByteArray "bytearray" "values",
    Range "range" "values",
    Slice "slice" "values",
    Set "set" "values",
    Encode "encode" "bytes, before protocol 3",
    Reconstructor "reconstructor" "an instance of a class that the file names next to it",
    NewObject "new-object" "an instance of a class that the file names next to it",
    OrderedDict "ordered-dict" "values",
    DefaultDict "default-dict" "values",
    Counter "counter" "values",
    Deque "deque" "values",
    Date "date" "values",
    TimeDelta "timedelta" "values",
    TimeZone "timezone" "values",
    Zone "zone" "time zones",
    Decimal "decimal" "values",
    Fraction "fraction" "values",
    Uuid "uuid" "values",
    Enum "enum" "values",
    ArrayArray "array-array" "values",
    ArrayReconstructor "array-reconstructor" "values",
    Namespace "namespace" "values",
    BytesIo "bytes-io" "values",
    StringIo "string-io" "values",
    Path "path" "values",
    Exception "exception" "values",
    UnicodeError "unicode-error" "values",
    Ufunc "ufunc" "a function that the file names next to it",
    ItemGetter "item-getter" "a function, as a value",
    Member "member" "a member of an enumeration",
    Partial "partial" "calls the function that the file names next to it",
    GetAttr "getattr" "an attribute that the file names next to it",
}

impl Rule {
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().map(|&(rule, ..)| rule)
    }

    /// The rule of this name in the policy.
    pub(super) fn named(name: &str) -> Option<Rule> {
        Rule::ALL.iter().find(|(_, its, _)| *its == name).map(|&(rule, ..)| rule)
    }

    #[cfg(test)]
    pub(super) fn name(self) -> &'static str {
        Rule::ALL[self as usize].1
    }

    pub(super) fn of_number(number: u64) -> Option<Rule> {
        usize::try_from(number).ok().and_then(|number| Rule::ALL.get(number)).map(|row| row.0)
    }

    /// What is made by what it allows.
    pub(super) fn reason(self) -> &'static str {
        Rule::ALL[self as usize].2
    }

    /// Whether picklers add items to what it makes by this instruction.
    pub(super) fn takes_items(self, by: Opcode) -> bool {
        match self {
            Rule::OrderedDict | Rule::DefaultDict | Rule::Counter => {
                matches!(by, Opcode::SetItem | Opcode::SetItems)
            }
            Rule::Deque => matches!(by, Opcode::Append | Opcode::Appends),
            _ => false,
        }
    }

    /// Whether picklers name it with dots.
    pub(super) fn is_attribute(self) -> bool {
        matches!(self, Rule::Zone | Rule::Member)
    }

    /// Whether picklers make its instances by `__new__`, as NEWOBJ does.
    pub(super) fn is_made_by_new(self) -> bool {
        use Rule as R;
        matches!(self, R::Object | R::Uuid | R::Namespace | R::BytesIo | R::StringIo | R::Exception)
    }

    /// Whether a call without arguments makes a new value, and does nothing else.
    fn is_harmless_type(self) -> bool {
        use Rule as R;
        matches!(
            self,
            R::Value
                | R::Object
                | R::Complex
                | R::Bytes
                | R::ByteArray
                | R::Set
                | R::OrderedDict
                | R::DefaultDict
                | R::Counter
                | R::Deque
        )
    }

    /// Whether the whole program shares the object that it makes.
    pub(super) fn makes_shared(self) -> bool {
        matches!(self, Rule::MaskedConstant | Rule::Enum | Rule::TimeZone | Rule::Zone)
    }
}

/// The largest ints that are multiplied for the length of an array.
pub(super) const MOST_ITEMS: u64 = i64::MAX as u64;

/// The largest position in a stream that is in memory. What is written after a larger one takes the
/// memory up to it.
const MOST_POSITION: i64 = 1 << 24;

/// The arguments of a call, or what else is in a tuple.
pub(super) struct Arguments<'a> {
    known: [Operand<'a>; Arguments::MOST],
    len: usize,
}

impl<'a> Arguments<'a> {
    /// As many as the longest call or state has that a rule allows.
    const MOST: usize = 9;

    pub(super) fn of(items: OperandItems<'a>) -> Option<Arguments<'a>> {
        let mut known = [Operand::None; Arguments::MOST];
        let len = items.len();
        for (place, item) in items.iter().enumerate() {
            *known.get_mut(place)? = item;
        }
        Some(Arguments { known, len })
    }

    pub(super) fn as_slice(&self) -> &[Operand<'a>] {
        &self.known[..self.len]
    }
}

/// What the rules ask of the names in a pickle.
pub(super) trait Lookup {
    /// The rule of a name; `None` where it is not known to be inert.
    fn rule(&self, name: NameId) -> Option<Rule>;
    /// The rule of an attribute of it.
    fn rule_of_attribute(&self, name: NameId, attribute: &[u8]) -> Option<Rule>;
    /// A number that tells a dtype from those before it.
    fn next_serial(&mut self) -> u32;
}

/// What a call returns that a rule allows; `None` where the rule does not allow it.
pub(super) fn call(rule: Rule, arguments: &[Operand<'_>], names: &mut dyn Lookup) -> Option<Fact> {
    use Operand as K;
    let made = Fact::Made { rule, is_open: false };
    let open = Fact::Made { rule, is_open: true };
    let when = |is: bool, fact: Fact| is.then_some(fact);
    match (rule, arguments) {
        // NoneType has no name: its instance is the way to it.
        (Rule::Type, [K::None]) => Some(Fact::MayBeGlobal),
        (Rule::Reconstruct, [class, shape, code]) => numpy::reconstruct(class, shape, code, names),
        (Rule::MaskedReconstruct, [class, base, shape, code]) => {
            numpy::masked_reconstruct([class, base], shape, code, names)
        }
        (Rule::FromBuffer, [buffer, dtype, shape, order, axes @ ..]) => {
            numpy::from_buffer(buffer, dtype, shape, order, axes)
        }
        (Rule::Scalar, [dtype, value]) => numpy::scalar(dtype, value, made),
        (Rule::DType, [code, align, copy]) => numpy::dtype(code, align, copy, names),
        (Rule::StringDType, [coerce]) => numpy::string_dtype(coerce, names),
        (Rule::StringDType, [coerce, missing]) if is_plain(missing) => {
            numpy::string_dtype(coerce, names)
        }
        (Rule::MaskedConstant, []) => Some(made),

        (Rule::Object, []) => Some(made),
        (Rule::Len, [value]) => when(is_plain(value), made),
        (Rule::Complex, [real, imaginary]) => when(is_number(real) && is_number(imaginary), made),
        (Rule::Bytes, []) => Some(Fact::Bytes),
        (Rule::Encode, [text, encoding]) => {
            when(is_text(text) && is_latin_1(encoding), Fact::Bytes)
        }
        (Rule::ByteArray, []) => Some(made),
        (Rule::ByteArray, [bytes]) => when(is_bytes(bytes), made),
        (Rule::ByteArray, [text, encoding]) => when(is_text(text) && is_latin_1(encoding), made),
        (Rule::Range, [begin, end, step]) => {
            when([begin, end, step].into_iter().all(is_number), made)
        }
        (Rule::Slice, [begin, end, step]) => {
            let is_bound = |bound: &K<'_>| matches!(bound, K::None | K::Int(_));
            when([begin, end, step].into_iter().all(is_bound), made)
        }
        (Rule::Set, []) => Some(made),
        (Rule::Set, [items]) => when(is_hashable(items), made),
        (Rule::Reconstructor, [K::Global(class), K::Global(base), K::None]) => {
            let is_instance = |rule: &Rule| matches!(rule, Rule::Object | Rule::Uuid);
            let class = names.rule(*class).filter(is_instance)?;
            let is_object = names.rule(*base) == Some(Rule::Object);
            if is_object { call(class, &[], names) } else { None }
        }
        (Rule::NewObject, [K::Global(class), arguments @ ..]) => {
            call(names.rule(*class).filter(|rule| rule.is_made_by_new())?, arguments, names)
        }
        (Rule::OrderedDict, []) => Some(open),
        (Rule::OrderedDict, [items]) => when(is_hashable(items), open),
        (Rule::DefaultDict, [] | [K::None]) => Some(made),
        (Rule::DefaultDict, [K::Global(factory)]) => {
            // The dict calls it without arguments for a key that is missing.
            when(names.rule(*factory).is_some_and(Rule::is_harmless_type), made)
        }
        (Rule::Counter, []) => Some(made),
        (Rule::Counter, [counts]) => when(matches!(counts, K::Dict(_)), made),
        (Rule::Deque, []) => Some(made),
        (Rule::Deque, [items]) => when(is_sequence(items), made),
        (Rule::Deque, [items, most]) => {
            when(is_sequence(items) && matches!(most, K::None | K::Int(_)), made)
        }
        (Rule::Date, [packed]) => when(is_bytes(packed), made),
        (Rule::Date, [packed, zone]) if is_bytes(packed) => when(is_zone(zone), made),
        (Rule::Date, [year, month, rest @ ..]) => {
            let numbers = [year, month].into_iter().chain(rest).all(|it| matches!(it, K::Int(_)));
            when(numbers, made)
        }
        (Rule::TimeDelta, [days, seconds, microseconds]) => {
            when([days, seconds, microseconds].into_iter().all(is_number), made)
        }
        (Rule::TimeZone, [offset]) => when(is_made(offset, Rule::TimeDelta), made),
        (Rule::TimeZone, [offset, name]) => {
            when(is_made(offset, Rule::TimeDelta) && is_text(name), made)
        }
        (Rule::Zone, [key]) => when(is_zone_key(key), made),
        (Rule::Zone, [key, cached]) => when(is_zone_key(key) && is_flag(cached), made),
        (Rule::Decimal, [K::Text(digits)]) => when(has_small_exponent(digits), made),
        (Rule::Fraction, [numerator, denominator]) => {
            when(is_number(numerator) && is_number(denominator), made)
        }
        (Rule::Fraction, [K::Text(text)]) => {
            when(text.iter().all(|byte| byte.is_ascii_digit() || b"-/".contains(byte)), made)
        }
        (Rule::Uuid, []) => Some(open),
        (Rule::Uuid, [K::Text(_)]) => Some(made),
        (Rule::Enum, [K::Int(_) | K::Text(_)]) => Some(made),
        (Rule::ArrayArray, [code, items]) => {
            let is_items = is_sequence(items) || is_bytes(items) || is_text(items);
            when(is_array_code(code) && is_items, made)
        }
        (Rule::ArrayReconstructor, [K::Global(class), code, K::Int(0..=21), bytes]) => {
            let is_array = names.rule(*class) == Some(Rule::ArrayArray);
            when(is_array && is_array_code(code) && is_bytes(bytes), made)
        }
        (Rule::Namespace, []) => Some(open),
        (Rule::BytesIo | Rule::StringIo, []) => Some(open),
        (Rule::Path, parts) => when(parts.iter().all(is_text), made),
        (Rule::Exception, arguments) => when(arguments.iter().all(is_plain), open),
        // Python reads the bytes or the str between the two places without a check.
        (
            Rule::UnicodeError,
            [arguments @ .., K::Int(0..=0x7fff_ffff), K::Int(0..=0x7fff_ffff), reason],
        ) => {
            let is_object = match arguments {
                [encoding, object] => is_text(encoding) && (is_bytes(object) || is_text(object)),
                [object] => is_text(object),
                _ => false,
            };
            when(is_object && is_text(reason), made)
        }
        (Rule::ItemGetter, keys @ [_, ..]) => {
            when(keys.iter().all(|key| matches!(key, K::Text(_) | K::Int(_))), made)
        }
        (Rule::Partial, [function]) => {
            Some(Fact::Callable { rule: rule_of(function, names)?, is_open: true })
        }
        (Rule::GetAttr, [K::Global(object), K::Text(name)]) => {
            let rule = names.rule_of_attribute(*object, name)?;
            Some(Fact::Callable { rule: Some(rule), is_open: false })
        }
        _ => None,
    }
}

/// What is known of an object after its state is set, if a rule allows that.
pub(super) fn set_state(fact: Fact, state: &Operand<'_>, names: &mut dyn Lookup) -> Option<Fact> {
    use Operand as K;
    let items = match state {
        K::Tuple(items) => Arguments::of(*items),
        _ => None,
    };
    let items = items.as_ref().map(Arguments::as_slice);
    match (fact, items) {
        (Fact::DType(dtype), Some(state)) if dtype.is_open => numpy::dtype_state(dtype, state),
        (Fact::Array(array), Some(state)) if array.is_open => numpy::array_state(array, state),
        // partial.__reduce__: the function, its arguments, its keywords, its attributes.
        (
            Fact::Callable { is_open: true, .. },
            Some([function, K::Tuple(arguments), keywords, attributes]),
        ) => {
            let is_simple = arguments.is_empty() && is_empty(keywords);
            let rule = rule_of(function, names)?.filter(|_| is_simple);
            is_empty(attributes).then_some(Fact::Callable { rule, is_open: false })
        }
        (Fact::Made { rule, is_open: true }, items) => {
            let is_allowed = match (rule, state, items) {
                (Rule::Exception, K::Dict(dict), _) => {
                    has_entries(dict, |key, value| match key {
                        // Python 3.12 writes the arguments again.
                        b"args" => matches!(value, K::Tuple(_)),
                        key => is_attribute(key) && is_plain(value),
                    })
                }
                (Rule::OrderedDict, K::Dict(dict), _) => has_entries(dict, |key, value| {
                    // Python 2 keeps the order in attributes of such names.
                    !key.starts_with(b"_OrderedDict__")
                        && !key.starts_with(b"__")
                        && is_plain(value)
                }),
                (Rule::Exception, K::None, _) => true,
                (Rule::Namespace, K::Dict(dict), _) => {
                    has_entries(dict, |key, value| !key.starts_with(b"__") && is_plain(value))
                }
                (Rule::Uuid, K::Dict(dict), _) => has_entries(dict, |key, value| match key {
                    b"int" => is_number(value),
                    b"is_safe" => is_number(value) || is_made(value, Rule::Enum),
                    _ => false,
                }),
                (Rule::BytesIo, _, Some([bytes, K::Int(0..=MOST_POSITION), attributes])) => {
                    is_bytes(bytes) && is_empty(attributes)
                }
                (
                    Rule::StringIo,
                    _,
                    Some([text, newline, K::Int(0..=MOST_POSITION), attributes]),
                ) => {
                    is_text(text)
                        && (is_text(newline) || matches!(newline, K::None))
                        && is_empty(attributes)
                }
                _ => false,
            };
            is_allowed.then_some(Fact::Made { rule, is_open: false })
        }
        _ => None,
    }
}

/// The rule of a function that is wrapped; an inner `None` where calling it is not known to be inert.
fn rule_of(function: &Operand<'_>, names: &dyn Lookup) -> Option<Option<Rule>> {
    match function {
        Operand::Global(name) => Some(names.rule(*name)),
        Operand::Result(result) => match Fact::unpack(result.fact) {
            Fact::Callable { rule, is_open: false } => Some(rule),
            _ => None,
        },
        _ => None,
    }
}

/// Whether it is a value that was made by what a rule allows, or that has no code of its own: nothing
/// that can be called.
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

/// Whether it is bytes, or a str of Python 2, which had no others.
pub(super) fn is_bytes(value: &Operand<'_>) -> bool {
    match value {
        Operand::Bytes(_) => true,
        Operand::Result(result) => Fact::unpack(result.fact) == Fact::Bytes,
        _ => is_text(value),
    }
}

fn is_made(value: &Operand<'_>, by: Rule) -> bool {
    let Operand::Result(result) = value else { return false };
    matches!(Fact::unpack(result.fact), Fact::Made { rule, .. } if rule == by)
}

fn is_zone(value: &Operand<'_>) -> bool {
    matches!(value, Operand::None) || is_made(value, Rule::TimeZone) || is_made(value, Rule::Zone)
}

fn is_sequence(value: &Operand<'_>) -> bool {
    matches!(value, Operand::List(_) | Operand::Tuple(_))
}

/// Whether it is a list whose items may become keys.
fn is_hashable(value: &Operand<'_>) -> bool {
    match value {
        Operand::List(list) => list.is_hashable,
        // Python 2 writes a list; an empty tuple is as good.
        Operand::Tuple(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether it stands for no attributes: None or an empty dict.
fn is_empty(value: &Operand<'_>) -> bool {
    match value {
        Operand::None => true,
        Operand::Dict(dict) => dict.entries().is_some_and(|entries| entries.len() == 0),
        _ => false,
    }
}

/// Whether the attribute of an exception may be set. `__setstate__` calls setattr, and members that C
/// code reads are of any type then.
fn is_attribute(name: &[u8]) -> bool {
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

fn is_latin_1(encoding: &Operand<'_>) -> bool {
    matches!(encoding, Operand::Text(b"latin1" | b"latin-1"))
}

fn is_array_code(code: &Operand<'_>) -> bool {
    matches!(code, Operand::Text([code]) if b"bBuhHiIlLqQfdw".contains(code))
}

/// Whether the exponent of a decimal number has at most 4 digits. Converting a number of a larger one
/// to an int takes as much time and memory as the exponent says.
fn has_small_exponent(number: &[u8]) -> bool {
    let Some(place) = number.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return true;
    };
    let exponent = &number[place + 1..];
    let digits = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
    digits.len() <= 4
}

/// Whether it is the name of a time zone, which cannot lead out of the folder of time zones.
fn is_zone_key(key: &Operand<'_>) -> bool {
    let Operand::Text(key) = key else { return false };
    let is_part = |part: &[u8]| {
        !part.is_empty()
            && !part.starts_with(b"__")
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(byte))
    };
    key.split(|&byte| byte == b'/').all(is_part)
}

/// Whether all keys are str, and all entries as asked.
fn has_entries(dict: &OperandDict<'_>, mut is: impl FnMut(&[u8], &Operand<'_>) -> bool) -> bool {
    dict.entries().is_some_and(|mut entries| {
        entries.all(|(key, value)| match key {
            Operand::Text(key) => is(key, &value),
            _ => false,
        })
    })
}
