# -*- coding: utf-8 -*-
"""What the fixtures hold. Every module here offers `cases()`, a list of Case, and runs on Python 2.7 and 3.6 upwards.

In these modules `u""` is text and `b""` is bytes; on Python 2 that makes unicode and str, which is what we want of it.
"""

import collections

import numpy as np

Case = collections.namedtuple("Case", "group name about make protocols pickler")
"""One array to write. `make()` returns it; `pickler` is "c", "python", "fast" or "optimized" (see write.py)."""

ALL = (0, 1, 2, 3, 4, 5)
FEW = (2, 4)
"""For what is large, or what the protocol has no say in."""


def case(group, name, about, make, protocols=ALL, pickler="c"):
    return Case(group, name, about, make, protocols, pickler)


def objects(*elements):
    """A 1-D object array of these elements, none of which NumPy gets to look into."""
    array = np.empty(len(elements), dtype=object)
    for i, element in enumerate(elements):
        array[i] = element
    return array


def box(element):
    """A 0-d object array: what np.save makes of a dict, a list's own array or None."""
    array = np.empty((), dtype=object)
    array[()] = element
    return array


def all_cases():
    from cases import builtin, classes, numpy_values, plain, shapes, sharing, stdlib, streams

    modules = [builtin, stdlib, numpy_values, classes, sharing, shapes, streams, plain]
    return [one for module in modules for one in module.cases()]
