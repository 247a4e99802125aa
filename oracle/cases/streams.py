# -*- coding: utf-8 -*-
"""The same values from other picklers, and strings at the limits of frames and of length fields."""

from __future__ import unicode_literals

import numpy as np
from cases import case, objects

FRAME = 65536


def cases():
    found = []
    for pickler in ("python", "fast", "optimized"):
        found += [
            case("streams", "mixture", "a bit of everything, acyclic", _mixture, pickler=pickler),
            case("streams", "arrays", "ragged arrays and a structured one", _arrays, pickler=pickler),
            case("streams", "one", "a single element", lambda: objects(("a", 1)), pickler=pickler),
            case("streams", "empty", "no element", lambda: objects(), pickler=pickler),
            case(
                "streams",
                "batches",
                "1,001 elements",
                lambda: objects(*[i % 3 for i in range(1001)]),
                protocols=(2, 4),
                pickler=pickler,
            ),
        ]
    for pickler in ("python", "optimized"):
        found.append(case("streams", "shared", "one list in three places", _shared, pickler=pickler))
    return found + (_frames() if int(np.__version__.split(".")[0]) >= 2 else [])


def _frames():
    """Returns the cases that only NumPy 2 writes, because they are large."""
    found = []
    for length in (FRAME - 1, FRAME):
        found.append(
            case(
                "frames",
                "text-%d" % length,
                "a str of %d characters" % length,
                lambda n=length: objects("x" * n, 1),
                protocols=(4,),
            )
        )
    return found + [
        case(
            "frames",
            "bytes-65536",
            "bytes outside the frames",
            lambda: objects(1, b"y" * FRAME, 2),
            protocols=(4,),
        ),
        case(
            "frames",
            "many-frames",
            "small values over two frames",
            lambda: objects(*["text %05d" % i for i in range(3800)]),
            protocols=(4,),
        ),
        case(
            "frames",
            "array-65536",
            "an array whose bytes are outside the frames",
            lambda: objects(np.arange(8192.0) % 16, [1]),
            protocols=(5,),
        ),
    ]


def _mixture():
    return objects(
        1,
        300,
        -1,
        10**20,
        1.5,
        True,
        None,
        "a",
        "caf\xe9",
        b"\xff",
        [1, [2]],
        (1, 2, 3, 4),
        {"a": 1, "b": [2]},
        set([5]),
        (),
    )


def _arrays():
    return objects(
        np.arange(3), np.zeros((2, 2), ">f4"), np.array(["a", "bc"]), np.float64(2.5), np.array([(1, 2)], str("i4,f8"))
    )


def _shared():
    shared = [1, "two"]
    return objects([shared, shared], shared, {"k": shared})
