//! The dates and times of Python's `datetime`.
//!
//! They pickle as a few bytes (`__reduce_ex__` in CPython's `Lib/_pydatetime.py`), in which the top
//! bit of the month, or of the hour of a time, is the fold.

use std::fmt;

use crate::value::element::Element;
use crate::value::kind::{Items, Kind};

/// `datetime.date`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Whether it is the later of two times that a clock set back shows alike.
    pub fold: bool,
    /// The time zone: an object of any class, mostly not a recognised one.
    pub zone: Option<Element<'a>>,
}

/// `datetime.timedelta`, as Python keeps it: `seconds` and `microseconds` are never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeDelta {
    /// -999,999,999 to 999,999,999
    pub days: i64,
    /// 0 to 86,399
    pub seconds: u32,
    /// 0 to 999,999
    pub microseconds: u32,
}

impl Date {
    pub(crate) fn read(args: &mut Items<'_>) -> Option<Date> {
        let bytes = args.next()?.to_raw_bytes()?;
        Date::of(*<&[u8; 4]>::try_from(&*bytes).ok()?)
    }

    fn of([high, low, month, day]: [u8; 4]) -> Option<Date> {
        let year = u16::from_be_bytes([high, low]);
        ((1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day))
            .then_some(Date { year, month, day })
    }
}

impl<'a> DateTime<'a> {
    pub(crate) fn read(args: &mut Items<'a>) -> Option<DateTime<'a>> {
        let bytes = args.next()?.to_raw_bytes()?;
        let &[high, low, month, day, ref clock @ ..] = &*bytes else {
            return None;
        };
        let date = Date::of([high, low, month & 0x7f, day])?;
        let fold = month & 0x80 != 0;
        Some(DateTime { date, time: Time::of(*<&[u8; 6]>::try_from(clock).ok()?, fold, args)? })
    }
}

impl<'a> Time<'a> {
    pub(crate) fn read(args: &mut Items<'a>) -> Option<Time<'a>> {
        let bytes = args.next()?.to_raw_bytes()?;
        let mut clock = *<&[u8; 6]>::try_from(&*bytes).ok()?;
        let fold = clock[0] & 0x80 != 0;
        clock[0] &= 0x7f;
        Time::of(clock, fold, args)
    }

    fn of(clock: [u8; 6], fold: bool, args: &mut Items<'a>) -> Option<Time<'a>> {
        let [hour, minute, second, high, middle, low] = clock;
        let microsecond = u32::from_be_bytes([0, high, middle, low]);
        let zone = args.next().filter(|zone| !matches!(zone.shallow_kind(), Kind::None));
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
    /// Seconds east of UTC, where the zone is a `datetime.timezone`.
    pub fn utc_offset(&self) -> Option<i64> {
        let Kind::Object(zone) = self.zone?.shallow_kind() else {
            return None;
        };
        let Kind::Global(class) = zone.callable().shallow_kind() else {
            return None;
        };
        if class.module != "datetime" || class.name != "timezone" {
            return None;
        }
        let Kind::TimeDelta(offset) = zone.args().as_items().ok()?.next()?.kind() else {
            return None;
        };
        Some(offset.days * 86_400 + i64::from(offset.seconds))
    }
}

impl TimeDelta {
    /// The seconds, to the nearest float.
    pub fn total_seconds(&self) -> f64 {
        let seconds = self.days * 86_400 + i64::from(self.seconds);
        seconds as f64 + f64::from(self.microseconds) / 1e6
    }

    pub(crate) fn read(args: &mut Items<'_>) -> Option<TimeDelta> {
        const DAY: i128 = 86_400_000_000;
        let mut total: i128 = 0;
        for unit in [DAY, 1_000_000, 1] {
            let Some(Kind::Int(count)) = args.next().map(Element::shallow_kind) else {
                return None;
            };
            total += i128::from(count) * unit;
        }
        let days = i64::try_from(total.div_euclid(DAY)).ok()?;
        let rest = total.rem_euclid(DAY);
        (-999_999_999..=999_999_999).contains(&days).then_some(TimeDelta {
            days,
            seconds: (rest / 1_000_000) as u32,
            microseconds: (rest % 1_000_000) as u32,
        })
    }
}

// As `isoformat()` has them: ISO 8601.

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = self;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for DateTime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date, self.time)
    }
}

/// With the time zone where that is a `datetime.timezone`: any other is an object, of which there
/// is nothing to print.
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
