# -*- coding: utf-8 -*-
"""The arrays of the fixtures. Every module has `cases()`, a list of Case, and runs in Python 2.7, and 3.6 and later.

In these modules `u""` is text and `b""` is bytes: in Python 2, unicode and str.
"""

import collections

import numpy as np

Case = collections.namedtuple("Case", "group name about make protocols pickler")
"""An array to write, which `make()` returns. `pickler` is "c", "python", "fast" or "optimized" (see write.py)."""

ALL = (0, 1, 2, 3, 4, 5)
FEW = (2, 4)
"""For large arrays, and those whose pickle depends little on the protocol."""


def case(group, name, about, make, protocols=ALL, pickler="c"):
    return Case(group, name, about, make, protocols, pickler)


def objects(*elements):
    """Returns a 1-D object array of these elements. np.array would make arrays of elements that are sequences."""
    array = np.empty(len(elements), dtype=object)
    for i, element in enumerate(elements):
        array[i] = element
    return array


def box(element):
    """Returns a 0-d object array, as np.save makes of a dict or None."""
    array = np.empty((), dtype=object)
    array[()] = element
    return array


def all_cases():
    from cases import builtin, classes, numpy_values, plain, shapes, sharing, stdlib, streams

    modules = [builtin, stdlib, numpy_values, classes, sharing, shapes, streams, plain]
    return [one for module in modules for one in module.cases()]
