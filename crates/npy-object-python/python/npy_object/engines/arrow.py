"""Arrays as a ``pyarrow.dataset.Dataset``, for DuckDB, Polars, DataFusion, pandas and pyarrow."""

from typing import Any, Iterable, Iterator, Optional

import pyarrow
import pyarrow.compute
import pyarrow.dataset

from npy_object._npy_object import _infer_schema
from npy_object.engines.files import Files, Part, Source, default_parts

READAHEAD = 4
"""The batches, of up to 16 MiB, that a scanner holds. pyarrow's default is 16."""


def dataset(source: Source, *, schema: Optional[pyarrow.Schema] = None, **settings: Any) -> "Dataset":
    """Returns the elements of a file, or of several, as a ``pyarrow.dataset.Dataset``.

    ``source`` is what ``open`` takes, an ``Array``, or a list of these; ``settings`` are the keyword arguments of ``open``.
    Elements that are dicts have a column for each key; others are the column ``element``.

    The schema is that of all elements, which the first use of it reads once. With ``schema``, nothing is read, and the
    elements are cast to it; keys of dicts that are not in it are left out.
    """
    return Dataset(Files.open(source, **settings), schema)


def read(part: Part, schema: pyarrow.Schema) -> pyarrow.RecordBatchReader:
    """Returns the batches of a part. Only the columns of the schema are decoded."""
    reader = pyarrow.RecordBatchReader.from_stream(part, schema=schema)
    return reader if reader.schema.equals(schema) else reader.cast(schema)


class Scans:
    """Parts of files, and a schema that all of them have: what a dataset and its fragments have in common."""

    def __init__(self, parts: "Iterable[Part]", schema: pyarrow.Schema) -> None:
        self._parts, self._schema = list(parts), schema

    @property
    def parts(self) -> "list[Part]":
        return self._parts

    @property
    def schema(self) -> pyarrow.Schema:
        return self._schema

    def batches(
        self,
        schema: pyarrow.Schema,
        batch_size: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> Iterator[pyarrow.RecordBatch]:
        """Yields batches of the columns of this schema, of at most ``batch_size`` rows, and ``limit`` rows in all."""
        for part in self.parts:
            for batch in read(part, schema):
                if limit is not None:
                    batch = batch.slice(0, limit)
                    limit -= len(batch)
                step = batch_size or len(batch) or 1
                yield from (batch.slice(first, step) for first in range(0, len(batch), step))
                if limit == 0:
                    return

    def needed(self, columns: Any, filter: Optional[pyarrow.compute.Expression]) -> pyarrow.Schema:
        """Returns the schema of the columns that these columns and this filter read."""
        schema = self.schema
        if columns is None:
            return schema
        if isinstance(columns, dict):
            named, text = set(), " ".join(map(str, columns.values()))
        else:
            named, text = set(columns), ""
        text += str(filter)

        def binds(fields: "list[pyarrow.Field]") -> bool:
            try:
                pyarrow.dataset.Scanner.from_batches(
                    iter(()), schema=pyarrow.schema(fields), columns=columns, filter=filter
                )
            except (pyarrow.ArrowException, KeyError):
                return False
            return True

        # An expression does not say which columns it reads, but it cannot be bound to a schema without them.
        maybe = [field for field in schema if field.name in named or field.name in text]
        fields = [
            field
            for field in maybe
            if field.name in named or not binds([other for other in maybe if other.name != field.name])
        ]
        return pyarrow.schema(fields, metadata=schema.metadata)

    def scanner(self, *args: Any, **kwargs: Any) -> pyarrow.dataset.Scanner:
        """Returns a ``pyarrow.dataset.Scanner``, which reads the rows once: see ``scan``."""
        return self.scan(*args, **kwargs)

    def scan(
        self,
        columns: Any = None,
        filter: Optional[pyarrow.compute.Expression] = None,
        batch_size: Optional[int] = None,
        *,
        limit: Optional[int] = None,
        **options: Any,
    ) -> pyarrow.dataset.Scanner:
        """Returns a scanner of these columns of the rows that the filter chooses, of ``limit`` rows at most.

        A batch has at most ``batch_size`` rows. ``options`` are those of ``pyarrow.dataset.Scanner``.
        """
        schema = self.needed(columns, filter)
        if batch_size is not None:
            options["batch_size"] = batch_size
        options.setdefault("batch_readahead", READAHEAD)
        batches = self.batches(schema, batch_size, limit)
        return pyarrow.dataset.Scanner.from_batches(batches, schema=schema, columns=columns, filter=filter, **options)

    def to_batches(self, *args: Any, **kwargs: Any) -> Iterator[pyarrow.RecordBatch]:
        """Yields the batches of a scan: see ``scanner``."""
        return self.scanner(*args, **kwargs).to_batches()

    def to_table(self, *args: Any, **kwargs: Any) -> pyarrow.Table:
        """Returns the table of a scan: see ``scanner``."""
        return self.scanner(*args, **kwargs).to_table()

    def count_rows(self, filter: Optional[pyarrow.compute.Expression] = None, **options: Any) -> int:
        """Returns the number of rows. Nothing is read without a filter."""
        if filter is None:
            return sum(map(len, self.parts))
        return self.scanner([], filter, **options).count_rows()

    def head(
        self,
        num_rows: int,
        columns: Any = None,
        filter: Optional[pyarrow.compute.Expression] = None,
        **options: Any,
    ) -> pyarrow.Table:
        """Returns the first rows as a table."""
        if filter is None:
            return self.scanner(columns, limit=num_rows, **options).to_table()
        return self.scanner(columns, filter, **options).head(num_rows)

    def take(self, indices: Any, **options: Any) -> pyarrow.Table:
        """Returns the rows with these numbers, in this order."""
        return self.to_table(**options).take(indices)


class Fragment(Scans):
    """A part of a dataset. It can be pickled, for another process."""

    def __init__(self, part: Part, schema: pyarrow.Schema) -> None:
        super().__init__([part], schema)
        self.physical_schema = schema
        self.partition_expression = pyarrow.compute.scalar(True)

    def __reduce__(self) -> Any:
        return Fragment, (self._parts[0], self._schema)

    def scanner(self, schema: Optional[pyarrow.Schema] = None, *args: Any, **kwargs: Any) -> pyarrow.dataset.Scanner:
        """Returns a scanner, of columns of this schema if one is passed: see ``scan``."""
        return Scans(self._parts, self._schema if schema is None else schema).scan(*args, **kwargs)


class Dataset(Scans, pyarrow.dataset.Dataset):
    """The elements of several arrays as rows. It can be scanned any number of times, and pickled."""

    def __init__(self, files: Files, schema: Optional[pyarrow.Schema] = None) -> None:
        # That of pyarrow's class raises a TypeError.
        self.files = files
        self._schema = schema

    def __reduce__(self) -> Any:
        return Dataset, (self.files, self._schema)

    def __repr__(self) -> str:
        return "<npy_object Dataset of %d rows in %d files>" % (len(self.files), len(self.files.arrays))

    @property
    def parts(self) -> "list[Part]":
        return list(self.files.arrays)

    @property
    def schema(self) -> pyarrow.Schema:
        if self._schema is None:
            self._schema = pyarrow.schema(_infer_schema(self.files.arrays))
        return self._schema

    @property
    def partition_expression(self) -> pyarrow.compute.Expression:
        return pyarrow.compute.scalar(True)

    def get_fragments(
        self, filter: Optional[pyarrow.compute.Expression] = None, *, count: Optional[int] = None
    ) -> Iterator[Fragment]:
        """Yields about ``count`` parts of the dataset, with one schema. No part is left out for a filter."""
        return (Fragment(part, self.schema) for part in self.files.parts(count or default_parts()))

    def take(self, indices: Any, columns: Any = None, **options: Any) -> pyarrow.Table:
        """Returns the rows with these numbers, in this order. Other rows are not read, unless there is a filter."""
        if options.get("filter") is not None:
            return super().take(indices, columns=columns, **options)
        wanted = pyarrow.array(indices).to_pylist()
        rows = sorted(set(wanted))
        parts = [array[place : place + 1] for array, place in map(self.files.place, rows)]
        found = Scans(parts, self.schema).to_table(columns, **options)
        row_of = {index: row for row, index in enumerate(rows)}
        return found.take(pyarrow.array([row_of[index] for index in wanted], pyarrow.int64()))

    # pyarrow reads what `Dataset.__init__` of its own sets, which is not there: these methods would crash.

    def filter(self, expression: pyarrow.compute.Expression) -> pyarrow.dataset.Dataset:
        return in_memory(self).filter(expression)

    def sort_by(self, *args: Any, **kwargs: Any) -> pyarrow.dataset.Dataset:
        return in_memory(self).sort_by(*args, **kwargs)

    def join(self, right_dataset: Any, *args: Any, **kwargs: Any) -> pyarrow.dataset.Dataset:
        return in_memory(self).join(in_memory(right_dataset), *args, **kwargs)

    def join_asof(self, right_dataset: Any, *args: Any, **kwargs: Any) -> pyarrow.dataset.Dataset:
        return in_memory(self).join_asof(in_memory(right_dataset), *args, **kwargs)

    def replace_schema(self, schema: pyarrow.Schema) -> None:
        # A union calls it, and would crash too.
        raise NotImplementedError("pass schema= to npy_object.dataset, and a list of paths in place of a union")


def in_memory(dataset: Any) -> Any:
    """Returns a dataset of pyarrow's own classes."""
    return pyarrow.dataset.dataset(dataset.to_table()) if isinstance(dataset, Dataset) else dataset
