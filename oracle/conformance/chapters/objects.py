"""objects.md: the values of the calls in a pickle.

The machine records a call, and the states and items that are added to its result. The functions
here make a value of the complete record, when it is first needed.
"""

import datetime
import math
import struct

from .clause import Refused, need
from .dtype import Dtype, is_shape, one_type, subarray, time_unit
from .typed_json import Row, base64_of, braces, brackets
from .values import Call, Dict, Global, Set, Single

MEANINGS = {}


class Other(Exception):
    """A call has no known value."""


UNFIT = (Other, Refused, AttributeError, LookupError, OverflowError, TypeError, ValueError)
"""The exceptions of MEANINGS for unknown arguments, states or items."""


def only(condition):
    if not condition:
        raise Other


def meaning(modules, name):
    """Registers the function that makes the value of a call of this global. Its arguments are those
    of the call, and by name what was added to the result. If it raises, the call stays a call."""

    def mark(function):
        MEANINGS.update({(module, name): function for module in modules.split()})
        return function

    return mark


def meant(value, depth=0):
    """npy.value.standard, pickle.call: returns the value of a call, or a value that is not a call."""
    if not isinstance(value, Call) or value.name == "new" or depth > 32:
        return value
    if value.meaning is None:
        value.meaning = value  # for a call that contains itself
        known = MEANINGS.get(value.value.value) if isinstance(value.value, Global) else None
        added = {"depth": depth} if known is a_dtype else {}
        added.update(value.added_to())
        try:
            value.meaning = known(*value.arguments, **added) if known else value
        except UNFIT:
            pass
    return value.meaning


# ---- The standard library ------------------------------------------------------------------------

BUILTINS = "builtins __builtin__"
LATIN_1 = ("latin1", "latin-1")
MULTIARRAY = "numpy.core.multiarray numpy._core.multiarray"
RECONSTRUCT = MULTIARRAY + " numpy.core._internal"


@meaning("_codecs", "encode")
def an_encoded_text(text, encoding):
    """npy.value.bytes"""
    only(isinstance(text, str) and encoding in LATIN_1)
    return text.encode("latin-1")


@meaning(BUILTINS, "bytes")
def empty_bytes():
    return b""


@meaning(BUILTINS, "bytearray")
def a_bytearray(data=b"", encoding=None):
    only(isinstance(meant(data), bytes) if encoding is None else encoding in LATIN_1)
    return bytearray(exactly(None, data))


@meaning(BUILTINS, "complex")
def a_complex(real, imaginary):
    only(isinstance(real, float) and isinstance(imaginary, float))
    return complex(real, imaginary)


@meaning(BUILTINS, "set")
def a_set(members=()):
    only(members == () or isinstance(members, list))
    return Set("set", members)


@meaning(BUILTINS, "frozenset")
def a_frozenset(members=()):
    only(members == () or isinstance(members, list))
    return Set("frozenset", members)


@meaning("collections", "OrderedDict")
def an_ordered_dict(pairs=(), *, items=()):
    only(all(isinstance(pair, list) and len(pair) == 2 for pair in pairs))
    value = Dict("ordereddict")
    value.update(pairs)
    value.update(items)
    return value


@meaning("collections", "defaultdict")
def a_defaultdict(factory=None, *, items=()):
    only(factory is None or isinstance(factory, Global))
    value = Dict("defaultdict", factory)
    value.update(items)
    return value


def exactly(count, payload):
    data = as_bytes(payload)
    only(data is not None and count in (None, len(data)))
    return data


@meaning("datetime", "datetime")
def a_datetime(payload, zone=None):
    data = exactly(10, payload)
    year, month, *rest = struct.unpack(">HBBBBB", data[:7])
    values = year, month & 0x7F, *rest, int.from_bytes(data[7:], "big")
    datetime.datetime(*values)  # raises ValueError for an invalid date
    return Single("datetime", Row((*values, month >> 7, zone)))


@meaning("datetime", "date")
def a_date(payload):
    values = struct.unpack(">HBB", exactly(4, payload))
    datetime.date(*values)
    return Single("date", Row(values))


@meaning("datetime", "time")
def a_time(payload, zone=None):
    data = exactly(6, payload)
    values = data[0] & 0x7F, data[1], data[2], int.from_bytes(data[3:], "big")
    datetime.time(*values)
    return Single("time", Row((*values, data[0] >> 7, zone)))


@meaning("datetime", "timedelta")
def a_timedelta(*parts):
    only(len(parts) == 3 and all(isinstance(part, int) for part in parts))
    delta = datetime.timedelta(*parts)
    return Single("timedelta", Row((delta.days, delta.seconds, delta.microseconds)))


@meaning("decimal", "Decimal")
def a_decimal(text):
    only(isinstance(text, str))
    return Single("decimal", text)


# ---- Arrays, scalars and dtypes ------------------------------------------------------------------


class Array:
    """An array. `data` is the bytes of the items in `order`; if the dtype has objects, it is None and
    `items` is a list. `name` is the class."""

    numbered = True

    def __init__(self, name, dtype, shape, order, data=None, items=None, mask=b"", fill=None):
        self.name, self.dtype, self.shape, self.order = name, dtype, shape, order
        self.data, self.items, self.mask, self.fill = data, items, mask, fill

    def typed(self):
        members = {"class": self.name, "dtype": self.dtype.typed()}
        if self.name == "ndarray":
            del members["class"]
        members.update(shape=brackets(self.shape), order=self.order)
        if self.items is None:
            members["data"] = base64_of(self.data)
        else:
            members["items"] = brackets(item(value, self.dtype) for value in self.items)
        if self.name == "masked":
            members.update(mask=base64_of(self.mask), fill_value=self.fill)
        return braces({"array": braces(members)})


def envelope(state):
    """npy.object.envelope: returns shape, dtype, is_fortran, list or bytes, and the rest of a state."""
    has_version = bool(state) and isinstance(state[0], int) and state[0] in (0, 1)
    state = state[1:] if has_version else state  # the version, absent before NumPy 1.0
    shape, value, fortran, payload = state[:4] if len(state) > 3 else (None,) * 4
    value = meant(value)
    only(is_shape(shape) and isinstance(value, NumpyDtype) and type(fortran) in (bool, int))
    return shape, value.dtype, bool(fortran), payload, state[4:]


def built(name, state):
    """npy.array.data, npy.array.order, npy.object.mask: returns an array of the state of BUILD."""
    only(len(state) == 1 and isinstance(state[0], tuple))
    shape, dtype, fortran, payload, rest = envelope(state[0])
    only(len(rest) == (2 if name == "masked" else 0))
    order = order_of(shape, fortran)
    mask = (exactly(None, rest[0]), meant(rest[1])) if rest else ()
    if dtype.objects:
        only(isinstance(payload, list))
        return Array(name, dtype, shape, order, None, payload, *mask)
    data = exactly(dtype.size * math.prod(shape), payload)
    return Array(name, dtype.little(), shape, order, little(data, dtype), None, *mask)


def order_of(shape, fortran):
    """typed-json.md: F if the array is Fortran-contiguous and not C-contiguous."""
    both = math.prod(shape) == 0 or sum(length > 1 for length in shape) < 2
    return "F" if fortran and not both else "C"


def as_bytes(payload):
    """Returns bytes as each protocol writes them; None for other values."""
    payload = meant(payload)
    if isinstance(payload, str) and max(payload, default="") < "\u0100":
        return payload.encode("latin-1")
    return bytes(payload) if isinstance(payload, (bytes, bytearray)) else None


def little(data, dtype):
    """Returns the items in little-endian byte order."""
    width = {"U": 4, "c": dtype.size // 2}.get(dtype.kind, dtype.size)
    if dtype.order != ">" or not width:
        return data
    return b"".join(data[at : at + width][::-1] for at in range(0, len(data), width))


def gathered(data, size, shape, strides):
    """Returns the items at these strides, in C order."""
    places = [0]
    for length, stride in zip(shape, strides):
        places = [place + i * stride for place in places for i in range(length)]
    return b"".join(data[place : place + size] for place in places)


def fortran_strides(shape, size):
    return [size * math.prod(shape[:i]) for i in range(len(shape))]


class Scalar:
    """npy.scalar: little-endian unless it is structured. Text has no NULs at its end."""

    def __init__(self, dtype, data):
        self.dtype, self.data = dtype.little(), little(data, dtype)
        if dtype.kind in "SU":
            width = 4 if dtype.kind == "U" else 1
            while self.data and not any(self.data[-width:]):
                self.data = self.data[:-width]
            self.dtype = Dtype(dtype.kind, len(self.data))

    def typed(self):
        members = {"dtype": self.dtype.typed(), "data": base64_of(self.data)}
        return braces({"scalar": braces(members)})


class Record:
    """npy.object.fields: a tuple with the dtype of its values in the array."""

    def __init__(self, values, dtype):
        self.values, self.dtype = values, dtype

    def typed(self):
        pairs = zip(self.values, self.dtype.fields)
        return braces({"record": brackets(item(value, field[2]) for value, field in pairs)})


def item(value, dtype):
    """Returns an item, or a field of one, as it is in the array. The pickle has it as an object."""
    if dtype.kind in "OT" or dtype.base:
        return value
    try:
        if not dtype.objects:
            return Scalar(dtype, packed(value, dtype))
    except (*UNFIT, struct.error):
        return value
    right = isinstance(value, tuple) and len(value) == len(dtype.fields)
    return Record(value, dtype) if right else value


def packed(value, dtype):
    """Returns the bytes of an item that NumPy's `getitem` made a Python value of."""
    value, big, size = meant(value), dtype.order == ">", dtype.size
    if isinstance(value, (Scalar, Array)):
        return value.data
    if dtype.fields is not None:
        data = bytearray(size)
        for one, (_, _, part, offset) in zip(value, dtype.fields):
            data[offset : offset + part.size] = packed(one, part)
        return bytes(data)
    if dtype.kind in "biu":
        return int(value).to_bytes(size, "big" if big else "little", signed=dtype.kind == "i")
    if dtype.kind in "fc":
        parts = [value] if dtype.kind == "f" else [value.real, value.imag]
        form = ("<", ">")[big] + {2: "e", 4: "f", 8: "d"}[size // len(parts)]
        return b"".join(struct.pack(form, part) for part in parts)
    if dtype.kind == "U":
        value = value.encode("utf-32-be" if big else "utf-32-le", "surrogatepass")
    return as_bytes(value).ljust(size, b"\0")


class NumpyDtype:
    """A dtype as a value."""

    def __init__(self, dtype):
        self.dtype = dtype

    def typed(self):
        return braces({"dtype": self.dtype.typed()})


def of_numpy(value, *names):
    """Returns whether the value is a global with one of these names in a module of NumPy."""
    module, name = value.value if isinstance(value, Global) else ("", "")
    return module.split(".")[0] == "numpy" and name in names


@meaning(RECONSTRUCT, "_reconstruct")
def an_array(kind, shape, code, *, state):
    only(of_numpy(kind, "ndarray", "matrix", "recarray", "memmap", "chararray"))
    return built(kind.value[1], state)


@meaning("numpy.ma.core", "_mareconstruct")
def a_masked_array(kind, base, shape, code, *, state):
    only(of_numpy(kind, "MaskedArray") and of_numpy(base, "ndarray"))
    return built("masked", state)


def array_of_file(value):
    """npy.object.class: returns the array of a file, of any class."""
    only(isinstance(value, Call) and isinstance(value.value, Global) and len(value.arguments) > 2)
    module, name = value.value.value
    masked = (module, name) == ("numpy.ma.core", "_mareconstruct")
    only(masked or name == "_reconstruct" and module in RECONSTRUCT.split())
    return built("masked" if masked else "ndarray", value.state)


@meaning("numpy.core.numeric numpy._core.numeric", "_frombuffer")
def an_array_of_buffer(buffer, value, shape, order, axes=()):
    """npy.array.buffer"""
    value = meant(value)
    only(isinstance(value, NumpyDtype) and not value.dtype.objects and is_shape(shape))
    dtype, data = value.dtype, exactly(math.prod(shape) * value.dtype.size, buffer)
    if order == "K":
        only(sorted(axes) == list(range(len(shape))))
        strides = [dtype.size * math.prod(shape[axis + 1 :]) for axis in axes]
        shape = tuple(shape[axis] for axis in axes)
        if strides == fortran_strides(shape, dtype.size):
            order = "F"
        else:
            data = gathered(data, dtype.size, shape, strides)
    return Array("ndarray", dtype, shape, order_of(shape, order == "F"), data)


@meaning(MULTIARRAY, "scalar")
def a_scalar(value, payload):
    """npy.scalar"""
    value, payload = meant(value), meant(payload)
    only(isinstance(value, NumpyDtype))
    if value.dtype.objects:
        only(value.dtype.fields is not None and isinstance(payload, Array) and payload.items)
        return Record(payload.items[0], value.dtype)
    return Scalar(value.dtype, exactly(value.dtype.size, payload))


@meaning("numpy", "dtype")
def a_dtype(code, align=False, copy=False, *, state=((3, "|") + 3 * (None,) + (-1, -1, 0),), depth):
    """npy.dtype: the call has kind and size, BUILD the rest."""
    only(len(state) == 1 and isinstance(state[0], tuple) and len(state[0]) in (8, 9))
    version, order, parts, names, fields, size, _, _, metadata = (*state[0], None)[:9]
    only(version in (3, 4))
    dtype, unit = Dtype("V", 0) if of_numpy(code, "record") else one_type(code, ""), ""
    if dtype.kind not in "SUV" or size < 0:
        size = dtype.size
    if parts is not None:
        return NumpyDtype(subarray(meant(parts[0], depth + 1).dtype, parts[1]))
    if names is not None:
        entries = dict(fields.entries)
        fields = [pickled_field(name, size, depth, *entries[name]) for name in names]
        return NumpyDtype(Dtype("V", size, fields=fields))
    if dtype.kind in "Mm" and metadata:
        name, number, divisor, _ = metadata[1]
        unit = time_unit(as_bytes(name).decode("latin-1"), number, divisor)
    return NumpyDtype(Dtype(dtype.kind, size, order, unit))


def pickled_field(name, size, depth, value, offset, title=None):
    """npy.descr.layout"""
    dtype = meant(value, depth + 1).dtype
    right = 0 <= offset <= size - dtype.size
    need(right, "npy.descr.layout", "the field %r is outside its structure" % name)
    return name, title, dtype, offset


@meaning("numpy._core._internal", "_convert_to_stringdtype_kwargs")
def a_string_dtype(coerce, *na_object):
    only(coerce in (0, 1) and len(na_object) < 2)
    return NumpyDtype(Dtype("T", 16, string=(bool(coerce), *na_object)))
