"""Arrays as Dask bags and data frames: each partition is a part of a file."""

from typing import Any, Optional

import dask
import dask.bag

from npy_object.engines.files import Files, Source, default_parts


def read_bag(source: Source, *, npartitions: Optional[int] = None, **settings: Any) -> dask.bag.Bag:
    """Returns the elements of a file, or of several, as a bag.

    ``settings`` are the keyword arguments of ``npy_object.open``. Workers open the files by their paths or URLs.
    """
    parts = Files.open(source, **settings).parts(npartitions or default_parts())
    return dask.bag.from_delayed([dask.delayed(list)(part) for part in parts])


def read_dataframe(source: Source, *, npartitions: Optional[int] = None, **settings: Any) -> Any:
    """Returns the elements of a file, or of several, as a data frame of Arrow types.

    ``settings`` are the keyword arguments of ``npy_object.dataset``. Only the columns that are used are decoded.
    """
    import dask.dataframe

    from npy_object.engines.arrow import dataset

    rows = dataset(source, **settings)
    fragments = list(rows.get_fragments(count=npartitions))
    return dask.dataframe.from_map(frame, fragments, meta=to_pandas(rows.schema.empty_table()), label="read-npy")


def frame(fragment: Any, columns: "Optional[list[str]]" = None) -> Any:
    return to_pandas(fragment.to_table(columns=columns))


def to_pandas(table: Any) -> Any:
    """Returns a pandas frame whose types do not depend on whether values are missing."""
    import pandas

    return table.to_pandas(types_mapper=pandas.ArrowDtype)
