"""Where the items of an array are in its file."""

import typing

import numpy as np


class ByteRange(typing.NamedTuple):
    """Where the items of an array, or of a NumPy scalar, are in its file.

    ``order`` is 'F' if the first index varies fastest in the bytes, else 'C'. An array without items has the offset of its
    pickle.
    """

    dtype: "np.dtype[typing.Any]"
    shape: "tuple[int, ...]"
    order: str
    offset: int
    length: int
