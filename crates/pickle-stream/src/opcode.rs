//! The table of the 68 opcodes: name, argument, and effect on stack and memo.
//!
//! The lexer, survey and disassembler are driven by this table. For other languages it is also in
//! `spec/opcodes.toml`. A test compares the two, and the oracle compares that file with CPython's
//! `Lib/pickletools.py`.

/// The type of a value that an opcode takes from the stack or leaves there. The names are those of
/// `pickletools`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StackItem {
    /// Any value.
    Any,
    /// An int.
    Int,
    /// A bool.
    Bool,
    /// An int or a bool.
    IntOrBool,
    /// A float.
    Float,
    /// A Python 2 str, which a reader decodes as bytes or text.
    BytesOrStr,
    /// Bytes.
    Bytes,
    /// A bytearray.
    ByteArray,
    /// A str.
    Str,
    /// None.
    None,
    /// A tuple.
    Tuple,
    /// A list.
    List,
    /// A dict.
    Dict,
    /// A set.
    Set,
    /// A frozenset.
    FrozenSet,
    /// An out-of-band buffer.
    Buffer,
    /// The topmost mark.
    Mark,
    /// Every value above the topmost mark.
    Slice,
}

/// The form of an opcode's argument. All binary numbers except [`Float8`](Self::Float8) are
/// little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArgumentKind {
    /// No argument.
    None,
    /// An unsigned 1-byte number.
    Uint1,
    /// An unsigned 2-byte number.
    Uint2,
    /// An unsigned 4-byte number.
    Uint4,
    /// An unsigned 8-byte number.
    Uint8,
    /// A signed 4-byte number.
    Int4,
    /// An 8-byte IEEE 754 number, big-endian.
    Float8,
    /// A 1-byte length and that many bytes of two's complement.
    Long1,
    /// A signed 4-byte length and that many bytes of two's complement.
    Long4,
    /// A 1-byte length and that many bytes.
    String1,
    /// A signed 4-byte length and that many bytes.
    String4,
    /// A 1-byte length and that many bytes.
    Bytes1,
    /// A 4-byte length and that many bytes.
    Bytes4,
    /// An 8-byte length and that many bytes.
    Bytes8,
    /// An 8-byte length and that many bytes.
    ByteArray8,
    /// A 1-byte length and that many bytes of UTF-8.
    Unicode1,
    /// A 4-byte length and that many bytes of UTF-8.
    Unicode4,
    /// An 8-byte length and that many bytes of UTF-8.
    Unicode8,
    /// A line with a decimal number.
    DecimalLine,
    /// A line with a decimal number and an optional `L`.
    LongLine,
    /// A line with a decimal floating-point number.
    FloatLine,
    /// A line with a quoted, escaped string.
    StringLine,
    /// A line of raw-unicode-escape.
    UnicodeLine,
    /// A line of text.
    Line,
    /// Two lines of text.
    LinePair,
}

impl ArgumentKind {
    /// Returns the number of text lines; 0 for a binary argument.
    pub const fn lines(self) -> usize {
        use ArgumentKind as A;
        match self {
            A::DecimalLine | A::LongLine | A::FloatLine => 1,
            A::StringLine | A::UnicodeLine | A::Line => 1,
            A::LinePair => 2,
            _ => 0,
        }
    }
}

/// The effect of an opcode on the memo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoEffect {
    /// Nothing.
    Untouched,
    /// Reads the entry whose index is the argument.
    Get,
    /// Writes the entry whose index is the argument.
    Put,
    /// Writes the entry whose index is the number of entries.
    Memoize,
}

/// A row of the table.
#[derive(Debug)]
#[non_exhaustive]
pub struct OpcodeInfo {
    /// The name in `pickletools`, such as `BINPUT`.
    pub name: &'static str,
    /// The protocol that introduced it, 0 to 5.
    pub protocol: u8,
    /// The form of the argument.
    pub argument: ArgumentKind,
    /// The values it takes off the stack; the top is last.
    pub before: &'static [StackItem],
    /// The values it pushes in their place; the top is last.
    pub after: &'static [StackItem],
    /// The effect on the memo.
    pub memo: MemoEffect,
    /// The effect in a sentence.
    pub summary: &'static str,
}

macro_rules! opcodes {
    ($(#[doc = $summary:literal] $variant:ident = $code:literal, $name:literal, $protocol:literal, $argument:ident,
        [$($before:ident),*] -> [$($after:ident),*], $memo:ident;)*) => {
        /// An opcode of pickle protocols 0 to 5. Its discriminant is its byte in a pickle.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Opcode {
            $(#[doc = $summary] $variant = $code,)*
        }

        impl Opcode {
            /// Every opcode, in the order of `pickletools.opcodes`.
            pub const ALL: [Opcode; 68] = [$(Opcode::$variant,)*];

            /// Returns the opcode of a byte; `None` if no protocol defines it.
            #[inline]
            pub const fn from_byte(byte: u8) -> Option<Opcode> {
                BY_BYTE[byte as usize]
            }
        }

        static BY_BYTE: [Option<Opcode>; 256] = {
            let mut opcodes = [None; 256];
            $(opcodes[$code as usize] = Some(Opcode::$variant);)*
            opcodes
        };

        /// The rows, by opcode byte.
        static TABLE: [OpcodeInfo; 256] = {
            let mut table = [const { OpcodeInfo::UNDEFINED }; 256];
            $(table[$code as usize] = OpcodeInfo {
                name: $name,
                protocol: $protocol,
                argument: ArgumentKind::$argument,
                before: &[$(StackItem::$before),*],
                after: &[$(StackItem::$after),*],
                memo: MemoEffect::$memo,
                summary: $summary.trim_ascii(),
            };)*
            table
        };
    };
}

opcodes! {
    /// Push the int, or for the lines `00` and `01` the bool, written in decimal on the line.
    Int = b'I', "INT", 0, DecimalLine, [] -> [IntOrBool], Untouched;
    /// Push a signed 4-byte little-endian int.
    BinInt = b'J', "BININT", 1, Int4, [] -> [Int], Untouched;
    /// Push an unsigned 1-byte int.
    BinInt1 = b'K', "BININT1", 1, Uint1, [] -> [Int], Untouched;
    /// Push an unsigned 2-byte little-endian int.
    BinInt2 = b'M', "BININT2", 1, Uint2, [] -> [Int], Untouched;
    /// Push the int written in decimal on the line, with an optional trailing `L`.
    Long = b'L', "LONG", 0, LongLine, [] -> [Int], Untouched;
    /// Push the int given as at most 255 bytes of little-endian two's complement.
    Long1 = 0x8a, "LONG1", 2, Long1, [] -> [Int], Untouched;
    /// Push the int given as at most 2^31 - 1 bytes of little-endian two's complement.
    Long4 = 0x8b, "LONG4", 2, Long4, [] -> [Int], Untouched;
    /// Push the Python 2 str written as a quoted, escaped literal on the line.
    String = b'S', "STRING", 0, StringLine, [] -> [BytesOrStr], Untouched;
    /// Push a Python 2 str of at most 2^31 - 1 bytes.
    BinString = b'T', "BINSTRING", 1, String4, [] -> [BytesOrStr], Untouched;
    /// Push a Python 2 str of at most 255 bytes.
    ShortBinString = b'U', "SHORT_BINSTRING", 1, String1, [] -> [BytesOrStr], Untouched;
    /// Push bytes of a 4-byte length.
    BinBytes = b'B', "BINBYTES", 3, Bytes4, [] -> [Bytes], Untouched;
    /// Push bytes of a 1-byte length.
    ShortBinBytes = b'C', "SHORT_BINBYTES", 3, Bytes1, [] -> [Bytes], Untouched;
    /// Push bytes of an 8-byte length.
    BinBytes8 = 0x8e, "BINBYTES8", 4, Bytes8, [] -> [Bytes], Untouched;
    /// Push a bytearray of an 8-byte length.
    ByteArray8 = 0x96, "BYTEARRAY8", 5, ByteArray8, [] -> [ByteArray], Untouched;
    /// Push the next out-of-band buffer.
    NextBuffer = 0x97, "NEXT_BUFFER", 5, None, [] -> [Buffer], Untouched;
    /// Replace the out-of-band buffer on top by a read-only view of it.
    ReadonlyBuffer = 0x98, "READONLY_BUFFER", 5, None, [Buffer] -> [Buffer], Untouched;
    /// Push None.
    None = b'N', "NONE", 0, None, [] -> [None], Untouched;
    /// Push True.
    NewTrue = 0x88, "NEWTRUE", 2, None, [] -> [Bool], Untouched;
    /// Push False.
    NewFalse = 0x89, "NEWFALSE", 2, None, [] -> [Bool], Untouched;
    /// Push the str written in raw-unicode-escape on the line.
    Unicode = b'V', "UNICODE", 0, UnicodeLine, [] -> [Str], Untouched;
    /// Push a str of at most 255 bytes of UTF-8.
    ShortBinUnicode = 0x8c, "SHORT_BINUNICODE", 4, Unicode1, [] -> [Str], Untouched;
    /// Push a str of a 4-byte length in bytes of UTF-8.
    BinUnicode = b'X', "BINUNICODE", 1, Unicode4, [] -> [Str], Untouched;
    /// Push a str of an 8-byte length in bytes of UTF-8.
    BinUnicode8 = 0x8d, "BINUNICODE8", 4, Unicode8, [] -> [Str], Untouched;
    /// Push the float written in decimal on the line.
    Float = b'F', "FLOAT", 0, FloatLine, [] -> [Float], Untouched;
    /// Push an 8-byte big-endian IEEE 754 float.
    BinFloat = b'G', "BINFLOAT", 1, Float8, [] -> [Float], Untouched;
    /// Push a new empty list.
    EmptyList = b']', "EMPTY_LIST", 1, None, [] -> [List], Untouched;
    /// Append the top value to the list below it.
    Append = b'a', "APPEND", 0, None, [List, Any] -> [List], Untouched;
    /// Append every value above the mark to the list below the mark.
    Appends = b'e', "APPENDS", 1, None, [List, Mark, Slice] -> [List], Untouched;
    /// Replace the mark and the values above it by a list of them.
    List = b'l', "LIST", 0, None, [Mark, Slice] -> [List], Untouched;
    /// Push the empty tuple.
    EmptyTuple = b')', "EMPTY_TUPLE", 1, None, [] -> [Tuple], Untouched;
    /// Replace the mark and the values above it by a tuple of them.
    Tuple = b't', "TUPLE", 0, None, [Mark, Slice] -> [Tuple], Untouched;
    /// Replace the top value by a tuple of it.
    Tuple1 = 0x85, "TUPLE1", 2, None, [Any] -> [Tuple], Untouched;
    /// Replace the top two values by a tuple of them.
    Tuple2 = 0x86, "TUPLE2", 2, None, [Any, Any] -> [Tuple], Untouched;
    /// Replace the top three values by a tuple of them.
    Tuple3 = 0x87, "TUPLE3", 2, None, [Any, Any, Any] -> [Tuple], Untouched;
    /// Push a new empty dict.
    EmptyDict = b'}', "EMPTY_DICT", 1, None, [] -> [Dict], Untouched;
    /// Replace the mark and the keys and values above it by a dict of them.
    Dict = b'd', "DICT", 0, None, [Mark, Slice] -> [Dict], Untouched;
    /// Set the top value under the key below it in the dict below both.
    SetItem = b's', "SETITEM", 0, None, [Dict, Any, Any] -> [Dict], Untouched;
    /// Set every key and value above the mark in the dict below the mark.
    SetItems = b'u', "SETITEMS", 1, None, [Dict, Mark, Slice] -> [Dict], Untouched;
    /// Push a new empty set.
    EmptySet = 0x8f, "EMPTY_SET", 4, None, [] -> [Set], Untouched;
    /// Add every value above the mark to the set below the mark.
    AddItems = 0x90, "ADDITEMS", 4, None, [Set, Mark, Slice] -> [Set], Untouched;
    /// Replace the mark and the values above it by a frozenset of them.
    FrozenSet = 0x91, "FROZENSET", 4, None, [Mark, Slice] -> [FrozenSet], Untouched;
    /// Drop the top value, or the mark if it is on top.
    Pop = b'0', "POP", 0, None, [Any] -> [], Untouched;
    /// Push the top value again.
    Dup = b'2', "DUP", 0, None, [Any] -> [Any, Any], Untouched;
    /// Set a mark on the stack.
    Mark = b'(', "MARK", 0, None, [] -> [Mark], Untouched;
    /// Drop the mark and everything above it.
    PopMark = b'1', "POP_MARK", 1, None, [Mark, Slice] -> [], Untouched;
    /// Push the memo entry whose index is written in decimal on the line.
    Get = b'g', "GET", 0, DecimalLine, [] -> [Any], Get;
    /// Push the memo entry of a 1-byte index.
    BinGet = b'h', "BINGET", 1, Uint1, [] -> [Any], Get;
    /// Push the memo entry of a 4-byte index.
    LongBinGet = b'j', "LONG_BINGET", 1, Uint4, [] -> [Any], Get;
    /// Store the top value in the memo under the index written in decimal on the line.
    Put = b'p', "PUT", 0, DecimalLine, [] -> [], Put;
    /// Store the top value in the memo under a 1-byte index.
    BinPut = b'q', "BINPUT", 1, Uint1, [] -> [], Put;
    /// Store the top value in the memo under a 4-byte index.
    LongBinPut = b'r', "LONG_BINPUT", 1, Uint4, [] -> [], Put;
    /// Store the top value in the memo under the number of entries it has.
    Memoize = 0x94, "MEMOIZE", 4, None, [Any] -> [Any], Memoize;
    /// Push the global registered under a 1-byte extension code.
    Ext1 = 0x82, "EXT1", 2, Uint1, [] -> [Any], Untouched;
    /// Push the global registered under a 2-byte extension code.
    Ext2 = 0x83, "EXT2", 2, Uint2, [] -> [Any], Untouched;
    /// Push the global registered under a 4-byte extension code.
    Ext4 = 0x84, "EXT4", 2, Int4, [] -> [Any], Untouched;
    /// Push the global named by two lines, module and name.
    Global = b'c', "GLOBAL", 0, LinePair, [] -> [Any], Untouched;
    /// Replace two strs, module and qualified name, by the global they name.
    StackGlobal = 0x93, "STACK_GLOBAL", 4, None, [Str, Str] -> [Any], Untouched;
    /// Replace a callable and a tuple of arguments by the result of the call.
    Reduce = b'R', "REDUCE", 0, None, [Any, Any] -> [Any], Untouched;
    /// Give the top value to the object below it as its state.
    Build = b'b', "BUILD", 0, None, [Any, Any] -> [Any], Untouched;
    /// Replace the mark and the values above it by an instance of the class named by two lines, with them as arguments.
    Inst = b'i', "INST", 0, LinePair, [Mark, Slice] -> [Any], Untouched;
    /// Replace the mark, the class above it and the values above that by an instance of the class, with them as arguments.
    Obj = b'o', "OBJ", 1, None, [Mark, Any, Slice] -> [Any], Untouched;
    /// Replace a class and a tuple of arguments by the result of the class's `__new__`.
    NewObj = 0x81, "NEWOBJ", 2, None, [Any, Any] -> [Any], Untouched;
    /// Replace a class, a tuple and a dict of keyword arguments by the result of the class's `__new__`.
    NewObjEx = 0x92, "NEWOBJ_EX", 4, None, [Any, Any, Any] -> [Any], Untouched;
    /// State the protocol version; it must be 5 or less.
    Proto = 0x80, "PROTO", 2, Uint1, [] -> [], Untouched;
    /// End the pickle; the top value is its result.
    Stop = b'.', "STOP", 0, None, [Any] -> [], Untouched;
    /// Begin a frame of the given number of bytes.
    Frame = 0x95, "FRAME", 4, Uint8, [] -> [], Untouched;
    /// Push the object that the persistent id on the line stands for.
    PersId = b'P', "PERSID", 0, Line, [] -> [Any], Untouched;
    /// Replace the persistent id on top by the object it stands for.
    BinPersId = b'Q', "BINPERSID", 1, None, [Any] -> [Any], Untouched;
}

// The bytes of the most frequent opcodes, for byte patterns.
pub(crate) const BIN_INT_1: u8 = Opcode::BinInt1 as u8;
pub(crate) const BIN_INT_2: u8 = Opcode::BinInt2 as u8;
pub(crate) const BIN_INT: u8 = Opcode::BinInt as u8;
pub(crate) const SHORT_BIN_UNICODE: u8 = Opcode::ShortBinUnicode as u8;
pub(crate) const SHORT_BIN_BYTES: u8 = Opcode::ShortBinBytes as u8;

impl OpcodeInfo {
    /// The row of a byte that is not an opcode. It is not reachable.
    const UNDEFINED: OpcodeInfo = OpcodeInfo {
        name: "",
        protocol: 0,
        argument: ArgumentKind::None,
        before: &[],
        after: &[],
        memo: MemoEffect::Untouched,
        summary: "",
    };
}

impl Opcode {
    /// Returns the row of the table.
    #[inline]
    pub const fn info(self) -> &'static OpcodeInfo {
        &TABLE[self as usize]
    }

    /// Returns the byte in a pickle.
    #[inline]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// Returns the name in `pickletools`, such as `BINPUT`.
    pub fn name(self) -> &'static str {
        self.info().name
    }
}

impl StackItem {
    /// Returns the name in `pickletools`, such as `stackslice`.
    pub const fn name(self) -> &'static str {
        match self {
            StackItem::Any => "any",
            StackItem::Int => "int",
            StackItem::Bool => "bool",
            StackItem::IntOrBool => "int_or_bool",
            StackItem::Float => "float",
            StackItem::BytesOrStr => "bytes_or_str",
            StackItem::Bytes => "bytes",
            StackItem::ByteArray => "bytearray",
            StackItem::Str => "str",
            StackItem::None => "None",
            StackItem::Tuple => "tuple",
            StackItem::List => "list",
            StackItem::Dict => "dict",
            StackItem::Set => "set",
            StackItem::FrozenSet => "frozenset",
            StackItem::Buffer => "buffer",
            StackItem::Mark => "mark",
            StackItem::Slice => "stackslice",
        }
    }
}

impl ArgumentKind {
    /// Returns the name in `pickletools`, such as `decimalnl_short`; `none` for no argument.
    pub const fn name(self) -> &'static str {
        match self {
            ArgumentKind::None => "none",
            ArgumentKind::Uint1 => "uint1",
            ArgumentKind::Uint2 => "uint2",
            ArgumentKind::Uint4 => "uint4",
            ArgumentKind::Uint8 => "uint8",
            ArgumentKind::Int4 => "int4",
            ArgumentKind::Float8 => "float8",
            ArgumentKind::Long1 => "long1",
            ArgumentKind::Long4 => "long4",
            ArgumentKind::String1 => "string1",
            ArgumentKind::String4 => "string4",
            ArgumentKind::Bytes1 => "bytes1",
            ArgumentKind::Bytes4 => "bytes4",
            ArgumentKind::Bytes8 => "bytes8",
            ArgumentKind::ByteArray8 => "bytearray8",
            ArgumentKind::Unicode1 => "unicodestring1",
            ArgumentKind::Unicode4 => "unicodestring4",
            ArgumentKind::Unicode8 => "unicodestring8",
            ArgumentKind::DecimalLine => "decimalnl_short",
            ArgumentKind::LongLine => "decimalnl_long",
            ArgumentKind::FloatLine => "floatnl",
            ArgumentKind::StringLine => "stringnl",
            ArgumentKind::UnicodeLine => "unicodestringnl",
            ArgumentKind::Line => "stringnl_noescape",
            ArgumentKind::LinePair => "stringnl_noescape_pair",
        }
    }
}

impl MemoEffect {
    /// Returns the name in `spec/opcodes.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            MemoEffect::Untouched => "none",
            MemoEffect::Get => "get",
            MemoEffect::Put => "put",
            MemoEffect::Memoize => "memoize",
        }
    }
}
