//! [`TimeUnit`], the unit of a datetime or timedelta dtype.

use alloc::format;
use core::fmt;

use crate::error::{Clause, Error};

/// The unit in which datetimes and timedeltas count: a multiple of a [`TimeBase`], such as `25s`.
///
/// # Examples
/// ```
/// use npy_header::{TimeBase, TimeUnit};
///
/// let unit = TimeUnit::new(TimeBase::Day, 3, 2)?;
/// assert_eq!((unit.num(), unit.base()), (36, TimeBase::Hour));
/// assert_eq!(unit.to_string(), "36h");
/// # Ok::<(), npy_header::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeUnit {
    num: u32,
    base: TimeBase,
}

/// A unit of time in NumPy. The order is from long to short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum TimeBase {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    Picosecond,
    Femtosecond,
    Attosecond,
    /// No unit, as in `<M8`.
    Generic,
}

/// Displays the [name](TimeBase::name).
impl fmt::Display for TimeBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TimeBase {
    /// All units except [`TimeBase::Generic`], and their names.
    const TIMES: [(TimeBase, &str); 13] = [
        (TimeBase::Year, "Y"),
        (TimeBase::Month, "M"),
        (TimeBase::Week, "W"),
        (TimeBase::Day, "D"),
        (TimeBase::Hour, "h"),
        (TimeBase::Minute, "m"),
        (TimeBase::Second, "s"),
        (TimeBase::Millisecond, "ms"),
        (TimeBase::Microsecond, "us"),
        (TimeBase::Nanosecond, "ns"),
        (TimeBase::Picosecond, "ps"),
        (TimeBase::Femtosecond, "fs"),
        (TimeBase::Attosecond, "as"),
    ];

    /// Returns the unit with this name in NumPy, such as `"Y"`, `"ns"` or `"generic"`. `"μs"`, with
    /// a Greek mu, is `"us"`.
    pub fn from_name(name: &str) -> Option<TimeBase> {
        match name {
            "generic" => Some(TimeBase::Generic),
            "\u{3bc}s" => Some(TimeBase::Microsecond),
            _ => Self::TIMES.iter().find(|(_, known)| *known == name).map(|(base, _)| *base),
        }
    }

    /// Returns the name of this unit in NumPy.
    pub fn name(self) -> &'static str {
        Self::TIMES.iter().find(|(base, _)| *base == self).map_or("generic", |(_, name)| name)
    }

    /// Returns the shorter units by which NumPy replaces a fraction of this unit, and their number
    /// in it. NumPy takes the first whose number the divisor divides (`_multiples_table` in its
    /// `datetime.c`).
    fn parts(self) -> &'static [(u32, TimeBase)] {
        use TimeBase::*;
        match self {
            Year => &[(12, Month), (52, Week), (365, Day)],
            Month => &[(4, Week), (30, Day), (720, Hour)],
            Week => &[(7, Day), (168, Hour), (10_080, Minute)],
            Day => &[(24, Hour), (1_440, Minute), (86_400, Second)],
            Hour => &[(60, Minute), (3_600, Second)],
            Minute => &[(60, Second), (60_000, Millisecond)],
            Second => &[(1_000, Millisecond), (1_000_000, Microsecond)],
            Millisecond => &[(1_000, Microsecond), (1_000_000, Nanosecond)],
            Microsecond => &[(1_000, Nanosecond), (1_000_000, Picosecond)],
            Nanosecond => &[(1_000, Picosecond), (1_000_000, Femtosecond)],
            Picosecond => &[(1_000, Femtosecond), (1_000_000, Attosecond)],
            Femtosecond => &[(1_000, Attosecond)],
            Attosecond | Generic => &[],
        }
    }
}

impl TimeUnit {
    /// No unit, as in `<M8` and `<m8`.
    pub const GENERIC: TimeUnit = TimeUnit { num: 1, base: TimeBase::Generic };

    /// Creates the unit of `num` times `base` divided by `den`: `3D/2` is `36h`, as in NumPy. `den`
    /// is 1 in all files that NumPy writes.
    ///
    /// A multiple of generic time is [`GENERIC`](Self::GENERIC).
    ///
    /// # Errors
    /// `npy.descr.unit` if the fraction is not a whole number of a shorter unit, if the resulting
    /// multiple does not fit a C `int`, or if `den` is 0, which makes NumPy crash.
    pub fn new(base: TimeBase, num: u32, den: u32) -> Result<TimeUnit, Error> {
        let refuse = |message| Err(Error::malformed(Clause::DescrUnit, 0, message));
        let name = base.name();
        if den == 1 && base == TimeBase::Generic {
            return Ok(TimeUnit::GENERIC);
        }
        let (factor, base) = match den {
            1 => (1, base),
            0 => return refuse(format!("unit '{num}{name}/0' has the divisor 0")),
            _ => match base.parts().iter().find(|(count, _)| count % den == 0) {
                Some((count, shorter)) => (count / den, *shorter),
                None => {
                    let message =
                        format!("unit '{name}/{den}' is not a whole number of shorter units");
                    return refuse(message);
                }
            },
        };
        match num.checked_mul(factor) {
            Some(num) if num <= i32::MAX as u32 => Ok(TimeUnit { num, base }),
            _ => refuse(format!("multiple of unit '{name}' is over {}", i32::MAX)),
        }
    }

    /// Returns the number of [base](Self::base) units in this unit; 1 for generic time.
    pub fn num(self) -> u32 {
        self.num
    }

    /// Returns the unit of which this one is a multiple.
    pub fn base(self) -> TimeBase {
        self.base
    }
}

/// Displays as NumPy writes it: `s`, `25s`, `generic`.
impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.num() != 1 {
            write!(f, "{}", self.num())?;
        }
        f.write_str(self.base().name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divided_unit_is_that_of_numpy() {
        let unit = |base, num, den| TimeUnit::new(base, num, den).map(|u| (u.num(), u.base()));
        use TimeBase::*;
        assert_eq!(unit(Day, 3, 2), Ok((36, Hour)));
        assert_eq!(unit(Year, 1, 5), Ok((73, Day)));
        assert_eq!(unit(Week, 2, 7), Ok((2, Day)));
        assert_eq!(unit(Second, 1, 1_000_000), Ok((1, Microsecond)));
        assert_eq!(unit(Generic, 5, 1), Ok((1, Generic)));
    }

    #[test]
    fn unit_that_cannot_be_divided_is_refused() {
        use TimeBase::*;
        for (base, num, den) in [
            (Day, 3, 0),
            (Second, 1, 7),
            (Attosecond, 1, 2),
            (Generic, 1, 2),
            (Second, 1 << 31, 1),
            (Second, u32::MAX, 2),
        ] {
            let error = TimeUnit::new(base, num, den).unwrap_err();
            assert_eq!(error.clause(), "npy.descr.unit");
        }
    }

    #[test]
    fn unit_is_found_by_its_name() {
        for (base, name) in TimeBase::TIMES {
            assert_eq!((TimeBase::from_name(name), base.name()), (Some(base), name));
        }
        assert_eq!(TimeBase::from_name(TimeBase::Generic.name()), Some(TimeBase::Generic));
        assert_eq!(TimeBase::from_name("B"), None);
    }
}
