"""Truncated files: their whole elements are read before an error that names `salvage`; and `salvage` itself."""

import gzip
import io
import pickle
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from files import objects

import npy_object


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def until_error(iterable):
    """Returns the items before a TruncatedError."""
    found = []
    with pytest.raises(npy_object.TruncatedError, match="`salvage`"):
        for item in iterable:
            found.append(item)
    return found


INTS = npy(objects(list(range(1500))))
CUT = INTS[:-10]


def packed(data, compression):
    """Returns an archive with one member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("x.npy", data)
    return file.getvalue()


SOURCES = {
    "bytes": lambda data: data,
    "file object": io.BytesIO,
    "gzip": gzip.compress,
    "cut gzip": lambda data: gzip.compress(INTS)[:-8],
    "stored": lambda data: packed(data, zipfile.ZIP_STORED),
    "deflated": lambda data: packed(data, zipfile.ZIP_DEFLATED),
}


@pytest.mark.parametrize("source", SOURCES)
def test_elements_of_whole_batches_come_before_the_error(source):
    def opened(**kwargs):
        found = npy_object.open(SOURCES[source](CUT), **kwargs)
        return found["x"] if isinstance(found, npy_object.Npz) else found

    whole = 1500 if source == "cut gzip" else 1000
    assert until_error(opened()) == list(range(whole))
    assert until_error(opened().flat) == list(range(whole))
    batches = until_error(opened().iter_batches(300))
    assert np.concatenate(batches).tolist() == list(range(whole))
    assert all(opened()[n] == n for n in (0, 999, 500))
    unfinished = until_error(opened(unfinished=True))
    assert unfinished == list(range(len(unfinished))) and len(unfinished) >= 1490


def test_rows_come_before_the_error():
    cut = npy(objects(list(range(3000))).reshape(1000, 3))[:-10]
    rows = until_error(npy_object.open(cut))  # views, which read their elements later
    assert [list(row) for row in rows[:666]] == np.arange(1998).reshape(666, 3).tolist()
    assert until_error(rows[666]) == [1998, 1999]
    assert until_error(npy_object.open(cut).flat) == list(range(2000))
    batches = until_error(npy_object.open(cut).iter_batches(500))
    assert np.concatenate(batches).tolist() == np.arange(1998).reshape(666, 3).tolist()


CONTAINERS = {
    "list": (list, 2000),
    "set": (set, 2000),
    "tuple": (tuple, 0),
    "dict": (lambda numbers: {"k%d" % n: n for n in numbers}, 2000),
}


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("bare", [True, False])
def test_members_of_whole_batches_come_before_the_error(kind, bare, tmp_path):
    make, whole = CONTAINERS[kind]
    value = make(range(2500))
    members = list(value.items()) if kind == "dict" else list(value)
    if not bare and kind == "tuple":
        return
    if not bare and kind == "set" and np.lib.NumpyVersion(np.__version__) < "2.1.0":
        pytest.skip("before protocol 4, which NumPy writes since 2.1, a set is a call")
    holder = np.empty((), object)
    holder[()] = value
    cut = (pickle.dumps(value, 4) if bare else npy(holder))[:-10]

    def opened(**kwargs):
        return npy_object.open(cut, **kwargs) if bare else npy_object.open(cut, **kwargs).entries()

    assert until_error(opened()) == members[:whole]
    unfinished = until_error(opened(unfinished=True))
    assert unfinished == members[: len(unfinished)] and len(unfinished) > 2400
    with pytest.raises(npy_object.TruncatedError):
        npy_object.load(cut)
    out = tmp_path / "saved.npy"
    saved = npy_object.salvage(cut, out)
    assert (saved.elements, saved.is_whole, saved.doubtful > 400) == (whole, False, True)
    assert isinstance(saved.broken_off, npy_object.TruncatedError)
    assert out.exists() == (whole > 0)
    if whole:
        assert np.load(out, allow_pickle=True).item() == make(range(whole))
    saved = npy_object.salvage(cut, out, doubtful=True)
    assert np.load(out, allow_pickle=True).item() == make(range(saved.elements))
    with pytest.warns(UserWarning, match="truncated"):
        loaded = npy_object.load(cut, unfinished=True)
    assert (loaded if bare else loaded.item()) == make(range(saved.elements))


def test_load_unfinished_of_a_truncated_file_equals_salvage(tmp_path):
    with pytest.raises(npy_object.TruncatedError, match="`salvage`"):
        npy_object.load(CUT)
    with pytest.warns(UserWarning, match="truncated"):
        loaded = npy_object.load(CUT, unfinished=True)
    saved = npy_object.salvage(CUT, tmp_path / "saved.npy", doubtful=True)
    assert loaded.tolist() == np.load(tmp_path / "saved.npy", allow_pickle=True).tolist()
    assert loaded.tolist() == list(range(saved.elements))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert npy_object.load(INTS, unfinished=True).tolist() == list(range(1500))


def test_salvage_keeps_the_shape_of_a_whole_file(tmp_path):
    for array in (objects(list(range(6))).reshape(3, 2), np.array({"a": 1}, object), np.arange(6).reshape(2, 3)):
        saved = npy_object.salvage(npy(array), tmp_path / "saved.npy")
        loaded = np.load(tmp_path / "saved.npy", allow_pickle=True)
        assert saved.is_whole and loaded.shape == array.shape and loaded.tolist() == array.tolist()


def test_salvage_saves_no_part_of_an_element(tmp_path):
    def nest(number):
        return (number, nest(number + 1)) if number < 30 else None

    data = npy(objects([nest(1) for _ in range(5)]))
    # The list ends at most 6 bytes before the end of the pickle.
    for cut in range(300, len(data) - 7):
        saved = npy_object.salvage(data[:cut], tmp_path / "saved.npy")
        assert saved.elements == 0 and not (tmp_path / "saved.npy").exists()


def test_salvage_onto_its_input_fails_without_in_place(tmp_path):
    path = tmp_path / "cut.npy"
    path.write_bytes(CUT)
    (tmp_path / "link.npy").symlink_to(path)
    with pytest.raises(npy_object.Error, match="input"):
        npy_object.salvage(path, tmp_path / "link.npy")
    assert npy_object.salvage(path, path, in_place=True).elements == 1000
    assert len(npy_object.load(path)) == 1000


class Pipe(io.BytesIO):
    def seekable(self):
        return False

    def seek(self, *_):
        raise OSError("a pipe")

    tell = seek


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("seekable", [True, False])
def test_members_of_an_archive_without_a_directory_are_read_and_saved(save, seekable, tmp_path):
    file = io.BytesIO() if seekable else Pipe()
    save(file, first=objects(list(range(1500))), numbers=np.arange(10), last=objects(list(range(3000))))
    data = file.getvalue()
    directory = data.index(b"PK\x01\x02")
    for end, whole in [(directory, 3000), (directory - 40, None)]:
        cut = data[:end]
        with pytest.raises(npy_object.TruncatedError, match="`salvage`"):
            npy_object.open(cut)
        with pytest.warns(UserWarning, match="`salvage`"):
            archive = npy_object.open(cut, unfinished=True)
        assert list(archive) == ["first", "numbers", "last"]
        assert list(archive["first"]) == list(range(1500))
        assert archive["numbers"].to_numpy().tolist() == list(range(10))
        out = tmp_path / "saved.npy"
        for member, count in [("first", 1500), ("numbers", 10)]:
            saved = npy_object.salvage(cut, out, member=member)
            assert saved.is_whole and np.load(out, allow_pickle=True).tolist() == list(range(count))
        saved = npy_object.salvage(cut, out, member="last")
        assert saved.is_whole == (whole is not None) and saved.elements >= 2000
        assert np.load(out, allow_pickle=True).tolist() == list(range(saved.elements))
        members = npy_object.salvage(cut, out)
        with np.load(out, allow_pickle=True) as archive:
            assert list(archive) == list(members) == ["first", "numbers", "last"]
            assert archive["first"].tolist() == list(range(1500)) and members["first"].is_whole
            assert archive["numbers"].tolist() == list(range(10))
            assert archive["last"].tolist() == list(range(members["last"].elements))
    with pytest.raises(KeyError):
        npy_object.salvage(data, tmp_path / "saved.npy", member="none")


def test_salvage_reports_a_checksum_mismatch(tmp_path):
    file = io.BytesIO()
    np.savez(file, x=objects(["text %d" % n for n in range(1500)]))
    data = file.getvalue().replace(b"text 1400", b"tixt 1400")
    saved = npy_object.salvage(data, tmp_path / "saved.npy", member="x")
    assert saved.elements == 1500 and not saved.is_whole and "CRC-32" in str(saved.broken_off)


def test_every_byte_of_a_truncated_deflate_stream_is_read():
    data = npy(objects([str(n) for n in range(5000)]))
    for compressed in (gzip.compress(data), packed(data, zipfile.ZIP_DEFLATED)):
        for end in range(100, len(compressed) - 100, 997):
            cut = compressed[:end]
            begin = 10 if cut[:2] == b"\x1f\x8b" else 30 + len("x.npy")
            readable = zlib.decompressobj(-15).decompress(cut[begin:])
            if len(readable) < 1000:
                continue
            expected = until_error(npy_object.open(readable))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = npy_object.open(cut, unfinished=True)
                found = found["x"] if isinstance(found, npy_object.Npz) else found
            assert until_error(found)[: len(expected)] == expected
