//! The dates and times of Python's `datetime`.
//!
//! They are pickled as 4 to 10 bytes (`__reduce_ex__` in CPython's `Lib/_pydatetime.py`), in which
//! the top bit of the month, or of the hour of a time, is the fold. `Display` writes ISO 8601.
//!
//! NumPy's datetime64 is not here but in `calendar.rs`.

use std::fmt;

use pickle_stream::{Items, Kind as Raw, ValueRef};

use crate::value::bytes::raw_bytes;
use crate::value::calls::{Call, tuple};
use crate::value::context::Context;
use crate::value::element::Element;
use crate::value::globals::Callable;

const SECONDS_OF_DAY: i64 = 86_400;

/// `datetime.date`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// 1 to 9999
    pub year: u16,
    /// 1 to 12
    pub month: u8,
    /// From 1
    pub day: u8,
}

/// `datetime.datetime`
#[derive(Clone, Copy, Debug)]
pub struct DateTime<'a> {
    /// The day.
    pub date: Date,
    /// The time of that day, with the time zone.
    pub time: Time<'a>,
}

/// `datetime.time`
#[derive(Clone, Copy, Debug)]
pub struct Time<'a> {
    /// 0 to 23
    pub hour: u8,
    /// 0 to 59
    pub minute: u8,
    /// 0 to 59
    pub second: u8,
    /// 0 to 999,999
    pub microsecond: u32,
    /// Whether this is the second of the two times that read the same when a clock is set back.
    pub fold: bool,
    /// The time zone, an object of any class.
    pub zone: Option<Element<'a>>,
}

/// `datetime.timedelta`, as Python keeps it: `seconds` and `microseconds` are never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeDelta {
    /// -999,999,999 to 999,999,999
    pub days: i64,
    /// 0 to 86,399
    pub seconds: u32,
    /// 0 to 999,999
    pub microseconds: u32,
}

impl Date {
    pub(crate) fn read(mut args: Items<'_>, context: &Context) -> Option<Date> {
        let bytes = raw_bytes(args.next()?, context.encoding())?;
        Date::of(*<&[u8; 4]>::try_from(&*bytes).ok()?)
    }

    fn of([high, low, month, day]: [u8; 4]) -> Option<Date> {
        let year = u16::from_be_bytes([high, low]);
        ((1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day))
            .then_some(Date { year, month, day })
    }
}

impl<'a> DateTime<'a> {
    pub(crate) fn read(mut args: Items<'a>, context: &'a Context) -> Option<DateTime<'a>> {
        let bytes = raw_bytes(args.next()?, context.encoding())?;
        let &[high, low, month, day, ref clock @ ..] = &*bytes else {
            return None;
        };
        let date = Date::of([high, low, month & 0x7f, day])?;
        let (clock, fold) = (*<&[u8; 6]>::try_from(clock).ok()?, month & 0x80 != 0);
        Some(DateTime { date, time: Time::of(clock, fold, args.next(), context)? })
    }
}

impl<'a> Time<'a> {
    pub(crate) fn read(mut args: Items<'a>, context: &'a Context) -> Option<Time<'a>> {
        let bytes = raw_bytes(args.next()?, context.encoding())?;
        let mut clock = *<&[u8; 6]>::try_from(&*bytes).ok()?;
        let fold = clock[0] & 0x80 != 0;
        clock[0] &= 0x7f;
        Time::of(clock, fold, args.next(), context)
    }

    fn of(
        clock: [u8; 6],
        fold: bool,
        zone: Option<ValueRef<'a>>,
        context: &'a Context,
    ) -> Option<Time<'a>> {
        let [hour, minute, second, high, middle, low] = clock;
        let microsecond = u32::from_be_bytes([0, high, middle, low]);
        let zone = zone.filter(|zone| !matches!(zone.kind(), Raw::None));
        let zone = zone.map(|zone| Element::new(zone, context));
        (hour < 24 && minute < 60 && second < 60 && microsecond < 1_000_000).then_some(Time {
            hour,
            minute,
            second,
            microsecond,
            fold,
            zone,
        })
    }
}

impl Time<'_> {
    /// Returns the seconds east of UTC, where the zone is a `datetime.timezone`.
    pub fn utc_offset(&self) -> Option<i64> {
        let zone = self.zone?.value()?.as_object()?;
        let Raw::Global(class) = zone.callable().kind() else {
            return None;
        };
        if class.module != "datetime" || class.name != "timezone" {
            return None;
        }
        let offset = Call::of(tuple(zone.args())?.next()?)?;
        if offset.callable != Callable::TimeDelta || !offset.is_whole() {
            return None;
        }
        let offset = TimeDelta::read(offset.args()?)?;
        Some(offset.days * SECONDS_OF_DAY + i64::from(offset.seconds))
    }
}

impl TimeDelta {
    /// Returns the duration in seconds, rounded to the nearest float.
    pub fn total_seconds(&self) -> f64 {
        let seconds = self.days * SECONDS_OF_DAY + i64::from(self.seconds);
        seconds as f64 + f64::from(self.microseconds) / 1e6
    }

    pub(crate) fn read(mut args: Items<'_>) -> Option<TimeDelta> {
        const SECOND: i128 = 1_000_000;
        const DAY: i128 = SECONDS_OF_DAY as i128 * SECOND;
        let mut total: i128 = 0;
        for unit in [DAY, SECOND, 1] {
            total += i128::from(args.next()?.as_int()?) * unit;
        }
        let days = i64::try_from(total.div_euclid(DAY)).ok()?;
        let rest = total.rem_euclid(DAY);
        (-999_999_999..=999_999_999).contains(&days).then_some(TimeDelta {
            days,
            seconds: (rest / SECOND) as u32,
            microseconds: (rest % SECOND) as u32,
        })
    }
}

/// Writes ISO 8601, as Python's `isoformat()`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = self;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Writes ISO 8601, as Python's `isoformat()`.
impl fmt::Display for DateTime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date, self.time)
    }
}

/// Writes ISO 8601, as Python's `isoformat()`, but without a time zone that is not a
/// `datetime.timezone`: its offset is computed by code of its own.
impl fmt::Display for Time<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Time { hour, minute, second, microsecond, .. } = self;
        write!(f, "{hour:02}:{minute:02}:{second:02}")?;
        if *microsecond > 0 {
            write!(f, ".{microsecond:06}")?;
        }
        if let Some(offset) = self.utc_offset() {
            let (sign, seconds) = (if offset < 0 { '-' } else { '+' }, offset.abs());
            write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
            if seconds % 60 > 0 {
                write!(f, ":{:02}", seconds % 60)?;
            }
        }
        Ok(())
    }
}
