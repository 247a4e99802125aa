"""torch: a map-style dataset, and an iterable one, in two worker processes of a `DataLoader`."""


import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from npy_object.engines.torch import NpyDataset, NpyIterableDataset, pack


def unpacked(batches):
    return [
        values[first:end].tolist() for values, offsets in batches for first, end in zip(offsets, offsets[1:])
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_map_style_has_each_element_once(ragged, arrays, workers):
    data = NpyDataset(ragged)
    assert len(data) == len(arrays)
    loader = DataLoader(data, batch_size=100, num_workers=workers, collate_fn=pack)
    assert unpacked(loader) == [array.tolist() for array in arrays]
    shuffled = DataLoader(data, batch_size=100, shuffle=True, num_workers=workers, collate_fn=pack)
    found = unpacked(shuffled)
    assert sorted(found) == sorted(array.tolist() for array in arrays) and found != sorted(found)


def test_items_of_a_batch_are_in_its_order(dicts, rows):
    data = NpyDataset(dicts)
    assert [row["id"] for row in data.__getitems__([9, 3001, 9, 0])] == [9, 3001, 9, 0]
    assert data[-1]["id"] == len(rows) - 1


@pytest.mark.parametrize("workers", [0, 2, 3])
def test_iterable_has_each_element_once(dicts, rows, workers):
    data = NpyIterableDataset(dicts)
    for _ in range(2):
        loader = DataLoader(data, batch_size=None, num_workers=workers)
        assert sorted(row["id"] for row in loader) == list(range(len(rows)))


def test_iterable_goes_on_from_its_state(dicts, rows):
    data = NpyIterableDataset(dicts)
    loop = iter(data)
    first = [next(loop)["id"] for _ in range(5003)]
    state = data.state_dict()
    other = NpyIterableDataset(dicts)
    other.load_state_dict(state)
    assert first + [row["id"] for row in other] == list(range(len(rows)))
    assert other.state_dict() == {"done": len(rows)}
    assert next(iter(other))["id"] == 0, "the next loop begins at the start"


class Killed(NpyDataset):
    """Kills its worker the first time that the batch with an element is read."""

    def __init__(self, source, kill):
        super().__init__(source)
        self.kill = kill

    def __getitems__(self, indices):
        self.kill(indices)
        return super().__getitems__(indices)

    def __getitem__(self, index):
        self.kill([index])
        return super().__getitem__(index)


def test_batches_of_a_killed_worker_run_again(ragged, arrays, kill_once):
    data, batches, done = Killed(ragged, kill_once(2300)), [], 0
    while done < len(arrays):
        sampler = [range(first, min(first + 100, len(arrays))) for first in range(done, len(arrays), 100)]
        loader = DataLoader(data, batch_sampler=sampler, num_workers=2, collate_fn=pack)
        try:
            for batch in loader:
                batches.append(batch)
                done += 100
        except RuntimeError as error:
            assert "worker" in str(error)
    assert unpacked(batches) == [array.tolist() for array in arrays]


def test_pack_keeps_the_dtype():
    values, offsets = pack([np.arange(2, dtype="f4"), np.zeros(0, "f4")])
    assert values.dtype == torch.float32 and offsets.tolist() == [0, 2, 2]
    assert pack([])[1].tolist() == [0]
