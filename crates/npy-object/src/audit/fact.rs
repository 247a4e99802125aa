//! The facts that the policy notes about the result of a call, packed into the 64 bits that the
//! auditor keeps.

use super::rule::Rule;

/// A fact about the result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// Nothing: no rule allows the call.
    None,
    /// No rule allows the call, and it may have returned a class or a function.
    MayBeGlobal,
    /// An instance of a class that the caller trusts.
    Allowed,
    /// Bytes.
    Bytes,
    DType(DType),
    Array(Array),
    /// It is a callable.
    Callable {
        /// The rule of the function that it calls; `None` where a call is not known to be inert.
        rule: Option<Rule>,
        /// Whether a state may yet change which function it calls.
        is_open: bool,
    },
    /// It was made by a call that this rule allows.
    Made {
        rule: Rule,
        /// Whether it may yet get its state.
        is_open: bool,
    },
}

/// A dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DType {
    pub(super) kind: DTypeKind,
    /// Bytes of an item.
    pub(super) size: u64,
    /// Whether an item holds objects, so that arrays of it are pickled as lists.
    pub(super) has_object: bool,
    /// Whether it is a subarray. Only a field can have it.
    pub(super) is_subarray: bool,
    /// Whether it may yet get its state: it has none, and was not used.
    pub(super) is_open: bool,
    /// The number of the dtype; 0 where there were too many.
    pub(super) serial: u32,
}

/// The kind of a dtype, and what its state may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DTypeKind {
    /// Numbers and bools: only the byte order.
    Number,
    /// Datetimes: their unit.
    Time,
    /// `S`: nothing.
    Bytes,
    /// `U`: nothing.
    Unicode,
    /// `V`: all of it.
    Void,
    /// Objects: nothing.
    Object,
}

/// An array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) is_masked: bool,
    /// Whether it may yet get its state.
    pub(super) is_open: bool,
    /// Whether it has items.
    pub(super) has_items: bool,
    /// The number of its dtype; 0 where it is not known.
    pub(super) dtype: u32,
}

/// Bytes of the largest item: the length in a type string is a C int.
pub(super) const MOST_SIZE: u64 = i32::MAX as u64;

/// The largest number of a dtype.
pub(super) const MOST_SERIAL: u32 = (1 << 22) - 1;

impl DType {
    /// Returns whether an array can have this dtype.
    pub(super) fn is_of_array(self) -> bool {
        !self.is_subarray
    }
}

// From the low bits: 3 for the variant, then its fields.
impl Fact {
    pub(super) fn pack(self) -> u64 {
        let bit = u64::from;
        match self {
            Fact::None => 0,
            Fact::MayBeGlobal => 1,
            Fact::Bytes => 2,
            Fact::Allowed => 7,
            Fact::DType(dtype) => {
                let DType { kind, size, has_object, is_subarray, is_open, serial } = dtype;
                let flags = bit(has_object) | bit(is_subarray) << 1 | bit(is_open) << 2;
                // 3 + 3 + 3 + 31 + 22 bits
                3 | flags << 3 | (kind as u64) << 6 | size << 9 | u64::from(serial) << 40
            }
            Fact::Array(Array { is_masked, is_open, has_items, dtype }) => {
                let flags = bit(is_masked) | bit(is_open) << 1 | bit(has_items) << 2;
                4 | flags << 3 | u64::from(dtype) << 6
            }
            Fact::Callable { rule, is_open } => {
                5 | bit(is_open) << 3 | rule.map_or(0, |rule| rule as u64 + 1) << 4
            }
            Fact::Made { rule, is_open } => 6 | bit(is_open) << 3 | (rule as u64) << 4,
        }
    }

    pub(super) fn unpack(bits: u64) -> Fact {
        let bit = |index: u32| bits >> index & 1 == 1;
        match bits & 7 {
            1 => Fact::MayBeGlobal,
            2 => Fact::Bytes,
            3 => Fact::DType(DType {
                kind: match bits >> 6 & 7 {
                    0 => DTypeKind::Number,
                    1 => DTypeKind::Time,
                    2 => DTypeKind::Bytes,
                    3 => DTypeKind::Unicode,
                    4 => DTypeKind::Void,
                    _ => DTypeKind::Object,
                },
                size: bits >> 9 & MOST_SIZE,
                has_object: bit(3),
                is_subarray: bit(4),
                is_open: bit(5),
                serial: (bits >> 40) as u32,
            }),
            4 => Fact::Array(Array {
                is_masked: bit(3),
                is_open: bit(4),
                has_items: bit(5),
                dtype: (bits >> 6) as u32,
            }),
            7 => Fact::Allowed,
            5 => Fact::Callable {
                rule: (bits >> 4).checked_sub(1).and_then(Rule::of_number),
                is_open: bit(3),
            },
            6 => match Rule::of_number(bits >> 4) {
                Some(rule) => Fact::Made { rule, is_open: bit(3) },
                None => Fact::None,
            },
            _ => Fact::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpack_after_pack_gives_the_same_fact() {
        use DTypeKind as K;
        let mut facts = vec![Fact::None, Fact::MayBeGlobal, Fact::Bytes, Fact::Allowed];
        facts.push(Fact::Callable { rule: None, is_open: true });
        for kind in [K::Number, K::Time, K::Bytes, K::Unicode, K::Void, K::Object] {
            for (flags, (size, serial)) in
                (0..8).zip([(0, 0), (MOST_SIZE, MOST_SERIAL)].iter().cycle())
            {
                let [has_object, is_subarray, is_open] = [1, 2, 4].map(|bit| flags & bit > 0);
                let (size, serial) = (*size, *serial);
                let dtype = DType { kind, size, has_object, is_subarray, is_open, serial };
                facts.push(Fact::DType(dtype));
                let (is_masked, has_items) = (has_object, is_subarray);
                facts.push(Fact::Array(Array { is_masked, is_open, has_items, dtype: serial }));
            }
        }
        for rule in Rule::all() {
            facts.push(Fact::Callable { rule: Some(rule), is_open: false });
            facts.extend([true, false].map(|is_open| Fact::Made { rule, is_open }));
        }
        for fact in facts {
            assert_eq!(Fact::unpack(fact.pack()), fact);
        }
    }
}
