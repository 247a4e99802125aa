"""Writes the values of the works as Parquet, Feather and HDF5 next to their .npy files: what else a person could keep them in.

    pip install numpy pyarrow h5py
    python benches/formats.py                          # tables.py and peers/run.py call it too

Parquet and Feather are uncompressed and without dictionaries, with the types that pyarrow finds for the values. HDF5 has one
dataset of variable length in chunks of 1,000; it has none for dicts.
"""

import os

from generate import DATA, file_of

PARQUET, FEATHER, HDF5 = ".parquet", ".feather", ".h5"
WORKS = ["ragged", "large", "huge", "strings", "ints", "dicts"]
CHUNK = 1000


def can(name, ending):
    """Returns whether a format has the values of a work."""
    return (name, ending) != ("dicts", HDF5)


def make(name, ending):
    """Returns the path of a work in a format. Writes the file where it is missing, or older than the .npy file."""
    source, path = file_of(name), os.path.join(DATA, name + ending)
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(source):
        import numpy as np

        values = np.load(source, allow_pickle=True).tolist()
        WRITERS[ending](values, path + ".part")
        os.replace(path + ".part", path)
    return path


def table(values):
    import pyarrow

    if isinstance(values[0], dict):
        return pyarrow.Table.from_pylist(values)
    return pyarrow.table({"element": pyarrow.array(values)})


def write_parquet(values, path):
    import pyarrow.parquet

    pyarrow.parquet.write_table(table(values), path, compression="none", use_dictionary=False)


def write_feather(values, path):
    import pyarrow.feather

    pyarrow.feather.write_feather(table(values), path, compression="uncompressed")


def write_hdf5(values, path):
    import h5py
    import numpy as np

    first = values[0]
    dtype = h5py.string_dtype() if isinstance(first, str) else h5py.vlen_dtype(np.asarray(first).dtype)
    with h5py.File(path, "w") as file:
        chunk = min(CHUNK, len(values))
        dataset = file.create_dataset("element", (len(values),), dtype, chunks=(chunk,))
        for start in range(0, len(values), chunk):
            part = values[start : start + chunk]
            elements = np.empty(len(part), object)
            for index, value in enumerate(part):
                elements[index] = value if isinstance(value, str) else np.asarray(value)
            dataset[start : start + chunk] = elements


WRITERS = {PARQUET: write_parquet, FEATHER: write_feather, HDF5: write_hdf5}


def main():
    for name in WORKS:
        for ending in WRITERS:
            if can(name, ending):
                path = make(name, ending)
                print("%s: %d bytes" % (path, os.path.getsize(path)))


if __name__ == "__main__":
    main()
