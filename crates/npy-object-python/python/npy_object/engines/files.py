"""Several arrays as one sequence, and the parts of it for workers."""

import os
from bisect import bisect_right
from itertools import accumulate
from typing import Any, Iterable, Iterator, Union

import npy_object

Source = Any
"""What ``npy_object.open`` takes, an ``Array``, or a list of these."""

Part = Union[npy_object.Split, npy_object.Array]
"""Some consecutive elements: they can be iterated, read as Arrow data, and pickled."""


class Files:
    """The elements of several arrays, one array after another. It is pickled as the places of the files."""

    def __init__(self, arrays: Iterable[npy_object.Array]) -> None:
        self.arrays = list(arrays)
        for array in self.arrays:
            if array.ndim == 0 or (array.ndim > 1 and array.dtype.hasobject):
                raise ValueError("expected a 1-d array of objects, or an array of numbers, found %r" % array)
        # Where each array ends.
        self.ends = list(accumulate(map(len, self.arrays)))

    @classmethod
    def open(cls, source: Source, **settings: Any) -> "Files":
        """Opens a file or a list of files; ``settings`` are the keyword arguments of ``npy_object.open``."""
        sources = source if isinstance(source, (list, tuple)) else [source]
        return cls(opened(source, settings) for source in sources)

    def __reduce__(self) -> Any:
        return Files, (self.arrays,)

    def __repr__(self) -> str:
        return "Files(%r)" % self.arrays

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def place(self, index: int) -> "tuple[npy_object.Array, int]":
        """Returns the array that has the element of this number, and its index there."""
        if not 0 <= index < len(self):
            raise IndexError("index %d is out of bounds for %d elements" % (index, len(self)))
        file = bisect_right(self.ends, index)
        return self.arrays[file], index - (self.ends[file] - len(self.arrays[file]))

    def take(self, indices: Iterable[int]) -> "list[Any]":
        """Returns the elements with these numbers, in this order. Reads them in the order of the files."""
        wanted = [int(index) for index in indices]
        found = {}
        for index in sorted(set(wanted)):
            array, place = self.place(index + len(self) if index < 0 else index)
            found[index] = array[place]
        return [found[index] for index in wanted]

    def between(self, first: int, end: int) -> Iterator[Any]:
        """Yields the elements with the numbers from ``first`` up to ``end``."""
        begin = 0
        for array, stop in zip(self.arrays, self.ends):
            if first < stop and begin < end:
                yield from array[max(first - begin, 0) : min(end, stop) - begin]
            begin = stop

    def parts(self, count: int) -> "list[Part]":
        """Returns about ``count`` parts of about the same number of elements, each of one file, in order."""
        parts: "list[Part]" = []
        for array in self.arrays:
            if len(array) > 0:
                parts += split(array, max(1, round(count * len(array) / len(self))))
        return parts


def opened(source: Any, settings: "dict[str, Any]") -> npy_object.Array:
    array = source if isinstance(source, npy_object.Array) else npy_object.open(source, **settings)
    if not isinstance(array, npy_object.Array):
        kind = type(array).__name__
        raise TypeError("expected a file with one array, found %s: open it, and pass one of its arrays" % kind)
    return array


def split(array: npy_object.Array, count: int) -> "Iterator[Part]":
    try:
        yield from array.splits(count)
    except npy_object.Error:
        raise
    # A view, an array in an archive, or one that no other process can open.
    except (TypeError, ValueError):
        count = min(count, len(array))
        ends = [len(array) * part // count for part in range(count + 1)]
        yield from (array[first:end] for first, end in zip(ends, ends[1:]))


def default_parts() -> int:
    """Returns a number of parts that keeps all processors busy, although some parts take longer."""
    return 4 * (os.cpu_count() or 1)
