//! A small pickler of every protocol, and random values for it.

use std::collections::HashMap;

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
    /// Whether every object gets a memo entry, as in CPython, or only each shared one.
    pub(crate) memoize_all: bool,
}

/// A random value of a few dozen parts at most.
pub(crate) fn value() -> impl Strategy<Value = Py> {
    let leaf = prop_oneof![
        Just(Py::None),
        any::<bool>().prop_map(Py::Bool),
        prop_oneof![any::<i64>(), -70_000..70_000i64].prop_map(Py::Int),
        any::<f64>().prop_map(Py::Float),
        ".{0,5}".prop_map(Py::Str),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Py::Bytes),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(Py::Set),
        numbers().prop_map(Py::List),
        any::<usize>().prop_map(Py::Shared),
        Just(Py::Cycle),
        Just(Py::Root),
    ];
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
    let batch = prop_oneof![2 => 1..5usize, 1 => Just(50)];
    (0..=5u8, batch, any::<bool>()).prop_map(|(protocol, batch, memoize_all)| Style {
        protocol,
        batch,
        memoize_all,
    })
}

/// A pickled list of random elements, which share objects.
pub(crate) fn pickled_list() -> impl Strategy<Value = Vec<u8>> {
    let values = |most| prop::collection::vec(value(), 0..most);
    (values(10), values(4), style())
        .prop_map(|(elements, shared, style)| pickle(&elements, &shared, style))
}

/// A pickled list of elements that differ only in numbers, texts and bytes. In some runs of
/// elements the even ints are equal.
pub(crate) fn pickled_repeats() -> impl Strategy<Value = Vec<u8>> {
    let times = prop_oneof![4 => 1..3i64, 1 => 30..40i64];
    let change = (any::<i64>(), any::<bool>(), ".{0,5}", 0..300usize);
    let changes = prop::collection::vec((change, times), 1..8);
    let shared = prop::collection::vec(value(), 0..4);
    (value(), changes, shared, style()).prop_map(|(element, changes, shared, style)| {
        let elements = changes.into_iter().flat_map(|((int, steady, text, len), times)| {
            let change =
                move |time| Change { int: int.wrapping_add(time), steady, text: text.clone(), len };
            (0..times).map(change)
        });
        let elements: Vec<Py> = elements.map(|change| change.of(&element)).collect();
        pickle(&elements, &shared, style)
    })
}

/// A change of the numbers, texts and bytes of a value.
struct Change {
    int: i64,
    /// Whether even ints stay as they are.
    steady: bool,
    text: String,
    len: usize,
}

impl Change {
    fn of(&self, value: &Py) -> Py {
        match value {
            Py::Int(old) if self.steady && old % 2 == 0 => Py::Int(*old),
            Py::Int(old) => Py::Int(old.wrapping_add(self.int) >> (self.int.unsigned_abs() % 60)),
            Py::Float(_) => Py::Float(self.int as f64),
            Py::Str(_) => Py::Str(self.text.clone()),
            Py::Bytes(_) => Py::Bytes(vec![self.int as u8; self.len]),
            Py::Tuple(items) => Py::Tuple(self.of_all(items)),
            Py::List(items) => Py::List(self.of_all(items)),
            Py::Dict(items) => {
                Py::Dict(items.iter().map(|(key, item)| (*key, self.of(item))).collect())
            }
            Py::Object(args, state) => Py::Object(self.of_all(args), Box::new(self.of(state))),
            other => other.clone(),
        }
    }

    fn of_all(&self, items: &[Py]) -> Vec<Py> {
        items.iter().map(|item| self.of(item)).collect()
    }
}

/// Returns the pickle of a list of `elements`, in which [`Py::Shared`] is one of `shared`.
pub(crate) fn pickle(elements: &[Py], shared: &[Py], style: Style) -> Vec<u8> {
    let mut pickler = Pickler { style, shared, out: Vec::new(), memo: HashMap::new(), entries: 0 };
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
        pickler.batch(batch, b"ae", |pickler, element| pickler.save(element, shared.len()));
    }
    pickler.out.push(b'.');
    pickler.out
}

struct Pickler<'a> {
    style: Style,
    shared: &'a [Py],
    out: Vec<u8>,
    /// The memo entry of each shared object that was written, by its index.
    memo: HashMap<usize, u32>,
    entries: u32,
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
                for batch in items.chunks(2) {
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
                if !matches!(object, Py::Shared(_) | Py::Root) {
                    let entry = self.memoize();
                    self.memo.insert(which, entry);
                }
            }
            Py::Root => self.get(0),
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
        self.out.extend(b"cmodule\n");
        self.out.extend(name.as_bytes());
        self.out.push(b'\n');
        self.memoize_part();
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
        if self.style.memoize_all {
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
