//! Counters of bounded size, for `stats`.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

/// Counts how often each key was met. The keys come from the file, so only the first 4,096 different
/// keys are kept; all others share one counter.
pub(crate) struct Tally<K> {
    counts: HashMap<K, u64>,
    others: u64,
}

/// Keys that have a counter of their own.
const MOST: usize = 4096;

impl<K> Default for Tally<K> {
    fn default() -> Tally<K> {
        Tally { counts: HashMap::new(), others: 0 }
    }
}

impl<K: Hash + Eq + fmt::Display> Tally<K> {
    /// Counts a key.
    pub(crate) fn add(&mut self, thing: K) {
        match self.counts.get_mut(&thing) {
            Some(count) => *count += 1,
            None => self.insert(thing, 1),
        }
    }

    /// Counts a borrowed key; `own` makes the owned key when it is met for the first time.
    pub(crate) fn add_borrowed<Q>(&mut self, thing: &Q, own: impl FnOnce(&Q) -> K)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        match self.counts.get_mut(thing) {
            Some(count) => *count += 1,
            None => self.insert(own(thing), 1),
        }
    }

    #[cold]
    fn insert(&mut self, thing: K, count: u64) {
        if self.counts.len() < MOST {
            self.counts.insert(thing, count);
        } else {
            self.others += count;
        }
    }

    /// Adds the counts of another tally.
    pub(crate) fn merge(&mut self, other: Tally<K>) {
        self.others += other.others;
        for (thing, count) in other.counts {
            match self.counts.get_mut(&thing) {
                Some(known) => *known += count,
                None => self.insert(thing, count),
            }
        }
    }

    /// Returns the keys with their counts, the most frequent first, and the count of all other keys.
    pub(crate) fn ranked(&self) -> (Vec<(String, u64)>, u64) {
        let counts = self.counts.iter().map(|(thing, &count)| (thing.to_string(), count));
        let mut ranked: Vec<_> = counts.collect();
        ranked.sort_by(|(a, first), (b, second)| second.cmp(first).then_with(|| natural(a, b)));
        (ranked, self.others)
    }
}

/// Compares texts, and numbers in them by their value: `(2,)` comes before `(10,)`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        let digits = [a, b].map(|text| text.iter().take_while(|c| c.is_ascii_digit()).count());
        if let [one, other] = digits
            && one > 0
            && other > 0
        {
            let ((number, rest), (other_number, other_rest)) = (a.split_at(one), b.split_at(other));
            // Without leading zeros, the longer number is the larger one.
            let value = |digits: &'_ [u8]| {
                let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
                (digits.len() - zeros, digits[zeros..].to_vec())
            };
            match value(number).cmp(&value(other_number)) {
                Ordering::Equal => (a, b) = (rest, other_rest),
                unequal => return unequal,
            }
        } else {
            let (Some((one, rest)), Some((other, other_rest))) = (a.split_first(), b.split_first())
            else {
                return a.len().cmp(&b.len());
            };
            match one.cmp(other) {
                Ordering::Equal => (a, b) = (rest, other_rest),
                unequal => return unequal,
            }
        }
    }
}

impl<K: Hash + Eq + fmt::Display> Serialize for Tally<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (ranked, others) = self.ranked();
        let mut map = serializer.serialize_map(None)?;
        for (thing, count) in ranked {
            map.serialize_entry(&thing, &count)?;
        }
        if others > 0 {
            map.serialize_entry("others", &others)?;
        }
        map.end()
    }
}

/// Statistics of sizes: least, most, mean, quantiles, and a histogram of powers of two.
///
/// The sizes are counted as by HdrHistogram: those below 64 each, larger ones in 32 equal ranges between
/// two powers of two, so that a quantile is at most 1.6 % from a size that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    count: u64,
    sum: u128,
    least: u64,
    most: u64,
    /// The counts of the ranges, up to the last that is not 0.
    ranges: Vec<u64>,
}

/// Sizes below this one have a range each.
const EXACT: u64 = 64;
/// Ranges between two powers of two.
const RANGES: u64 = 32;

/// Returns the range of a size.
fn range_of(size: u64) -> usize {
    if size < EXACT {
        return size as usize;
    }
    let shift = u64::from(58 - size.leading_zeros());
    (EXACT + (shift - 1) * RANGES + (size >> shift) - RANGES) as usize
}

/// Returns the first and the last size of a range.
fn bounds_of(range: usize) -> [u64; 2] {
    let Some(place) = (range as u64).checked_sub(EXACT) else { return [range as u64; 2] };
    let shift = place / RANGES + 1;
    let first = (place % RANGES + RANGES) << shift;
    [first, first + ((1 << shift) - 1)]
}

/// The quantiles that are reported.
pub(crate) const QUANTILES: [f64; 5] = [0.25, 0.5, 0.75, 0.95, 0.99];

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { count: 0, sum: 0, least: u64::MAX, most: 0, ranges: Vec::new() }
    }
}

impl Sizes {
    #[inline]
    pub(crate) fn add(&mut self, size: usize) {
        let size = size as u64;
        self.count += 1;
        self.sum += u128::from(size);
        self.least = self.least.min(size);
        self.most = self.most.max(size);
        let range = range_of(size);
        if range >= self.ranges.len() {
            self.ranges.resize(range + 1, 0);
        }
        self.ranges[range] += 1;
    }

    /// Adds the sizes of another one.
    pub(crate) fn merge(&mut self, other: &Sizes) {
        self.count += other.count;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        let len = self.ranges.len().max(other.ranges.len());
        self.ranges.resize(len, 0);
        self.ranges.iter_mut().zip(&other.ranges).for_each(|(sum, more)| *sum += more);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn extremes(&self) -> [u64; 2] {
        [self.least.min(self.most), self.most]
    }

    pub(crate) fn mean(&self) -> f64 {
        self.sum as f64 / self.count.max(1) as f64
    }

    /// Returns a size that this share of the sizes does not exceed: exact below 64, else the middle of a
    /// range.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reached = |&count: &u64| {
            seen += count;
            seen >= wanted
        };
        let range = self.ranges.iter().position(reached).unwrap_or(0);
        let [first, last] = bounds_of(range);
        let [least, most] = self.extremes();
        (first + (last - first) / 2).clamp(least, most)
    }

    /// Returns the counts of the ranges between powers of two, as far as they are not 0.
    pub(crate) fn histogram(&self) -> Vec<([u64; 2], u64)> {
        let mut histogram: Vec<([u64; 2], u64)> = Vec::new();
        for (range, &count) in self.ranges.iter().enumerate().filter(|&(_, &count)| count > 0) {
            let bounds = match 64 - bounds_of(range)[0].leading_zeros() {
                0 => [0, 0],
                bits => [1 << (bits - 1), u64::MAX >> (64 - bits)],
            };
            match histogram.last_mut() {
                Some((last, sum)) if *last == bounds => *sum += count,
                _ => histogram.push((bounds, count)),
            }
        }
        histogram
    }
}

impl Serialize for Sizes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [least, most] = self.extremes();
        let quantiles = QUANTILES.map(|share| (share.to_string(), self.quantile(share)));
        let mut sizes = serializer.serialize_struct("Sizes", 7)?;
        sizes.serialize_field("count", &self.count)?;
        sizes.serialize_field("sum", &self.sum)?;
        sizes.serialize_field("min", &least)?;
        sizes.serialize_field("max", &most)?;
        sizes.serialize_field("mean", &self.mean())?;
        sizes.serialize_field("quantiles", &BTreeMap::from(quantiles))?;
        sizes.serialize_field("histogram", &self.histogram())?;
        sizes.end()
    }
}

/// Statistics of numbers. NaN are counted apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Numbers {
    count: u64,
    nans: u64,
    sum: f64,
    least: f64,
    most: f64,
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers { count: 0, nans: 0, sum: 0.0, least: f64::INFINITY, most: f64::NEG_INFINITY }
    }
}

impl Numbers {
    #[inline]
    pub(crate) fn add(&mut self, number: f64) {
        if number.is_nan() {
            self.nans += 1;
            return;
        }
        self.count += 1;
        self.sum += number;
        self.least = self.least.min(number);
        self.most = self.most.max(number);
    }

    /// Adds the numbers of another one.
    pub(crate) fn merge(&mut self, other: &Numbers) {
        self.count += other.count;
        self.nans += other.nans;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count + self.nans == 0
    }
}

/// Writes `from 0 to 2, 1.5 on average, 1 NaN`.
impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Numbers { count, nans, sum, least, most } = self;
        match count {
            0 => {}
            _ if least == most => write!(f, "{least}")?,
            _ => {
                // Six digits, without zeros at the end.
                let mean = format!("{:.6}", sum / *count as f64);
                let mean = mean.trim_end_matches('0').trim_end_matches('.');
                write!(f, "from {least} to {most}, {mean} on average")?;
            }
        }
        match nans {
            0 => Ok(()),
            _ => write!(f, "{}{nans} NaN", if *count > 0 { ", " } else { "" }),
        }
    }
}

/// Numbers that JSON has not, such as the mean of none, are null.
impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Numbers { count, nans, sum, least, most } = *self;
        let known = |number: f64| Some(number).filter(|_| count > 0);
        let mut numbers = serializer.serialize_struct("Numbers", 5)?;
        numbers.serialize_field("count", &count)?;
        numbers.serialize_field("nan", &nans)?;
        numbers.serialize_field("min", &known(least))?;
        numbers.serialize_field("max", &known(most))?;
        numbers.serialize_field("mean", &known(sum / count as f64))?;
        numbers.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tally_of_more_than_4096_keys_counts_the_rest_together() {
        let mut tally = Tally::<String>::default();
        (0..MOST + 10).for_each(|number| tally.add(number.to_string()));
        tally.add_borrowed("0", str::to_owned);
        let (ranked, others) = tally.ranked();
        assert_eq!((ranked.len(), others), (MOST, 10));
        assert_eq!(ranked[..2], [("0".to_owned(), 2), ("1".to_owned(), 1)]);

        let mut two = Tally::<String>::default();
        two.merge(tally);
        two.add("x".to_owned());
        assert_eq!(two.ranked().1, 11);
    }

    #[test]
    fn tally_of_equal_counts_orders_shapes_by_number() {
        let mut tally = Tally::<String>::default();
        for shape in ["(10,)", "(2, 11)", "(2, 3)", "()", "(2,)", "(02,)", "(9,)"] {
            tally.add(shape.to_owned());
        }
        let shapes: Vec<_> = tally.ranked().0.into_iter().map(|(shape, _)| shape).collect();
        let expected = ["()", "(2, 3)", "(2, 11)", "(2,)", "(9,)", "(10,)"];
        assert_eq!(
            shapes.iter().filter(|shape| *shape != "(02,)").collect::<Vec<_>>(),
            expected.iter().collect::<Vec<_>>()
        );
        assert_eq!(natural("a12", "a12"), Ordering::Equal);
    }

    #[test]
    fn sizes_give_extremes_mean_and_histogram() {
        let mut sizes = Sizes::default();
        assert_eq!((sizes.extremes(), sizes.mean()), ([0, 0], 0.0));
        [0, 1, 2, 3, 3, usize::MAX].into_iter().for_each(|size| sizes.add(size));
        assert_eq!(sizes.extremes(), [0, u64::MAX]);
        let expected = [([0, 0], 1), ([1, 1], 1), ([2, 3], 3), ([1 << 63, u64::MAX], 1)];
        assert_eq!(sizes.histogram(), expected);

        let mut both = Sizes::default();
        both.add(6);
        let mut other = Sizes::default();
        other.add(2);
        both.merge(&other);
        assert_eq!((both.extremes(), both.mean()), ([2, 6], 4.0));
    }

    #[test]
    fn ranges_of_sizes_follow_one_another() {
        for range in 0..1920 {
            let [first, last] = bounds_of(range);
            assert_eq!([range_of(first), range_of(last)], [range; 2], "{range}");
            assert!(last - first <= first / 32, "{range}");
        }
        assert_eq!(bounds_of(range_of(u64::MAX))[1], u64::MAX);
    }

    #[test]
    fn quantiles_of_sizes_are_exact_below_64_and_near_above() {
        let mut sizes = Sizes::default();
        (1..=50).for_each(|size| sizes.add(size));
        assert_eq!([0.0, 0.5, 0.95, 1.0].map(|share| sizes.quantile(share)), [1, 25, 48, 50]);
        let mut sizes = Sizes::default();
        (1..=100_000).for_each(|size| sizes.add(size));
        for share in QUANTILES {
            let (found, exact) = (sizes.quantile(share) as f64, share * 100_000.0);
            assert!((found - exact).abs() <= exact / 60.0, "{share}: {found}");
        }
        assert_eq!(Sizes::default().quantile(0.5), 0);
    }

    #[test]
    fn numbers_count_nan_apart() {
        let mut numbers = Numbers::default();
        assert!(numbers.is_empty());
        [1.0, f64::NAN, 3.0].into_iter().for_each(|number| numbers.add(number));
        let text = "from 1 to 3, 2 on average, 1 NaN";
        assert_eq!(numbers.to_string(), text);
        let mut other = Numbers::default();
        other.add(f64::NAN);
        assert_eq!(other.to_string(), "1 NaN");
        numbers.merge(&other);
        assert!(numbers.to_string().ends_with("2 NaN"));
    }
}
