//! Numbers of one type in the column of another, where that is exact: ints, floats, decimals, times.

use arrow_buffer::{MutableBuffer, i256};
use arrow_schema::{DataType, TimeUnit as ArrowUnit};
use half::f16;
use npy_header::{ByteOrder, Scalar, ScalarKind, TimeBase, TimeUnit};

use crate::value::calendar::{NOT_A_TIME, days_since_1970};
use crate::value::kind::Kind;
use crate::value::time::{DateTime, Time};

/// The bytes of a NaT.
pub(crate) const NAT: [u8; 8] = NOT_A_TIME.to_le_bytes();

/// What is known of the ints of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ints {
    /// The most bits of one, without its sign.
    bits: u32,
    is_negative: bool,
    /// Whether each is a float of 64 bits exactly; `None` where they were not looked at.
    are_floats: Option<bool>,
}

/// The bits of the ints that a `Decimal128` of 38 digits and a `Decimal256` of 76 digits hold.
const DECIMAL_128: u32 = 126;
const DECIMAL_256: u32 = 252;

impl Ints {
    /// Returns what is known of one int.
    pub(super) fn of(value: i64) -> Ints {
        let bits = 64 - (value ^ (value >> 63)).leading_zeros();
        Ints { bits, is_negative: value < 0, are_floats: Some(is_float(value)) }
    }

    fn of_unsigned(value: u64) -> Ints {
        let bits = 64 - value.leading_zeros();
        Ints { bits, is_negative: false, are_floats: Some(is_float_magnitude(value)) }
    }

    /// Returns what is known of an int of any length; `None` of one that no column holds.
    pub(super) fn of_long(bytes: &[u8]) -> Option<Ints> {
        let value = long(bytes)?;
        let magnitude = if value.is_negative() { -(value + i256::ONE) } else { value };
        let bits = 256 - magnitude.leading_zeros();
        let ints = Ints { bits, is_negative: value.is_negative(), are_floats: Some(false) };
        (bits <= DECIMAL_256).then_some(ints)
    }

    /// Returns what is known of items of a dtype that were not looked at.
    pub(super) fn of_any_item(scalar: Scalar) -> Ints {
        let is_signed = scalar.kind() == ScalarKind::Int;
        Ints { bits: 64 - u32::from(is_signed), is_negative: is_signed, are_floats: None }
    }

    /// Returns what is known of the ints of a column of 64 bits.
    pub(super) fn any(data_type: &DataType) -> Ints {
        let is_signed = *data_type == DataType::Int64;
        Ints { bits: 64 - u32::from(is_signed), is_negative: is_signed, are_floats: Some(false) }
    }

    /// Returns what is known of ints of at most 32 bits; `None` for any other type.
    pub(super) fn of_type(data_type: &DataType) -> Option<Ints> {
        use DataType as D;
        let (bits, is_negative) = match data_type {
            D::Int8 => (7, true),
            D::Int16 => (15, true),
            D::Int32 => (31, true),
            D::UInt8 => (8, false),
            D::UInt16 => (16, false),
            D::UInt32 => (32, false),
            _ => return None,
        };
        Some(Ints { bits, is_negative, are_floats: Some(true) })
    }

    /// Returns what is known of these ints and others.
    pub(super) fn and(self, other: Ints) -> Ints {
        Ints {
            bits: self.bits.max(other.bits),
            is_negative: self.is_negative || other.is_negative,
            are_floats: match (self.are_floats, other.are_floats) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
        }
    }

    /// Returns whether each is known to be a float of 64 bits exactly.
    pub(super) fn are_floats(&self) -> bool {
        self.are_floats == Some(true)
    }

    /// Returns the type of a column of Python's ints.
    pub(super) fn data_type(&self) -> DataType {
        match self.bits {
            0..=63 => DataType::Int64,
            64 if !self.is_negative => DataType::UInt64,
            64..=DECIMAL_128 => DataType::Decimal128(38, 0),
            _ => DataType::Decimal256(76, 0),
        }
    }

    /// Returns the smallest type of a column of NumPy's ints; `None` of ints of more than 32 bits.
    pub(super) fn smallest(&self) -> Option<DataType> {
        use DataType as D;
        Some(match (self.bits, self.is_negative) {
            (0..=7, true) => D::Int8,
            (0..=15, true) => D::Int16,
            (0..=31, true) => D::Int32,
            (0..=8, false) => D::UInt8,
            (0..=16, false) => D::UInt16,
            (0..=32, false) => D::UInt32,
            _ => return None,
        })
    }

    /// Returns the type of floats, at least as long as `float`, that holds each of these ints.
    pub(super) fn float(self, float: &DataType) -> Option<DataType> {
        use DataType as D;
        let is_short = |bits| self.bits <= bits;
        match float {
            D::Float16 if is_short(11) => Some(D::Float16),
            D::Float16 | D::Float32 if is_short(24) => Some(D::Float32),
            D::Float16 | D::Float32 | D::Float64 if is_short(53) => Some(D::Float64),
            _ => None,
        }
    }

    /// Returns a decimal that has as many digits as each of these ints.
    pub(super) fn as_decimal(self) -> Decimal {
        // 2^10 has more than three digits.
        Decimal { whole: self.bits * 3 / 10 + 1, fraction: 0 }
    }
}

/// Returns whether an int is a float of 64 bits exactly.
#[inline]
pub(super) fn is_float(value: i64) -> bool {
    is_float_magnitude(value.unsigned_abs())
}

#[inline]
fn is_float_magnitude(value: u64) -> bool {
    value < 1 << 53 || value.leading_zeros() + value.trailing_zeros() >= 64 - 53
}

/// Returns what is known of items of 64 bits.
pub(super) fn item_ints(scalar: Scalar, items: &[u8]) -> Ints {
    let is_signed = scalar.kind() == ScalarKind::Int;
    let none = Ints { are_floats: Some(true), ..Ints::of_any_item(scalar) };
    items.chunks_exact(8).fold(none, |ints, item| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(item);
        let value = match scalar.order() {
            ByteOrder::Big => u64::from_be_bytes(bytes),
            _ => u64::from_le_bytes(bytes),
        };
        ints.and(if is_signed { Ints::of(value as i64) } else { Ints::of_unsigned(value) })
    })
}

/// Returns an int of at most 256 bits.
fn long(bytes: &[u8]) -> Option<i256> {
    let is_negative = bytes.last().is_some_and(|&last| last >= 0x80);
    let sign = if is_negative { 0xff } else { 0 };
    let (low, high) = bytes.split_at(bytes.len().min(32));
    if high.iter().any(|&byte| byte != sign) {
        return None;
    }
    let mut value = [sign; 32];
    value[..low.len()].copy_from_slice(low);
    let value = i256::from_le_bytes(value);
    (value.is_negative() == is_negative).then_some(value)
}

/// The digits before and after the point that the decimals of a column need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decimal {
    whole: u32,
    fraction: u32,
}

/// The most digits of a decimal.
const MOST_DIGITS: u32 = 76;

impl Decimal {
    /// Returns whether a text is that of a NaN.
    pub(super) fn is_nan(text: &str) -> bool {
        let text = text.trim_start_matches(['+', '-']);
        let text = text.strip_prefix(['s', 'S']).unwrap_or(text);
        text.get(..3).is_some_and(|name| name.eq_ignore_ascii_case("nan"))
    }

    /// Returns the digits of a finite decimal; `None` where a column has no room for them.
    pub(super) fn of(text: &str) -> Option<Decimal> {
        let (coefficient, exponent) = parse(text)?;
        let digits = coefficient.checked_abs()?.checked_ilog10().map_or(0, |log| log + 1);
        let whole = match digits {
            0 => 0,
            digits => u32::try_from((i64::from(digits) + exponent).max(0)).ok()?,
        };
        let fraction = u32::try_from((-exponent).max(0)).ok()?;
        Decimal { whole, fraction }.fitting()
    }

    /// Returns the digits that a column has room for.
    pub(super) fn any(precision: u8, scale: i8) -> Decimal {
        let fraction = u32::try_from(scale).unwrap_or(0);
        Decimal { whole: u32::from(precision).saturating_sub(fraction), fraction }
    }

    /// Returns the digits that these decimals and others need; `None` where they are too many.
    pub(super) fn and(self, other: Decimal) -> Option<Decimal> {
        let whole = self.whole.max(other.whole);
        Decimal { whole, fraction: self.fraction.max(other.fraction) }.fitting()
    }

    fn fitting(self) -> Option<Decimal> {
        (self.whole.checked_add(self.fraction)? <= MOST_DIGITS).then_some(self)
    }

    /// Returns the type of a column.
    pub(super) fn data_type(&self) -> DataType {
        // The sum is at most 76.
        let (precision, scale) = ((self.whole + self.fraction).max(1) as u8, self.fraction as i8);
        match precision {
            ..=38 => DataType::Decimal128(precision, scale),
            _ => DataType::Decimal256(precision, scale),
        }
    }
}

/// Parses the text of a decimal, as `str(Decimal)` writes it, into its digits and the power of ten of
/// the last one.
fn parse(text: &str) -> Option<(i256, i64)> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let ten = i256::from_i128(10);
    let mut value = i256::ZERO;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(ten)?.checked_add(i256::from_i128((digit - b'0').into()))?;
    }
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    Some((if is_negative { value.wrapping_neg() } else { value }, exponent))
}

/// Returns a decimal as a number of units of `10^-scale`.
fn scaled(text: &str, scale: i8) -> Option<i256> {
    let (value, exponent) = parse(text)?;
    if value == i256::ZERO {
        return Some(value);
    }
    let power = u32::try_from(exponent.checked_add(scale.into())?).ok()?;
    value.checked_mul(i256::from_i128(10).checked_pow(power)?)
}

/// A number, or a time as the number of units of its column.
#[derive(Clone, Copy)]
pub(super) enum Number {
    Int(i128),
    Long(i256),
    Float(f64),
    /// In units of the last digit of a decimal column.
    Scaled(i256),
}

/// Returns a value as a number of a column of this type; `None` where it is of another kind.
pub(super) fn number(kind: &Kind<'_>, data_type: &DataType) -> Option<Number> {
    use DataType as D;
    let int = |value: i64| Some(Number::Int(value.into()));
    match (kind, data_type) {
        (Kind::Int(value), data_type) if data_type.is_numeric() => int(*value),
        (Kind::Long(value), data_type) if data_type.is_numeric() => {
            long(value.as_le_bytes()).map(Number::Long)
        }
        (Kind::Float(value), data_type) if data_type.is_floating() => Some(Number::Float(*value)),
        (Kind::Decimal(text), D::Decimal128(_, scale) | D::Decimal256(_, scale)) => {
            scaled(text, *scale).map(Number::Scaled)
        }
        (Kind::Date(date), D::Date32) => int(days_since_1970(*date).into()),
        (Kind::DateTime(DateTime { date, time }), D::Timestamp(_, zone)) => {
            let east = match (time.zone, zone) {
                (None, None) => 0,
                (Some(_), Some(_)) => time.utc_offset()?,
                _ => return None,
            };
            let seconds = i64::from(days_since_1970(*date)) * 86_400 - east;
            in_unit(seconds * 1_000_000 + clock(time), data_type)
        }
        (Kind::Time(time), D::Time64(_)) if time.zone.is_none() => int(clock(time)),
        (Kind::TimeDelta(delta), D::Duration(_)) => {
            let seconds = delta.days.checked_mul(86_400)?.checked_add(delta.seconds.into())?;
            in_unit(
                seconds.checked_mul(1_000_000)?.checked_add(delta.microseconds.into())?,
                data_type,
            )
        }
        _ => None,
    }
}

/// Returns how many units of a column of times are a second.
fn per_second(data_type: &DataType) -> Option<i128> {
    match data_type {
        DataType::Timestamp(unit, _) | DataType::Duration(unit) => Some(match unit {
            ArrowUnit::Second => 1,
            ArrowUnit::Millisecond => 1000,
            ArrowUnit::Microsecond => 1_000_000,
            ArrowUnit::Nanosecond => 1_000_000_000,
        }),
        _ => None,
    }
}

/// Returns microseconds as a number of units of a column; `None` where that is not whole.
fn in_unit(microseconds: i64, data_type: &DataType) -> Option<Number> {
    let units = i128::from(microseconds) * per_second(data_type)?;
    (units % 1_000_000 == 0).then_some(Number::Int(units / 1_000_000))
}

/// Returns how many units of a column of times one unit of another is, where the column has none that
/// is longer; 1 of columns of numbers.
pub(super) fn units_in(column: &DataType, found: &DataType) -> i128 {
    match (per_second(column), per_second(found)) {
        (Some(column), Some(found)) => column / found,
        _ => 1,
    }
}

/// Returns the type of a column that has times of both types.
pub(super) fn time_of(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType as D;
    match (one, other) {
        (D::Timestamp(unit, zone), D::Timestamp(other, other_zone)) if zone == other_zone => {
            Some(D::Timestamp(*unit.max(other), zone.clone()))
        }
        (D::Duration(unit), D::Duration(other)) => Some(D::Duration(*unit.max(other))),
        _ => None,
    }
}

/// Returns the microseconds since midnight.
fn clock(time: &Time<'_>) -> i64 {
    let seconds =
        i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second);
    seconds * 1_000_000 + i64::from(time.microsecond)
}

/// Returns how many units of the column of a datetime64 or timedelta64 one unit is. Units of a second
/// or more are whole seconds; weeks and days of a datetime64 are days. `None` where a unit has no
/// length (months), or Arrow has none that is as short.
pub(super) fn scale_of(unit: TimeUnit) -> Option<i64> {
    use TimeBase as T;
    let scale = match unit.base() {
        T::Week => 604_800,
        T::Day => 86_400,
        T::Hour => 3600,
        T::Minute => 60,
        T::Second | T::Millisecond | T::Microsecond | T::Nanosecond => 1,
        _ => return None,
    };
    Some(scale * i64::from(unit.num()))
}

/// Returns an item of a dtype as a number; `None` where the item is not one.
pub(super) fn item_number(scalar: Scalar, item: &[u8]) -> Option<Number> {
    let mut bytes = [0; 8];
    let bytes = bytes.get_mut(..item.len())?;
    bytes.copy_from_slice(item);
    if scalar.order() == ByteOrder::Big {
        bytes.reverse();
    }
    // Numbers of fewer bytes are little-endian and filled with zeros.
    let mut whole = [0; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    let (raw, unused) = (u64::from_le_bytes(whole), 64 - 8 * item.len() as u32);
    let int = |value: i64| Some(Number::Int(value.into()));
    match scalar.kind() {
        ScalarKind::Int => int(((raw << unused) as i64) >> unused),
        ScalarKind::Uint => Some(Number::Int(raw.into())),
        ScalarKind::Float => Some(Number::Float(match item.len() {
            2 => f16::from_bits(raw as u16).into(),
            4 => f32::from_bits(raw as u32).into(),
            _ => f64::from_bits(raw),
        })),
        ScalarKind::Datetime(unit) if matches!(unit.base(), TimeBase::Week | TimeBase::Day) => {
            let days = if unit.base() == TimeBase::Week { 7 } else { 1 };
            int((raw as i64).checked_mul(days * i64::from(unit.num()))?)
        }
        ScalarKind::Datetime(unit) | ScalarKind::Timedelta(unit) => {
            int((raw as i64).checked_mul(scale_of(unit)?)?)
        }
        _ => None,
    }
}

/// Returns whether numbers or times of one type may be in the column of another.
pub(super) fn may_hold(column: &DataType, found: &DataType) -> bool {
    let is_time = || time_of(column, found).as_ref() == Some(column);
    column == found || (column.is_numeric() && found.is_numeric()) || is_time()
}

/// Appends a number to the bytes of a column of this type; `false` where it has no room for it exactly.
pub(super) fn put(data_type: &DataType, bytes: &mut MutableBuffer, number: Number) -> bool {
    use DataType as D;
    macro_rules! int {
        ($int:ty) => {{
            let value = match number {
                Number::Int(value) => <$int>::try_from(value).ok(),
                Number::Long(value) => value.to_i128().and_then(|value| value.try_into().ok()),
                Number::Float(_) | Number::Scaled(_) => None,
            };
            let Some(value) = value else { return false };
            bytes.extend_from_slice(&value.to_le_bytes());
        }};
    }
    macro_rules! float {
        ($float:ty, $from:expr) => {{
            let value = match number {
                Number::Int(value) => value as f64,
                Number::Float(value) => value,
                Number::Long(_) | Number::Scaled(_) => return false,
            };
            let short: $float = $from(value);
            let back = f64::from(short);
            let is_exact = match number {
                Number::Int(value) => back as i128 == value,
                _ => back == value || value.is_nan(),
            };
            if !is_exact {
                return false;
            }
            bytes.extend_from_slice(&short.to_le_bytes());
        }};
    }
    match data_type {
        D::Int8 => int!(i8),
        D::Int16 => int!(i16),
        D::Int32 | D::Date32 => int!(i32),
        D::Int64 | D::Timestamp(..) | D::Duration(_) | D::Time64(_) => int!(i64),
        D::UInt8 => int!(u8),
        D::UInt16 => int!(u16),
        D::UInt32 => int!(u32),
        D::UInt64 => int!(u64),
        D::Float16 => float!(f16, f16::from_f64),
        D::Float32 => float!(f32, |value| value as f32),
        D::Float64 => float!(f64, |value| value),
        D::Decimal128(precision, scale) | D::Decimal256(precision, scale) => {
            let power = |digits: u32| i256::from_i128(10).checked_pow(digits);
            let scaled = match number {
                Number::Scaled(value) => Some(value),
                Number::Int(_) | Number::Long(_) => {
                    let value = match number {
                        Number::Int(value) => i256::from_i128(value),
                        Number::Long(value) => value,
                        _ => return false,
                    };
                    let scale = u32::try_from(*scale).ok().and_then(power);
                    scale.and_then(|scale| value.checked_mul(scale))
                }
                Number::Float(_) => None,
            };
            let (Some(value), Some(end)) = (scaled, power((*precision).into())) else {
                return false;
            };
            if value >= end || value <= end.wrapping_neg() {
                return false;
            }
            match data_type {
                D::Decimal128(..) => bytes.extend_from_slice(&value.as_i128().to_le_bytes()),
                _ => bytes.extend_from_slice(&value.to_le_bytes()),
            }
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_the_digits_of_their_text() {
        for (text, expected) in [
            ("1.50", Some((1, 2))),
            ("-0.001", Some((0, 3))),
            ("0", Some((0, 0))),
            ("0E-5", Some((0, 5))),
            ("1E+5", Some((6, 0))),
            ("123456789012345678901234567890.5", Some((30, 1))),
            ("1E+76", None),
            ("1E-77", None),
            ("Infinity", None),
            (".", None),
        ] {
            let expected = expected.map(|(whole, fraction)| Decimal { whole, fraction });
            assert_eq!(Decimal::of(text), expected, "{text}");
        }
        assert_eq!(scaled("-1.5", 3), Some(i256::from_i128(-1500)));
        assert_eq!(scaled("1.5", 0), None);
        assert!(["NaN", "-NaN123", "sNaN"].iter().all(|text| Decimal::is_nan(text)));
    }

    #[test]
    fn put_appends_only_exact_numbers() {
        let fits =
            |data_type: DataType, number| put(&data_type, &mut MutableBuffer::new(0), number);
        assert!(fits(DataType::Float64, Number::Int(1 << 60)));
        assert!(!fits(DataType::Float64, Number::Int((1 << 60) + 1)));
        assert!(!fits(DataType::Float64, Number::Int(i64::MAX.into())));
        assert!(fits(DataType::Float32, Number::Float(f64::NAN)));
        assert!(!fits(DataType::Float32, Number::Float(0.1)));
        assert!(fits(DataType::Int8, Number::Int(-128)));
        assert!(!fits(DataType::Int8, Number::Int(128)));
        assert!(fits(DataType::Decimal128(3, 1), Number::Int(99)));
        assert!(!fits(DataType::Decimal128(3, 1), Number::Int(100)));
    }

    #[test]
    fn ints_are_known_by_their_bits() {
        for (value, data_type) in [
            (&[0xff, 0x7f][..], DataType::Int64),
            (&[0, 0, 0, 0, 0, 0, 0, 0x80, 0], DataType::UInt64),
            (&[0, 0, 0, 0, 0, 0, 0, 0x80, 0xff], DataType::Int64),
            (&[0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff], DataType::Decimal128(38, 0)),
            (&[0xff; 20], DataType::Int64),
            (&[1; 20], DataType::Decimal256(76, 0)),
        ] {
            assert_eq!(Ints::of_long(value).unwrap().data_type(), data_type, "{value:?}");
        }
        assert_eq!(Ints::of_long(&[1; 40]), None);
        let (least, most) = (
            Ints::of(i64::MIN),
            Ints::of_long(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]),
        );
        assert_eq!(least.and(most.unwrap()).data_type(), DataType::Decimal128(38, 0));
    }
}
