"""``Array.map``: a function of each element, in other processes."""

import os
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, Callable, Iterator, Optional, TypeVar

T = TypeVar("T")


def map_elements(array: Any, function: Callable[[Any], T], workers: Optional[int], chunk: int) -> Iterator[T]:
    """Iterates over the results for all elements, in order."""
    if chunk < 1:
        raise ValueError("a chunk has at least one element")
    parts = array.splits(-(-len(array) // chunk)) if len(array) else []
    return _results(parts, function, workers or os.cpu_count() or 1)


def _results(parts: list[Any], function: Callable[[Any], T], workers: int) -> Iterator[T]:
    left = iter(parts)
    waiting: deque[Future[tuple[list[T], Optional[Exception]]]] = deque()
    with ProcessPoolExecutor(min(workers, len(parts)) or 1) as pool:
        try:
            while True:
                while len(waiting) < 2 * workers and (part := next(left, None)) is not None:
                    waiting.append(pool.submit(_of_part, part, function))
                if not waiting:
                    return
                results, error = waiting.popleft().result()
                yield from results
                if error is not None:
                    raise error
        finally:
            for future in waiting:
                future.cancel()


def _of_part(part: Any, function: Callable[[Any], T]) -> tuple[list[T], Optional[Exception]]:
    """Returns the results up to the first error, and that error."""
    results: list[T] = []
    try:
        for element in part:
            results.append(function(element))
    except Exception as error:
        return results, error
    return results, None
