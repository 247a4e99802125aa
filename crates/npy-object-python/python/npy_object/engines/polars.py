"""Arrays as Polars lazy frames, with projection and slices pushed down."""

from typing import Any, Iterator, Optional

import polars
from polars.io.plugins import register_io_source

from npy_object.engines.arrow import dataset
from npy_object.engines.files import Source


def scan_npy(source: Source, **settings: Any) -> polars.LazyFrame:
    """Returns the elements of a file, or of several, as a lazy frame; the arguments are those of ``npy_object.dataset``.

    Only the columns and the first rows that the query needs are decoded. The frame can be collected any number of times.
    """
    rows = dataset(source, **settings)

    def frames(
        columns: "Optional[list[str]]", predicate: Optional[polars.Expr], limit: Optional[int], batch_size: Optional[int]
    ) -> Iterator[polars.DataFrame]:
        for batch in rows.batches(rows.needed(columns, None), batch_size, limit):
            frame = polars.from_arrow(batch)
            assert isinstance(frame, polars.DataFrame)
            yield frame if predicate is None else frame.filter(predicate)

    def schema() -> Any:
        empty = polars.from_arrow(rows.schema.empty_table())
        return empty.schema

    return register_io_source(frames, schema=schema, explain_name="NPY")
