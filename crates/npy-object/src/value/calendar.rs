//! The calendar: days to dates and back, and [`Instant`], a datetime64 as ISO 8601.
//!
//! A datetime64 in days reaches years of 17 digits, which no library of dates can represent, so the
//! calendar is computed here.

use std::fmt;

use npy_header::{TimeBase, TimeUnit};

use crate::value::time::Date;

/// The number of units that means NaT, "not a time".
pub(crate) const NOT_A_TIME: i64 = i64::MIN;

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i32 = 719_468;

/// Returns the number of days from 1970-01-01 to a date.
pub(crate) fn days_since_1970(date: Date) -> i32 {
    // Years are counted from March, so that a leap day is the last day of its year.
    let (month, day) = (i32::from(date.month), i32::from(date.day));
    let year = i32::from(date.year) - i32::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - DAYS_TO_1970
}

/// Returns year, month and day of the date that is this number of days after 1970-01-01.
pub(crate) fn date_of(days: i128) -> (i128, i128, i128) {
    /// Days of 400 years, after which the calendar repeats.
    const CYCLE: i128 = 146_097;
    // Years are counted from March, so that a leap day is the last day of its year.
    let days = days + i128::from(DAYS_TO_1970);
    let (cycle, day) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + next, month, day)
}

/// A datetime64: a number of units since 1970-01-01T00:00. Displayed as ISO 8601 in the precision
/// of the unit, as NumPy prints it; of generic units it is the number alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant {
    pub(crate) count: i64,
    pub(crate) unit: TimeUnit,
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use TimeBase as T;
        if self.count == NOT_A_TIME {
            return f.write_str("NaT");
        }
        let count = i128::from(self.count) * i128::from(self.unit.num());
        // Of units shorter than a second: how many make one, and its digits.
        let (per_second, digits) = match self.unit.base() {
            T::Generic => return write!(f, "{count}"),
            T::Year => return write!(f, "{}", Year(1970 + count)),
            T::Month => {
                let (year, month) = (1970 + count.div_euclid(12), count.rem_euclid(12) + 1);
                return write!(f, "{}-{month:02}", Year(year));
            }
            T::Week => return write!(f, "{}", Day(count * 7)),
            T::Day => return write!(f, "{}", Day(count)),
            T::Hour => {
                return write!(f, "{}T{:02}", Day(count.div_euclid(24)), count.rem_euclid(24));
            }
            T::Minute => {
                let (day, minute) = (Day(count.div_euclid(1440)), count.rem_euclid(1440));
                return write!(f, "{day}T{:02}:{:02}", minute / 60, minute % 60);
            }
            T::Second => (1, 0),
            T::Millisecond => (1_000, 3),
            T::Microsecond => (1_000_000, 6),
            T::Nanosecond => (1_000_000_000, 9),
            T::Picosecond => (10i128.pow(12), 12),
            T::Femtosecond => (10i128.pow(15), 15),
            T::Attosecond => (10i128.pow(18), 18),
        };
        let (seconds, fraction) = (count.div_euclid(per_second), count.rem_euclid(per_second));
        let (day, second) = (Day(seconds.div_euclid(86_400)), seconds.rem_euclid(86_400));
        write!(f, "{day}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        if digits > 0 {
            write!(f, ".{fraction:0digits$}")?;
        }
        Ok(())
    }
}

/// A day, by its number since 1970-01-01.
struct Day(i128);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.0);
        write!(f, "{}-{month:02}-{day:02}", Year(year))
    }
}

/// A year, of at least four digits.
struct Year(i128);

impl fmt::Display for Year {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{:04}", self.0.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_a_date_are_counted_from_1970() {
        for (year, month, day, expected) in
            [(1970, 1, 1, 0), (2000, 2, 29, 11_016), (1969, 12, 31, -1), (1, 1, 1, -719_162)]
        {
            assert_eq!(days_since_1970(Date { year, month, day }), expected);
            assert_eq!(date_of(expected.into()), (year.into(), month.into(), day.into()));
        }
    }

    /// The expected texts are those of `str(numpy.datetime64(count, unit))`.
    #[test]
    fn display_of_instant_equals_numpy() {
        use TimeBase as T;
        for (count, base, num, expected) in [
            (0, T::Day, 1, "1970-01-01"),
            (-1, T::Day, 1, "1969-12-31"),
            (19_782, T::Day, 1, "2024-02-29"),
            (-719_529, T::Day, 1, "-0001-12-31"),
            (50, T::Year, 1, "2020"),
            (-1, T::Month, 1, "1969-12"),
            (2, T::Week, 1, "1970-01-15"),
            (25, T::Hour, 1, "1970-01-02T01"),
            (-1, T::Minute, 1, "1969-12-31T23:59"),
            (2, T::Second, 25, "1970-01-01T00:00:50"),
            (-1, T::Nanosecond, 1, "1969-12-31T23:59:59.999999999"),
            (1, T::Attosecond, 1, "1970-01-01T00:00:00.000000000000000001"),
            (NOT_A_TIME, T::Day, 1, "NaT"),
        ] {
            let unit = TimeUnit::new(base, num, 1).unwrap();
            assert_eq!(Instant { count, unit }.to_string(), expected);
        }
    }
}
