"""A comparison of two objects by type, value, layout, and by which of their members are the same object."""

import collections
import datetime
import decimal
import fractions
import struct
import uuid

import numpy as np

ATOMS = (
    type(None), bool, int, float, complex, str, bytes, range, slice, type, np.dtype, np.generic, decimal.Decimal,
    fractions.Fraction, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, uuid.UUID,
)  # fmt: skip
STRING_DTYPE = getattr(getattr(np, "dtypes", None), "StringDType", ())


class Different(AssertionError):
    """The objects differ."""


def same(one, other):
    """Raises Different if two objects differ. It does not recurse, so any depth is compared."""
    partner = {}  # the id of the other object, for each object with an identity, in both directions
    alive = []
    todo = [(one, other)]
    while todo:
        a, b = todo.pop()
        check(type(a) is type(b), type(a), type(b))
        if isinstance(a, ATOMS):
            atoms(a, b)
            continue
        if (id(a), 0) in partner or (id(b), 1) in partner:
            check(partner.get((id(a), 0)) == id(b) and partner.get((id(b), 1)) == id(a), "identity", a, b)
            continue
        # Empty tuples and frozensets are one object in Python.
        if not (isinstance(a, (tuple, frozenset)) and not a):
            partner[id(a), 0], partner[id(b), 1] = id(b), id(a)
            alive.append((a, b))
        todo += members(a, b)


def check(holds, *details):
    if not holds:
        raise Different(*details)


def atoms(a, b):
    if isinstance(a, float):
        check(struct.pack("d", a) == struct.pack("d", b), a, b)
    elif isinstance(a, complex):
        check(struct.pack("dd", a.real, a.imag) == struct.pack("dd", b.real, b.imag), a, b)
    elif isinstance(a, np.generic):
        check(a.dtype == b.dtype, a.dtype, b.dtype)
        if a.dtype.hasobject:
            for name in a.dtype.names:
                same(a[name], b[name])
        else:
            check(a.tobytes() == b.tobytes(), a, b)
    elif isinstance(a, decimal.Decimal):
        check(str(a) == str(b), a, b)
    elif isinstance(a, (datetime.datetime, datetime.time)):
        check(a.replace(tzinfo=None) == b.replace(tzinfo=None) and a.fold == b.fold, a, b)
        same(a.tzinfo, b.tzinfo)
    else:
        check(a == b, a, b)


def members(a, b):
    """Returns the members of two objects, in pairs."""
    if isinstance(a, np.ndarray):
        return arrays(a, b)
    if isinstance(a, (list, tuple, collections.deque)):
        check(len(a) == len(b), len(a), len(b))
        return list(zip(a, b))
    if isinstance(a, dict):
        check(len(a) == len(b), len(a), len(b))
        found = list(zip(a.keys(), b.keys())) + list(zip(a.values(), b.values()))
        if isinstance(a, collections.defaultdict):
            found.append((a.default_factory, b.default_factory))
        return found
    if isinstance(a, (set, frozenset)):
        check(sorted(map(repr, a)) == sorted(map(repr, b)), a, b)
        return []
    if isinstance(a, bytearray):
        check(a == b, a, b)
        return []
    if isinstance(a, BaseException):
        return [(a.args, b.args)]
    if hasattr(a, "__dict__"):
        return [(vars(a), vars(b))]
    check(a == b, a, b)
    return []


def arrays(a, b):
    check(a.dtype == b.dtype and a.dtype.str == b.dtype.str, a.dtype, b.dtype)
    check(a.shape == b.shape, a.shape, b.shape)
    for flag in ("C_CONTIGUOUS", "F_CONTIGUOUS"):
        check(a.flags[flag] == b.flags[flag], flag, a.flags, b.flags)
    # An array that NumPy returns read-only or unaligned may be writeable or aligned here.
    for flag in ("WRITEABLE", "ALIGNED"):
        check(a.flags[flag] or not b.flags[flag], flag, a.flags, b.flags)
    found = []
    if isinstance(a, np.ma.MaskedArray):
        check(np.ma.getmaskarray(a).tobytes() == np.ma.getmaskarray(b).tobytes(), "mask", a, b)
        found.append((a._fill_value, b._fill_value))
        a, b = np.ma.getdata(a), np.ma.getdata(b)
    a, b = a.view(np.ndarray), b.view(np.ndarray)
    if STRING_DTYPE and isinstance(a.dtype, STRING_DTYPE):
        check(hasattr(a.dtype, "na_object") == hasattr(b.dtype, "na_object"), a.dtype, b.dtype)
        return found + list(zip(a.ravel().tolist(), b.ravel().tolist()))
    if a.dtype.hasobject and a.dtype.names is None:
        return found + [(a.reshape(-1)[i], b.reshape(-1)[i]) for i in range(a.size)]
    if a.dtype.hasobject:
        return found + [(a[name], b[name]) for name in a.dtype.names]
    check(a.tobytes() == b.tobytes(), "data", a, b)
    return found
