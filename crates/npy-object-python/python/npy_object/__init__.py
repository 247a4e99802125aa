"""Loops over NumPy object arrays that are larger than memory, one element at a time.

>>> import npy_object, numpy as np, tempfile
>>> file = tempfile.mkdtemp() + "/big.npy"
>>> np.save(file, np.array([np.zeros(2), "text", {"key": 1}], object))
>>> for element in npy_object.open(file):
...     print(element)
[0. 0.]
text
{'key': 1}

Nothing that a file names is imported or called: an object of an unknown class becomes an ``Opaque``.
"""

import collections.abc as _abc
from importlib.metadata import version as _version

from npy_object._errors import EmptyError, Error, LimitError, MalformedError, TruncatedError, UnsupportedError
from npy_object._npy_object import (
    Array,
    Audit,
    Container,
    Npz,
    Salvaged,
    Split,
    Use,
    Writer,
    audit,
    load,
    open,
    open_all,
    salvage,
)
from npy_object._opaque import Opaque

__version__ = _version("npy-object")

__all__ = [
    "Array",
    "Audit",
    "Container",
    "EmptyError",
    "Error",
    "LimitError",
    "MalformedError",
    "Npz",
    "Opaque",
    "Salvaged",
    "Split",
    "TruncatedError",
    "UnsupportedError",
    "Use",
    "Writer",
    "audit",
    "load",
    "open",
    "open_all",
    "salvage",
]

_abc.Mapping.register(Npz)

# Tracebacks show the module in which people find a class.
for _class in (EmptyError, Error, LimitError, MalformedError, Opaque, TruncatedError, UnsupportedError):
    _class.__module__ = __name__
