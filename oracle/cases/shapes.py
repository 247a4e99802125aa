# -*- coding: utf-8 -*-
"""Object arrays of different shapes, orders and numbers of elements: batches of 1,000, no element, one, 0-d, 2-D, 3-D."""

from __future__ import unicode_literals

import numpy as np
from cases import box, case, objects


def cases():
    found = [
        case("shapes", "empty-2d", "shape (0, 3)", lambda: np.empty((0, 3), object)),
        case("shapes", "one", "one element: APPEND without a MARK", lambda: objects([1])),
        case("shapes", "two", "two elements", lambda: objects([1], "a")),
        case("shapes", "2d", "shape (2, 3)", lambda: _square()),
        case("shapes", "2d-fortran", "shape (2, 3), Fortran order", lambda: np.asfortranarray(_square())),
        case("shapes", "2d-transposed", "a transposed view", lambda: _square().T),
        case("shapes", "2d-strided", "every other column", lambda: _square()[:, ::2]),
        case("shapes", "3d", "shape (2, 2, 2)", lambda: _cube()),
        case("shapes", "3d-fortran", "shape (2, 2, 2), Fortran order", lambda: np.asfortranarray(_cube())),
        case(
            "shapes",
            "1x1x1",
            "one element, three dimensions",
            lambda: objects({"a": 1}).reshape(1, 1, 1),
            protocols=(2, 4),
        ),
        case("shapes", "0d-dict", "np.save of a dict", lambda: box({"a": [1, 2], "b": {"c": np.arange(3)}, 3: None})),
        case("shapes", "0d-empty-dict", "np.save of an empty dict", lambda: box({})),
        case("shapes", "0d-list", "a list in a 0-d array", lambda: box([1, [2], "three"])),
        case("shapes", "0d-none", "np.save of None", lambda: box(None)),
        case("shapes", "0d-number", "an int in a 0-d array", lambda: box(2**70)),
        case("shapes", "0d-text", "a str in a 0-d array", lambda: box("caf\xe9")),
        case("shapes", "0d-set", "np.save of a set", lambda: box(set([1, 2, 3]))),
        case("shapes", "0d-tuple", "a tuple in a 0-d array", lambda: box((1, (2,)))),
        case("shapes", "0d-array", "an array in a 0-d array", lambda: box(np.arange(3))),
        case(
            "shapes",
            "0d-dict-1500",
            "a 0-d dict of more than one batch",
            lambda: box(dict((i, i % 5) for i in range(1500))),
            protocols=(2, 4),
        ),
        case(
            "shapes",
            "0d-list-2001",
            "a 0-d list of three batches",
            lambda: box([i % 7 for i in range(2001)]),
            protocols=(2, 4),
        ),
        case(
            "shapes",
            "2d-1000",
            "shape (50, 40): two batches across rows",
            lambda: objects(*[i % 9 for i in range(2000)]).reshape(50, 40),
            protocols=(0, 2, 4),
        ),
    ]
    for count in (999, 1000, 1001, 2001):
        found.append(
            case(
                "shapes",
                "ints-%d" % count,
                "%d small ints" % count,
                lambda n=count: objects(*[i % 251 for i in range(n)]),
                protocols=(0, 2, 4),
            )
        )
    found.append(
        case(
            "shapes",
            "tuples-1001",
            "1,001 short tuples",
            lambda: objects(*[(i % 5,) * (i % 3) for i in range(1001)]),
            protocols=(2, 4),
        )
    )
    return found


def _square():
    return np.array([[1, "b", None], [(4,), [5], 6.0]], object)


def _cube():
    return objects(*["element %d" % i for i in range(8)]).reshape(2, 2, 2)
