"""Dask: bags and data frames in two worker processes."""

import pytest
from distributed import Client, LocalCluster

import npy_object
from npy_object.engines.dask import read_bag, read_dataframe


@pytest.fixture(scope="module")
def client():
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            yield client


def test_bag_has_each_element_once(client, ragged, arrays):
    bag = read_bag(ragged, npartitions=8)
    assert bag.npartitions == 8
    found = bag.compute()
    assert [array.tolist() for array in found] == [array.tolist() for array in arrays]
    assert bag.map(len).sum().compute() == sum(map(len, arrays))


def test_frame_equals_numpy(client, dicts, rows):
    frame = read_dataframe(dicts, npartitions=6)
    assert len(frame) == len(rows) and frame.columns.tolist() == list(rows[0])
    assert frame["weight"].sum().compute() == sum(row["weight"] for row in rows)
    assert frame["id"].compute().tolist() == list(range(len(rows)))
    late = frame[frame["late"].fillna(False)]["id"].compute().tolist()
    assert late == [row["id"] for row in rows if row["late"]]


def test_frame_decodes_only_the_columns_of_a_query(dicts, rows, decoded):
    frame = read_dataframe(dicts, npartitions=6)
    assert frame["id"].sum().compute(scheduler="synchronous") == sum(row["id"] for row in rows)
    assert decoded == {"id"}


def test_part_of_a_killed_worker_runs_again(client, dicts, rows, kill_once):
    kill = kill_once(7000)

    def ids(part):
        numbers = [row["id"] for row in part]
        kill(numbers)
        return numbers

    found = read_bag(dicts, npartitions=6).map_partitions(ids).compute()
    assert found == list(range(len(rows)))


def test_parts_of_a_view_are_found_by_path(client, ragged, arrays):
    found = read_bag(npy_object.open(ragged)[10:500], npartitions=3).map(len).compute()
    assert found == list(map(len, arrays[10:500]))
