"""Arrays as a random access source of Grain: ``grain.MapDataset.source(NpySource("big.npy"))``."""

from threading import Lock
from typing import Any, Sequence

from npy_object.engines.files import Files, Source


class NpySource:
    """The elements of a file, or of several, by index. Grain needs no base class.

    ``settings`` are the keyword arguments of ``npy_object.open``. Workers open the files by their paths or URLs.
    """

    def __init__(self, source: Source, **settings: Any) -> None:
        self.files = Files.open(source, **settings)
        self.lock = Lock()

    def __reduce__(self) -> Any:
        return NpySource, (self.files.arrays,)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        return self._getitems([index])[0]

    def _getitems(self, indices: Sequence[int]) -> "list[Any]":
        # Grain reads ahead in 16 threads. In turns they use one reader, which finds an element near the last one at once.
        with self.lock:
            return self.files.take(indices)

    def __repr__(self) -> str:
        # A checkpoint of Grain has it, so it is the same for the same files.
        return "NpySource(%s)" % ", ".join("%d elements" % len(array) for array in self.files.arrays)
