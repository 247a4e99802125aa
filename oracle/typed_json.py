"""Writes Python values as typed JSON, as spec/typed-json.md defines it."""

import base64
import collections
import datetime
import decimal
import json
import struct

import numpy as np
from inert import Inert, MaskedArray

ARRAY_CLASSES = [
    (np.ma.MaskedArray, "masked"),
    (np.matrix, "matrix"),
    (np.recarray, "recarray"),
    (np.memmap, "memmap"),
    (np.char.chararray, "chararray"),
]
STRING_DTYPE = getattr(getattr(np, "dtypes", None), "StringDType", ())
SAFE_INTEGER = 2**53 - 1
DECIMAL_BITS = 8192


class Unrepresentable(Exception):
    """Typed JSON has no form for a value, or the name of a global was not recorded."""


def line(value, root=None, raw_names=None):
    """Returns the line of one element. `root` is the array being read, `raw_names` is Names.raw (inert.py)."""
    return to_text(Line(root, raw_names or {}).value(value))


def to_text(tree):
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


class Line:
    """Converts one element to JSON and numbers its objects."""

    def __init__(self, root, raw_names):
        self.root = root
        self.raw_names = raw_names
        self.numbers = {}
        self.alive = []  # numbers are found by id(), so their objects must not be freed

    def value(self, value):
        if value is None or value is True or value is False:
            return value
        if isinstance(value, np.generic):
            return self.scalar(value)
        form = self.FORMS.get(type(value))
        if form is not None:
            return form(self, value)
        if isinstance(value, np.dtype):
            return {"dtype": self.dtype(value)}
        if isinstance(value, (np.ndarray, Inert)):
            return self.numbered(value)
        if id(value) in self.raw_names:
            return {"global": list(self.raw_names[id(value)])}
        raise Unrepresentable("no typed JSON for %r" % type(value))

    # Values without an identity.

    def integer(self, value):
        if abs(value) <= SAFE_INTEGER:
            return value
        return {"int": str(value) if value.bit_length() <= DECIMAL_BITS else hex(value)}

    def text(self, value):
        try:
            value.encode("utf-8")
            return value
        except UnicodeEncodeError:
            return {"str": base64_of(value.encode("utf-8", "surrogatepass"))}

    def scalar(self, value):
        if value.dtype.hasobject:
            return self.record(value)
        # tobytes() returns one NUL for empty text, whose dtype has no bytes.
        data = value.tobytes()[: value.dtype.itemsize]
        return {"scalar": {"dtype": self.dtype(value.dtype), "data": base64_of(data)}}

    def moment(self, value):
        return {
            "datetime": [
                value.year,
                value.month,
                value.day,
                value.hour,
                value.minute,
                value.second,
                value.microsecond,
                value.fold,
                self.value(value.tzinfo),
            ]
        }

    def time(self, value):
        return {
            "time": [value.hour, value.minute, value.second, value.microsecond, value.fold, self.value(value.tzinfo)]
        }

    def record(self, value):
        return {"record": [self.value(value[name]) for name in value.dtype.names]}

    def dtype(self, dtype):
        if STRING_DTYPE and isinstance(dtype, STRING_DTYPE):
            options = {"coerce": dtype.coerce}
            if hasattr(dtype, "na_object"):
                options["na_object"] = self.value(dtype.na_object)
            return {"string": options}
        if dtype.subdtype:
            base, shape = dtype.subdtype
            return {"base": self.dtype(base), "shape": list(shape)}
        if dtype.names is None:
            return dtype.str
        fields = []
        for name in dtype.names:
            field = {"name": name}
            if len(dtype.fields[name]) == 3:
                field["title"] = self.value(dtype.fields[name][2])
            field["dtype"] = self.dtype(dtype.fields[name][0])
            field["offset"] = dtype.fields[name][1]
            fields.append(field)
        return {"fields": fields, "itemsize": dtype.itemsize}

    # Values with an identity.

    def numbered(self, value):
        if value is self.root:
            return {"root": True}
        if id(value) in self.numbers:
            return {"ref": self.numbers[id(value)]}
        self.numbers[id(value)] = len(self.numbers)
        self.alive.append(value)
        if isinstance(value, np.ndarray):
            return {"array": self.array(value)}
        if isinstance(value, Inert):
            return {value.kind: self.inert(value)}
        return self.CONTAINERS[type(value)](self, value)

    def values(self, values):
        return [self.value(one) for one in values]

    def members(self, values):
        """Returns the items of a set sorted by their JSON, so that the order is the same in every Python."""

        def text(member):
            trial = Line(self.root, self.raw_names)
            trial.numbers = dict(self.numbers)
            return to_text(trial.value(member))

        return self.values(sorted(values, key=text))

    def pairs(self, items):
        return [[self.value(key), self.value(value)] for key, value in items]

    def inert(self, value):
        tree = {"callable": self.value(value.callable), "args": {"tuple": self.values(value.args)}}
        if value.kwargs:
            tree["kwargs"] = {"dict": self.pairs(value.kwargs.items())}
        if value.state:
            tree["state"] = self.values(value.state)
        if value.appended:
            tree["appended"] = self.values(value.appended)
        if value.items:
            tree["items"] = self.pairs(value.items)
        if value.added:
            tree["added"] = self.values(value.added)
        return tree

    def array(self, array):
        tree = {}
        for base, name in ARRAY_CLASSES:
            if isinstance(array, base):
                tree["class"] = name
                break
        data = np.ma.getdata(array).view(np.ndarray)
        fortran = data.flags.f_contiguous and not data.flags.c_contiguous
        tree["dtype"] = self.dtype(data.dtype)
        tree["shape"] = list(data.shape)
        tree["order"] = "F" if fortran else "C"
        if data.dtype.hasobject:
            tree["items"] = self.values(elements_of(data))
        else:
            tree["data"] = base64_of(data.tobytes("F" if fortran else "C"))
        if isinstance(array, np.ma.MaskedArray):
            tree["mask"] = base64_of(np.ma.getmaskarray(array).tobytes("F" if fortran else "C"))
            tree["fill_value"] = self.value(MaskedArray.pickled_fill_value(array))
        return tree

    FORMS = {
        int: integer,
        str: text,
        float: lambda self, value: {"float": float_bits(value)},
        complex: lambda self, value: {"complex": [float_bits(value.real), float_bits(value.imag)]},
        bytes: lambda self, value: {"bytes": base64_of(value)},
        datetime.datetime: moment,
        datetime.time: time,
        datetime.date: lambda self, value: {"date": [value.year, value.month, value.day]},
        datetime.timedelta: lambda self, value: {"timedelta": [value.days, value.seconds, value.microseconds]},
        decimal.Decimal: lambda self, value: {"decimal": str(value)},
        tuple: lambda self, value: self.numbered(value) if value else {"tuple": []},
        frozenset: lambda self, value: self.numbered(value) if value else {"frozenset": []},
        list: numbered,
        bytearray: numbered,
        set: numbered,
        dict: numbered,
        collections.OrderedDict: numbered,
        collections.defaultdict: numbered,
    }

    CONTAINERS = {
        list: values,
        tuple: lambda self, value: {"tuple": self.values(value)},
        bytearray: lambda self, value: {"bytearray": base64_of(value)},
        set: lambda self, value: {"set": self.members(value)},
        frozenset: lambda self, value: {"frozenset": self.members(value)},
        dict: lambda self, value: {"dict": self.pairs(value.items())},
        collections.OrderedDict: lambda self, value: {"ordereddict": self.pairs(value.items())},
        collections.defaultdict: lambda self, value: {
            "defaultdict": [self.value(value.default_factory), self.pairs(value.items())]
        },
    }


def elements_of(array):
    """Returns the elements of an array of objects or strings, in C order."""
    flat = np.ma.getdata(array).view(np.ndarray).reshape(-1)
    return [flat[i] for i in range(flat.size)]


def float_bits(value):
    return struct.pack(">d", value).hex()


def base64_of(data):
    return base64.b64encode(data).decode("ascii")
