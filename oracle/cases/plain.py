# -*- coding: utf-8 -*-
"""Files without objects: every dtype, order, shape and header version."""

from __future__ import unicode_literals

import sys

import numpy as np
from cases import case
from cases.numpy_values import ALIGNED, LINE, NUMBERS, POINT, TITLED, filled, long_doubles, structure

SAVE = (None,)
"""Only np.save: there is no pickle, so no protocol to choose."""

GAPS = np.dtype({"names": [str("a"), str("b")], "formats": [str("u2"), str("u1")], "offsets": [1, 9], "itemsize": 12})


def cases():
    found = []
    for code in NUMBERS:
        for order, name in (("<", "little"), (">", "big")):
            found.append(_plain("%s-%s" % (code.replace("?", "bool"), name), lambda c=order + code: filled(c, (2, 3))))
    for code in ("S3", "U2", "V5", "S1", "M8[ns]", "m8[25s]", "M8[D]", "m8"):
        found.append(_plain("%s" % code.replace("[", "-").strip("]"), lambda c=code: filled(c, (3,))))
    found += [
        _plain("big-U2", lambda: filled(">U2", (2,))),
        _plain("longdouble", lambda: long_doubles("g", 2)),
        _plain("clongdouble", lambda: long_doubles("G", 1)),
        _plain("0d", lambda: np.array(2.5)),
        _plain("0d-structured", lambda: filled(POINT, ())),
        _plain("0d-text", lambda: np.array("abc")),
        _plain("empty", lambda: np.zeros(0)),
        _plain("empty-2d", lambda: np.zeros((0, 3), "i2")),
        _plain("empty-rows", lambda: np.zeros((3, 0), "i2")),
        _plain("1d", lambda: np.arange(5) - 2),
        _plain("3d", lambda: filled("<u2", (2, 3, 4))),
        _plain("2d-fortran", lambda: np.asfortranarray(filled("<u2", (3, 4)))),
        _plain("3d-fortran", lambda: np.asfortranarray(filled("<u2", (2, 3, 4)))),
        _plain("1xn-fortran", lambda: np.asfortranarray(filled("<u2", (1, 3, 4)))),
        _plain("strided", lambda: filled("<u2", (4, 4))[::2, ::-1]),
        _plain("32-dimensions", lambda: np.zeros((1,) * 32, "u1")),
        _plain("structured", lambda: filled(POINT, (3,))),
        _plain("structured-2d", lambda: filled(POINT, (2, 2))),
        _plain("nested", lambda: filled(LINE, (2,))),
        _plain("aligned", lambda: np.array([(1, 2, 3), (4, 5, 6)], ALIGNED)),
        _plain("titled", lambda: np.array([(1, 2)], TITLED)),
        _plain("gaps", lambda: np.array([(1, 2), (3, 4)], GAPS)),
        _plain("subarray-field", lambda: filled(structure(("m", "<i2", (2, 2)), ("n", "u1")), (2,))),
        _plain("record", lambda: filled(POINT, (2,)).view(np.recarray)),
        _plain("masked", lambda: np.ma.array([1, 2, 3], "<i4", mask=[0, 1, 0])),
        _plain("long-header", lambda: np.zeros(0, [(str(letter) * 9000, "u1") for letter in "abcdefgh"])),
    ]
    if sys.version_info[0] > 2:
        found.append(_plain("latin1-name", lambda: np.zeros(2, [("caf\xe9", "<i2")])))
    if np.__version__ >= "1.17":
        found.append(_plain("astral-name", lambda: np.zeros(2, [("\u65e5\u672c", "<i2"), ("\U0001f600", "u1")])))
    if int(np.__version__.split(".")[0]) >= 2:
        found.append(_plain("64-dimensions", lambda: np.zeros((1,) * 64, "u1")))
    return found


def _plain(name, make):
    return case("plain", name, "no objects: %s" % name.replace("-", " "), make, protocols=SAVE)
