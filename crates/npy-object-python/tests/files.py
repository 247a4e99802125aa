"""Arrays for the tests to save."""

import numpy as np


def objects(elements):
    """Returns a 1-d array of objects."""
    array = np.empty(len(elements), object)
    array[:] = elements
    return array
