//! Tuples, lists, dicts and sets, and the list of elements of an array.

use arbitrary::Unstructured;
use pickle_stream::Opcode;

use super::{DEPTH, Generator, Kind, VALUE, VALUES};

impl Generator<'_> {
    pub(super) fn tuple(&mut self, depth: usize) -> Kind {
        use Opcode::{EmptyTuple, Tuple, Tuple1, Tuple2, Tuple3};
        let opcode = self.one_of(&[Tuple, EmptyTuple, Tuple1, Tuple2, Tuple3]);
        let len = match opcode {
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
        for item in 0..len {
            // One time in six, the object before once more.
            if item > 0 && self.one_in(6) {
                self.op(Opcode::Dup);
            } else {
                hashable &= self.value(depth).is_hashable();
            }
        }
        self.op(opcode);
        Kind::Value { hashable }
    }

    pub(super) fn list(&mut self, depth: usize) -> Kind {
        self.container(Opcode::List, Opcode::EmptyList, |generator| {
            generator.value(depth);
        });
        self.maybe_memoize(Kind::List);
        if self.is_long && self.one_in(2) {
            self.append_numbers();
        }
        self.append(depth);
        Kind::List
    }

    /// Appends 10 to 30 numbers to the list on top of the stack: floats or ints, and about one in
    /// 40 of the other kind.
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

    pub(super) fn dict(&mut self, depth: usize) -> Kind {
        self.container(Opcode::Dict, Opcode::EmptyDict, |generator| {
            generator.key(depth);
            generator.value(depth);
        });
        self.maybe_memoize(Kind::Dict);
        self.set_items(depth);
        Kind::Dict
    }

    /// Makes a container from the items above a mark, or an empty one.
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

    pub(super) fn append(&mut self, depth: usize) {
        self.add(&[Opcode::Append, Opcode::Appends], |generator| {
            generator.value(depth);
        });
    }

    pub(super) fn set_items(&mut self, depth: usize) {
        self.add(&[Opcode::SetItem, Opcode::SetItems], |generator| {
            generator.key(depth);
            generator.value(depth);
        });
    }

    /// Adds up to 4 items to the container on top of the stack. The last of the opcodes adds all
    /// items above a mark, the others add one.
    pub(super) fn add(&mut self, opcodes: &[Opcode], mut item: impl FnMut(&mut Self)) {
        let opcode = self.one_of(opcodes);
        let batch = opcode == opcodes[opcodes.len() - 1];
        let len = self.up_to(4);
        if batch {
            self.op(Opcode::Mark);
        }
        for _ in 0..len {
            item(self);
            if !batch {
                self.op(opcode);
            }
        }
        if batch {
            self.op(opcode);
        }
    }

    pub(super) fn set(&mut self, depth: usize) -> Kind {
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
        self.add(&[Opcode::AddItems], |generator| generator.key(depth));
        Kind::Set
    }

    /// Makes a list whose elements come in batches, and returns its length.
    pub(super) fn elements(&mut self) -> usize {
        if self.allows(Opcode::EmptyList) {
            self.op(Opcode::EmptyList);
        } else {
            self.out.extend([Opcode::Mark.byte(), Opcode::List.byte()]);
        }
        self.maybe_memoize(Kind::List);
        let mut len = 0;
        for _ in 0..self.up_to(4) {
            let any = self.up_to(5);
            let opcode = self.one_of(&[Opcode::Append, Opcode::Appends]);
            len += any;
            if opcode == Opcode::Appends {
                self.op(Opcode::Mark);
            }
            let similar = if self.is_long && any > 0 { self.up_to(50) } else { 0 };
            let choices = if similar > 0 { self.bytes(12) } else { &[] };
            let changing = if similar > 0 { self.up_to(11) } else { 0 };
            len += similar;
            for number in 0..any + similar {
                self.left = self.left.max(VALUES / 8);
                if number < similar {
                    self.similar_element(choices, changing, number as u8);
                } else {
                    self.framed(|generator| generator.value(DEPTH / 2));
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

    /// Makes an element from `choices`, one of which grows with `number`. Elements of neighbouring
    /// numbers therefore differ little, as in real files.
    fn similar_element(&mut self, choices: &[u8], changing: usize, number: u8) {
        let mut choices = choices.to_vec();
        if let Some(choice) = choices.get_mut(changing) {
            *choice = choice.wrapping_add(number);
        }
        let Generator { protocol, left, is_long, .. } = *self;
        let (out, memo) = (std::mem::take(&mut self.out), std::mem::take(&mut self.memo));
        let choices = Unstructured::new(&choices);
        let mut generator = Generator { choices, out, protocol, memo, left, is_long };
        generator.framed(|generator| generator.value(DEPTH / 2));
        (self.out, self.memo) = (generator.out, generator.memo);
    }
}
