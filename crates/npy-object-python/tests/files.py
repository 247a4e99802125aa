"""Arrays to be saved."""

import numpy as np


def objects(elements):
    array = np.empty(len(elements), object)
    array[:] = elements
    return array
