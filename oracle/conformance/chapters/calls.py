"""objects.md: the calls that stand for values."""

import datetime
import decimal
import math
import struct

from .arrays import Array, NumpyDtype, Record, Scalar, as_bytes, fortran_strides, gathered, order_of
from .dtype import Dtype, is_shape, one_type
from .typed_json import Row
from .values import Call, Dict, Global, Set, Single


MEANINGS = {}


class Other(Exception):
    """A call that is not one of those known."""


def meaning(modules, name):
    """Marks the function that makes the value of a call of this global, or raises Other."""

    def mark(function):
        MEANINGS.update({(module, name): function for module in modules.split()})
        return function

    return mark


def called(function, arguments):
    """The value of a call, or else what it is: npy.value.standard, pickle.call."""
    call = Call("call", function, arguments)
    try:
        return MEANINGS[function.value](*arguments) if isinstance(function, Global) else call
    except (KeyError, Other, TypeError, ValueError, OverflowError, decimal.InvalidOperation):
        return call


def only(condition):
    if not condition:
        raise Other


BUILTINS = "builtins __builtin__"
MULTIARRAY = "numpy.core.multiarray numpy._core.multiarray"


@meaning("_codecs", "encode")
def an_encoded_text(text, encoding):
    """npy.value.bytes"""
    only(isinstance(text, str) and encoding == "latin1")
    return text.encode("latin-1")


@meaning(BUILTINS, "bytes")
def empty_bytes():
    return b""


@meaning(BUILTINS, "bytearray")
def a_bytearray(data=b"", encoding=None):
    if encoding is not None:
        only(isinstance(data, str) and encoding == "latin-1")
        data = data.encode("latin-1")
    only(isinstance(data, bytes))
    return bytearray(data)


@meaning(BUILTINS, "complex")
def a_complex(real, imaginary):
    only(isinstance(real, float) and isinstance(imaginary, float))
    return complex(real, imaginary)


@meaning(BUILTINS, "set")
def a_set(members):
    only(isinstance(members, list))
    return Set("set", members)


@meaning(BUILTINS, "frozenset")
def a_frozenset(members):
    only(isinstance(members, list))
    return Set("frozenset", members)


@meaning("collections", "OrderedDict")
def an_ordered_dict(pairs=()):
    only(all(isinstance(pair, list) and len(pair) == 2 for pair in pairs))
    value = Dict("ordereddict")
    value.update(pairs)
    return value


@meaning("collections", "defaultdict")
def a_defaultdict(factory=None):
    only(factory is None or isinstance(factory, Global))
    return Dict("defaultdict", factory)


def exactly(count, payload):
    data = as_bytes(payload)
    only(data is not None and len(data) == count)
    return data


@meaning("datetime", "datetime")
def a_datetime(payload, zone=None):
    data = exactly(10, payload)
    year, month, *rest = struct.unpack(">HBBBBB", data[:7])
    values = year, month & 0x7F, *rest, int.from_bytes(data[7:], "big")
    datetime.datetime(*values)  # or a ValueError
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
    return Single("decimal", str(decimal.Decimal(text)))


def of_numpy(value, *names):
    """Is it a global of that name, in any module of NumPy?"""
    module, name = value.value if isinstance(value, Global) else ("", "")
    return module.split(".")[0] == "numpy" and name in names


@meaning(MULTIARRAY + " numpy.core._internal", "_reconstruct")
def an_array(kind, shape, code):
    """npy.object.class"""
    only(of_numpy(kind, "ndarray", "matrix", "recarray", "memmap", "chararray"))
    return Array(kind.value[1], Dtype("i", 1), (0,), "C", b"")


@meaning("numpy.ma.core", "_mareconstruct")
def a_masked_array(kind, base, shape, code):
    only(of_numpy(kind, "MaskedArray") and of_numpy(base, "ndarray"))
    return Array("masked", Dtype("i", 1), (0,), "C", b"")


@meaning("numpy.core.numeric numpy._core.numeric", "_frombuffer")
def an_array_of_buffer(buffer, value, shape, order, axes=()):
    """npy.array.buffer"""
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
    only(isinstance(value, NumpyDtype))
    if value.dtype.objects:
        only(value.dtype.fields is not None and isinstance(payload, Array) and payload.items)
        return Record(payload.items[0], value.dtype)
    return Scalar(value.dtype, exactly(value.dtype.size, payload))


@meaning("numpy", "dtype")
def a_dtype(code, align=False, copy=False):
    if of_numpy(code, "record"):
        return NumpyDtype(Dtype("V", 0))
    only(isinstance(code, str))
    return NumpyDtype(one_type(code, ""))


@meaning("numpy._core._internal", "_convert_to_stringdtype_kwargs")
def a_string_dtype(coerce, *na_object):
    only(coerce in (0, 1) and len(na_object) < 2)
    return NumpyDtype(Dtype("T", 16, string=(bool(coerce), *na_object)))
