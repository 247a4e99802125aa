"""Spark: the data source in `local[2]`, with Python workers."""

import os
import sys

import pytest

os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
from pyspark.sql import SparkSession  # noqa: E402


@pytest.fixture(scope="module")
def spark():
    # A task is tried four times.
    session = SparkSession.builder.master("local[2, 4]").config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()



@pytest.fixture
def paths(folder):
    return str(folder / "first.npy"), str(folder / "second.npy")


def test_rows_equal_numpy(spark, paths, rows):
    frames = [spark.read.format("npy").option("partitions", 4).load(path) for path in paths]
    found = [row.asDict(recursive=True) for frame in frames for row in frame.collect()]
    assert [{**row, "late": row.get("late")} for row in found] == rows
    assert frames[0].rdd.getNumPartitions() == 4
    frames[1].createOrReplaceTempView("rows")
    assert spark.sql("select count(*), count(distinct id), sum(weight) from rows").collect()[0][:] == (
        9000,
        9000,
        sum(row["weight"] for row in rows[3000:]),
    )


def test_schema_chooses_columns(spark, paths, rows):
    frame = spark.read.format("npy").schema("weight double, name string").load(paths[1])
    assert [tuple(row) for row in frame.collect()] == [(row["weight"], row["name"]) for row in rows[3000:]]


def test_arrays_equal_numpy(spark, ragged, arrays):
    found = spark.read.format("npy").load(ragged).collect()
    assert [list(row.element) for row in found] == [array.tolist() for array in arrays]


def test_task_of_a_killed_worker_runs_again(spark, paths, rows, kill_once):
    kill = kill_once(7000)

    def ids(batches):
        for batch in batches:
            kill(batch["id"].to_pylist())
            yield batch

    frame = spark.read.format("npy").option("partitions", 4).load(paths[1]).select("id")
    found = frame.mapInArrow(ids, "id long").collect()
    assert [row.id for row in found] == [row["id"] for row in rows[3000:]]
