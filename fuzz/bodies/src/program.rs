//! Pickle programs that are well formed: what CPython accepts, if mostly not what it writes.
//!
//! Bytes choose; when they run out, what is begun is ended. Every opcode comes up, every protocol,
//! memo entries that are read again, objects that contain themselves, and what NumPy pickles.

use std::collections::BTreeMap;

use arbitrary::Unstructured;
use pickle_stream::Opcode;

/// How deep values are nested.
const DEPTH: usize = 6;

/// How many values a program makes, about.
const VALUES: usize = 60;

/// A program that makes any value.
pub fn program(choices: &[u8]) -> Vec<u8> {
    let mut maker = Maker::new(choices);
    maker.framed(|maker| {
        if maker.one_in(4) {
            maker.numpy_value();
        } else {
            maker.value(DEPTH);
        }
    });
    maker.finish()
}

/// A program that makes a list, in batches: what is read one element at a time.
pub fn list(choices: &[u8]) -> Vec<u8> {
    let mut maker = Maker::new(choices);
    maker.elements();
    maker.finish()
}

/// As [`list`], with many elements that are alike, and lists of many numbers.
pub fn long_list(choices: &[u8]) -> Vec<u8> {
    let mut maker = Maker::new(choices);
    maker.is_long = true;
    maker.elements();
    maker.finish()
}

/// A `.npy` file of objects: the program of their array behind a header.
pub fn file(choices: &[u8]) -> Vec<u8> {
    file_of(Maker::new(choices))
}

/// As [`file()`], with many elements that are alike, and lists of many numbers.
pub fn long_file(choices: &[u8]) -> Vec<u8> {
    let mut maker = Maker::new(choices);
    maker.is_long = true;
    file_of(maker)
}

fn file_of(mut maker: Maker<'_>) -> Vec<u8> {
    let len = maker.object_array();
    let program = maker.finish();
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

/// What is on top of the stack, as far as it decides what may be done to it.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Anything that nothing can be done to, and whether it can be a key.
    Value {
        hashable: bool,
    },
    Str,
    List,
    Dict,
    Set,
    /// What can be called, and not be changed.
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

struct Maker<'a> {
    choices: Unstructured<'a>,
    out: Vec<u8>,
    protocol: u8,
    memo: BTreeMap<u32, Kind>,
    /// How many values there may still be.
    left: usize,
    /// Whether there is to be much of one kind, now and then.
    is_long: bool,
}

impl<'a> Maker<'a> {
    fn new(choices: &'a [u8]) -> Maker<'a> {
        let mut maker = Maker {
            choices: Unstructured::new(choices),
            out: Vec::new(),
            protocol: 0,
            memo: BTreeMap::new(),
            left: VALUES,
            is_long: false,
        };
        maker.protocol = maker.up_to(5) as u8;
        if maker.protocol >= 2 {
            maker.op(Opcode::Proto);
            maker.out.push(maker.protocol);
        }
        maker
    }

    fn finish(mut self) -> Vec<u8> {
        self.op(Opcode::Stop);
        self.out
    }

    /// A number from 0 to `most`.
    fn up_to(&mut self, most: usize) -> usize {
        self.choices.int_in_range(0..=most).unwrap_or(0)
    }

    /// Never, once the choices have run out.
    fn one_in(&mut self, many: usize) -> bool {
        self.up_to(many - 1) == many - 1
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

    /// One of these that the protocol has. The first is of protocol 0.
    fn one_of(&mut self, opcodes: &[Opcode]) -> Opcode {
        let allowed: Vec<Opcode> = opcodes.iter().copied().filter(|&op| self.allows(op)).collect();
        allowed[self.up_to(allowed.len() - 1)]
    }

    fn line(&mut self, opcode: Opcode, text: &str) {
        self.op(opcode);
        self.out.extend(text.as_bytes());
        self.out.push(b'\n');
    }

    /// An opcode, a length of `width` bytes, a payload.
    fn counted(&mut self, opcode: Opcode, width: usize, payload: &[u8]) {
        self.op(opcode);
        self.out.extend(&payload.len().to_le_bytes()[..width]);
        self.out.extend(payload);
    }

    /// What `make` makes, in a frame of its size where the protocol has frames.
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

    /// Any value.
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
            8 => return self.known(),
            9 => self.class(),
            10..=12 => self.tuple(depth - 1),
            13 | 14 => self.list(depth - 1),
            15 | 16 => self.dict(depth - 1),
            17 => self.set(depth - 1),
            18 | 19 => self.object(depth - 1),
            20 => self.persistent(depth - 1),
            21 => self.dropped(depth - 1),
            22 => self.cycle(),
            _ => self.numpy_value(),
        };
        if self.one_in(3) {
            self.memoize(kind);
        }
        kind
    }

    fn key(&mut self, depth: usize) {
        let before = (self.out.len(), self.memo.clone());
        if !self.value(depth.min(1)).is_hashable() {
            self.out.truncate(before.0);
            self.memo = before.1;
            self.int();
        }
    }

    fn int(&mut self) -> Kind {
        let value = match self.up_to(3) {
            0 => self.up_to(255) as i64,
            1 => self.up_to(65535) as i64,
            2 => i64::from(self.choices.arbitrary::<i32>().unwrap_or_default()),
            _ => self.choices.arbitrary().unwrap_or_default(),
        };
        self.number(value);
        VALUE
    }

    fn number(&mut self, value: i64) {
        let mut opcodes = vec![Opcode::Int, Opcode::Long, Opcode::Long1, Opcode::Long4];
        let narrow = [
            (Opcode::BinInt1, u8::try_from(value).is_ok()),
            (Opcode::BinInt2, u16::try_from(value).is_ok()),
            (Opcode::BinInt, i32::try_from(value).is_ok()),
        ];
        opcodes.extend(narrow.iter().filter(|(_, fits)| *fits).map(|(opcode, _)| opcode));
        let bytes = value.to_le_bytes();
        match self.one_of(&opcodes) {
            Opcode::Long => {
                let suffix = if self.one_in(2) { "L" } else { "" };
                self.line(Opcode::Long, &format!("{value}{suffix}"));
            }
            Opcode::Long1 => {
                // The sign of a longer number is that of its last byte.
                let more = if self.one_in(4) { self.bytes(20) } else { &[] };
                self.counted(Opcode::Long1, 1, &[&bytes, more].concat());
            }
            Opcode::Long4 => self.counted(Opcode::Long4, 4, &bytes),
            Opcode::BinInt1 => self.out.extend([Opcode::BinInt1.byte(), bytes[0]]),
            Opcode::BinInt2 => {
                self.op(Opcode::BinInt2);
                self.out.extend(&bytes[..2]);
            }
            Opcode::BinInt => {
                self.op(Opcode::BinInt);
                self.out.extend(&bytes[..4]);
            }
            _ => self.line(Opcode::Int, &value.to_string()),
        }
    }

    fn float(&mut self) -> Kind {
        let value = match self.up_to(3) {
            0 => self.up_to(9) as f64,
            1 => -0.0,
            _ => self.choices.arbitrary::<f64>().unwrap_or_default(),
        };
        match self.one_of(&[Opcode::Float, Opcode::BinFloat]) {
            Opcode::Float => self.line(Opcode::Float, &format!("{value:?}")),
            opcode => {
                self.op(opcode);
                self.out.extend(value.to_be_bytes());
            }
        }
        VALUE
    }

    fn bool(&mut self) -> Kind {
        match (self.one_of(&[Opcode::Int, Opcode::NewTrue, Opcode::NewFalse]), self.one_in(2)) {
            (Opcode::Int, true) => self.line(Opcode::Int, "01"),
            (Opcode::Int, false) => self.line(Opcode::Int, "00"),
            (opcode, _) => self.op(opcode),
        }
        VALUE
    }

    fn any_text(&mut self) -> Kind {
        let text = String::from_utf8_lossy(self.bytes(12)).into_owned();
        self.text(&text)
    }

    fn text(&mut self, text: &str) -> Kind {
        use Opcode::{BinUnicode, BinUnicode8, ShortBinUnicode, Unicode};
        let bytes = text.as_bytes();
        match self.one_of(&[Unicode, BinUnicode, ShortBinUnicode, BinUnicode8]) {
            BinUnicode => self.counted(BinUnicode, 4, bytes),
            ShortBinUnicode => self.counted(ShortBinUnicode, 1, bytes),
            BinUnicode8 => self.counted(BinUnicode8, 8, bytes),
            _ => {
                self.op(Unicode);
                for char in text.chars() {
                    match u32::from(char) {
                        code if char == '\\' || char == '\n' || code > 0xffff => {
                            self.out.extend(format!("\\U{code:08x}").bytes());
                        }
                        code @ 0x100.. => self.out.extend(format!("\\u{code:04x}").bytes()),
                        code => self.out.push(code as u8),
                    }
                }
                self.out.push(b'\n');
            }
        }
        Kind::Str
    }

    fn any_bytes(&mut self) -> Kind {
        let bytes = self.bytes(12);
        self.byte_string(bytes, true)
    }

    /// Bytes, of which opcodes that are older than bytes make a str of Python 2.
    fn byte_string(&mut self, bytes: &[u8], mutable: bool) -> Kind {
        use Opcode::*;
        let mut opcodes = vec![String, BinString, ShortBinString, BinBytes, ShortBinBytes];
        opcodes.push(BinBytes8);
        opcodes.extend(mutable.then_some(ByteArray8));
        match self.one_of(&opcodes) {
            String => self.line(String, &format!("'{}'", bytes.escape_ascii())),
            opcode @ (ShortBinString | ShortBinBytes) => self.counted(opcode, 1, bytes),
            opcode @ (BinString | BinBytes) => self.counted(opcode, 4, bytes),
            opcode => {
                self.counted(opcode, 8, bytes);
                return Kind::Value { hashable: opcode == BinBytes8 };
            }
        }
        VALUE
    }

    fn memoize(&mut self, kind: Kind) {
        use Opcode::{BinPut, LongBinPut, Memoize, Put};
        let opcode = self.one_of(&[Put, BinPut, LongBinPut, Memoize]);
        let entries = self.memo.len() as u32;
        // Now and then with a gap, or over another entry.
        let index = match (opcode, self.up_to(15)) {
            (Memoize, _) | (_, 0..14) => entries,
            (_, other) => (entries + other as u32 * 3) % 50,
        };
        match opcode {
            Memoize => self.op(Memoize),
            BinPut if index < 256 => self.out.extend([BinPut.byte(), index as u8]),
            LongBinPut => {
                self.op(LongBinPut);
                self.out.extend(index.to_le_bytes());
            }
            _ => self.line(Put, &index.to_string()),
        }
        self.memo.insert(index, kind);
    }

    /// What is in the memo, if there is anything.
    fn known(&mut self) -> Kind {
        use Opcode::{BinGet, Get, LongBinGet};
        let Some(last) = self.memo.len().checked_sub(1) else { return self.int() };
        let chosen = self.up_to(last);
        let (&index, &kind) = self.memo.iter().nth(chosen).expect("there are more than that");
        match self.one_of(&[Get, BinGet, LongBinGet]) {
            BinGet if index < 256 => self.out.extend([BinGet.byte(), index as u8]),
            LongBinGet => {
                self.op(LongBinGet);
                self.out.extend(index.to_le_bytes());
            }
            _ => self.line(Get, &index.to_string()),
        }
        kind
    }

    fn class(&mut self) -> Kind {
        use Opcode::{Ext1, Ext2, Ext4, Global};
        match self.one_of(&[Global, Global, Ext1, Ext2, Ext4]) {
            Ext1 => {
                let code = 1 + self.up_to(254) as u8;
                self.out.extend([Ext1.byte(), code]);
            }
            opcode @ (Ext2 | Ext4) => {
                let code = 256 + self.up_to(255) as u32;
                let width = if opcode == Ext2 { 2 } else { 4 };
                self.op(opcode);
                self.out.extend(&code.to_le_bytes()[..width]);
            }
            _ => {
                let name = self.up_to(3);
                self.global("module", ["f", "g", "Class", "Outer.Inner"][name]);
            }
        }
        Kind::Class
    }

    fn global(&mut self, module: &str, name: &str) {
        match self.one_of(&[Opcode::Global, Opcode::StackGlobal]) {
            Opcode::Global => self.line(Opcode::Global, &format!("{module}\n{name}")),
            opcode => {
                self.text(module);
                self.text(name);
                self.op(opcode);
            }
        }
    }

    fn tuple(&mut self, depth: usize) -> Kind {
        use Opcode::{EmptyTuple, Tuple, Tuple1, Tuple2, Tuple3};
        let opcode = self.one_of(&[Tuple, EmptyTuple, Tuple1, Tuple2, Tuple3]);
        let many = match opcode {
            EmptyTuple => 0,
            Tuple1 => 1,
            Tuple2 => 2,
            Tuple3 => 3,
            _ => {
                self.op(Opcode::Mark);
                self.up_to(4)
            }
        };
        let mut hashable = true;
        for item in 0..many {
            // The same object once more, now and then.
            if item > 0 && self.one_in(6) {
                self.op(Opcode::Dup);
            } else {
                hashable &= self.value(depth).is_hashable();
            }
        }
        self.op(opcode);
        Kind::Value { hashable }
    }

    fn list(&mut self, depth: usize) -> Kind {
        self.container(Opcode::List, Opcode::EmptyList, |maker| {
            maker.value(depth);
        });
        self.maybe_memoize(Kind::List);
        if self.is_long && self.one_in(2) {
            self.append_numbers();
        }
        self.append(depth);
        Kind::List
    }

    /// Many numbers, mostly of one kind, into the list below them.
    fn append_numbers(&mut self) {
        self.op(Opcode::Mark);
        let are_floats = self.one_in(2);
        for _ in 0..10 + self.up_to(20) {
            if are_floats != self.one_in(40) {
                self.float();
            } else {
                self.int();
            }
        }
        self.op(Opcode::Appends);
    }

    fn dict(&mut self, depth: usize) -> Kind {
        self.container(Opcode::Dict, Opcode::EmptyDict, |maker| {
            maker.key(depth);
            maker.value(depth);
        });
        self.maybe_memoize(Kind::Dict);
        self.set_items(depth);
        Kind::Dict
    }

    /// A container, with items above a mark, or an empty one.
    fn container(&mut self, of_mark: Opcode, empty: Opcode, mut item: impl FnMut(&mut Self)) {
        let opcode = self.one_of(&[of_mark, empty]);
        if opcode == of_mark {
            self.op(Opcode::Mark);
            for _ in 0..self.up_to(3) {
                item(self);
            }
        }
        self.op(opcode);
    }

    fn maybe_memoize(&mut self, kind: Kind) {
        if self.one_in(2) {
            self.memoize(kind);
        }
    }

    fn append(&mut self, depth: usize) {
        self.add(&[Opcode::Append, Opcode::Appends], |maker| {
            maker.value(depth);
        });
    }

    fn set_items(&mut self, depth: usize) {
        self.add(&[Opcode::SetItem, Opcode::SetItems], |maker| {
            maker.key(depth);
            maker.value(depth);
        });
    }

    /// Items into what is below them: by an opcode for one, or the one for many, which is the last.
    fn add(&mut self, opcodes: &[Opcode], mut item: impl FnMut(&mut Self)) {
        let opcode = self.one_of(opcodes);
        let batch = opcode == opcodes[opcodes.len() - 1];
        let many = self.up_to(4);
        if batch {
            self.op(Opcode::Mark);
        }
        for _ in 0..many {
            item(self);
            if !batch {
                self.op(opcode);
            }
        }
        if batch {
            self.op(opcode);
        }
    }

    fn set(&mut self, depth: usize) -> Kind {
        if !self.allows(Opcode::EmptySet) {
            return self.int();
        }
        if self.one_in(2) {
            self.op(Opcode::Mark);
            for _ in 0..self.up_to(4) {
                self.key(depth);
            }
            self.op(Opcode::FrozenSet);
            return VALUE;
        }
        self.op(Opcode::EmptySet);
        self.maybe_memoize(Kind::Set);
        self.add(&[Opcode::AddItems], |maker| maker.key(depth));
        Kind::Set
    }

    /// A call, and what is done to its result.
    fn object(&mut self, depth: usize) -> Kind {
        use Opcode::{Inst, NewObj, NewObjEx, Obj, Reduce};
        match self.one_of(&[Reduce, Inst, Obj, NewObj, NewObjEx]) {
            opcode @ (Inst | Obj) => {
                self.op(Opcode::Mark);
                if opcode == Obj {
                    self.class();
                }
                for _ in 0..self.up_to(3) {
                    self.value(depth);
                }
                self.op(opcode);
                if opcode == Inst {
                    self.out.extend(b"module\nClass\n");
                }
            }
            opcode => {
                self.class();
                self.tuple(depth);
                if opcode == NewObjEx {
                    self.op(Opcode::EmptyDict);
                    if self.one_in(2) {
                        self.text("key");
                        self.value(depth);
                        self.op(Opcode::SetItem);
                    }
                }
                self.op(opcode);
            }
        }
        self.maybe_memoize(Kind::Object);
        match self.up_to(6) {
            0 | 1 => {
                self.value(depth);
                self.op(Opcode::Build);
            }
            2 => self.append(depth),
            3 => self.set_items(depth),
            4 if self.allows(Opcode::AddItems) => {
                self.add(&[Opcode::AddItems], |maker| maker.key(depth));
            }
            _ => {}
        }
        Kind::Object
    }

    /// What only the reader's application knows.
    fn persistent(&mut self, depth: usize) -> Kind {
        use Opcode::{BinPersId, NextBuffer, PersId, ReadonlyBuffer};
        match self.one_of(&[PersId, BinPersId, NextBuffer, ReadonlyBuffer]) {
            PersId => self.line(PersId, "id 7"),
            BinPersId => {
                self.value(depth);
                self.op(BinPersId);
            }
            opcode => {
                self.op(NextBuffer);
                if opcode == ReadonlyBuffer {
                    self.op(ReadonlyBuffer);
                }
                return VALUE;
            }
        }
        Kind::Class
    }

    /// Values that are made, and gone before another one.
    fn dropped(&mut self, depth: usize) -> Kind {
        match self.up_to(2) {
            0 => {
                self.value(depth);
                self.op(Opcode::Pop);
            }
            1 => {
                self.op(Opcode::Mark);
                self.op(Opcode::Pop);
            }
            _ if self.allows(Opcode::PopMark) => {
                self.op(Opcode::Mark);
                for _ in 0..self.up_to(3) {
                    self.value(depth);
                }
                self.op(Opcode::PopMark);
            }
            _ => {}
        }
        self.value(depth)
    }

    /// A list that contains itself, or a tuple that does by way of a list.
    fn cycle(&mut self) -> Kind {
        let index = self.memo.keys().last().map_or(0, |last| last + 1);
        let of_tuple = self.one_in(2) && self.allows(Opcode::PopMark);
        let mark_list = [Opcode::Mark.byte(), Opcode::List.byte()];
        if !of_tuple {
            self.out.extend(mark_list);
            self.line(Opcode::Put, &index.to_string());
            self.line(Opcode::Get, &index.to_string());
            self.op(Opcode::Append);
            self.memo.insert(index, Kind::List);
            return Kind::List;
        }
        let (list, tuple) = (index, index + 1);
        self.op(Opcode::Mark);
        self.out.extend(mark_list);
        self.line(Opcode::Put, &list.to_string());
        self.op(Opcode::Mark);
        self.line(Opcode::Get, &list.to_string());
        self.op(Opcode::Tuple);
        self.line(Opcode::Put, &tuple.to_string());
        self.op(Opcode::Append);
        self.op(Opcode::PopMark);
        self.line(Opcode::Get, &tuple.to_string());
        self.memo.insert(list, Kind::List);
        self.memo.insert(tuple, Kind::Value { hashable: false });
        Kind::Value { hashable: false }
    }

    /// An array of numbers, or a scalar.
    fn numpy_value(&mut self) -> Kind {
        let numbers = self.bytes(8);
        let numbers = [numbers, &[0; 8][numbers.len()..]].concat();
        match self.up_to(2) {
            0 => {
                self.array_call();
                self.op(Opcode::Mark);
                self.number(1);
                self.shape(1);
                self.dtype("f8");
                self.bool_of(false);
                self.byte_string(&numbers, false);
                self.op(Opcode::Tuple);
                self.op(Opcode::Build);
            }
            1 => {
                self.global("numpy.core.multiarray", "scalar");
                self.op(Opcode::Mark);
                self.dtype("f8");
                self.byte_string(&numbers, false);
                self.op(Opcode::Tuple);
                self.op(Opcode::Reduce);
            }
            _ => {
                self.global("numpy._core.numeric", "_frombuffer");
                self.op(Opcode::Mark);
                self.byte_string(&numbers, true);
                self.dtype("i8");
                self.shape(1);
                self.text("C");
                self.op(Opcode::Tuple);
                self.op(Opcode::Reduce);
            }
        }
        Kind::Object
    }

    /// An array of objects; how many there are.
    fn object_array(&mut self) -> usize {
        self.array_call();
        self.op(Opcode::Mark);
        self.number(1);
        self.op(Opcode::Mark);
        // The number of elements comes before them, and is known after them.
        let at = self.out.len();
        self.line(Opcode::Int, "0");
        self.op(Opcode::Tuple);
        self.dtype("O8");
        self.bool_of(false);
        let len = self.elements();
        self.op(Opcode::Tuple);
        self.op(Opcode::Build);
        self.out.splice(at..at + 3, format!("I{len}\n").into_bytes());
        len
    }

    /// `_reconstruct(ndarray, (0,), b"b")`
    fn array_call(&mut self) {
        let core = ["numpy.core.multiarray", "numpy._core.multiarray"][self.up_to(1)];
        self.global(core, "_reconstruct");
        self.op(Opcode::Mark);
        self.global("numpy", "ndarray");
        self.shape(0);
        self.byte_string(b"b", false);
        self.op(Opcode::Tuple);
        self.op(Opcode::Reduce);
        self.maybe_memoize(Kind::Object);
    }

    /// `(len,)`
    fn shape(&mut self, len: i64) {
        self.op(Opcode::Mark);
        self.number(len);
        self.op(Opcode::Tuple);
    }

    fn bool_of(&mut self, value: bool) {
        self.line(Opcode::Int, if value { "01" } else { "00" });
    }

    fn dtype(&mut self, code: &str) {
        self.global("numpy", "dtype");
        self.op(Opcode::Mark);
        self.text(code);
        self.bool_of(false);
        self.bool_of(true);
        self.op(Opcode::Tuple);
        self.op(Opcode::Reduce);
        self.maybe_memoize(Kind::Object);
        let order = if code == "O8" { "|" } else { "<" };
        self.op(Opcode::Mark);
        self.number(3);
        self.text(order);
        for _ in 0..3 {
            self.op(Opcode::None);
        }
        for number in [-1, -1, if code == "O8" { 63 } else { 0 }] {
            self.number(number);
        }
        self.op(Opcode::Tuple);
        self.op(Opcode::Build);
    }

    /// An element of choices that are given, but for one of them: from one number to the next mostly
    /// the same.
    fn element_like(&mut self, choices: &[u8], changing: usize, number: u8) {
        let mut choices = choices.to_vec();
        if let Some(choice) = choices.get_mut(changing) {
            *choice = choice.wrapping_add(number);
        }
        let Maker { protocol, left, is_long, .. } = *self;
        let (out, memo) = (std::mem::take(&mut self.out), std::mem::take(&mut self.memo));
        let choices = Unstructured::new(&choices);
        let mut maker = Maker { choices, out, protocol, memo, left, is_long };
        maker.framed(|maker| maker.value(DEPTH / 2));
        (self.out, self.memo) = (maker.out, maker.memo);
    }

    /// A list, its elements in batches; how many there are.
    fn elements(&mut self) -> usize {
        if self.allows(Opcode::EmptyList) {
            self.op(Opcode::EmptyList);
        } else {
            self.out.extend([Opcode::Mark.byte(), Opcode::List.byte()]);
        }
        self.maybe_memoize(Kind::List);
        let mut len = 0;
        for _ in 0..self.up_to(4) {
            let many = self.up_to(5);
            let opcode = self.one_of(&[Opcode::Append, Opcode::Appends]);
            len += many;
            if opcode == Opcode::Appends {
                self.op(Opcode::Mark);
            }
            let alike = if self.is_long && many > 0 { self.up_to(50) } else { 0 };
            let choices = if alike > 0 { self.bytes(12) } else { &[] };
            let changing = if alike > 0 { self.up_to(11) } else { 0 };
            len += alike;
            for number in 0..many + alike {
                self.left = self.left.max(VALUES / 8);
                if number < alike {
                    self.element_like(choices, changing, number as u8);
                } else {
                    self.framed(|maker| maker.value(DEPTH / 2));
                }
                if opcode == Opcode::Append {
                    self.op(Opcode::Append);
                }
            }
            if opcode == Opcode::Appends {
                self.op(Opcode::Appends);
            }
        }
        len
    }
}
