"""Many elements at once: by a list of indices, by a mask, at random; and many written at once."""

import io
import pickle

import numpy as np
import pytest

import npy_object
from same import same


def objects(elements):
    """Returns a 1-d array of objects, which may be arrays and lists."""
    array = np.empty(len(elements), object)
    for index, element in enumerate(elements):
        array[index] = element
    return array


@pytest.fixture(params=[None, False, True], ids=["no index", "sparse", "dense"])
def words(request, tmp_path):
    path = tmp_path / "words.npy"
    array = objects(["word %d" % n * (n % 5) for n in range(5000)])
    np.save(path, array)
    if request.param is not None:
        index = npy_object.open(path).save_index(dense=request.param)
        assert open(index, "rb").read(8) == (b"npyoidx\3" if request.param else b"npyoidx\2")
    return npy_object.open(path), array


def test_indices_and_masks_select_as_numpy_does(words):
    words, array = words
    mask = np.arange(5000) % 777 == 3
    for key in [
        [3, 1, 2],
        [4999, -1, 0, -5000, 0],
        [],
        np.array([[7, 3000], [7, -2]]),
        np.array([], np.uint8),
        np.arange(4990, 4999, dtype=np.int16),
        mask,
        mask.tolist(),
        np.zeros(5000, bool),
    ]:
        same(words[key], array[key])
        same(words.take(key) if not len(key) == 5000 else words[key], array[key])
    same(words[1000:][::-2][[0, 5, 3]], array[1000:][::-2][[0, 5, 3]])
    assert words.__getitems__([2, 1, 2]) == [array[2], array[1], array[2]]
    assert words.__getitems__(np.array([4000])) == [array[4000]]


def test_wrong_indices_are_refused(words):
    words, array = words
    for key, error, says in [
        ([5000], IndexError, "index 5000 is out of bounds for axis 0 with size 5000"),
        ([-5001], IndexError, "index -5001 is out of bounds"),
        ([True, False], IndexError, "boolean index did not match.*5000"),
        ([1.5], IndexError, "must be of ints"),
        (["1"], IndexError, "must be of ints"),
        (True, TypeError, "not bool"),
        (np.True_, TypeError, "not bool"),
    ]:
        with pytest.raises(error, match=says):
            words[key]
    with pytest.raises(TypeError, match="0-d array has no length"):
        npy_object.open(save(array[0])).take([0])


def save(element):
    file = io.BytesIO()
    whole = np.empty((), object)
    whole[()] = element
    np.save(file, whole)
    return file.getvalue()


def test_rows_of_several_dimensions_and_of_numbers(tmp_path):
    path = tmp_path / "a.npy"
    for array in [
        np.array([[n, str(n), None] for n in range(100)], object),
        np.arange(600.0).reshape(100, 2, 3),
        np.asfortranarray(np.arange(200).reshape(100, 2)),
        np.arange(100),
    ]:
        np.save(path, array)
        opened = npy_object.open(path)
        for key in [[5, -1, 5], np.array([[1], [99]]), np.arange(100) % 9 == 0, []]:
            same(opened[key], np.ascontiguousarray(array[key]))
        assert all(map(np.array_equal, opened.__getitems__([3, 1]), array[[3, 1]]))


def test_sample_has_different_elements_and_a_seed_repeats_it(words):
    words, array = words
    for n in [0, 1, 100, 4999]:
        found = words[5:].sample(min(n, 4995), seed=7).tolist()
        assert found == words[5:].sample(min(n, 4995), 7).tolist()
    numbers = npy_object.open(save_many(range(5000)))
    assert sorted(numbers.sample(5000, 1)) == list(range(5000)) != numbers.sample(5000, 1).tolist()
    assert len(set(numbers.sample(2500))) == 2500
    assert numbers.sample(50, 1).tolist() != numbers.sample(50, 2).tolist()
    with pytest.raises(ValueError, match="5001 of 5000 elements"):
        numbers.sample(5001)


def save_many(elements):
    file = io.BytesIO()
    np.save(file, objects(list(elements)))
    return file.getvalue()


def test_shuffled_has_every_element_near_its_place():
    numbers = npy_object.open(save_many(range(5000)))
    order = list(numbers.shuffled(seed=3, window=100))
    assert sorted(order) == list(range(5000)) and order != list(range(5000))
    assert order == list(numbers.shuffled(3, 100)) != list(numbers.shuffled(4, 100))
    assert all(n < place + 100 for place, n in enumerate(order))
    assert list(numbers.shuffled(window=1)) == list(range(5000))
    with pytest.raises(ValueError, match="at least one"):
        numbers.shuffled(window=0)


def test_length_of_a_loop_is_what_is_left(words):
    loop = iter(words[0])
    assert len(loop) == 5000
    next(loop)
    assert len(loop) == 4999


@pytest.mark.parametrize("protocol", range(2, 6))
def test_elements_of_one_extend_share_their_objects(tmp_path, protocol):
    path = tmp_path / "a.npy"
    shared, array, text = [1, "x"], np.arange(5.0), "a long text that is not interned" * 2
    elements = [shared, {"k": shared, "t": text}, text, array, array, (shared, array), 2.5, None, b"x" * 70000] * 300
    with npy_object.Writer(path, protocol=protocol) as writer:
        writer.append("first")
        writer.extend(iter(elements))
        writer.append(shared)
    loaded = np.load(path, allow_pickle=True)
    same(loaded[1:-1], objects(elements))
    assert loaded[1] is loaded[2]["k"] is loaded[6][0] and loaded[4] is loaded[5] is loaded[6][1]
    assert loaded[3] is loaded[2]["t"]
    assert loaded[-1] == shared and loaded[-1] is not loaded[1]
    assert list(map(repr, npy_object.open(path))) == list(map(repr, loaded))


def test_arrays_of_one_extend_share_their_memory(tmp_path):
    path = tmp_path / "a.npy"
    arrays = [np.arange(n % 7).astype(kind) for n, kind in zip(range(3000), "?bBhHiIlLqQefdFDg" * 200)]
    arrays += [arrays[-1], np.asfortranarray(np.arange(12).reshape(3, 4)), np.arange(24).reshape(2, 3, 4)[:, ::2]]
    arrays += [np.array(3), np.arange(3, dtype=">i4"), np.zeros(2, "M8[s]"), np.array([1]).view(np.matrix), np.array([None])]
    with npy_object.Writer(path) as writer:
        writer.extend(arrays)
        for array in arrays[-8:]:
            writer.append(array)
    loaded = np.load(path, allow_pickle=True)
    expected = [pickle.loads(pickle.dumps(array)) for array in arrays + arrays[-8:]]
    expected[3000] = expected[2999]
    same(loaded, objects(expected))
    assert loaded[2999] is loaded[3000] is not loaded[3008]
    with npy_object.Writer(path) as writer:
        writer.extend(arrays[:1000] + [(arrays[5], arrays[7]), arrays[7]] + arrays[:1000])
    shared = np.load(path, allow_pickle=True)
    assert shared[5] is shared[1000][0] is shared[1007] and shared[7] is shared[1001] is shared[1009]
    assert loaded[3001].flags.f_contiguous and type(loaded[3006]) is np.matrix


def test_append_copies_a_buffer_that_is_used_again(tmp_path):
    path = tmp_path / "a.npy"
    buffer, items = np.zeros(3), []
    with npy_object.Writer(path) as writer:
        for n in range(5):
            buffer[:] = n
            items.append(n)
            writer.append(buffer)
            writer.append(items)
    loaded = np.load(path, allow_pickle=True)
    assert [array[0] for array in loaded[::2]] == [0, 1, 2, 3, 4]
    assert [len(items) for items in loaded[1::2]] == [1, 2, 3, 4, 5]


def test_elements_before_one_that_fails_are_written(tmp_path):
    path = tmp_path / "a.npy"

    def elements(n):
        yield from range(n)
        raise KeyError("stop")

    with npy_object.Writer(path) as writer:
        with pytest.raises(KeyError):
            writer.extend(elements(1500))
        with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
            writer.extend([1, [2], lambda: None, 3])
        writer.extend([])
        writer.extend(["last"])
        assert len(writer) == 1503
    assert len(writer) == 1503
    assert np.load(path, allow_pickle=True).tolist() == list(range(1500)) + [1, [2], "last"]


def test_frames_and_batches_of_many_pickles_are_read(tmp_path):
    path = tmp_path / "a.npy"
    random = np.random.default_rng(1)
    elements = [bytes(random.integers(0, 256, int(n))) for n in random.integers(0, 90000, 300)]
    elements += [[int(n)] * int(n) for n in random.integers(0, 300, 4000)] + [{"a": n, "b": str(n)} for n in range(70000)]
    with npy_object.Writer(path) as writer:
        writer.extend(elements[:1])
        writer.extend(elements[1:])
    assert np.load(path, allow_pickle=True).tolist() == elements
    assert list(npy_object.open(path)) == elements


def test_members_of_containers_are_found_without_the_others(tmp_path):
    path = tmp_path / "d.npy"
    whole = {"train": [1, {"a": np.arange(3)}], "test": {"x": 5, 7: "seven"}, "n": 2}
    np.save(path, whole)
    array = npy_object.open(path)
    train = array["train"]
    assert isinstance(train, npy_object.Container) and train.kind == "list" and len(train) == 2
    assert train[0] == 1 and train[-1]["a"].tolist() == [0, 1, 2]
    test = array.entries()["test"]
    assert list(test.keys()) == ["x", 7] and list(test.values()) == [5, "seven"]
    assert list(test.items()) == [("x", 5), (7, "seven")] and test[7] == "seven" and array["n"] == 2
    for wrong, key, error in [(array, "none", KeyError), (array, 0, IndexError), (test, "y", KeyError), (train, 2, IndexError)]:
        with pytest.raises(error):
            wrong[key]
    for wrong in (train.keys, lambda: test[1.5], lambda: test[True]):
        with pytest.raises((TypeError, IndexError)):
            wrong()
    path.write_bytes(pickle.dumps(whole))
    assert npy_object.open(path)["train"][1]["a"].tolist() == [0, 1, 2]


def test_array_has_the_habits_of_numpy(tmp_path):
    path = tmp_path / "a.npy"
    for array in [objects(["a", [1], None]), np.arange(6.0).reshape(2, 3), objects([1]), np.array([[5]])]:
        np.save(path, array)
        opened = npy_object.open(path)
        assert opened.tolist() == array.tolist() and opened.nbytes == array.nbytes and opened.filename == path
        last = tuple(length - 1 for length in array.shape)
        assert opened.item(*last) == array.item(*last) and type(opened.item(*last)) is type(array.item(*last))
        if array.size == 1:
            assert opened.item() == array.item()
        else:
            with pytest.raises(ValueError):
                opened.item()
    assert npy_object.open(path.read_bytes()).filename is None
    assert npy_object.__version__.count(".") == 2


def test_shape_and_dtype_give_the_file_of_numpy(tmp_path):
    path, other = tmp_path / "a.npy", tmp_path / "b.npy"
    for array in [
        np.array([[n, str(n), None] for n in range(700)], object),
        objects(["only"]),
        np.arange(600.0).reshape(100, 2, 3),
        np.array([(1, 2.5), (3, 4.5)], [("a", "<i4"), ("b", "<f8")]),
        np.arange(5).astype("M8[s]"),
    ]:
        np.save(other, array)
        with npy_object.Writer(path, shape=array.shape, dtype=array.dtype) as writer:
            writer.extend(array.flat if array.dtype == object else array)
        same(np.load(path, allow_pickle=True), array)
        assert path.stat().st_size <= other.stat().st_size + 32
    with npy_object.Writer(path, dtype="f4") as writer:
        writer.append(1)
        writer.extend([2, 3.5])
        with pytest.raises(ValueError, match=r"expected a row of shape \[\], found shape \[2\]"):
            writer.append([1, 2])
        assert len(writer) == 3
    same(np.load(path), np.array([1, 2, 3.5], "f4"))
    for elements in (["a"], ["a", "b", "c"]):
        with pytest.raises(npy_object.Error, match="expected 2 elements by the shape"):
            with npy_object.Writer(tmp_path / "none.npy", shape=(2,)) as writer:
                writer.extend(elements)
    assert not (tmp_path / "none.npy").exists()
