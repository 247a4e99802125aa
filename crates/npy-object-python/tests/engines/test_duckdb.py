"""DuckDB on `npy_object.dataset`."""

import duckdb


def test_queries_equal_numpy(dataset, rows, decoded):
    query = "select count(*), count(distinct id), sum(weight), count(name) from dataset"
    expected = [(len(rows), len(rows), sum(row["weight"] for row in rows), sum(row["name"] is not None for row in rows))]
    for _ in range(2):
        assert duckdb.sql(query).fetchall() == expected
    assert decoded == {"id", "weight", "name"}
    assert duckdb.sql("select * from dataset order by id").to_arrow_table().to_pylist() == rows


def test_filters_and_projections_arrive(dataset, rows, decoded):
    found = duckdb.sql("select name from dataset where id > 11990 and late order by name").fetchall()
    assert found == [(row["name"],) for row in rows if row["id"] > 11_990 and row["late"]]
    assert decoded == {"id", "late", "name"}
    assert duckdb.sql("select sub.half from dataset where id = 7").fetchall() == [(3.5,)]
    assert duckdb.sql("select count(*) from dataset").fetchall() == [(len(rows),)]
    assert duckdb.sql("select sum(len(list)) from dataset limit 1").fetchall() == [(sum(len(row["list"]) for row in rows),)]
