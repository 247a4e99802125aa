"""zarr: ragged arrays as a flat array and offsets; and in place, through references to their bytes in the file."""

import asyncio
import json
import threading

import fsspec
import numpy as np
import pyarrow as pa
import pytest
import zarr
from aiohttp import web
from files import objects

import npy_object

zarr.config.set({"array.rectilinear_chunks": True})


def test_flat_arrays_equal_numpy(ragged, arrays, tmp_path):
    fragments = list(npy_object.dataset(ragged).get_fragments(count=4))
    columns = [fragment.to_table().column("element").combine_chunks() for fragment in fragments]
    values, offsets = [column.flatten().to_numpy() for column in columns], [0]
    for column in columns:
        offsets += (np.asarray(column.value_lengths()).cumsum() + offsets[-1]).tolist()
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("values", data=np.concatenate(values), chunks=(1000,))
    group.create_array("offsets", data=np.array(offsets))
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    found, ends = group["values"][:], group["offsets"][:]
    assert len(ends) == len(arrays) + 1 and pa.types.is_float64(columns[0].type.value_type)
    assert all(np.array_equal(found[a:b], array) for a, b, array in zip(ends, ends[1:], arrays))


def in_place(references, protocol="file"):
    """The zarr group of references, which reads the .npy file through fsspec."""
    options = {"fo": references, "remote_protocol": protocol, "remote_options": {"asynchronous": True}}
    fs = fsspec.filesystem("reference", asynchronous=True, skip_instance_cache=True, **options)
    return zarr.open_group(zarr.storage.FsspecStore(fs, read_only=True), mode="r")


def check_ragged(group, arrays):
    values, ends = group["values"], group["offsets"][:]
    assert len(ends) == len(arrays) + 1
    for n in [0, 1, 17, len(arrays) - 1]:
        assert np.array_equal(values[ends[n] : ends[n + 1]], arrays[n])
    return values, ends


@pytest.fixture
def served(folder):
    """The URL of a server of the files, which serves ranges of bytes."""
    loop, started, urls = asyncio.new_event_loop(), threading.Event(), []

    async def serve():
        app = web.Application()
        app.router.add_static("/", str(folder))
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        urls.append("http://127.0.0.1:%d" % site._server.sockets[0].getsockname()[1])
        started.set()

    def run():
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(30)
    yield urls[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)


def test_references_to_ragged_arrays_are_read_in_place(ragged, arrays):
    values, ends = check_ragged(in_place(npy_object.open(ragged).kerchunk()), arrays)
    assert np.array_equal(values[:], np.concatenate(arrays)) and values.dtype == arrays[0].dtype
    assert np.array_equal(np.diff(ends), [len(array) for array in arrays])


def test_references_over_http_are_read_in_place(ragged, arrays, served):
    references = npy_object.open(ragged).kerchunk(url=served + "/ragged.npy")
    check_ragged(in_place(json.loads(json.dumps(references)), "http"), arrays)


def test_references_to_images_of_one_shape_have_a_regular_grid(tmp_path):
    images = np.empty(3, object)
    images[:] = [np.full((2, 4), n, ">u2") for n in range(3)]
    np.save(tmp_path / "a.npy", images)
    with zarr.config.set({"array.rectilinear_chunks": False}):
        group = in_place(npy_object.open(tmp_path / "a.npy").kerchunk())
        assert np.array_equal(group["values"][:], np.concatenate(list(images)))


def test_references_to_unlike_arrays_are_an_array_for_each(tmp_path):
    unlike = objects(
        [
            np.arange(3, dtype="i1"),
            np.asfortranarray(np.arange(6.0).reshape(2, 3)),
            np.zeros((0, 2)),
            np.array(["2024-01-01", "NaT"], "M8[s]"),
            np.array(5 + 2j),
            np.float32(1.5),
            np.array([True, False]),
        ]
    )
    np.save(tmp_path / "a.npy", unlike)
    group = in_place(npy_object.open(tmp_path / "a.npy").kerchunk())
    assert sorted(group.array_keys()) == [str(n) for n in range(len(unlike))]
    for n, array in enumerate(unlike):
        found = group[str(n)][...]
        assert np.array_equal(found, array, equal_nan=np.asarray(array).dtype.kind == "M") and found.dtype == array.dtype


def test_references_to_text_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", objects([np.array(["a"])]))
    with pytest.raises(npy_object.Error, match=r"found <U1 \(element 0"):
        npy_object.open(tmp_path / "a.npy").kerchunk()
