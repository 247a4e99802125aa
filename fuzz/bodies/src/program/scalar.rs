//! None, ints, floats, bools, text and bytes.

use pickle_stream::Opcode;

use super::{Generator, Kind, VALUE};

impl Generator<'_> {
    pub(super) fn int(&mut self) -> Kind {
        let value = match self.up_to(3) {
            0 => self.up_to(255) as i64,
            1 => self.up_to(65535) as i64,
            2 => i64::from(self.choices.arbitrary::<i32>().unwrap_or_default()),
            _ => self.choices.arbitrary().unwrap_or_default(),
        };
        self.number(value);
        VALUE
    }

    pub(super) fn number(&mut self, value: i64) {
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
                // The last byte carries the sign, so any bytes may follow.
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

    pub(super) fn float(&mut self) -> Kind {
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

    pub(super) fn bool(&mut self) -> Kind {
        match (self.one_of(&[Opcode::Int, Opcode::NewTrue, Opcode::NewFalse]), self.one_in(2)) {
            (Opcode::Int, true) => self.line(Opcode::Int, "01"),
            (Opcode::Int, false) => self.line(Opcode::Int, "00"),
            (opcode, _) => self.op(opcode),
        }
        VALUE
    }

    pub(super) fn any_text(&mut self) -> Kind {
        let text = String::from_utf8_lossy(self.bytes(12)).into_owned();
        self.text(&text)
    }

    pub(super) fn text(&mut self, text: &str) -> Kind {
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

    pub(super) fn any_bytes(&mut self) -> Kind {
        let bytes = self.bytes(12);
        self.byte_string(bytes, true)
    }

    /// Writes bytes. Before BINBYTES of protocol 3 they are a str of Python 2.
    pub(super) fn byte_string(&mut self, bytes: &[u8], mutable: bool) -> Kind {
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
}
