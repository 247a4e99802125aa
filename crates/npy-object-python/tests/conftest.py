"""Fixtures that make the files of the tests."""

import sys

import numpy as np
import pytest
from files import objects

# Some fixtures are nested so deep that repr() needs a higher limit.
sys.setrecursionlimit(20000)


@pytest.fixture
def saved(tmp_path):
    """A function that saves an array and returns its path."""

    def save(array, name="a.npy"):
        path = tmp_path / name
        np.save(path, array, allow_pickle=True)
        return path

    return save


@pytest.fixture
def ragged(saved):
    """A file of 5,000 arrays of 0 to 6 numbers, which are several batches."""
    return saved(objects([np.arange(n % 7, dtype="i2") for n in range(5000)]))
