//! Memo entries: written, read again, and used to build a cycle.

use pickle_stream::Opcode;

use super::{Generator, Kind};

impl Generator<'_> {
    /// Stores the value on top of the stack in the memo.
    pub(super) fn memoize(&mut self, kind: Kind) {
        use Opcode::{BinPut, LongBinPut, Memoize, Put};
        let opcode = self.one_of(&[Put, BinPut, LongBinPut, Memoize]);
        let entries = self.memo.len() as u32;
        // One index in eight leaves a gap or overwrites another entry.
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

    /// Stores the value on top of the stack in the memo, or does not.
    pub(super) fn maybe_memoize(&mut self, kind: Kind) {
        if self.one_in(2) {
            self.memoize(kind);
        }
    }

    /// Reads an entry of the memo; makes an int where the memo is empty.
    pub(super) fn read_memo(&mut self) -> Kind {
        use Opcode::{BinGet, Get, LongBinGet};
        let Some(last) = self.memo.len().checked_sub(1) else { return self.int() };
        let chosen = self.up_to(last);
        let (&index, &kind) =
            self.memo.iter().nth(chosen).expect("the index is below the number of entries");
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

    /// Makes a list that contains itself, or a tuple that contains itself through a list.
    pub(super) fn cycle(&mut self) -> Kind {
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
}
