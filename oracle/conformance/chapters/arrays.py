"""objects.md: arrays, scalars and dtypes as values."""

import math
import struct

from .clause import Refused, need
from .dtype import Dtype, is_shape, subarray, time_unit
from .typed_json import base64_of, braces, brackets


class Array:
    """`data` are the bytes of the items, in the order `order`; where the dtype holds objects,
    `items` are there in place of them. `name` is the class."""

    numbered = True

    def __init__(self, name, dtype, shape, order, data):
        self.name, self.dtype, self.shape, self.order = name, dtype, shape, order
        self.data, self.items, self.mask, self.fill = data, None, b"", None

    def build(self, state):
        """npy.array.data, npy.array.order, npy.object.count, npy.object.mask"""
        found = envelope(state) if isinstance(state, tuple) else None
        right = found and len(found[4]) == (2 if self.name == "masked" else 0)
        need(right, "npy.object.envelope", "no state of an array")
        self.shape, self.dtype, fortran, payload, mask = found
        self.order, count = order_of(self.shape, fortran), math.prod(self.shape)
        if self.dtype.objects:
            need(isinstance(payload, list), "npy.object.envelope", "no list of elements")
            self.items, self.data = payload, None
            text = "%d elements, %d in the shape" % (len(payload), count)
            need(len(payload) == count, "npy.object.count", text)
        else:
            data, self.items = as_bytes(payload), None
            right = data is not None and len(data) == count * self.dtype.size
            need(right, "npy.array.data", "bytes of another number of items")
            self.data, self.dtype = little(data, self.dtype), self.dtype.little()
        if mask:
            self.mask, self.fill = as_bytes(mask[0]) or b"", mask[1]

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
    """npy.object.envelope: shape, dtype, is_fortran, list or bytes, and what else is there."""
    state = state[1:] if state[:1] == (1,) else state  # absent before NumPy 1.0
    if len(state) < 4 or not is_shape(state[0]) or not isinstance(state[1], NumpyDtype):
        return None
    return state[0], state[1].dtype, bool(state[2]), state[3], state[4:]


def order_of(shape, fortran):
    """typed-json.md: F if the array is Fortran-contiguous and not C-contiguous."""
    both = math.prod(shape) == 0 or sum(length > 1 for length in shape) < 2
    return "F" if fortran and not both else "C"


def as_bytes(payload):
    """Bytes as any protocol has them; None if it is something else."""
    if isinstance(payload, str) and max(payload, default="") < "\u0100":
        return payload.encode("latin-1")
    return bytes(payload) if isinstance(payload, (bytes, bytearray)) else None


def little(data, dtype):
    """Items in the order `<`."""
    width = {"U": 4, "c": dtype.size // 2}.get(dtype.kind, dtype.size)
    if dtype.order != ">" or not width:
        return data
    return b"".join(data[at : at + width][::-1] for at in range(0, len(data), width))


def gathered(data, size, shape, strides):
    """The items that are at these strides, in C order."""
    places = [0]
    for length, stride in zip(shape, strides):
        places = [place + i * stride for place in places for i in range(length)]
    return b"".join(data[place : place + size] for place in places)


def fortran_strides(shape, size):
    return [size * math.prod(shape[:i]) for i in range(len(shape))]


class Scalar:
    """npy.scalar: in the order `<`, unless it is structured; text ends with its last character."""

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
    """npy.object.fields: a tuple, and the dtype that says what its values are in the array."""

    def __init__(self, values, dtype):
        right = isinstance(values, tuple) and len(values) == len(dtype.fields)
        need(right, "npy.object.fields", "not a value for each field")
        self.values, self.dtype = values, dtype

    def typed(self):
        pairs = zip(self.values, self.dtype.fields)
        return braces({"record": brackets(item(value, field[2]) for value, field in pairs)})


def item(value, dtype):
    """What an item, or a field of one, is in the array, where the pickle has it as an object."""
    if dtype.kind in "OT" or dtype.base:
        return value
    return Record(value, dtype) if dtype.objects else Scalar(dtype, packed(value, dtype))


def packed(value, dtype):
    """The bytes of an item of which NumPy's `getitem` made a Python value."""
    big, size = dtype.order == ">", dtype.size
    try:
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
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError, struct.error):
        raise Refused("npy.object.fields", "a value that its field cannot have") from None


class NumpyDtype:
    """A dtype as a value: the call says kind and size, BUILD the rest."""

    def __init__(self, dtype):
        self.dtype = dtype

    def typed(self):
        return braces({"dtype": self.dtype.typed()})

    def build(self, state):
        """npy.dtype"""
        right = isinstance(state, tuple) and len(state) in (8, 9) and state[0] in (3, 4)
        need(right, "npy.dtype", "no state of a dtype")
        _, order, parts, names, fields, size, _, _, metadata = (*state, None)[:9]
        kind, unit = self.dtype.kind, ""
        if kind not in "SUV" or type(size) is not int:
            size = self.dtype.size
        try:
            if parts is not None:
                self.dtype = subarray(parts[0].dtype, parts[1])
            elif names is not None:
                entries = dict(fields.entries)
                fields = [pickled_field(name, size, *entries[name]) for name in names]
                self.dtype = Dtype("V", size, fields=fields)
            else:
                if kind in "Mm" and metadata:
                    name, number, divisor = metadata[1][:3]
                    unit = time_unit(as_bytes(name).decode("latin-1"), number, divisor)
                self.dtype = Dtype(kind, size, order, unit)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Refused("npy.dtype", "no state of a dtype") from None


def pickled_field(name, size, value, offset, title=None):
    """npy.descr.layout"""
    right = 0 <= offset <= size - value.dtype.size
    need(right, "npy.descr.layout", "the field %r lies outside its structure" % name)
    return name, title, value.dtype, offset
