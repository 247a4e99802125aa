"""Files that the tests open."""

import sys

import numpy as np
import pytest
from files import objects

# Fixtures are nested deeper than repr() and the like go.
sys.setrecursionlimit(20000)


@pytest.fixture
def saved(tmp_path):
    """Saves an array, and says where."""

    def save(array, name="a.npy"):
        path = tmp_path / name
        np.save(path, array, allow_pickle=True)
        return path

    return save


@pytest.fixture
def ragged(saved):
    """5,000 arrays, of 0 to 6 numbers: several batches of a pickled list."""
    return saved(objects([np.arange(n % 7, dtype="i2") for n in range(5000)]))
