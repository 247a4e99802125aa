//! Counters of bounded size, for `stats`.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::HashMap;
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

/// Statistics of sizes: least, most, mean, and a histogram of powers of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    count: u64,
    sum: u128,
    least: u64,
    most: u64,
    /// Item `n` counts the sizes of `n` bits: 0, 1, 2 and 3, 4 to 7, ...
    bits: [u64; 65],
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { count: 0, sum: 0, least: u64::MAX, most: 0, bits: [0; 65] }
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
        self.bits[(64 - size.leading_zeros()) as usize] += 1;
    }

    /// Adds the sizes of another one.
    pub(crate) fn merge(&mut self, other: &Sizes) {
        self.count += other.count;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.bits.iter_mut().zip(other.bits).for_each(|(sum, more)| *sum += more);
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

    /// Returns the counts of the ranges between powers of two, as far as they are not 0.
    pub(crate) fn histogram(&self) -> impl Iterator<Item = ([u64; 2], u64)> + '_ {
        let range = |bits: usize| match bits {
            0 => [0, 0],
            _ => [1 << (bits - 1), u64::MAX >> (64 - bits)],
        };
        let met = self.bits.iter().enumerate().filter(|&(_, &count)| count > 0);
        met.map(move |(bits, &count)| (range(bits), count))
    }
}

impl Serialize for Sizes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [least, most] = self.extremes();
        let mut sizes = serializer.serialize_struct("Sizes", 6)?;
        sizes.serialize_field("count", &self.count)?;
        sizes.serialize_field("sum", &self.sum)?;
        sizes.serialize_field("min", &least)?;
        sizes.serialize_field("max", &most)?;
        sizes.serialize_field("mean", &self.mean())?;
        sizes.serialize_field("histogram", &self.histogram().collect::<Vec<_>>())?;
        sizes.end()
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
        assert_eq!(sizes.histogram().collect::<Vec<_>>(), expected);

        let mut both = Sizes::default();
        both.add(6);
        let mut other = Sizes::default();
        other.add(2);
        both.merge(&other);
        assert_eq!((both.extremes(), both.mean()), ([2, 6], 4.0));
    }
}
