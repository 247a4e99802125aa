"""machine.md: the machine that runs a pickle."""

import _compat_pickle
import os
import re
import struct

from .clause import Refused, need
from .typed_json import Row
from .values import Buffer, Call, Dict, Global, Set, Stub, changeable


LIMIT_ARGUMENT, LIMIT_DIGITS = 2**40, 4300  # limits.md
HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, *[os.pardir] * 3, "spec", "opcodes.toml")
WIDTHS = {"uint1": 1, "uint2": 2, "uint4": 4, "uint8": 8, "int4": 4}
ROW = re.compile(r'name = "(\w+)"\ncode = (\w+)\nprotocol = [0-5]\nargument = "(\w+)"')

with open(TABLE, encoding="utf-8") as file:
    OPCODES = {int(code, 16): (name, argument) for name, code, argument in ROW.findall(file.read())}


class Machine:
    """A machine that runs the pickle at an offset of a file. It calls nothing: pickle.call."""

    def __init__(self, data, at, encoding):
        self.data, self.at, self.encoding = data, at, encoding
        self.begin = at  # the offset of the current instruction
        self.stack, self.marks, self.memo = [], [], {}  # a mark is the number of values below it
        self.buffers = 0
        self.protocol = 0

    def run(self):
        """Returns the value on top of the stack at STOP."""
        try:
            while True:
                self.begin = self.at
                code = self.bytes(1)[0]
                need(code in OPCODES, "pickle.opcode", "unknown opcode: %02X" % code)
                name, form = OPCODES[code]
                argument = () if form == "none" else (self.argument(form),)
                if name == "STOP":
                    return self.top()
                INSTRUCTIONS[name](self, *argument)
        except Refused as refused:
            refused.at = self.begin if refused.at is None else refused.at
            raise

    # "Instructions and arguments"

    def bytes(self, count):
        missing = self.at + count - len(self.data)
        text = "at least %d bytes are missing" % missing
        need(missing <= 0, "pickle.truncated", text, len(self.data))
        self.at += count
        return self.data[self.at - count : self.at]

    def line(self):
        end = self.data.find(b"\n", self.at)
        need(end >= 0, "pickle.truncated", "expected a newline", len(self.data))
        return self.bytes(end + 1 - self.at)[:-1]

    def argument(self, form):
        """Returns a number, or bytes: a payload, a line, or two lines."""
        if form in WIDTHS:
            return int.from_bytes(self.bytes(WIDTHS[form]), "little", signed=form == "int4")
        if form == "float8":
            return struct.unpack(">d", self.bytes(8))[0]  # pickle.number.float
        if form == "stringnl_noescape_pair":
            return self.line(), self.line()
        if not form[-1].isdigit():
            return self.line()
        width, signed = int(form[-1]), form in ("string4", "long4")
        count = int.from_bytes(self.bytes(width), "little", signed=signed)
        need(count >= 0, "pickle.length", "a length of %d" % count)
        need(count <= LIMIT_ARGUMENT, "pickle.limit.argument", "an argument of %d bytes" % count)
        return self.bytes(count)

    # "The stack and its marks"

    def push(self, value):
        self.stack.append(value)

    def pop(self, count):
        """pickle.stack.underflow: takes values above the topmost mark. Returns the lowest first."""
        found = len(self.stack) - (self.marks[-1] if self.marks else 0)
        text = "expected %d values, found %d" % (count, found)
        need(found >= count, "pickle.stack.underflow", text)
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def top(self):
        (value,) = self.pop(1)
        self.push(value)
        return value

    def above(self):
        """pickle.stack.mark: takes the topmost mark and the values above it. Returns the values."""
        need(self.marks, "pickle.stack.mark", "expected a mark")
        height = self.marks.pop()
        values = self.stack[height:]
        del self.stack[height:]
        return values

    def drop(self):
        """POP takes the mark if no value is above it."""
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.pop(1)

    # Instructions that change a value. With no values to add they accept any value: differences.md.

    def append(self, values):
        target = self.top()
        if type(target) is list:
            target.extend(values)
        elif values:
            changeable(target).appended.extend(values)

    def set(self, values):
        target = self.top()
        need(len(values) % 2 == 0, "pickle.items.odd", "a key without a value")
        pairs = list(zip(values[::2], values[1::2]))
        if isinstance(target, Dict):
            target.update(pairs)
        elif pairs:
            changeable(target).items.extend(map(Row, pairs))

    def add(self, values):
        target = self.top()
        if isinstance(target, Set) and target.name == "set":
            target.update(values)
        elif values:
            changeable(target).added.extend(values)

    def build(self):
        (state,) = self.pop(1)
        target = self.top()
        if state is not None or isinstance(target, Call):
            changeable(target).state.append(state)

    # "The memo"

    def get(self, index):
        """pickle.memo.same, pickle.memo.missing"""
        need(index in self.memo, "pickle.memo.missing", "missing memo entry %d" % index)
        self.push(self.memo[index])

    def put(self, index):
        """pickle.memo.index"""
        self.memo[index] = self.top()

    # Text

    def text(self, payload):
        self.push(utf8(payload, self.at - len(payload)))

    def text_of_2(self, payload):
        """Pushes a str of Python 2, or bytes if it cannot be decoded."""
        try:
            self.push(payload.decode(self.encoding))
        except UnicodeDecodeError:
            self.push(payload)

    # Names, calls, buffers, extensions and persistent ids: pickle.call

    def name(self, names):
        right = all(isinstance(name, str) for name in names)
        need(right, "pickle.stack.type", "a name is not a str")
        self.push(Global(*self.python_3_name(*names)))

    def python_3_name(self, module, name):
        if self.protocol >= 3:
            return module, name
        if (module, name) in _compat_pickle.NAME_MAPPING:
            return _compat_pickle.NAME_MAPPING[module, name]
        return _compat_pickle.IMPORT_MAPPING.get(module, module), name

    def lines(self, lines):
        module, name = lines
        at = self.begin + 1
        self.name([utf8(module, at), utf8(name, at + len(module) + 1)])

    def instance(self, values):
        need(values, "pickle.stack.underflow", "expected a class above the mark")
        function, arguments = values[0], tuple(values[1:])
        self.push(Call("call" if arguments else "new", function, arguments))

    def inst(self, lines):
        arguments = self.above()
        self.lines(lines)
        self.instance(self.pop(1) + arguments)

    def buffer(self):
        self.push(Buffer("buffer", self.buffers))
        self.buffers += 1

    def extension(self, code):
        need(code > 0, "pickle.extension", "an extension code of %d" % code)
        self.push(Stub("extension", code))

    def persistent(self, line):
        need(line.isascii(), "pickle.text.ascii", "a persistent id that is not ASCII")
        self.push(Stub("persistent", line.decode("ascii")))


def protocol(machine, version):
    need(version <= 5, "pickle.protocol", "protocol %d" % version)
    machine.protocol = version


def read_only(value):
    need(isinstance(value, Buffer), "pickle.stack.type", "expected a buffer")


def frozenset_of(members):
    value = Set("frozenset")
    value.update(members)
    return value


def integer(line):
    """pickle.text.int"""
    digits = line.strip(b" \t\n\r\v\f")
    right = re.fullmatch(rb"[+-]?[0-9]+(_[0-9]+)*", digits)
    need(right, "pickle.text.int", "no int: %r" % line[:40])
    count = len(re.sub(rb"[^0-9]", b"", digits))
    need(count <= LIMIT_DIGITS, "pickle.limit.digits", "an int of %d digits" % count)
    return int(digits)


def int_or_bool(line):
    return line == b"01" if line in (b"00", b"01") else integer(line)


def long(line):
    return integer(line[:-1] if line[-1:] == b"L" else line)


def memo_index(line):
    index = integer(line)
    need(0 <= index < 10**19, "pickle.text.int", "a memo index of %d" % index)
    return index


def binary(payload):
    """pickle.number.int"""
    return int.from_bytes(payload, "little", signed=True)


def decimal_float(line):
    """pickle.text.float"""
    form = rb"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)"
    right = re.fullmatch(form, line, re.IGNORECASE)
    need(right, "pickle.text.float", "no float: %r" % line[:40])
    return float(line)


ESCAPES = dict(zip(b"\\'\"abfnrtv", b"\\'\"\a\b\f\n\r\t\v"))


def quoted(line):
    """pickle.text.string"""
    right = len(line) > 1 and line[:1] == line[-1:] and line[:1] in (b"'", b'"')
    need(right, "pickle.text.string", "no quotes: %r" % line[:40])
    return re.sub(rb"(?s)\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.|$)", byte_of_escape, line[1:-1])


def byte_of_escape(match):
    what = match.group(1)
    need(what not in (b"", b"x"), "pickle.text.string", "an escape that is not whole")
    if what[:1] == b"x":
        return bytes.fromhex(what[1:].decode())
    if what[:1] in b"01234567":
        return bytes([int(what, 8) & 0xFF])
    return bytes([ESCAPES[what[0]]]) if what[0] in ESCAPES else match.group()


def raw_unicode(line):
    """pickle.text.unicode"""
    escapes = r"\\(?:\\|u([0-9a-fA-F]{4})?|U([0-9a-fA-F]{8})?)"
    return re.sub(escapes, character_of_escape, line.decode("latin-1"))


def character_of_escape(match):
    if match.group() == "\\\\":
        return match.group()
    digits = match.group(1) or match.group(2)
    right = digits and int(digits, 16) < 0x110000
    need(right, "pickle.text.unicode", "an escape without its digits, or over 10ffff")
    return chr(int(digits, 16))


def utf8(data, at):
    """pickle.utf8"""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise Refused("pickle.utf8", "no UTF-8", at + error.start) from None


INSTRUCTIONS = {
    "INT": lambda m, line: m.push(int_or_bool(line)),
    "BININT": Machine.push,
    "BININT1": Machine.push,
    "BININT2": Machine.push,
    "LONG": lambda m, line: m.push(long(line)),
    "LONG1": lambda m, payload: m.push(binary(payload)),
    "LONG4": lambda m, payload: m.push(binary(payload)),
    "FLOAT": lambda m, line: m.push(decimal_float(line)),
    "BINFLOAT": Machine.push,
    "NONE": lambda m: m.push(None),
    "NEWTRUE": lambda m: m.push(True),
    "NEWFALSE": lambda m: m.push(False),
    "STRING": lambda m, line: m.text_of_2(quoted(line)),
    "BINSTRING": Machine.text_of_2,
    "SHORT_BINSTRING": Machine.text_of_2,
    "UNICODE": lambda m, line: m.push(raw_unicode(line)),
    "SHORT_BINUNICODE": Machine.text,
    "BINUNICODE": Machine.text,
    "BINUNICODE8": Machine.text,
    "SHORT_BINBYTES": Machine.push,
    "BINBYTES": Machine.push,
    "BINBYTES8": Machine.push,
    "BYTEARRAY8": lambda m, payload: m.push(bytearray(payload)),
    "NEXT_BUFFER": Machine.buffer,
    "READONLY_BUFFER": lambda m: read_only(m.top()),
    "EMPTY_LIST": lambda m: m.push([]),
    "LIST": lambda m: m.push(m.above()),
    "APPEND": lambda m: m.append(m.pop(1)),
    "APPENDS": lambda m: m.append(m.above()),
    "EMPTY_TUPLE": lambda m: m.push(()),
    "TUPLE": lambda m: m.push(tuple(m.above())),
    "TUPLE1": lambda m: m.push(tuple(m.pop(1))),
    "TUPLE2": lambda m: m.push(tuple(m.pop(2))),
    "TUPLE3": lambda m: m.push(tuple(m.pop(3))),
    "EMPTY_DICT": lambda m: m.push(Dict("dict")),
    "DICT": lambda m: (values := m.above(), m.push(Dict("dict")), m.set(values)),
    "SETITEM": lambda m: m.set(m.pop(2)),
    "SETITEMS": lambda m: m.set(m.above()),
    "EMPTY_SET": lambda m: m.push(Set("set")),
    "ADDITEMS": lambda m: m.add(m.above()),
    "FROZENSET": lambda m: m.push(frozenset_of(m.above())),
    "MARK": lambda m: m.marks.append(len(m.stack)),
    "POP": Machine.drop,
    "POP_MARK": Machine.above,
    "DUP": lambda m: m.push(m.top()),
    "GET": lambda m, line: m.get(memo_index(line)),
    "BINGET": Machine.get,
    "LONG_BINGET": Machine.get,
    "PUT": lambda m, line: m.put(memo_index(line)),
    "BINPUT": Machine.put,
    "LONG_BINPUT": Machine.put,
    "MEMOIZE": lambda m: m.put(len(m.memo)),
    "GLOBAL": Machine.lines,
    "STACK_GLOBAL": lambda m: m.name(m.pop(2)),
    "REDUCE": lambda m: m.push(Call("call", *m.pop(2))),
    "NEWOBJ": lambda m: m.push(Call("new", *m.pop(2))),
    "NEWOBJ_EX": lambda m: m.push(Call("new", *m.pop(3))),
    "INST": Machine.inst,
    "OBJ": lambda m: m.instance(m.above()),
    "BUILD": Machine.build,
    "EXT1": Machine.extension,
    "EXT2": Machine.extension,
    "EXT4": Machine.extension,
    "PERSID": Machine.persistent,
    "BINPERSID": lambda m: m.push(Stub("persistent", *m.pop(1))),
    "PROTO": protocol,
    "FRAME": lambda m, size: None,  # pickle.frame
}
