"""zarr: ragged arrays as a flat array and offsets, one chunk for each part of a file."""

import numpy as np
import pyarrow as pa
import zarr

import npy_object


def test_flat_arrays_equal_numpy(ragged, arrays, tmp_path):
    fragments = list(npy_object.dataset(ragged).get_fragments(count=4))
    columns = [fragment.to_table().column("element").combine_chunks() for fragment in fragments]
    values, offsets = [column.flatten().to_numpy() for column in columns], [0]
    for column in columns:
        offsets += (np.asarray(column.value_lengths()).cumsum() + offsets[-1]).tolist()
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("values", data=np.concatenate(values), chunks=(1000,))
    group.create_array("offsets", data=np.array(offsets))
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    found, ends = group["values"][:], group["offsets"][:]
    assert len(ends) == len(arrays) + 1 and pa.types.is_float64(columns[0].type.value_type)
    assert all(np.array_equal(found[a:b], array) for a, b, array in zip(ends, ends[1:], arrays))
