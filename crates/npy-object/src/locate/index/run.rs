//! The run of a checkpoint: the places of all elements up to the next checkpoint.
//!
//! The places are near a straight line. A run has the slope of a line that is nowhere above them, and
//! the distance from it to each, in as few bits as the largest takes: about 2 bytes for an element.
//! Each place is found without those before it.

use std::ops::Range;

use super::format::{SUM, damaged, without_sum};
use crate::error::Result;
use crate::locate::checkpoints::{Checkpoint, Interval};

/// Bytes before the places.
const HEAD: usize = 18;
/// The most bytes of a run, which are in memory at once.
pub(super) const MOST: usize = 4 << 20;

/// Returns the run of the elements after `from`. It is empty where there are none before the next
/// checkpoint.
pub(super) fn to_bytes(from: Checkpoint, places: &[Checkpoint]) -> Vec<u8> {
    if places.is_empty() {
        return Vec::new();
    }
    let offsets = Line::under(from.offset, places.iter().map(|place| place.offset));
    let memos = Line::under(from.memo(), places.iter().map(|place| place.memo()));
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&offsets.step.to_le_bytes());
    bytes.extend_from_slice(&memos.step.to_le_bytes());
    bytes.extend([offsets.bits as u8, memos.bits as u8]);
    let mut bits = Bits::default();
    for (number, place) in (1..).zip(places) {
        bits.put(&mut bytes, offsets.distance(number, place.offset), offsets.bits);
        bits.put(&mut bytes, memos.distance(number, place.memo()), memos.bits);
        bits.put(&mut bytes, place.is_inside().into(), 1);
    }
    bits.finish(&mut bytes);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Returns the place of an element between two checkpoints, and of the next one. `bytes` are the run of
/// the first checkpoint, which begins at offset `at` of the index.
pub(super) fn around(bytes: &[u8], at: u64, interval: Interval, member: u64) -> Result<Interval> {
    let Interval { from, to: Some(to) } = interval else { return Ok(interval) };
    let count = to.member - from.member - 1;
    if count == 0 {
        return Ok(interval);
    }
    let run = without_sum(bytes)?;
    let Some((head, places)) = run.split_first_chunk::<HEAD>() else {
        return Err(damaged("of a run that is truncated", at));
    };
    let line = |start, step: Range<usize>, bits: u8| Line {
        start,
        step: head[step].iter().rev().fold(0, |step, byte| step << 8 | u64::from(*byte)),
        bits: bits.into(),
    };
    let offsets = line(from.offset, 0..8, head[16]);
    let memos = line(from.memo(), 8..16, head[17]);
    let width = u64::from(offsets.bits) + u64::from(memos.bits) + 1;
    let fits = offsets.bits <= 64
        && memos.bits <= 64
        && count.checked_mul(width).is_some_and(|all| all.div_ceil(8) == places.len() as u64);
    if !fits {
        return Err(damaged("of a run of another length than it says", at));
    }
    let place = |number: u64| {
        let begin = (number - 1) * width;
        let offset = offsets.at(number, bits_at(places, begin, offsets.bits));
        let begin = begin + u64::from(offsets.bits);
        let memo = memos.at(number, bits_at(places, begin, memos.bits));
        let is_inside = bits_at(places, begin + u64::from(memos.bits), 1) == 1;
        let member = from.member + number;
        if is_inside {
            Checkpoint::inside(member, offset, memo)
        } else {
            Checkpoint::between(member, offset, memo)
        }
    };
    let number = member - from.member;
    let one = if number == 0 { from } else { place(number) };
    let next = if number == count { to } else { place(number + 1) };
    let follows = |one: Checkpoint, next: Checkpoint| one == next || one.is_before(next);
    if one.is_before(next) && follows(from, one) && follows(next, to) {
        return Ok(Interval { from: one, to: Some(next) });
    }
    Err(damaged("of places that are not in order", at))
}

/// A straight line that begins at a number, and is nowhere above those that follow.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: u64,
    step: u64,
    /// Bits of the largest distance from it.
    bits: u32,
}

impl Line {
    /// Returns the steepest line under numbers that do not fall.
    fn under(start: u64, numbers: impl Iterator<Item = u64> + Clone) -> Line {
        let before = [start].into_iter().chain(numbers.clone());
        let steps = before.zip(numbers.clone()).map(|(before, number)| number - before);
        let line = Line { start, step: steps.min().unwrap_or(0), bits: 0 };
        // The distance grows from each number to the next.
        let largest = (1..).zip(numbers).last();
        let largest = largest.map_or(0, |(place, number)| line.distance(place, number));
        Line { bits: u64::BITS - largest.leading_zeros(), ..line }
    }

    fn distance(self, place: u64, number: u64) -> u64 {
        number - self.start - place * self.step
    }

    /// Returns the number at a place, which a corrupt run may have too large.
    fn at(self, place: u64, distance: u64) -> u64 {
        self.start.saturating_add(place.saturating_mul(self.step)).saturating_add(distance)
    }
}

/// Bits that are not yet a whole byte, the lowest first.
#[derive(Default)]
struct Bits {
    held: u128,
    count: u32,
}

impl Bits {
    fn put(&mut self, bytes: &mut Vec<u8>, number: u64, bits: u32) {
        self.held |= u128::from(number) << self.count;
        self.count += bits;
        while self.count >= 8 {
            bytes.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    fn finish(self, bytes: &mut Vec<u8>) {
        if self.count > 0 {
            bytes.push(self.held as u8);
        }
    }
}

/// Returns the number of up to 64 bits that begins at a bit.
fn bits_at(bytes: &[u8], at: u64, bits: u32) -> u64 {
    let rest = bytes.get((at / 8) as usize..).unwrap_or_default();
    let mut number = [0; 16];
    let size = rest.len().min(16);
    number[..size].copy_from_slice(&rest[..size]);
    let number = u128::from_le_bytes(number) >> (at % 8);
    (number & ((1 << bits) - 1)) as u64
}

/// Fails where a run is longer than any that is written.
pub(super) fn check_size(run: &Range<u64>) -> Result<()> {
    if run.end - run.start <= (MOST + SUM) as u64 {
        return Ok(());
    }
    Err(damaged("of a run that is too long", run.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> (Checkpoint, Vec<Checkpoint>, Checkpoint) {
        let mut places = Vec::new();
        let (mut offset, mut memo) = (1_000, 17);
        for number in 1..700_u64 {
            offset += 20 + number * number % 31;
            memo += 2 + u64::from(number % 50 == 0);
            places.push(match number % 100 {
                0 => Checkpoint::between(5_000 + number, offset, memo),
                _ => Checkpoint::inside(5_000 + number, offset, memo),
            });
        }
        let (from, to) = (Checkpoint::between(5_000, 1_000, 17), offset + 25);
        (from, places, Checkpoint::between(5_700, to, memo + 2))
    }

    #[test]
    fn every_place_is_read_as_it_was_written() {
        let (from, places, to) = places();
        let run = to_bytes(from, &places);
        assert!(run.len() < places.len() * 5 / 2, "{} bytes", run.len());
        let interval = Interval { from, to: Some(to) };
        let all: Vec<_> = [from].into_iter().chain(places).chain([to]).collect();
        for pair in all.windows(2) {
            let found = around(&run, 0, interval, pair[0].member).unwrap();
            assert_eq!(found, Interval { from: pair[0], to: Some(pair[1]) });
        }
    }

    #[test]
    fn distant_places_are_read_as_they_were_written() {
        let from = Checkpoint::between(0, 7, 0);
        let places = [
            Checkpoint::between(1, 8, 0),
            Checkpoint::inside(2, u64::MAX - 2, 1 << 60),
            Checkpoint::inside(3, u64::MAX - 1, 1 << 62),
        ];
        let to = Checkpoint::between(4, u64::MAX, 1 << 62);
        let run = to_bytes(from, &places);
        let interval = Interval { from, to: Some(to) };
        for pair in places.windows(2) {
            let found = around(&run, 0, interval, pair[0].member).unwrap();
            assert_eq!(found, Interval { from: pair[0], to: Some(pair[1]) });
        }
    }

    #[test]
    fn corrupt_run_is_an_error() {
        let (from, places, to) = places();
        let run = to_bytes(from, &places);
        let interval = Interval { from, to: Some(to) };
        for offset in 0..run.len() {
            let mut broken = run.clone();
            broken[offset] ^= 0x41;
            assert!(around(&broken, 0, interval, 5_001).is_err(), "byte {offset}");
            assert!(around(&run[..offset], 0, interval, 5_001).is_err(), "cut at {offset}");
        }
        // With the right checksum, a place outside the interval, or before the last one.
        for (offset, byte) in [(0, 0xff), (7, 0xff), (16, 65), (16, 63), (17, 200), (25, 0xff)] {
            let mut lie = run[..run.len() - SUM].to_vec();
            lie[offset] = byte;
            lie.extend_from_slice(&crc32fast::hash(&lie).to_le_bytes());
            for member in 5_000..5_700 {
                if let Ok(Interval { from: one, to: Some(next) }) =
                    around(&lie, 0, interval, member)
                {
                    assert!(one.is_before(next) && next.offset <= to.offset);
                }
            }
        }
    }
}
