"""Arrays as datasets of Hugging Face, streamed: each shard is a part of a file."""

from typing import Any, Iterator, Optional

import datasets

from npy_object.engines.arrow import Fragment, dataset
from npy_object.engines.files import Source


def read_npy(source: Source, *, num_shards: Optional[int] = None, **settings: Any) -> datasets.IterableDataset:
    """Returns the elements of a file, or of several, as an ``IterableDataset`` with about this number of shards.

    ``settings`` are the keyword arguments of ``npy_object.dataset``.
    """
    rows = dataset(source, **settings)
    return datasets.IterableDataset.from_generator(
        examples,
        features=datasets.Features.from_arrow_schema(rows.schema),
        gen_kwargs={"shards": list(rows.get_fragments(count=num_shards))},
    )


def examples(shards: "list[Fragment]") -> "Iterator[dict[str, Any]]":
    for shard in shards:
        for batch in shard.batches(shard.schema):
            yield from batch.to_pylist()
