//! Globals, calls, persistent ids, and values that are popped.

use pickle_stream::Opcode;

use super::{Generator, Kind, VALUE};

impl Generator<'_> {
    /// Makes a global, or an extension code.
    pub(super) fn class(&mut self) -> Kind {
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

    pub(super) fn global(&mut self, module: &str, name: &str) {
        match self.one_of(&[Opcode::Global, Opcode::StackGlobal]) {
            Opcode::Global => self.line(Opcode::Global, &format!("{module}\n{name}")),
            opcode => {
                self.text(module);
                self.text(name);
                self.op(opcode);
            }
        }
    }

    /// Makes the result of a call, and may set its state or add items to it.
    pub(super) fn object(&mut self, depth: usize) -> Kind {
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
                self.add(&[Opcode::AddItems], |generator| generator.key(depth));
            }
            _ => {}
        }
        Kind::Object
    }

    /// Makes a persistent id or an out-of-band buffer, which only an application can resolve.
    pub(super) fn persistent(&mut self, depth: usize) -> Kind {
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

    /// Makes values that are popped, and then one that stays.
    pub(super) fn popped(&mut self, depth: usize) -> Kind {
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
}
