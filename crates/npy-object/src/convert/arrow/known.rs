//! Rows whose type is known, because a row of the same skeleton with holes of the same kinds came before.

use std::collections::HashSet;
use std::sync::Arc;

use pickle_stream::{Hole, Holes, Kind, NodeId, Skeleton, ValueRef};

use crate::array::npy_array::NpyArray;
use crate::convert::arrow::number::is_float;
use crate::value::calls::Call;
use crate::value::globals::Callable;

/// The kinds of the holes of rows, a number for each.
type Seen = HashSet<Vec<u64>>;

/// The kinds of the holes of rows that were seen, for each of the last skeletons.
#[derive(Default)]
pub(super) struct Known {
    skeletons: Vec<KnownRows>,
    kinds: Vec<u64>,
    /// The skeleton whose row was noted last.
    noted: Option<usize>,
}

/// The rows of a skeleton whose type is known.
struct KnownRows {
    skeleton: Arc<Skeleton>,
    /// The holes that are keys of dicts or parts of dtypes. Rows that read them from the same memo entries
    /// have the same names; the types of other rows are not known. `None` where all rows are decoded.
    names: Option<Vec<usize>>,
    seen: Seen,
}

impl Known {
    /// The most skeletons, and the most kinds of rows of each.
    const MOST: usize = 16;
    const MOST_KINDS: usize = 256;

    /// Goes past the next elements whose type is known, at most `most`. Returns their bytes. If there
    /// are none, notes the kind of the next element, which the caller decodes.
    pub(super) fn pass(&mut self, array: &mut NpyArray, most: u64) -> usize {
        let number = array.position();
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let Some(objects) = array.objects_mut() else { return 0 };
        let Ok(Some(members)) = objects.read_block(number, most) else { return 0 };
        let run = objects.block(&members).and_then(|block| block.run(0));
        let Some(skeleton) = run.map(|run| Arc::clone(run.skeleton)) else { return 0 };
        if !self.skeletons.iter().any(|known| Arc::ptr_eq(&known.skeleton, &skeleton)) {
            let names = match objects.outline_row(&members, 0) {
                Ok(Some((element, holes))) => element.value().map(|value| names(value, holes)),
                _ => None,
            };
            self.skeletons.truncate(Known::MOST - 1);
            self.skeletons.push(KnownRows { skeleton, names, seen: Seen::new() });
        }
        let Some(block) = objects.block(&members) else { return 0 };
        let (mut passed, mut bytes) = (0, 0);
        'runs: while let Some(run) = block.run(passed) {
            for row in run.rows() {
                if !self.is_known(run.skeleton, row, block.holes, passed == 0) {
                    break 'runs;
                }
                let span = block.spans[passed];
                bytes += (span.end - span.begin) as usize;
                passed += 1;
            }
        }
        array.seek(number + passed as u64);
        bytes
    }

    /// Forgets the kind that was noted last, as the types of other rows of it may be others.
    pub(super) fn forget_noted(&mut self) {
        let noted = self.noted.take().and_then(|index| self.skeletons.get_mut(index));
        if let Some(known) = noted {
            known.seen.remove(&self.kinds);
        }
    }

    /// Returns whether a row of these kinds was seen. With `notes`, notes that it was.
    fn is_known(
        &mut self,
        skeleton: &Arc<Skeleton>,
        row: &[Hole],
        holes: &Holes,
        notes: bool,
    ) -> bool {
        let Known { skeletons, kinds, noted } = self;
        *noted = None;
        kinds.clear();
        for hole in row {
            let Some(kind) = kind(*hole, holes) else { return false };
            kinds.push(kind);
        }
        // A skeleton that was not met before is looked at when its row is the next one.
        let index = skeletons.iter().position(|known| Arc::ptr_eq(&known.skeleton, skeleton));
        let Some(index) = index else { return false };
        let KnownRows { names: Some(names), seen, .. } = &mut skeletons[index] else {
            return false;
        };
        if !names.iter().all(|&name| matches!(row.get(name), Some(Hole::Get(_)))) {
            return false;
        }
        let is_known = seen.contains(kinds);
        if notes && !is_known && seen.len() < Known::MOST_KINDS {
            seen.insert(kinds.clone());
            *noted = Some(index);
        }
        is_known
    }
}

/// Returns which of these holes are keys of dicts in a value, or parts of dtypes, so that values with the
/// same instructions have other types.
fn names(value: ValueRef<'_>, holes: &[NodeId]) -> Vec<usize> {
    let (mut left, mut seen) = (vec![(value, false)], HashSet::new());
    let mut names = Vec::new();
    let hole = |value: ValueRef<'_>| holes.iter().position(|&hole| hole == value.id());
    while let Some((value, is_in_dtype)) = left.pop() {
        if is_in_dtype {
            names.extend(hole(value));
        }
        if !seen.insert((value.id(), is_in_dtype)) {
            continue;
        }
        let entries = match value.kind() {
            Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) | Kind::FrozenSet(items) => {
                left.extend(items.map(|item| (item, is_in_dtype)));
                continue;
            }
            Kind::Dict(entries) => entries,
            Kind::Object(object) => {
                let callable = Call::of_object(object).map(|call| call.callable);
                let is_dtype = matches!(callable, Some(Callable::DType | Callable::StringDType));
                let parts = object.states().chain(object.appended()).chain([object.args()]);
                left.extend(parts.map(|part| (part, is_in_dtype || is_dtype)));
                object.items()
            }
            _ => continue,
        };
        for (key, member) in entries {
            names.extend(hole(key));
            left.push((member, is_in_dtype));
        }
    }
    names
}

/// Returns a number that is the same for holes that have one Arrow type; `None` where the values have
/// to be looked at.
fn kind(hole: Hole, holes: &Holes) -> Option<u64> {
    Some(match hole {
        Hole::None => 0,
        Hole::Bool(_) => 1,
        Hole::Float(float) if float.is_nan() => 2,
        Hole::Float(_) => 3,
        Hole::Str(_) => 4,
        Hole::Str2(_) => 5,
        Hole::Bytes(_) => 6,
        Hole::Ints(list) | Hole::Floats(list) if list.len == 0 => 7,
        Hole::Floats(list) if !list.of(holes.floats()).iter().any(|float| float.is_nan()) => 8,
        Hole::Int(int) => 9 + kind_of_ints(&[int]),
        Hole::Ints(list) => 13 + kind_of_ints(list.of(holes.ints())),
        Hole::Floats(_) | Hole::Items(_) => return None,
        // Each entry may be of another type.
        Hole::Get(memo) => memo.checked_add(17)?,
    })
}

/// Returns 0 to 3: whether one of these ints is negative, and one is no float exactly.
fn kind_of_ints(ints: &[i64]) -> u64 {
    // The bits in which an int differs from its sign: all ints of up to 53 bits are floats exactly.
    let (sign, bits) =
        ints.iter().fold((0, 0), |(sign, bits), &int| (sign | int, bits | (int ^ (int >> 63))));
    let inexact = bits >> 53 != 0 && !ints.iter().all(|&int| is_float(int));
    u64::from(sign < 0) + 2 * u64::from(inexact)
}
