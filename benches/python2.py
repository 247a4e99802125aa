"""Writes dicts of a JSON file as an array of objects, `python2.7 python2.py JSON FILE`, with `str` as Python 2 has it.

Used by generate.py.
"""

import json
import sys

import numpy as np


def plain(value):
    """Returns the value with `str` instead of `unicode`."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.encode("ascii") if isinstance(value, type(u"")) else value


def main(source, target):
    keys = {}  # a literal key is one object in every dict, so NumPy pickles it once
    with open(source) as file:
        dicts = json.load(file)
    array = np.empty(len(dicts), object)
    for index, pairs in enumerate(dicts):
        array[index] = {keys.setdefault(key, plain(key)): plain(value) for key, value in pairs.items()}
    np.save(target, array, allow_pickle=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
