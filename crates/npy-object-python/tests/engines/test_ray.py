"""Ray: read tasks in two worker processes."""

import os

import pytest

os.environ.update(RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0")
import ray  # noqa: E402

from npy_object.engines.ray import read_npy  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def test_rows_equal_numpy(dicts, rows):
    data = read_npy(dicts, override_num_blocks=6)
    assert data.count() == len(rows)
    assert sorted(data.take_all(), key=lambda row: row["id"]) == rows
    assert data.sum("weight") == sum(row["weight"] for row in rows)


def test_arrays_equal_numpy(ragged, arrays):
    found = sorted((list(row["element"]) for row in read_npy(ragged).iter_rows()))
    assert found == sorted(array.tolist() for array in arrays)


def test_projection_and_limit(dicts):
    data = read_npy(dicts, override_num_blocks=4).select_columns(["id"])
    assert sorted(row["id"] for row in data.iter_rows()) == list(range(12_000))
    assert len(read_npy(dicts).limit(5).take_all()) == 5


def test_task_of_a_killed_worker_runs_again(dicts, rows, kill_once):
    kill = kill_once(7000)

    def ids(batch):
        kill(batch["id"].tolist())
        return {"id": batch["id"]}

    data = read_npy(dicts, override_num_blocks=6).map_batches(ids)
    assert sorted(row["id"] for row in data.iter_rows()) == list(range(len(rows)))
