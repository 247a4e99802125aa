//! datetime64 as ISO 8601, in the precision of its unit, as NumPy prints it.

use std::io::{self, Write};

use npy_header::{TimeBase, TimeUnit};

/// The count that means no time at all.
pub(super) const NOT_A_TIME: i64 = i64::MIN;

/// Writes a count of units since 1970-01-01T00:00 as a JSON string; of generic units, as the
/// number.
pub(super) fn write_instant(out: &mut impl Write, count: i64, unit: TimeUnit) -> io::Result<()> {
    use TimeBase as T;
    let count = i128::from(count) * i128::from(unit.num());
    // Of units shorter than a second: how many make one, and its digits.
    let (per_second, digits) = match unit.base() {
        T::Generic => return write!(out, "{count}"),
        T::Year => return write!(out, "\"{}\"", Year(1970 + count)),
        T::Month => {
            let (year, month) = (1970 + count.div_euclid(12), count.rem_euclid(12) + 1);
            return write!(out, "\"{}-{month:02}\"", Year(year));
        }
        T::Week => return write_day(out, count * 7, "\""),
        T::Day => return write_day(out, count, "\""),
        T::Hour => {
            write_day(out, count.div_euclid(24), "T")?;
            return write!(out, "{:02}\"", count.rem_euclid(24));
        }
        T::Minute => {
            write_day(out, count.div_euclid(1440), "T")?;
            let minute = count.rem_euclid(1440);
            return write!(out, "{:02}:{:02}\"", minute / 60, minute % 60);
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
    write_day(out, seconds.div_euclid(86_400), "T")?;
    let second = seconds.rem_euclid(86_400);
    write!(out, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
    if digits > 0 {
        write!(out, ".{fraction:0digits$}")?;
    }
    out.write_all(b"\"")
}

/// Writes the opening quote, a day given by its number since 1970-01-01, and what follows it.
fn write_day(out: &mut impl Write, days: i128, then: &str) -> io::Result<()> {
    // Days are counted from 0000-03-01 in cycles of 400 years, so that the day of a leap year is
    // the last of its year.
    const CYCLE: i128 = 146_097;
    let days = days + 719_468;
    let (cycle, day) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    write!(out, "\"{}-{month:02}-{day:02}{then}", Year(cycle * 400 + year + next))
}

/// A year of at least four digits.
struct Year(i128);

impl std::fmt::Display for Year {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{:04}", self.0.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(count: i64, base: TimeBase, num: u32) -> String {
        let mut out = Vec::new();
        write_instant(&mut out, count, TimeUnit::new(base, num, 1).unwrap()).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// As `str(numpy.datetime64(count, unit))` has them.
    #[test]
    fn prints_as_numpy_does() {
        use TimeBase as T;
        assert_eq!(text(0, T::Day, 1), "\"1970-01-01\"");
        assert_eq!(text(-1, T::Day, 1), "\"1969-12-31\"");
        assert_eq!(text(19_782, T::Day, 1), "\"2024-02-29\"");
        assert_eq!(text(-719_529, T::Day, 1), "\"-0001-12-31\"");
        assert_eq!(text(50, T::Year, 1), "\"2020\"");
        assert_eq!(text(-1, T::Month, 1), "\"1969-12\"");
        assert_eq!(text(2, T::Week, 1), "\"1970-01-15\"");
        assert_eq!(text(25, T::Hour, 1), "\"1970-01-02T01\"");
        assert_eq!(text(-1, T::Minute, 1), "\"1969-12-31T23:59\"");
        assert_eq!(text(2, T::Second, 25), "\"1970-01-01T00:00:50\"");
        assert_eq!(text(-1, T::Nanosecond, 1), "\"1969-12-31T23:59:59.999999999\"");
        assert_eq!(text(1, T::Attosecond, 1), "\"1970-01-01T00:00:00.000000000000000001\"");
    }
}
