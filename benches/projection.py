"""Measures what it costs to read one of ten keys of dicts, as Arrow data, beside reading all ten.

    python benches/projection.py [ROUNDS]

Needs the package npy-object, built with --profile dist, and pyarrow. Prints the least processor time of some rounds, in turns, and the
ratio.
"""

import os
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa

import npy_object

ROWS, KEYS = 100_000, ["key %d" % key for key in range(10)]
VALUES = {
    "strs of 100 bytes": lambda row, key: "%0100d" % (row * 10 + key),
    "ints": lambda row, key: row * 10 + key,
}


def seconds(array, schema):
    begin = time.process_time()
    rows = sum(len(batch) for batch in pa.RecordBatchReader.from_stream(array, schema=schema))
    assert rows == ROWS
    return time.process_time() - begin


def main():
    rounds = int(sys.argv[1]) if sys.argv[1:] else 7
    for name, value in VALUES.items():
        rows = np.empty(ROWS, object)
        rows[:] = [{key: value(row, place) for place, key in enumerate(KEYS)} for row in range(ROWS)]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rows.npy")
            np.save(path, rows)
            array = npy_object.open(path)
            whole = npy_object.dataset(array).schema
            one = pa.schema([whole.field(KEYS[5])])
            times = [(seconds(array, one), seconds(array, whole)) for _ in range(rounds)]
        of_one, of_all = map(min, zip(*times))
        print("%-18s one key %.1f ms, ten keys %.1f ms: %.2f" % (name, of_one * 1e3, of_all * 1e3, of_one / of_all))


if __name__ == "__main__":
    main()
