"""Polars: `scan_npy`, and `scan_pyarrow_dataset` on `npy_object.dataset`."""

import polars as pl
import pytest

import npy_object
from npy_object.engines.polars import scan_npy


@pytest.fixture(params=["scan_npy", "scan_pyarrow_dataset"])
def frame(request, dicts):
    return scan_npy(dicts) if request.param == "scan_npy" else pl.scan_pyarrow_dataset(npy_object.dataset(dicts))


def test_frame_equals_numpy(frame, rows):
    assert frame.collect().to_dicts() == rows
    assert frame.collect().to_dicts() == rows, "it can be collected again"
    assert frame.select(pl.len()).collect().item() == len(rows)


def test_projection_and_filter_arrive(frame, rows, decoded):
    found = frame.filter(pl.col("id") > 11_990, pl.col("late")).select("name").collect()
    assert found.to_dicts() == [{"name": row["name"]} for row in rows if row["id"] > 11_990 and row["late"]]
    assert decoded == {"id", "late", "name"}


def test_slices_read_only_their_rows(dicts, rows, monkeypatch):
    frame, read = scan_npy(dicts), []
    frame.collect_schema()
    from npy_object.engines import arrow

    of_part = arrow.read
    monkeypatch.setattr(arrow, "read", lambda part, schema: read.append(part) or of_part(part, schema))
    assert frame.head(10).select("id").collect()["id"].to_list() == list(range(10))
    assert len(read) == 1, "the second file is not read"
    assert frame.slice(2998, 4).collect().to_dicts() == rows[2998:3002]
    assert frame.head(10).filter(pl.col("id") > 5).select("id").collect()["id"].to_list() == [6, 7, 8, 9]
    assert frame.filter(pl.col("id") > 5).head(10).select("id").collect()["id"].to_list() == list(range(6, 16))
    assert frame.tail(2).collect().to_dicts() == rows[-2:]
