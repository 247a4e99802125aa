"""Writes files larger than memory.

    python benches/huge.py ragged 4GB [PATH]
    python benches/huge.py strings 100000000 [PATH]

Repeats a batch that NumPy pickled. This is valid because MEMOIZE has no index, and a batch reads only those memo entries
that the first batch made. The file is as NumPy would write it, but without frames. Needs NumPy 2.1 or later, which
pickles with protocol 4.
"""

import io
import pickletools
import sys
from pathlib import Path

import numpy as np

UNITS = {"KB": 2**10, "MB": 2**20, "GB": 2**30}


def objects(values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


def batches(values):
    """Returns the pickle up to the end of the first batch, the second batch, and the rest, without frames."""
    file = io.BytesIO()
    np.save(file, objects(values), allow_pickle=True)
    file.seek(0)
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    pickle = file.read()
    ops = list(pickletools.genops(pickle))
    ends = [position for _, _, position in ops[1:]] + [len(pickle)]
    parts, part = [], b""
    for (opcode, _, position), end in zip(ops, ends):
        if opcode.name != "FRAME":
            part += pickle[position:end]
        if opcode.name == "APPENDS":
            parts.append(part)
            part = b""
    first, second = parts
    return first, second, part


def ragged(rng, count):
    return [rng.random(rng.integers(1, 21)) for _ in range(count)]


def strings(rng, count):
    return [f"element {number:09d}" for number in rng.integers(0, 10**9, count)]


def main(kind, amount, path=None):
    values = {"ragged": ragged, "strings": strings}[kind](np.random.default_rng(7), 2000)
    first, batch, last = batches(values)
    if amount[-2:] in UNITS:
        times = int(amount[:-2]) * UNITS[amount[-2:]] // len(batch)
    else:
        times = int(amount) // 1000 - 1
    elements = 1000 * (times + 1)
    # The new length does not fit the two bytes of BININT2, so BININT replaces it.
    small, large = b"M" + (2000).to_bytes(2, "little"), b"J" + elements.to_bytes(4, "little")
    assert first.count(small) == 1
    path = Path(path or Path(__file__).parent / "data" / f"huge-{kind}.npy")
    path.parent.mkdir(exist_ok=True)
    with open(path, "wb") as out:
        header = {"descr": "|O", "fortran_order": False, "shape": (elements,)}
        np.lib.format.write_array_header_1_0(out, header)
        out.write(first.replace(small, large))
        for _ in range(times // 100):
            out.write(batch * 100)
        out.write(batch * (times % 100))
        out.write(last)
    print(f"{path}: {elements} elements, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
