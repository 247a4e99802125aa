//! The calls and states that the rules allow, and what is known of the objects then.
//!
//! A rule allows what CPython's and NumPy's picklers write, and as little else as possible. A call
//! that it does not allow may do anything that the callable can be made to do. The same rules are
//! in `spec/audit.md`; a test compares the two.

use pickle_stream::audit::Operand;

use super::argument::{
    Arguments, Lookup, has_entries, has_small_exponent, is_array_code, is_attribute, is_bytes,
    is_empty, is_flag, is_hashable, is_latin_1, is_made, is_number, is_plain, is_sequence, is_text,
    is_zone, is_zone_key, rule_of,
};
use super::fact::Fact;
use super::numpy;
use super::rule::Rule;

/// The largest position in a stream in memory. A write at a position takes the memory before it.
const MOST_POSITION: i64 = 1 << 24;

/// Returns what is known about the result of a call; `None` where the rule does not allow the call.
pub(super) fn call(rule: Rule, arguments: &[Operand<'_>], names: &mut dyn Lookup) -> Option<Fact> {
    use Operand as K;
    let made = Fact::Made { rule, is_open: false };
    let open = Fact::Made { rule, is_open: true };
    let when = |is: bool, fact: Fact| is.then_some(fact);
    match (rule, arguments) {
        // NoneType has no name, so picklers write this.
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
            // The dict calls it without arguments for a missing key.
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
        // Python reads the bytes or the str between the two positions without a check.
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

/// Returns what is known about an object after its state is set; `None` where no rule allows the
/// state.
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
        // partial.__reduce__ writes the function, its arguments, its keywords, its attributes.
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
                        // Python 3.12 writes the arguments here too.
                        b"args" => matches!(value, K::Tuple(_)),
                        key => is_attribute(key) && is_plain(value),
                    })
                }
                (Rule::OrderedDict, K::Dict(dict), _) => has_entries(dict, |key, value| {
                    // In Python 2 these attributes hold the order.
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
