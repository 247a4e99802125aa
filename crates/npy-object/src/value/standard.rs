//! Calls of classes of the standard library that have no [`Kind`] of their own, and can be made
//! safely.

use pickle_stream::Global;

use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::object::Object;

/// A class of the standard library whose call makes a value and does nothing else, with arguments
/// that it takes: see [`Object::standard_class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StandardClass {
    /// `fractions.Fraction`, of a text or of two ints.
    Fraction,
    /// `range`, of one to three ints.
    Range,
    /// `slice`, of three ints or None.
    Slice,
    /// `datetime.timezone`, of a timedelta of less than a day, and a name.
    TimeZone,
    /// `uuid.UUID`, of no arguments; its state is a dict with the key `int`.
    Uuid,
}

/// The most digits of an int that Python reads: `sys.int_info.default_max_str_digits`.
const MOST_DIGITS: usize = 4300;

impl<'a> Object<'a> {
    /// Returns the class of the standard library that the object is a call of, if it is one of
    /// [`StandardClass`], called with arguments that the class takes.
    ///
    /// Returns `None` for every other object, also where the object has items, entries or a state
    /// besides: an instance of a subclass or a file that was made by hand.
    pub fn standard_class(self) -> Option<StandardClass> {
        let Kind::Global(global) = self.callable().kind() else { return None };
        let class = named(global)?;
        let is_bare = self.kwargs().is_none()
            && self.appended().len() + self.items().len() + self.added().len() == 0
            && (class == StandardClass::Uuid || self.states().len() == 0);
        let args: Vec<Kind<'a>> = self.args().as_items().ok()?.map(Element::kind).collect();
        (is_bare && self.fits(class, &args)).then_some(class)
    }

    /// Returns whether the class takes these arguments.
    fn fits(self, class: StandardClass, args: &[Kind<'_>]) -> bool {
        let is_int = |arg: &Kind<'_>| matches!(arg, Kind::Int(_));
        match (class, args) {
            (StandardClass::Fraction, [Kind::Str(text)]) => text.to_str().is_some_and(is_fraction),
            (StandardClass::Fraction, [numerator, Kind::Int(denominator)]) => {
                is_int(numerator) && *denominator > 0
            }
            // A step of 0 is an error.
            (StandardClass::Range, [start, stop, Kind::Int(step)]) => {
                is_int(start) && is_int(stop) && *step != 0
            }
            (StandardClass::Range, args) => matches!(args.len(), 1 | 2) && args.iter().all(is_int),
            (StandardClass::Slice, [_, _, _]) => {
                args.iter().all(|arg| is_int(arg) || matches!(arg, Kind::None))
            }
            (
                StandardClass::TimeZone,
                [Kind::TimeDelta(offset)] | [Kind::TimeDelta(offset), Kind::Str(_)],
            ) => {
                offset.days == 0
                    || (offset.days == -1 && (offset.seconds, offset.microseconds) > (0, 0))
            }
            (StandardClass::Uuid, []) => self.has_uuid_state(),
            _ => false,
        }
    }

    /// Returns whether the only state is a dict `{"int": ...}`. (One with `is_safe` names a class.)
    fn has_uuid_state(self) -> bool {
        let mut states = self.states();
        let (Some(state), None) = (states.next(), states.next()) else { return false };
        let Kind::Dict(mut entries) = state.kind() else { return false };
        let is_number = |(key, value): (Element<'_>, Element<'_>)| {
            matches!(key.kind(), Kind::Str(name) if name.to_str() == Some("int"))
                && matches!(value.kind(), Kind::Int(0..) | Kind::Long(_))
        };
        entries.len() == 1 && entries.all(is_number)
    }
}

/// Returns the class of this name.
fn named(global: Global<'_>) -> Option<StandardClass> {
    Some(match (global.module.to_str()?, global.name.to_str()?) {
        ("fractions", "Fraction") => StandardClass::Fraction,
        ("builtins" | "__builtin__", "range" | "xrange") => StandardClass::Range,
        ("builtins" | "__builtin__", "slice") => StandardClass::Slice,
        ("datetime", "timezone") => StandardClass::TimeZone,
        ("uuid", "UUID") => StandardClass::Uuid,
        _ => return None,
    })
}

/// Returns whether this is what `str(Fraction)` gives, of as many digits as Python reads.
fn is_fraction(text: &str) -> bool {
    let is_number = |text: &str| {
        (1..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
    is_number(numerator.strip_prefix('-').unwrap_or(numerator))
        && is_number(denominator)
        && denominator.bytes().any(|byte| byte != b'0')
}
