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
import typing as _typing
from importlib.metadata import version as _version

from npy_object._byte_range import ByteRange
from npy_object._errors import EmptyError, Error, LimitError, MalformedError, TruncatedError, UnsupportedError
from npy_object._npy_object import (
    Array,
    Audit,
    Container,
    Npz,
    NpzWriter,
    Salvaged,
    Split,
    Use,
    Writer,
    audit,
    info,
    load,
    open,
    open_all,
    salvage,
    verify,
)
from npy_object._opaque import Opaque

__version__ = _version("npy-object")

__all__ = [
    "Array",
    "Audit",
    "ByteRange",
    "Container",
    "EmptyError",
    "Error",
    "LimitError",
    "MalformedError",
    "Npz",
    "NpzWriter",
    "Opaque",
    "Salvaged",
    "Split",
    "TruncatedError",
    "UnsupportedError",
    "Use",
    "Writer",
    "audit",
    "dataset",
    "info",
    "load",
    "open",
    "open_all",
    "salvage",
    "verify",
]



def dataset(source: _typing.Any, *, schema: _typing.Any = None, **settings: _typing.Any) -> _typing.Any:
    """Returns the elements of a file, or of several, as a ``pyarrow.dataset.Dataset``.

    DuckDB, Polars, DataFusion, pandas and pyarrow can query it any number of times, and decode only the columns that they
    use. ``source`` is what ``open`` takes, an ``Array``, or a list of these; ``settings`` are the keyword arguments of
    ``open``. Elements that are dicts have a column for each key; others are the column ``element``.

    The schema is that of all elements, which the first use of it reads once. With ``schema``, nothing is read, and the
    elements are cast to it; keys of dicts that are not in it are left out. Needs pyarrow.
    """
    from npy_object.engines.arrow import dataset

    return dataset(source, schema=schema, **settings)


# `Array` is not registered as a Sequence: polars reads these item by item, and others by their Arrow stream.
_abc.Mapping.register(Npz)

# Tracebacks show the module in which people find a class.
for _class in (ByteRange, EmptyError, Error, LimitError, MalformedError, Opaque, TruncatedError, UnsupportedError):
    _class.__module__ = __name__
