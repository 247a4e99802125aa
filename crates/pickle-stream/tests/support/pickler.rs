//! A small pickler of every protocol, and random values for it.

use std::collections::HashMap;

use pickle_stream::{Lexer, Limits, Progress};
use proptest::prelude::*;

/// A Python value.
#[derive(Clone, Debug)]
pub(crate) enum Py {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Py>),
    List(Vec<Py>),
    Dict(Vec<(i64, Py)>),
    Set(Vec<i64>),
    /// A call of a global with arguments, and a state.
    Object(Vec<Py>, Box<Py>),
    /// `l = []; l.append(l)`
    Cycle,
    /// The object of this index, modulo their number, among those that the elements share.
    Shared(usize),
    /// The object of this index, modulo their number, among those of the same element that have a memo
    /// entry. `None` where there is none.
    Own(usize),
    /// The list that has the elements.
    Root,
}

/// How the pickler writes a stream.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// The protocol, 0 to 5.
    pub(crate) protocol: u8,
    /// The number of elements in a batch, 1,000 in CPython.
    pub(crate) batch: usize,
    /// The number of items in a batch of another list, 1,000 in CPython.
    pub(crate) inner_batch: usize,
    /// Which objects get a memo entry; a shared one always does.
    pub(crate) puts: Puts,
    /// The index of the first memo entry in the protocols before 4: 0, and 1 in cPickle of Python 2.
    pub(crate) first_entry: u32,
    /// Frames begin before some instructions, which this number chooses.
    pub(crate) frames: Option<u64>,
}

/// Which objects get a memo entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Puts {
    /// Every one, as in CPython.
    All,
    /// None.
    None,
    /// Some, which this number chooses: in cPickle of Python 2 those that another object refers to.
    Some(u64),
}

/// Returns a number that depends on a seed and an index, and looks random.
fn random(seed: u64, index: u64) -> u64 {
    let mixed =
        (seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 20
}

/// A random value of a few dozen parts at most.
pub(crate) fn value() -> impl Strategy<Value = Py> {
    containers(prop_oneof![
        6 => scalar(),
        1 => prop::collection::vec(any::<i64>(), 0..4).prop_map(Py::Set),
        1 => numbers().prop_map(Py::List),
        1 => any::<usize>().prop_map(Py::Shared),
        1 => any::<usize>().prop_map(Py::Own),
        1 => Just(Py::Cycle),
        1 => Just(Py::Root),
    ])
}

/// The same without shared objects: as most values of real files.
fn simple_value() -> impl Strategy<Value = Py> {
    containers(prop_oneof![6 => scalar(), 1 => numbers().prop_map(Py::List)])
}

fn scalar() -> impl Strategy<Value = Py> {
    prop_oneof![
        Just(Py::None),
        any::<bool>().prop_map(Py::Bool),
        prop_oneof![any::<i64>(), -70_000..70_000i64].prop_map(Py::Int),
        any::<f64>().prop_map(Py::Float),
        ".{0,5}".prop_map(Py::Str),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Py::Bytes),
    ]
}

fn containers(leaf: impl Strategy<Value = Py> + 'static) -> impl Strategy<Value = Py> {
    leaf.prop_recursive(4, 24, 5, |inner| {
        let many = || prop::collection::vec(inner.clone(), 0..5);
        prop_oneof![
            many().prop_map(Py::Tuple),
            many().prop_map(Py::List),
            prop::collection::vec((any::<i64>(), inner.clone()), 0..4).prop_map(Py::Dict),
            (many(), inner.clone()).prop_map(|(args, state)| Py::Object(args, Box::new(state))),
        ]
    })
}

/// Enough numbers that the machine keeps a batch of them as a row without nodes. In one of three
/// lists there are other values between them.
fn numbers() -> impl Strategy<Value = Vec<Py>> {
    let (int, float) = ((-70_000..70_000i64).prop_map(Py::Int), any::<f64>().prop_map(Py::Float));
    let any = prop_oneof![20 => int.clone(), 1 => float.clone(), 1 => Just(Py::None)];
    prop_oneof![
        prop::collection::vec(int, 14..40),
        prop::collection::vec(float, 14..40),
        prop::collection::vec(any, 14..40),
    ]
}

/// A random style.
pub(crate) fn style() -> impl Strategy<Value = Style> {
    let batch = || prop_oneof![1 => 1..5usize, 1 => Just(50), 2 => Just(1000)];
    let puts = prop_oneof![3 => Just(Puts::All), 2 => Just(Puts::None), 1 => any::<u64>().prop_map(Puts::Some)];
    let frames = prop::option::of(any::<u64>());
    let protocol = prop_oneof![1 => Just(0), 9 => 1..=5u8];
    (protocol, batch(), batch(), puts, 0..2u32, frames).prop_map(
        |(protocol, batch, inner_batch, puts, first_entry, frames)| Style {
            protocol,
            batch,
            inner_batch,
            puts,
            first_entry,
            frames,
        },
    )
}

/// A pickled list of random elements, which share objects.
pub(crate) fn pickled_list() -> impl Strategy<Value = Vec<u8>> {
    let values = |most| prop::collection::vec(value(), 0..most);
    (values(10), values(4), style())
        .prop_map(|(elements, shared, style)| pickle(&elements, &shared, style))
}

/// A pickled list of elements of up to three kinds, which come in turn or in runs. Elements of one kind
/// differ in their scalars, and in how many their lists have. In some runs the even ints are equal.
pub(crate) fn pickled_repeats() -> impl Strategy<Value = Vec<u8>> {
    let times = prop_oneof![2 => 1..3usize, 1 => 30..60usize];
    let run = (any::<u64>(), any::<bool>(), prop_oneof![Just(0), Just(4), 4..30u64], times);
    let runs = prop::collection::vec(run, 1..8);
    let shared = prop::collection::vec(value(), 0..4);
    let value = || prop_oneof![3 => simple_value(), 1 => value()];
    let kinds = prop_oneof![
        4 => prop::collection::vec(value(), 1),
        3 => prop::collection::vec(value(), 2..4),
        1 => prop::collection::vec(value(), 9..12),
    ];
    (kinds, runs, shared, any::<bool>(), style()).prop_map(
        |(kinds, runs, shared, in_turn, style)| {
            let mut elements = Vec::new();
            for (run, (seed, is_steady, rare, times)) in runs.into_iter().enumerate() {
                for time in 0..times {
                    let kind = if in_turn { elements.len() } else { run } % kinds.len();
                    let seed = random(seed, time as u64);
                    elements.push(Change { seed, is_steady, rare, scalars: 0 }.of(&kinds[kind]));
                }
            }
            pickle(&elements, &shared, style)
        },
    )
}

/// A change of the scalars of a value.
struct Change {
    seed: u64,
    /// Whether even ints stay as they are.
    is_steady: bool,
    /// One of this many scalars becomes one of another type, if this is not 0.
    rare: u64,
    /// The number of scalars that were changed.
    scalars: u64,
}

impl Change {
    fn of(&mut self, value: &Py) -> Py {
        match value {
            Py::Int(old) if self.is_steady && old % 2 == 0 => Py::Int(*old),
            Py::None | Py::Bool(_) | Py::Int(_) | Py::Float(_) | Py::Str(_) | Py::Bytes(_) => {
                self.scalar(value)
            }
            Py::Tuple(items) => Py::Tuple(self.of_all(items)),
            Py::List(items) if !items.is_empty() && items.iter().all(Py::is_scalar) => {
                let len = self.random() as usize % (2 * items.len());
                Py::List(items.iter().cycle().take(len).map(|item| self.of(item)).collect())
            }
            Py::List(items) => Py::List(self.of_all(items)),
            Py::Dict(items) => {
                Py::Dict(items.iter().map(|(key, item)| (*key, self.of(item))).collect())
            }
            Py::Object(args, state) => Py::Object(self.of_all(args), Box::new(self.of(state))),
            other => other.clone(),
        }
    }

    fn of_all(&mut self, items: &[Py]) -> Vec<Py> {
        items.iter().map(|item| self.of(item)).collect()
    }

    fn random(&mut self) -> u64 {
        self.scalars += 1;
        random(self.seed, self.scalars)
    }

    /// Returns another scalar, most often of the same type.
    fn scalar(&mut self, old: &Py) -> Py {
        let random = self.random();
        let int = self.random() as i64 >> (random % 44);
        let text = || "\u{e9}a".repeat(random as usize % 4);
        let any = [
            Py::None,
            Py::Bool(int % 2 == 0),
            Py::Int(int),
            Py::Float(int as f64),
            Py::Str(text()),
            Py::Bytes(vec![int as u8; random as usize % 300]),
            Py::Shared(random as usize),
        ];
        let is_other = self.rare > 0 && random.is_multiple_of(self.rare);
        let same =
            any.iter().find(|new| std::mem::discriminant(*new) == std::mem::discriminant(old));
        match (is_other, same) {
            (false, Some(same)) => same.clone(),
            _ => any[self.random() as usize % any.len()].clone(),
        }
    }
}

impl Py {
    fn is_scalar(&self) -> bool {
        matches!(
            self,
            Py::None | Py::Bool(_) | Py::Int(_) | Py::Float(_) | Py::Str(_) | Py::Bytes(_)
        )
    }
}

/// Returns the pickle of a list of `elements`, in which [`Py::Shared`] is one of `shared`.
pub(crate) fn pickle(elements: &[Py], shared: &[Py], style: Style) -> Vec<u8> {
    let entries = if style.protocol < 4 { style.first_entry } else { 0 };
    let (out, memo, globals) = (Vec::new(), HashMap::new(), HashMap::new());
    let mut pickler =
        Pickler { style, shared, out, memo, globals, entries, root: entries, own: entries };
    if pickler.style.protocol >= 2 {
        pickler.out.extend([0x80, pickler.style.protocol]);
    }
    pickler.empty(b']', b'l');
    pickler.memoize();
    for batch in elements.chunks(pickler.style.batch) {
        if pickler.style.protocol >= 4 {
            // FRAME with a wrong size: readers must ignore it.
            pickler.out.extend([0x95, 9, 0, 0, 0, 0, 0, 0, 0]);
        }
        pickler.batch(batch, b"ae", |pickler, element| {
            pickler.own = pickler.entries;
            pickler.save(element, shared.len());
        });
    }
    pickler.out.push(b'.');
    match pickler.style.frames {
        Some(seed) if pickler.style.protocol >= 4 => with_frames(&pickler.out, seed),
        _ => pickler.out,
    }
}

/// Returns a stream in which FRAME, with a wrong size, is before a fifth of the instructions.
pub(crate) fn with_frames(stream: &[u8], seed: u64) -> Vec<u8> {
    let limits = Limits::default();
    let (mut framed, mut lexer) = (Vec::new(), Lexer::new(0, &limits));
    while let Some(rest) = stream.get(lexer.offset() as usize..)
        && let Ok(Progress::Done(instruction)) = lexer.instruction(rest)
    {
        if random(seed, instruction.offset).is_multiple_of(5) {
            framed.extend([0x95, 9, 0, 0, 0, 0, 0, 0, 0]);
        }
        framed.extend(&rest[..instruction.size]);
    }
    framed.extend(&stream[(lexer.offset() as usize).min(stream.len())..]);
    framed
}

struct Pickler<'a> {
    style: Style,
    shared: &'a [Py],
    out: Vec<u8>,
    /// The memo entry of each shared object that was written, by its index.
    memo: HashMap<usize, u32>,
    /// The memo entry of each global that was written, by its name.
    globals: HashMap<String, u32>,
    /// The index of the next memo entry.
    entries: u32,
    /// The memo entry of the list that has the elements.
    root: u32,
    /// The index of the first memo entry of the element.
    own: u32,
}

impl Pickler<'_> {
    /// Writes a value that may contain the first `scope` shared objects.
    fn save(&mut self, value: &Py, scope: usize) {
        let binary = self.style.protocol >= 1;
        match value {
            Py::None => self.out.push(b'N'),
            Py::Bool(value) if self.style.protocol >= 2 => self.out.push(0x89 - u8::from(*value)),
            Py::Bool(value) => self.line(b'I', if *value { "01" } else { "00" }),
            Py::Int(value) => self.int(*value),
            Py::Float(value) if binary => {
                self.out.push(b'G');
                self.out.extend(value.to_be_bytes());
            }
            Py::Float(value) => self.line(b'F', &format!("{value:?}")),
            Py::Str(text) => {
                match (self.style.protocol, text.len()) {
                    (0, _) => {
                        let escape = |c: char| format!("\\U{:08x}", u32::from(c));
                        self.line(b'V', &text.chars().map(escape).collect::<String>());
                    }
                    (4.., 0..256) => self.out.extend([0x8c, text.len() as u8]),
                    _ => self.counted(b'X', text.len()),
                }
                if binary {
                    self.out.extend(text.as_bytes());
                }
                self.memoize_part();
            }
            Py::Bytes(bytes) => {
                match (self.style.protocol, bytes.len()) {
                    (0, _) => {
                        let escaped: String =
                            bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
                        self.line(b'S', &format!("'{escaped}'"));
                    }
                    (1..3, _) => self.counted(b'T', bytes.len()),
                    (_, 0..256) => self.out.extend([b'C', bytes.len() as u8]),
                    _ => self.counted(b'B', bytes.len()),
                }
                if binary {
                    self.out.extend(bytes);
                }
                self.memoize_part();
            }
            Py::Tuple(items) => {
                match (self.style.protocol, items.len()) {
                    (1.., 0) => return self.out.push(b')'),
                    (2.., 1..=3) => {
                        items.iter().for_each(|item| self.save(item, scope));
                        self.out.push(0x84 + items.len() as u8);
                    }
                    _ => {
                        self.out.push(b'(');
                        items.iter().for_each(|item| self.save(item, scope));
                        self.out.push(b't');
                    }
                }
                self.memoize_part();
            }
            Py::List(items) => {
                self.empty(b']', b'l');
                self.memoize_part();
                for batch in items.chunks(self.style.inner_batch) {
                    self.batch(batch, b"ae", |pickler, item| pickler.save(item, scope));
                }
            }
            Py::Dict(items) => {
                self.empty(b'}', b'd');
                self.memoize_part();
                self.batch(items, b"su", |pickler, (key, value)| {
                    pickler.int(*key);
                    pickler.save(value, scope);
                });
            }
            Py::Set(items) if self.style.protocol >= 4 => {
                self.out.push(0x8f);
                self.memoize_part();
                self.out.push(b'(');
                items.iter().for_each(|&item| self.int(item));
                self.out.push(0x90);
            }
            Py::Set(items) => self.call(
                "set",
                &[Py::List(items.iter().map(|&item| Py::Int(item)).collect())],
                scope,
            ),
            Py::Object(args, state) => {
                self.call("Class", args, scope);
                self.save(state, scope);
                self.out.push(b'b');
            }
            Py::Cycle => {
                self.empty(b']', b'l');
                let entry = self.memoize();
                self.get(entry);
                self.out.push(b'a');
            }
            Py::Shared(_) if scope == 0 => self.out.push(b'N'),
            Py::Shared(which) => {
                let which = which % scope;
                if let Some(&entry) = self.memo.get(&which) {
                    return self.get(entry);
                }
                // A shared object may contain the shared objects before it. If it is one of them,
                // it has a memo entry already.
                let object = self.shared[which].clone();
                self.save(&object, which);
                if !matches!(object, Py::Shared(_) | Py::Own(_) | Py::Root) {
                    let entry = self.memoize();
                    self.memo.insert(which, entry);
                }
            }
            Py::Own(_) if self.own == self.entries => self.out.push(b'N'),
            Py::Own(which) => {
                let count = (self.entries - self.own) as usize;
                self.get(self.own + (which % count) as u32);
            }
            Py::Root => self.get(self.root),
        }
    }

    fn int(&mut self, value: i64) {
        match (self.style.protocol, u8::try_from(value), i32::try_from(value)) {
            (1.., Ok(value), _) => self.out.extend([b'K', value]),
            (1.., _, Ok(value)) if value == value & 0xffff => {
                self.out.push(b'M');
                self.out.extend((value as u16).to_le_bytes());
            }
            (1.., _, Ok(value)) => {
                self.out.push(b'J');
                self.out.extend(value.to_le_bytes());
            }
            (2.., ..) => {
                self.out.extend([0x8a, 8]);
                self.out.extend(value.to_le_bytes());
            }
            _ => self.line(b'L', &format!("{value}L")),
        }
    }

    fn call(&mut self, name: &str, args: &[Py], scope: usize) {
        match self.globals.get(name) {
            Some(&entry) => self.get(entry),
            None => {
                self.out.extend(b"cmodule\n");
                self.out.extend(name.as_bytes());
                self.out.push(b'\n');
                if !matches!(self.style.puts, Puts::None) {
                    let entry = self.memoize();
                    self.globals.insert(name.to_owned(), entry);
                }
            }
        }
        self.save(&Py::Tuple(args.to_vec()), scope);
        self.out.push(b'R');
        self.memoize_part();
    }

    /// Writes a new container: one opcode, or in protocol 0 MARK and the opcode that takes it.
    fn empty(&mut self, opcode: u8, of_mark: u8) {
        match self.style.protocol {
            0 => self.out.extend([b'(', of_mark]),
            _ => self.out.push(opcode),
        }
    }

    /// Writes items as one batch, or one by one in protocol 0. `opcodes` are those for one and for
    /// many items.
    fn batch<T>(&mut self, items: &[T], opcodes: &[u8; 2], save: impl Fn(&mut Self, &T)) {
        let together = self.style.protocol >= 1 && items.len() > 1;
        if together {
            self.out.push(b'(');
        }
        for item in items {
            save(self, item);
            if !together {
                self.out.push(opcodes[0]);
            }
        }
        if together {
            self.out.push(opcodes[1]);
        }
    }

    fn line(&mut self, opcode: u8, text: &str) {
        self.out.push(opcode);
        self.out.extend(text.as_bytes());
        self.out.push(b'\n');
    }

    fn counted(&mut self, opcode: u8, len: usize) {
        self.out.push(opcode);
        self.out.extend((len as u32).to_le_bytes());
    }

    fn memoize_part(&mut self) {
        let index = u64::from(self.entries) + self.out.len() as u64;
        let has_put = match self.style.puts {
            Puts::All => true,
            Puts::None => false,
            Puts::Some(seed) => random(seed, index).is_multiple_of(2),
        };
        if has_put {
            self.memoize();
        }
    }

    fn memoize(&mut self) -> u32 {
        let entry = self.entries;
        self.entries += 1;
        match self.style.protocol {
            0 => self.line(b'p', &entry.to_string()),
            4.. => self.out.push(0x94),
            _ if entry < 256 => self.out.extend([b'q', entry as u8]),
            _ => self.counted(b'r', entry as usize),
        }
        entry
    }

    fn get(&mut self, entry: u32) {
        match self.style.protocol {
            0 => self.line(b'g', &entry.to_string()),
            _ if entry < 256 => self.out.extend([b'h', entry as u8]),
            _ => self.counted(b'j', entry as usize),
        }
    }
}
