"""Hugging Face datasets: streamed shards."""

from npy_object.engines.datasets import read_npy


def test_examples_equal_numpy(dicts, rows):
    data = read_npy(dicts, num_shards=6)
    assert data.num_shards >= 5
    assert list(data) == rows
    assert list(data.take(3)) == rows[:3]


def test_shards_have_each_example_once(dicts, rows):
    data = read_npy(dicts, num_shards=6)
    shards = [data.shard(num_shards=3, index=index) for index in range(3)]
    ids = [[row["id"] for row in shard] for shard in shards]
    assert all(ids) and sorted(sum(ids, [])) == list(range(len(rows)))
    assert sorted(row["id"] for row in data.shuffle(seed=1, buffer_size=100)) == list(range(len(rows)))


def test_arrays_equal_numpy(ragged, arrays):
    found = [example["element"] for example in read_npy(ragged, num_shards=4)]
    assert found == [array.tolist() for array in arrays]


def test_loop_goes_on_from_its_state(dicts, rows):
    data = read_npy(dicts, num_shards=6)
    loop = iter(data)
    first = [next(loop)["id"] for _ in range(7000)]
    other = read_npy(dicts, num_shards=6)
    other.load_state_dict(data.state_dict())
    assert first + [row["id"] for row in other] == list(range(len(rows)))
