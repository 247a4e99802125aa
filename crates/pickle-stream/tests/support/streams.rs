//! Random streams, cuts and limits.

use pickle_stream::{Limits, Opcode};
use proptest::prelude::*;

use super::pickler::{pickled_list, with_frames};

/// Returns how many cases a property runs: 300, or more where `PROPTEST_CASES` says so.
pub(crate) fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(300), failure_persistence: None, ..config }
}

/// Returns limits that a stream of a few hundred bytes can exceed.
pub(crate) fn small_limits() -> Limits {
    let mut limits = Limits::default();
    (limits.stack, limits.marks, limits.nodes, limits.argument) = (200, 200, 5000, 1000);
    limits
}

/// Returns limits of `size` on stack and marks, and of half as much again on nodes.
pub(crate) fn tight_limits(size: usize) -> Limits {
    let mut limits = small_limits();
    (limits.stack, limits.marks, limits.nodes) = (size, size, size + size / 2);
    limits
}

/// Random offsets at which a stream is cut.
pub(crate) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..300usize, 0..20)
}

/// Returns the cuts before every byte.
pub(crate) fn every_byte(stream: &[u8]) -> Vec<usize> {
    (0..stream.len()).collect()
}

/// A pickled list, a broken one, or random bytes.
pub(crate) fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![pickled_list(), broken_list(), any_stream()]
}

/// Random bytes, most of which are opcodes and small numbers.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(&Opcode::ALL[..]).prop_map(Opcode::byte),
        // The opcodes of lists, and of elements that depend on one another.
        4 => prop::sample::select(&b"](eaNq\x94hb20}s\x8f\x85"[..]),
        2 => 0..4u8,
        1 => any::<u8>(),
        1 => Just(b'\n'),
    ];
    prop::collection::vec(byte, 0..80)
}

/// A pickled list with some bytes replaced or cut off.
pub(crate) fn broken_list() -> impl Strategy<Value = Vec<u8>> {
    broken(pickled_list())
}

/// A stream with up to two places of up to three bytes replaced, and half of the time cut off.
pub(crate) fn broken(stream: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any_stream(), 0..4usize);
    (stream, prop::collection::vec(change, 0..3), any::<prop::sample::Index>()).prop_map(
        |(mut stream, changes, end)| {
            for (at, bytes, width) in changes {
                let at = at.index(stream.len());
                let bytes = &bytes[..bytes.len().min(width)];
                stream.splice(at..(at + width).min(stream.len()), bytes.iter().copied());
            }
            stream.truncate(end.index(2 * stream.len() + 2));
            stream
        },
    )
}

/// A list that begins well and has random elements.
pub(crate) fn hostile_list() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![&b"]"[..], b"]q\0", b"]\x94(", b"](]\x94"]);
    (start, any_stream(), prop::sample::select(vec![&b"e."[..], b".", b"ae."]))
        .prop_map(|(start, middle, end)| [start, &middle, end].concat())
}

/// A part of the instructions of an element.
#[derive(Clone, Debug)]
enum Part {
    /// One of [`SCALARS`], another one in each element.
    Scalar,
    /// These instructions.
    Fixed(&'static [u8]),
    /// A memo entry.
    Put,
    /// A read of the memo entry that is this far after the first of the element.
    Own(u8),
}

/// Scalars, which may read the first memo entries. The last ones are not valid.
const SCALARS: [&[u8]; 26] = [
    b"K\x01",
    b"K\x02",
    b"M\x01\x02",
    b"J\xff\xff\xff\xff",
    b"N",
    b"\x88",
    b"\x89",
    b"G?\xf8\0\0\0\0\0\0",
    b"\x8a\0",
    b"\x8a\x01\xff",
    b"\x8a\x08\x01\x02\x03\x04\x05\x06\x07\x88",
    b"\x8a\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09",
    b"\x8c\x02\xc3\xa9",
    b"\x8c\0",
    b"X\x01\0\0\0a",
    b"C\x03abc",
    b"B\x01\0\0\0\x95",
    b"U\x01\x94",
    b"T\x01\0\0\0e",
    b"\x8e\x01\0\0\0\0\0\0\0a",
    b"h\x01",
    b"h\x02",
    b"j\x02\0\0\0",
    b"\x8c\x01\xff",
    b"T\xff\xff\xff\xff",
    b"h\x05",
];

/// What may be among the instructions of a value, and make it another one or none.
const ODD: [Part; 13] = [
    Part::Scalar,
    Part::Put,
    Part::Own(0),
    Part::Own(1),
    Part::Fixed(b"2"),
    Part::Fixed(b"0"),
    Part::Fixed(b"("),
    Part::Fixed(b"a"),
    Part::Fixed(b"e"),
    Part::Fixed(b"b"),
    Part::Fixed(b"h\x03"),
    Part::Fixed(b"h\x02K\x05a"),
    Part::Fixed(b"\x85"),
];

/// The instructions of a value.
fn kind() -> impl Strategy<Value = Vec<Part>> {
    let puts = |parts: BoxedStrategy<Vec<Part>>| {
        (parts, 0..2usize).prop_map(|(mut parts, puts)| {
            parts.extend(vec![Part::Put; puts]);
            parts
        })
    };
    let leaf = prop_oneof![
        6 => Just(vec![Part::Scalar]),
        1 => Just(vec![Part::Fixed(b"]")]),
        1 => Just(vec![Part::Fixed(b")")]),
        1 => (0..4u8).prop_map(|entry| vec![Part::Own(entry)]),
    ];
    let around = |first: &'static [u8], parts: Vec<Vec<Part>>, last: &'static [u8]| {
        let parts = parts.into_iter().flatten();
        [Part::Fixed(first)].into_iter().chain(parts).chain([Part::Fixed(last)]).collect()
    };
    let value = puts(leaf.boxed()).prop_recursive(3, 16, 4, move |inner| {
        let scalars = (0..4usize).prop_map(|count| vec![vec![Part::Scalar]; count]);
        let items = prop_oneof![prop::collection::vec(inner.clone(), 0..4), scalars];
        let list = |is_in_memo: bool, grows: Vec<Part>| {
            let put = vec![Part::Put; usize::from(is_in_memo)];
            [vec![Part::Fixed(b"]")], put, grows].concat()
        };
        let made = prop_oneof![
            items.clone().prop_map(move |items| around(b"(", items, b"t")),
            inner.clone().prop_map(move |item| around(b"", vec![item], b"\x85")),
            (inner.clone(), inner.clone()).prop_map(move |(one, other)| around(
                b"",
                vec![one, other],
                b"\x86"
            )),
            (any::<bool>(), items.clone())
                .prop_map(move |(put, items)| list(put, around(b"(", items, b"e"))),
            (any::<bool>(), items.clone(), items.clone()).prop_map(move |(put, one, other)| {
                list(put, [around(b"(", one, b"e"), around(b"(", other, b"e")].concat())
            }),
            (any::<bool>(), inner.clone())
                .prop_map(move |(put, item)| list(put, around(b"", vec![item], b"a"))),
            inner.clone().prop_map(move |item| around(b"}(K\x01", vec![item], b"u")),
            inner.clone().prop_map(move |item| around(b"}K\x01", vec![item], b"s")),
            inner.clone().prop_map(move |state| around(b"h\x01)R", vec![state], b"b")),
            inner.prop_map(move |state| around(b"h\x01)\x81", vec![state], b"b")),
        ];
        puts(made.boxed())
    });
    let odd = (any::<prop::sample::Index>(), prop::sample::select(&ODD[..]));
    let odd = prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(odd, 1..3)];
    (value, odd).prop_map(|(mut parts, odd)| {
        for (at, part) in odd {
            parts.insert(at.index(parts.len() + 1), part);
        }
        parts
    })
}

/// A list of elements of a few kinds, with other scalars in each, and with memo entries of some. Many
/// are not valid: they change what another element made, or read what is not there.
pub(crate) fn alike() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![
        2 => prop::collection::vec(kind(), 1),
        2 => prop::collection::vec(kind(), 2..4),
        1 => prop::collection::vec(kind(), 9..12),
    ];
    let put = prop::sample::select(vec![b'\x94', b'q', b'r', b'?']);
    let gap = prop_oneof![5 => Just(0), 1 => 1..3u64];
    let elements = (8..100usize, 4..100usize, prop::option::of(2..8u64), any::<bool>());
    (kinds, put, gap, elements, prop::option::of(any::<u64>()), any::<u64>()).prop_map(
        |(kinds, put, gap, (count, batch, rare_put, in_turn), frames, seed)| {
            let scalars = [3, 8, 23, 26][seed as usize % 4];
            let mut writer = Writer { out: Vec::new(), memo: 0, put, rare_put, scalars, seed };
            writer.out.push(b']');
            writer.memo += if put == b'\x94' { 0 } else { gap };
            writer.put();
            for (text, opcode) in [(&b"cm\nn\n"[..], b'a'), (b"\x8c\x01k", b'a')] {
                writer.out.extend(text);
                writer.put();
                writer.out.push(opcode);
            }
            for begin in (0..count).step_by(batch) {
                writer.out.push(b'(');
                for index in begin..count.min(begin + batch) {
                    let kind = if in_turn { index } else { writer.random() as usize };
                    writer.element(&kinds[kind % kinds.len()]);
                }
                writer.out.push(b'e');
            }
            writer.out.push(b'.');
            frames.map_or(writer.out.clone(), |seed| with_frames(&writer.out, seed))
        },
    )
}

/// Writes elements of which the parts are given.
struct Writer {
    out: Vec<u8>,
    /// The index of the next memo entry.
    memo: u64,
    /// The opcode that makes memo entries; `?` for any of them.
    put: u8,
    /// A memo entry is made of one of this many scalars.
    rare_put: Option<u64>,
    /// The number of [`SCALARS`] that are used.
    scalars: u64,
    seed: u64,
}

impl Writer {
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.seed >> 33
    }

    fn element(&mut self, parts: &[Part]) {
        let base = self.memo;
        for part in parts {
            match *part {
                Part::Scalar => {
                    // Most are of one of a few types.
                    let choice = (self.random() % self.scalars).min(self.random() % self.scalars);
                    self.out.extend(SCALARS[choice as usize]);
                    let has_put =
                        self.rare_put.is_some_and(|rare| self.random().is_multiple_of(rare));
                    if has_put {
                        self.put();
                    }
                }
                Part::Fixed(bytes) => self.out.extend(bytes),
                Part::Put => self.put(),
                Part::Own(entry) => {
                    self.out.push(b'j');
                    self.out.extend((base as u32 + u32::from(entry)).to_le_bytes());
                }
            }
        }
    }

    fn put(&mut self) {
        let put = match self.put {
            b'?' => [b'\x94', b'q', b'r'][self.random() as usize % 3],
            put => put,
        };
        self.out.push(put);
        match put {
            b'q' => self.out.push(self.memo as u8),
            b'r' => self.out.extend((self.memo as u32).to_le_bytes()),
            _ => {}
        }
        self.memo += 1;
    }
}
