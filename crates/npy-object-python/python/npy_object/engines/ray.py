"""Arrays as Ray datasets: each read task is a part of a file."""

from typing import Any, Iterator, Optional

import pyarrow
import ray.data
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from npy_object.engines.arrow import Dataset, Fragment, dataset
from npy_object.engines.files import Source


class NpyDatasource(Datasource):
    """The elements of a file, or of several. The arguments are those of ``npy_object.dataset``."""

    def __init__(self, source: Source, **settings: Any) -> None:
        super().__init__()
        self._projection_map = None
        self._rows: Dataset = dataset(source, **settings)
        # Ray asks for the tasks, and for the size, several times.
        self._tasks: "dict[int, list[Fragment]]" = {}
        self._size: Optional[int] = None

    def supports_projection_pushdown(self) -> bool:
        return True

    def estimate_inmemory_data_size(self) -> Optional[int]:
        """Returns the size of all elements, as that of the first 1,000 suggests."""
        if self._size is None:
            head = self._rows.head(1000)
            self._size = head.nbytes * len(self._rows.files) // max(1, len(head))
        return self._size

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: Optional[int] = None, data_context: Any = None
    ) -> "list[ReadTask]":
        if parallelism not in self._tasks:
            self._tasks[parallelism] = list(self._rows.get_fragments(count=parallelism))
        return [self._task(fragment, per_task_row_limit) for fragment in self._tasks[parallelism]]

    def _task(self, fragment: Fragment, limit: Optional[int]) -> ReadTask:
        columns = self._get_data_columns()
        schema = fragment.needed(columns, None)

        def read() -> Iterator[pyarrow.Table]:
            for batch in fragment.batches(schema):
                yield pyarrow.Table.from_batches([batch])

        metadata = BlockMetadata(num_rows=fragment.count_rows(), size_bytes=None, input_files=None, exec_stats=None)
        return ReadTask(read, metadata, schema=schema, per_task_row_limit=limit)


def read_npy(
    source: Source,
    *,
    override_num_blocks: Optional[int] = None,
    concurrency: Optional[int] = None,
    ray_remote_args: "Optional[dict[str, Any]]" = None,
    **settings: Any,
) -> "ray.data.Dataset":
    """Returns the elements of a file, or of several, as a Ray dataset.

    ``settings`` are the keyword arguments of ``npy_object.dataset``, the others those of ``ray.data.read_datasource``.
    """
    return ray.data.read_datasource(
        NpyDatasource(source, **settings),
        override_num_blocks=override_num_blocks,
        concurrency=concurrency,
        ray_remote_args=ray_remote_args,
    )
