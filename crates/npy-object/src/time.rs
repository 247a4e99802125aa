//! The dates and times of Python's `datetime`.
//!
//! They pickle as a few bytes (`__reduce_ex__` in CPython's `Lib/_pydatetime.py`), in which the top
//! bit of the month, or of the hour of a time, is the fold.

use crate::element::Element;
use crate::kind::{Items, Kind};

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
        let Kind::TimeDelta(offset) = zone.args().as_items().ok()?.next()?.shallow_kind() else {
            return None;
        };
        Some(offset.days * 86_400 + i64::from(offset.seconds))
    }
}

impl TimeDelta {
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
