"""Grain: a random access source, in threads, and in worker processes."""

import pickle

import grain

from npy_object.engines.grain import NpySource


def test_elements_equal_numpy(ragged, arrays):
    source = NpySource(ragged)
    data = grain.MapDataset.source(source)
    assert len(data) == len(arrays)
    expected = [array.tolist() for array in arrays]
    assert [array.tolist() for array in data.to_iter_dataset()] == expected
    options = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    assert [array.tolist() for array in data.to_iter_dataset(options)] == expected
    batches = data.batch(100, batch_fn=list).to_iter_dataset()
    assert [array.tolist() for batch in batches for array in batch] == expected


def test_shuffled_elements_come_once(dicts, rows):
    data = grain.MapDataset.source(NpySource(dicts)).shuffle(seed=1)
    ids = [row["id"] for row in data.to_iter_dataset()]
    assert sorted(ids) == list(range(len(rows))) and ids != sorted(ids)


def test_loop_goes_on_from_its_state(ragged, arrays):
    data = grain.MapDataset.source(NpySource(ragged)).to_iter_dataset()
    loop = iter(data)
    first = [next(loop).tolist() for _ in range(700)]
    other = iter(grain.MapDataset.source(NpySource(ragged)).to_iter_dataset())
    other.set_state(loop.get_state())
    assert first + [array.tolist() for array in other] == [array.tolist() for array in arrays]
    assert repr(NpySource(ragged)) == repr(pickle.loads(pickle.dumps(NpySource(ragged))))
