"""Archives: damaged members, refused objects and unknown names."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from files import objects

import npy_object


def savez(path, **arrays):
    np.savez(path, **arrays)
    return path


def flip(path, needle):
    """Flips a bit of the last byte of `needle` in a file, which can still be read."""
    data = bytearray(path.read_bytes())
    assert data.count(needle) == 1
    data[data.index(needle) + len(needle) - 1] ^= 1
    path.write_bytes(data)


@pytest.fixture
def damaged(tmp_path):
    """An archive with a flipped bit in each array but `whole`."""
    path = savez(
        tmp_path / "damaged.npz",
        words=objects(["one", "two", "last word"]),
        table=objects(["%d" % n for n in range(5)] + ["table end"]).reshape(2, 3),
        numbers=np.array([1, 2, 0x1234567890]),
        rows=np.array([[1, 2], [3, 0x2345678901]]),
        big=objects(["x" * 100_000, np.arange(30_000), "big end"]),
        many=objects(list(range(10_000)) + ["many end"]),
        config=np.array({"key": "the value"}, object),
        whole=objects(["whole"]),
    )
    for needle in (b"last word", b"table end", (0x1234567890).to_bytes(5, "little"), b"the value", b"big end"):
        flip(path, needle)
    flip(path, (0x2345678901).to_bytes(5, "little"))
    flip(path, b"many end")
    return path


DAMAGED = ["words", "table", "numbers", "rows", "big", "many", "config"]


def sources(path):
    """Yields functions that open the archive from each kind of source."""
    yield lambda **options: npy_object.open(path, **options)
    yield lambda **options: npy_object.open(path.read_bytes(), **options)
    yield lambda **options: npy_object.open(io.BytesIO(path.read_bytes()), **options)
    yield lambda **options: npy_object.open(path, mmap_mode="r", **options)


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_stored_member_read_to_its_end_fails(damaged, name):
    for opened in sources(damaged):
        ways = [
            lambda: opened()[name].to_numpy(),
            lambda: np.asarray(opened()[name]),
            lambda: opened()[name].verify(),
            lambda: opened().verify(name),
            lambda: opened().verify(),
            lambda: list(opened()[name].flat),
        ]
        if name == "config":
            ways += [lambda: opened()[name][()], lambda: list(opened()[name].entries())]
            ways += [lambda: opened()[name].entries().verify()]
        else:
            ways += [lambda: list(opened()[name]), lambda: list(reversed(opened()[name]))]
            ways += [lambda: list(opened()[name].iter_batches(2)), lambda: list(opened()[name][1:])]
        for way in ways:
            with pytest.raises(npy_object.MalformedError) as raised:
                way()
            assert raised.value.clause == "npz.checksum"
    for load in (damaged, damaged.read_bytes(), io.BytesIO(damaged.read_bytes())):
        with pytest.raises(npy_object.MalformedError):
            npy_object.load(load)[name]


def test_damaged_stored_member_as_arrow_fails(damaged):
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(Exception, match="CRC-32"):
        pa.table(npy_object.open(damaged)["words"])


def test_whole_member_next_to_damaged_ones_is_read(damaged):
    archive = npy_object.open(damaged)
    assert list(archive["whole"]) == ["whole"]
    archive.verify("whole")
    archive["whole"].verify()
    # Access by index does not compare checksums.
    assert archive["words"][0] == "one" and archive["numbers"][0] == 1


def test_damaged_member_that_is_no_array_fails(tmp_path):
    path = tmp_path / "notes.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes", b"some notes")
    assert npy_object.open(path)["notes"] == b"some notes"
    flip(path, b"some notes")
    with pytest.raises(npy_object.MalformedError, match="CRC-32"):
        npy_object.open(path)["notes"]


def test_verify_of_array_outside_an_archive_does_nothing(saved):
    npy_object.open(saved(objects(["x"]))).verify()
    npy_object.open(saved(np.array({"a": 1}, object))).entries().verify()


def test_load_of_npz_without_allow_pickle_refuses_objects(tmp_path):
    arrays = {"x": objects([1, "t"]), "n": np.arange(3), "s": np.array({"a": 1}, object)}
    for save in (np.savez, np.savez_compressed):
        path = tmp_path / "a.npz"
        save(path, **arrays)
        for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes())):
            archive = npy_object.load(source, allow_pickle=False)
            assert archive["n"].tolist() == [0, 1, 2]
            for refused in (
                lambda: archive["x"],
                lambda: archive["x.npy"],
                lambda: archive["s"],
                lambda: archive.get("x"),
                lambda: list(archive.items()),
                lambda: list(archive.values()),
                lambda: dict(archive),
            ):
                with pytest.raises(ValueError, match="Object arrays cannot be loaded when allow_pickle=False"):
                    refused()
        assert npy_object.load(path)["x"].tolist() == [1, "t"]


def test_load_without_allow_pickle_refuses_pickles_of_any_source(tmp_path):
    import gzip

    npy = io.BytesIO()
    np.save(npy, objects([1]))
    record = io.BytesIO()
    np.save(record, np.array([(1, None)], [("a", "i4"), ("b", "O")]))
    broken = npy.getvalue()[:-20] + b"no pickle at all!!!!"
    given = [npy.getvalue(), record.getvalue(), broken] + [pickle.dumps({"a": 1}, protocol) for protocol in range(6)]
    for data in given + [gzip.compress(data) for data in given]:
        path = tmp_path / "a"
        path.write_bytes(data)
        for source in (path, data, io.BytesIO(data)):
            with pytest.raises(ValueError, match="Object arrays cannot be loaded when allow_pickle=False"):
                npy_object.load(source, allow_pickle=False)


def test_unknown_member_error_lists_the_names(tmp_path):
    archive = npy_object.open(savez(tmp_path / "a.npz", train=np.arange(2), test=np.arange(2)))
    with pytest.raises(KeyError, match="trian.*is not a file in the archive; did you mean.*train"):
        archive["trian"]
    with pytest.raises(KeyError, match="weights.*is not a file in the archive, which has.*train.*test"):
        archive["weights"]
    with pytest.raises(KeyError, match="is not a file in the archive"):
        archive.verify("weights")
    assert archive.get("weights") is None
