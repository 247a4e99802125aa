//! Generates well-formed pickles and `.npy` files: CPython accepts them, but its pickler would not
//! write most of them.
//!
//! The bytes of a fuzzer choose what comes next; when they run out, every open value is finished.
//! The programs use every opcode and protocol, read memo entries again, contain themselves, and
//! have the arrays and scalars of NumPy. A `Generator` appends instructions; `scalar`, `container`,
//! `object`, `memo` and `numpy` add one kind of value each.

mod container;
mod memo;
mod numpy;
mod object;
mod scalar;

use std::collections::BTreeMap;

use arbitrary::Unstructured;
use pickle_stream::Opcode;

/// How deep values are nested at most.
const DEPTH: usize = 6;

/// The number of values after which a program makes only scalars.
const VALUES: usize = 60;

/// Returns a program that makes one value of any kind.
pub fn program(choices: &[u8]) -> Vec<u8> {
    let mut generator = Generator::new(choices);
    generator.framed(|generator| {
        if generator.one_in(4) {
            generator.numpy_value();
        } else {
            generator.value(DEPTH);
        }
    });
    generator.finish()
}

/// Returns a program that makes a list in batches, as a reader of elements wants it.
pub fn list(choices: &[u8]) -> Vec<u8> {
    let mut generator = Generator::new(choices);
    generator.elements();
    generator.finish()
}

/// Returns a program like that of [`list`], with up to 50 similar elements a batch, and with lists
/// of 10 to 30 numbers.
pub fn long_list(choices: &[u8]) -> Vec<u8> {
    let mut generator = Generator::new(choices);
    generator.is_long = true;
    generator.elements();
    generator.finish()
}

/// Returns a `.npy` file of dtype object: a header, and the program of the array.
pub fn file(choices: &[u8]) -> Vec<u8> {
    file_of(Generator::new(choices))
}

/// Returns a file like that of [`file()`], with the elements of [`long_list`].
pub fn long_file(choices: &[u8]) -> Vec<u8> {
    let mut generator = Generator::new(choices);
    generator.is_long = true;
    file_of(generator)
}

fn file_of(mut generator: Generator<'_>) -> Vec<u8> {
    let len = generator.object_array();
    let program = generator.finish();
    let header = format!("{{'descr': '|O', 'fortran_order': False, 'shape': ({len},), }}");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    let padding = 63 - (file.len() + 2 + header.len()) % 64;
    file.extend(((header.len() + padding + 1) as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend([b' '].repeat(padding));
    file.push(b'\n');
    file.extend(program);
    file
}

/// The type of a value on the stack, as far as it decides which opcodes may follow.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A value that no opcode changes.
    Value {
        hashable: bool,
    },
    Str,
    List,
    Dict,
    Set,
    /// A value that can be called.
    Class,
    /// The result of a call.
    Object,
}

impl Kind {
    fn is_hashable(self) -> bool {
        !matches!(self, Kind::List | Kind::Dict | Kind::Set | Kind::Value { hashable: false })
    }
}

const VALUE: Kind = Kind::Value { hashable: true };

struct Generator<'a> {
    choices: Unstructured<'a>,
    out: Vec<u8>,
    protocol: u8,
    memo: BTreeMap<u32, Kind>,
    /// How many values may still be made before only scalars are.
    left: usize,
    /// Whether to make similar elements and lists of many numbers.
    is_long: bool,
}

impl<'a> Generator<'a> {
    fn new(choices: &'a [u8]) -> Generator<'a> {
        let mut generator = Generator {
            choices: Unstructured::new(choices),
            out: Vec::new(),
            protocol: 0,
            memo: BTreeMap::new(),
            left: VALUES,
            is_long: false,
        };
        generator.protocol = generator.up_to(5) as u8;
        if generator.protocol >= 2 {
            generator.op(Opcode::Proto);
            generator.out.push(generator.protocol);
        }
        generator
    }

    fn finish(mut self) -> Vec<u8> {
        self.op(Opcode::Stop);
        self.out
    }

    /// Chooses a number from 0 to `most`; 0 when the choices have run out.
    fn up_to(&mut self, most: usize) -> usize {
        self.choices.int_in_range(0..=most).unwrap_or(0)
    }

    /// Chooses true one time in `times`; never when the choices have run out, so that generation
    /// ends.
    fn one_in(&mut self, times: usize) -> bool {
        self.up_to(times - 1) == times - 1
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = self.up_to(most).min(self.choices.len());
        self.choices.bytes(len).unwrap_or_default()
    }

    fn op(&mut self, opcode: Opcode) {
        self.out.push(opcode.byte());
    }

    fn allows(&self, opcode: Opcode) -> bool {
        opcode.info().protocol <= self.protocol
    }

    /// Chooses one of the opcodes that the protocol has. The first has to be of protocol 0.
    fn one_of(&mut self, opcodes: &[Opcode]) -> Opcode {
        let allowed: Vec<Opcode> = opcodes.iter().copied().filter(|&op| self.allows(op)).collect();
        allowed[self.up_to(allowed.len() - 1)]
    }

    fn line(&mut self, opcode: Opcode, text: &str) {
        self.op(opcode);
        self.out.extend(text.as_bytes());
        self.out.push(b'\n');
    }

    /// Writes an opcode, a length of `width` bytes, and the payload.
    fn counted(&mut self, opcode: Opcode, width: usize, payload: &[u8]) {
        self.op(opcode);
        self.out.extend(&(payload.len() as u64).to_le_bytes()[..width]);
        self.out.extend(payload);
    }

    /// Writes what `make` writes, and may put it into a frame where the protocol has frames.
    fn framed<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        let (start, framed) = (self.out.len(), self.allows(Opcode::Frame) && !self.one_in(3));
        let made = make(self);
        if framed {
            let size = (self.out.len() - start) as u64;
            let frame = [&[Opcode::Frame.byte()][..], &size.to_le_bytes()].concat();
            self.out.splice(start..start, frame);
        }
        made
    }

    /// Makes a value of any kind.
    fn value(&mut self, depth: usize) -> Kind {
        self.left = self.left.saturating_sub(1);
        let simple = depth == 0 || self.left == 0;
        let kind = match self.up_to(if simple { 9 } else { 23 }) {
            0 => {
                self.op(Opcode::None);
                VALUE
            }
            1 | 2 => self.int(),
            3 => self.float(),
            4 => self.bool(),
            5 | 6 => self.any_text(),
            7 => self.any_bytes(),
            8 => return self.read_memo(),
            9 => self.class(),
            10..=12 => self.tuple(depth - 1),
            13 | 14 => self.list(depth - 1),
            15 | 16 => self.dict(depth - 1),
            17 => self.set(depth - 1),
            18 | 19 => self.object(depth - 1),
            20 => self.persistent(depth - 1),
            21 => self.popped(depth - 1),
            22 => self.cycle(),
            _ => self.numpy_value(),
        };
        if self.one_in(3) {
            self.memoize(kind);
        }
        kind
    }

    /// Makes a value that can be a key of a dict: an int where the first choice is not hashable.
    fn key(&mut self, depth: usize) {
        let before = (self.out.len(), self.memo.clone());
        if !self.value(depth.min(1)).is_hashable() {
            self.out.truncate(before.0);
            self.memo = before.1;
            self.int();
        }
    }
}
