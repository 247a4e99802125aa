"""header.md, "The dtype"."""

import math
import re

from .clause import need
from .typed_json import braces, brackets


SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8, 12, 16)}
SIZES.update({"c": (8, 16, 24, 32), "M": (8,), "m": (8,), "O": (4, 8)})
ALIASES = {
    "b1": "? bool bool_ bool8",
    "i1": "b byte int8",
    "i2": "h short int16",
    "i4": "i intc int32",
    "i8": "l q p n long longlong int int_ intp int64 int0",
    "u1": "B ubyte uint8",
    "u2": "H ushort uint16",
    "u4": "I uintc uint32",
    "u8": "L Q P N ulong ulonglong uint uintp uint64 uint0",
    "f2": "e half float16",
    "f4": "f single float32",
    "f8": "d double float float64 float_",
    "f16": "g longdouble float128 longfloat",
    "c8": "F csingle complex64 singlecomplex",
    "c16": "D cdouble complex complex128 complex_ cfloat",
    "c32": "G clongdouble complex256 clongfloat longcomplex",
    "S0": "S bytes bytes_ a string_ bytes0",
    "S1": "c",
    "U0": "U str str_ unicode unicode_ str0",
    "V0": "V void void0",
    "O8": "O object object_ object0",
    "M8": "M",
    "m8": "m",
}
ALIASES = {alias: code for code, aliases in ALIASES.items() for alias in aliases.split()}
UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
SHORTER = {
    "Y": [(12, "M"), (52, "W"), (365, "D")],
    "M": [(4, "W"), (30, "D"), (720, "h")],
    "W": [(7, "D"), (168, "h"), (10080, "m")],
    "D": [(24, "h"), (1440, "m"), (86400, "s")],
    "h": [(60, "m"), (3600, "s")],
    "m": [(60, "s"), (60000, "ms")],
}
SHORTER.update(
    (UNITS[i], [(1000**k, UNITS[i + k]) for k in (1, 2) if i + k < 13]) for i in range(6, 13)
)
ELEMENT = re.compile(r"([<>=|]?)([0-9]+|\([0-9, ]*\))?([<>=|]?)([^,() ]+)(?: *, *|$)")
TIME = re.compile(r"(M8|m8|datetime64|timedelta64)(?:\[([0-9]*)([A-Za-zμ]+)(?:/([0-9]+))?\])?")


class Pairs(tuple):
    """A dict in a header, whose keys can be unhashable in Python."""


def is_shape(value):
    return type(value) is tuple and all(type(one) is int and 0 <= one < 2**63 for one in value)


class Dtype:
    """The dtype of an item. `fields` of a structure are (name, title or None, dtype, offset), `base`
    and `shape` are those of a subarray, `string` has the arguments of a StringDType (kind `T`)."""

    def __init__(self, kind, size, order="", unit="", fields=None, base=None, shape=(), string=()):
        inner = [base] if base else [field[2] for field in fields or ()]
        self.kind, self.size, self.unit = kind, size, unit
        self.fields, self.base, self.shape, self.string = fields, base, shape, string
        self.objects = kind in "OT" or any(dtype.objects for dtype in inner)
        self.depth = 1 + max((dtype.depth for dtype in inner), default=0)
        plain = kind in "SVOT" or size == 1  # "Order is brought to one form"
        self.order = "|" if plain else ">" if order == ">" else "<"
        need(0 <= size < 2**31, "npy.descr.size", "an item of %d bytes" % size)
        need(self.depth <= 33, "npy.descr.depth", "dtypes nested over 32 deep")

    def little(self):
        return self if self.order != ">" else Dtype(self.kind, self.size, "<", self.unit)

    def typed(self):
        """typed-json.md, "Dtypes"."""
        if self.string:
            return braces({"string": braces(dict(zip(("coerce", "na_object"), self.string)))})
        if self.base:
            return braces({"base": self.base.typed(), "shape": brackets(self.shape)})
        if self.fields is None:
            size = {"U": self.size // 4, "O": ""}.get(self.kind, self.size)
            return "%s%s%s%s" % (self.order, self.kind, size, self.unit)
        fields = []
        for name, title, dtype, offset in self.fields:
            members = {"name": name} if title is None else {"name": name, "title": title}
            fields.append(braces({**members, "dtype": dtype.typed(), "offset": offset}))
        return braces({"fields": brackets(fields), "itemsize": self.size})


def descr(value, depth=0):
    """npy.descr.form: a typestring, a structure, or a subarray."""
    need(depth <= 32, "npy.descr.depth", "dtypes nested over 32 deep")
    if isinstance(value, str):
        return typestring(value)
    if isinstance(value, list):
        return structure([field(one, depth + 1) for one in value])
    right = type(value) is tuple and len(value) == 2
    need(right, "npy.descr.form", "descr is not a str, a list, or a pair")
    return subarray(descr(value[0], depth + 1), value[1])


def field(value, depth):
    """npy.descr.field: name, title and dtype."""
    right = type(value) in (tuple, list) and len(value) in (2, 3)
    need(right, "npy.descr.form", "a field is not a tuple of 2 or 3")
    name, title, dtype = value[0], None, descr(value[1], depth)
    if len(value) == 3:
        dtype = subarray(dtype, value[2])
    if isinstance(name, tuple) and len(name) == 2:
        title, name = name
    need(isinstance(name, str), "npy.descr.field", "the name of a field is not a str")
    right = title is None or isinstance(title, str)
    need(right, "npy.descr.field", "a title is not a str (unsupported)")
    return name, title, dtype


def structure(fields):
    """Fields follow one another without gaps. Padding is not a field."""
    placed, offset = [], 0
    for name, title, dtype in fields:
        if name or title is not None or dtype.kind != "V" or dtype.fields is not None:
            placed.append((name, title, dtype, offset))
        offset += dtype.size
    names = [text for name in placed for text in name[:2] if text is not None]
    need(len(set(names)) == len(names), "npy.descr.field", "two fields have the same name")
    return Dtype("V", offset, fields=placed)


def subarray(base, shape):
    """npy.descr.subarray, npy.descr.size."""
    if shape is None or isinstance(shape, Pairs):
        return base
    if type(shape) is int and base.kind in "SUV" and base.size == 0 and not base.fields:
        need(shape >= 0, "npy.descr.subarray", "a length of %d" % shape)
        return Dtype(base.kind, shape * (4 if base.kind == "U" else 1))
    shape = (shape,) if type(shape) is int else tuple(shape) if type(shape) is list else shape
    right = is_shape(shape) and len(shape) <= 64
    need(right, "npy.descr.subarray", "invalid shape of a subarray")
    if not shape:
        return base
    need(all(length < 2**31 for length in shape), "npy.descr.size", "a dimension over 2^31 - 1")
    return Dtype("V", base.size * math.prod(shape), base=base, shape=shape)


def typestring(text):
    """npy.descr.type: one type, or several, which are fields f0, f1, ..."""
    dtypes, at = [], 0
    while at < len(text) or not dtypes:
        match = ELEMENT.match(text, at)
        right = match and len({match.group(1), match.group(3)} - {""}) < 2
        need(right, "npy.descr.type", "unknown type: %r" % text)
        before, repeat, after, name = match.groups()
        dtype = one_type(name, before or after)
        lengths = tuple(int(digits) for digits in re.findall("[0-9]+", repeat or ""))
        dtypes.append(subarray(dtype, lengths))
        at = match.end()
    if "," not in re.sub(r"\(.*?\)", "", text):
        return dtypes[0]
    return structure([("f%d" % i, None, dtype) for i, dtype in enumerate(dtypes)])


def one_type(name, order):
    """Returns the dtype of a kind and a size, of a time, or of an alias."""
    time = TIME.fullmatch(name)
    if time:
        unit = time_unit(*time.group(3, 2, 4)) if time.group(3) else ""
        return Dtype("M" if time.group(1) in ("M8", "datetime64") else "m", 8, order, unit)
    code = ALIASES.get(name, name)
    right = name == code or not order or len(name) == 1
    right = right and re.fullmatch("[biufcSaUVOMm][0-9]+", code)
    need(right, "npy.descr.type", "unknown type: %r" % name)
    kind, size = "S" if code[0] == "a" else code[0], int(code[1:])
    need(size in SIZES.get(kind, (size,)), "npy.descr.type", "unknown type: %r" % name)
    return Dtype(kind, {"U": 4 * size, "O": 8}.get(kind, size), order)


def time_unit(unit, number, divisor):
    """npy.descr.unit: returns the unit as typed JSON has it: `[25s]`, or "" for generic units."""
    unit, number, divisor = unit.replace("μ", "u"), int(number or 1), int(divisor or 1)
    right = unit in UNITS + ("generic",) and 0 <= number < 2**31
    need(right, "npy.descr.unit", "unknown unit of time")
    if divisor != 1:
        shorter = [one for one in SHORTER.get(unit, ()) if divisor and one[0] % divisor == 0]
        need(shorter, "npy.descr.unit", "a divisor of %d" % divisor)
        factor, unit = shorter[0]
        number *= factor // divisor
        need(number < 2**31, "npy.descr.unit", "a multiple of a unit is over 2^31 - 1")
    return "" if unit == "generic" else "[%s%s]" % ("" if number == 1 else number, unit)
