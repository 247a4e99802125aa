//! Who wrote a pickle: what its first instructions give away.
//!
//! `numpy.save` chose pickle protocol 2 before NumPy 1.17, 3 up to 2.0, and 4 since 2.1
//! (`numpy/lib/format.py`); NumPy 2 calls `numpy.core` `numpy._core`; and only Python 2 writes the
//! opcodes of a str that is not Unicode.

use std::io::{Read, Seek, SeekFrom};

use npy_object::pickle::{Argument, ArgumentKind, Lexer, Limits, Opcode, Progress};

/// Signs of the writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Writer {
    /// The pickle protocol; of a pickle that does not name it, the highest that its first
    /// instructions need.
    pub(crate) protocol: u8,
    /// Whether it was Python 2.
    python_2: bool,
    /// Where NumPy keeps what reads the pickle, if the file says.
    package: Option<Package>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Package {
    /// `numpy.core`
    Core,
    /// `numpy._core`
    PrivateCore,
}

/// Bytes that are looked at: more than stand before the elements, and few enough.
const START: u64 = 4 << 10;

impl Writer {
    /// Looks at the pickle at `offset`, up to its list of elements; `None` where there is no
    /// pickle.
    pub(crate) fn of(
        reader: &mut (impl Read + Seek),
        offset: u64,
    ) -> npy_object::Result<Option<Writer>> {
        let mut bytes = Vec::new();
        reader.seek(SeekFrom::Start(offset))?;
        reader.take(START).read_to_end(&mut bytes)?;
        Ok(Writer::of_start(&bytes))
    }

    fn of_start(bytes: &[u8]) -> Option<Writer> {
        let mut lexer = Lexer::new(0, &Limits::default());
        let mut writer = None;
        // What is wrong with the pickle is for others to say.
        while let Ok(Progress::Done(instruction)) =
            lexer.instruction(&bytes[lexer.offset() as usize..])
        {
            let writer = writer.get_or_insert(Writer::default());
            match (instruction.opcode, instruction.argument) {
                (Opcode::EmptyList | Opcode::List, _) => break,
                (Opcode::Proto, Argument::Int(protocol)) => {
                    writer.protocol = u8::try_from(protocol).unwrap_or(u8::MAX);
                }
                (_, Argument::Lines(module, _)) => writer.module(module),
                (_, Argument::Bytes(text)) => writer.module(text),
                _ => {}
            }
            let info = instruction.opcode.info();
            writer.protocol = writer.protocol.max(info.protocol);
            writer.python_2 |= matches!(
                info.argument,
                ArgumentKind::String1 | ArgumentKind::String4 | ArgumentKind::StringLine
            );
        }
        writer
    }

    fn module(&mut self, name: &[u8]) {
        if name.starts_with(b"numpy.core.") {
            self.package = Some(Package::Core);
        } else if name.starts_with(b"numpy._core.") {
            self.package = Some(Package::PrivateCore);
        }
    }

    /// What all this points to, of a pickle after a header or without one.
    pub(crate) fn generation(self, has_header: bool) -> Option<&'static str> {
        // A pickle without a header says something of NumPy only if it names it.
        if !has_header && self.package.is_none() {
            return self.python_2.then_some("Python 2");
        }
        Some(match (self.package, self.protocol) {
            _ if self.python_2 => "NumPy 1.16 or earlier, on Python 2",
            (Some(Package::PrivateCore), 4) => "NumPy 2",
            (Some(Package::PrivateCore), _) => "NumPy 2, but not its numpy.save",
            (Some(Package::Core) | None, 2) => "NumPy 1.16 or earlier",
            (Some(Package::Core), 3) => "NumPy 1.17 to 1.26",
            (Some(Package::Core), _) => "NumPy 1, but not its numpy.save",
            (None, 3) => "NumPy 1.17 to 1.26",
            (None, 4) => "NumPy 2",
            (None, _) => "not numpy.save",
        })
    }

    /// From what that was concluded.
    pub(crate) fn evidence(self) -> String {
        let mut evidence = format!("protocol {}", self.protocol);
        if self.python_2 {
            evidence.push_str(", str of Python 2");
        }
        evidence.push_str(match self.package {
            Some(Package::Core) => ", numpy.core",
            Some(Package::PrivateCore) => ", numpy._core",
            None => "",
        });
        evidence
    }
}
