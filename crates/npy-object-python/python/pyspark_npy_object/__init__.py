"""Arrays as a data source of Spark, which registers itself: ``spark.read.format("npy").load("big.npy")``.

Each partition is a part of a file. Executors open the file by its path or URL.
"""

from typing import Any, Iterator

import pyarrow
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StructType

from npy_object.engines.arrow import Dataset, Fragment, dataset


class NpyPartition(InputPartition):
    def __init__(self, fragment: Fragment) -> None:
        super().__init__(fragment)


class NpyReader(DataSourceReader):
    def __init__(self, rows: Dataset, count: "int | None") -> None:
        self.rows, self.count = rows, count

    def partitions(self) -> "list[NpyPartition]":
        return [NpyPartition(fragment) for fragment in self.rows.get_fragments(count=self.count)]

    def read(self, partition: NpyPartition) -> Iterator[pyarrow.RecordBatch]:
        fragment = partition.value
        return fragment.batches(fragment.schema)


class DefaultSource(DataSource):
    """Options: ``path`` or ``load(path)``, and ``partitions``, about how many of them. Pass a schema to read some columns."""

    @classmethod
    def name(cls) -> str:
        return "npy"

    def _rows(self, schema: "pyarrow.Schema | None" = None) -> Dataset:
        path = self.options.get("path")
        if path is None:
            raise ValueError("expected a path: spark.read.format('npy').load(path)")
        return dataset(path, schema=schema)

    def schema(self) -> StructType:
        return from_arrow_schema(self._rows().schema)

    def reader(self, schema: StructType) -> NpyReader:
        count = self.options.get("partitions")
        # Elements are cast to it: Spark has no large strings and lists.
        return NpyReader(self._rows(to_arrow_schema(schema)), None if count is None else int(count))
