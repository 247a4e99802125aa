"""S3, which moto serves on this machine, through s3fs: only the bytes that are needed are read."""

import pickle

import boto3
import fsspec
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

import npy_object
from npy_object.engines.dask import read_bag


@pytest.fixture(scope="module")
def options(folder):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = "http://%s:%d" % server.get_host_and_port()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="arrays")
    npy_object.open(folder / "ragged.npy").save_index()
    for name in ("ragged.npy", "ragged.npy.idx", "first.npy"):
        client.put_object(Bucket="arrays", Key=name, Body=(folder / name).read_bytes())
    yield {"key": "test", "secret": "test", "endpoint_url": url}
    server.stop()


def test_elements_equal_numpy(options, arrays):
    file = fsspec.open("s3://arrays/ragged.npy", **options)
    array = npy_object.open(file)
    assert np.array_equal(array[-1], arrays[-1])
    assert all(map(np.array_equal, array, arrays))


def test_url_with_storage_options_equals_numpy(options, arrays):
    array = npy_object.open("s3://arrays/ragged.npy", storage_options=options)
    assert np.array_equal(array[-1], arrays[-1])
    parts = pickle.loads(pickle.dumps(array.splits(2)))
    assert [len(found) for part in parts for found in part] == list(map(len, arrays))


def test_splits_are_reopened_by_url(options, arrays):
    splits = npy_object.open(fsspec.open("s3://arrays/ragged.npy", **options)).splits(4)
    splits = pickle.loads(pickle.dumps(splits))
    found = [array for split in splits for array in split]
    assert all(map(np.array_equal, found, arrays)) and len(found) == len(arrays)


def test_dataset_and_bag_of_a_url(options, rows, arrays):
    dataset = pickle.loads(pickle.dumps(npy_object.dataset(fsspec.open("s3://arrays/first.npy", **options))))
    found = dataset.to_table().to_pylist()
    assert [{**row, "late": None} for row in found] == [{**row, "weight": float(row["weight"])} for row in rows[:3000]]
    bag = read_bag(fsspec.open("s3://arrays/ragged.npy", **options), npartitions=3)
    assert bag.map(len).compute(scheduler="synchronous") == list(map(len, arrays))
