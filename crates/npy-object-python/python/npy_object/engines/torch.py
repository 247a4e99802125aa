"""Arrays as torch datasets, by index or in order."""

from typing import Any, Iterator, Optional, Sequence

import numpy as np
import torch
import torch.utils.data

from npy_object.engines.files import Files, Source


class NpyDataset(torch.utils.data.Dataset):
    """The elements of a file, or of several, by index.

    ``settings`` are the keyword arguments of ``npy_object.open``. Workers open the files by their paths or URLs. Call
    ``save_index`` of the array once, so that a worker finds an element without a survey.
    """

    def __init__(self, source: Source, **settings: Any) -> None:
        self.files = Files.open(source, **settings)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        return self.files.take([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> "list[Any]":
        """Returns the elements of a batch, which are read in the order of the file."""
        return self.files.take(indices)


class NpyIterableDataset(torch.utils.data.IterableDataset):
    """The elements of a file, or of several, in order.

    Each worker of a ``DataLoader`` reads a part of its own. ``state_dict`` says how far the loop of this process has come,
    and a loop after ``load_state_dict`` goes on from there.
    """

    def __init__(self, source: Source, **settings: Any) -> None:
        self.files = Files.open(source, **settings)
        self.done = 0
        self.start = 0

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Any]:
        info = torch.utils.data.get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        total = len(self.files)
        first, end = total * worker // workers, total * (worker + 1) // workers
        # A loop goes on from a state once; the next loop begins at the start.
        self.done, self.start = self.start, 0
        for element in self.files.between(first + self.done, end):
            self.done += 1
            yield element

    def state_dict(self) -> "dict[str, int]":
        return {"done": self.done}

    def load_state_dict(self, state: "dict[str, int]") -> None:
        self.start = state["done"]


def pack(elements: "Sequence[Any]", dtype: Optional[Any] = None) -> "tuple[torch.Tensor, torch.Tensor]":
    """Returns the items of 1-d arrays of numbers in one tensor, and the offsets at which each array begins and ends.

    As the ``collate_fn`` of a ``DataLoader`` it sends two tensors for a batch between processes; a tensor for each element
    takes some 60 times as long. ``values[offsets[i]:offsets[i + 1]]`` is the array ``i``.
    """
    offsets = np.zeros(len(elements) + 1, np.int64)
    np.cumsum([len(element) for element in elements], out=offsets[1:])
    values = np.concatenate(elements, dtype=dtype) if len(elements) else np.empty(0, dtype)
    return torch.from_numpy(values), torch.from_numpy(offsets)
