//! Classes of the standard library that are made though the library below knows them as calls
//! only: those of which nothing can come but a value.

use npy_object::pickle::Global;
use npy_object::{Element, Kind, Object};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::object::names;

/// What a call makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// `fractions.Fraction`
    Fraction,
    /// `range`
    Range,
    /// `slice`
    Slice,
    /// `datetime.timezone`
    TimeZone,
    /// `uuid.UUID`
    Uuid,
}

/// What a call of this name makes, if it is known and the arguments are what it takes.
pub(crate) fn of(global: Global<'_>, object: Object<'_>) -> Option<Known> {
    let known = match (global.module.to_str()?, global.name.to_str()?) {
        ("fractions", "Fraction") => Known::Fraction,
        ("builtins" | "__builtin__", "range" | "xrange") => Known::Range,
        ("builtins" | "__builtin__", "slice") => Known::Slice,
        ("datetime", "timezone") => Known::TimeZone,
        ("uuid", "UUID") => Known::Uuid,
        _ => return None,
    };
    let args: Vec<Kind<'_>> = object.args().as_items().ok()?.map(Element::kind).collect();
    let is_int = |arg: &Kind<'_>| matches!(arg, Kind::Int(_));
    let fits = match (known, &args[..]) {
        (Known::Fraction, [Kind::Str(text)]) => is_fraction(text.to_str()?),
        (Known::Fraction, [above, Kind::Int(below)]) => is_int(above) && *below > 0,
        (Known::Range, args) => {
            (1..=3).contains(&args.len())
                && args.iter().all(is_int)
                && !matches!(args, [.., Kind::Int(0)] if args.len() == 3)
        }
        (Known::Slice, args) => {
            args.len() == 3 && args.iter().all(|arg| is_int(arg) || matches!(arg, Kind::None))
        }
        (Known::TimeZone, [Kind::TimeDelta(by)] | [Kind::TimeDelta(by), Kind::Str(_)]) => {
            // Less than a day to either side.
            by.days == 0 || (by.days == -1 && (by.seconds, by.microseconds) > (0, 0))
        }
        // Its number is its state.
        (Known::Uuid, []) => uuid_state(object).is_some(),
        _ => false,
    };
    let is_bare = object.kwargs().is_none()
        && object.appended().len() + object.items().len() + object.added().len() == 0
        && (known == Known::Uuid || object.states().len() == 0);
    (fits && is_bare).then_some(known)
}

/// The state of a UUID: a dict with its number, and maybe whether it is a safe one.
fn uuid_state(object: Object<'_>) -> Option<()> {
    let mut states = object.states();
    let (Kind::Dict(mut entries), None) = (states.next()?.kind(), states.next()) else {
        return None;
    };
    let is_number = |(key, value): (Element<'_>, Element<'_>)| {
        matches!(key.kind(), Kind::Str(name) if name.to_str() == Some("int"))
            && matches!(value.kind(), Kind::Int(0..) | Kind::Long(_))
    };
    (entries.len() == 1 && entries.all(is_number)).then_some(())
}

/// As `str(Fraction)` has it, of as many digits as Python would read.
fn is_fraction(text: &str) -> bool {
    let digits = |text: &str| {
        (1..=4300).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    let above = above.strip_prefix('-').unwrap_or(above);
    digits(above) && digits(below) && below.bytes().any(|byte| byte != b'0')
}

impl Known {
    /// Makes it of arguments that [`of`] has seen.
    pub(crate) fn make<'py>(
        self,
        py: Python<'py>,
        args: &Bound<'py, PyAny>,
        state: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let args = args.cast::<PyTuple>()?;
        match self {
            Known::Fraction => names::FRACTION.get(py)?.call1(args),
            Known::Range => names::RANGE.get(py)?.call1(args),
            Known::Slice => names::SLICE.get(py)?.call1(args),
            Known::TimeZone => names::TIMEZONE.get(py)?.call1(args),
            Known::Uuid => {
                let kwargs = state.map(|state| state.cast::<PyDict>()).transpose()?;
                names::UUID.get(py)?.call((), kwargs)
            }
        }
    }
}
