"""DataFusion on `npy_object.dataset`."""

import datafusion


def test_queries_equal_numpy(dataset, rows, decoded):
    context = datafusion.SessionContext()
    context.register_dataset("rows", dataset)
    for _ in range(2):
        found = context.sql("select count(*) n, sum(weight) s, count(name) c from rows").to_pylist()
        assert found == [
            {"n": len(rows), "s": sum(row["weight"] for row in rows), "c": sum(row["name"] is not None for row in rows)}
        ]
    assert decoded == {"weight", "name"}
    assert context.sql("select count(*) n from rows").to_pylist() == [{"n": len(rows)}]
    decoded.clear()
    found = context.sql("select name from rows where id > 11990 and late order by name").to_pylist()
    assert found == [{"name": row["name"]} for row in rows if row["id"] > 11_990 and row["late"]]
    assert decoded == {"id", "late", "name"}
    assert context.sql("select * from rows order by id").to_pylist() == rows
