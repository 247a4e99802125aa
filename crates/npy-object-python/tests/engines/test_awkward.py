"""awkward, from Arrow data."""

import awkward as ak
import pyarrow

import npy_object


def test_arrays_equal_numpy(ragged, arrays, dicts, rows):
    found = ak.from_arrow(pyarrow.table(npy_object.open(ragged)))["element"]
    assert len(found) == len(arrays)
    assert ak.num(found).tolist() == list(map(len, arrays))
    assert ak.sum(found, axis=1).tolist() == [array.sum() for array in arrays]
    records = ak.from_arrow(npy_object.dataset(dicts).to_table())
    assert records.tolist() == rows
