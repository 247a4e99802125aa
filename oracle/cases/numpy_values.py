# -*- coding: utf-8 -*-
"""Elements of NumPy's types: arrays of every dtype and layout, scalars, dtypes, the array classes."""

from __future__ import unicode_literals

import tempfile

import numpy as np
from cases import box, case, objects

NUMBERS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
UNITS = ["generic"] + "Y M W D h m s ms us ns ps fs as 3D".split()
HAS_STRING_DTYPE = hasattr(np, "dtypes") and hasattr(np.dtypes, "StringDType")


def structure(*fields, **options):
    """Returns np.dtype of (name, dtype) pairs. In Python 2, names must be str, not unicode."""
    return np.dtype([(str(field[0]),) + tuple(field[1:]) for field in fields], **options)


POINT = structure(("x", "<f8"), ("y", ">i2"))
LINE = structure(("from", POINT), ("to", POINT), ("tags", "S3", (2,)))
ALIGNED = structure(("a", "i1"), ("b", "f8"), ("c", "i2"), align=True)
TITLED = np.dtype([((str("The title"), str("a")), "i4"), ((str("Other"), str("b")), "f4")])
SPARSE = np.dtype(
    {"names": [str("late"), str("early")], "formats": [str("u2"), str("u1")], "offsets": [9, 1], "itemsize": 12}
)
MIXED = structure(("n", "<i4"), ("o", "O"), ("inner", structure(("p", "O"), ("q", ">u2"))), ("pair", "<i2", (2,)))


def mixed(count):
    """Returns a structured array with object fields."""
    array = np.zeros(count, dtype=MIXED)
    for i in range(count):
        array[i] = (i, ["o", i], ({"p": i}, i), (i, -i))
    return array


def filled(dtype, shape=(3,)):
    """Returns an array of the dtype with the bytes 0, 1, 2, ..., so that its elements are different."""
    dtype = np.dtype(str(dtype) if not isinstance(dtype, np.dtype) else dtype)
    count = int(np.prod(shape)) * dtype.itemsize
    raw = np.arange(count).astype("u1") & (1 if dtype.kind == "b" else 0x7F)
    return np.frombuffer(raw.tobytes(), dtype=dtype).reshape(shape).copy() if count else np.zeros(shape, dtype)


def long_doubles(code, count):
    """Returns numbers of the C long double of x86-64, whose last 6 of 16 bytes are padding, here zeros."""
    one_and_a_half = bytes(bytearray.fromhex("00000000000000c0ff3f" + 6 * "00"))
    return np.frombuffer(one_and_a_half * (count * np.dtype(str(code)).itemsize // 16), str(code)).copy()


def cases():
    return _arrays() + _layouts() + _structured() + _scalars() + _dtypes() + _subclasses() + _strings()


def _arrays():
    found = [
        case(
            "arrays",
            "of-%s" % (code.replace("?", "bool")),
            "inner arrays of %s, little and big-endian" % code,
            lambda c=code: objects(filled("<" + c), filled(">" + c), filled("<" + c, (2, 2))),
        )
        for code in NUMBERS
    ]
    found += [
        case(
            "arrays",
            "of-longdouble",
            "the C long double",
            lambda: objects(long_doubles("g", 2), long_doubles("G", 1)),
            protocols=(2, 4),
        ),
        case(
            "arrays",
            "of-bytes",
            "S dtypes",
            lambda: objects(np.array([b"a", b"bcd", b""]), np.array([b"\xff"], "S5"), np.array([b""])),
        ),
        case(
            "arrays",
            "of-text",
            "U dtypes",
            lambda: objects(np.array(["a", "\u65e5\U0001f600"]), np.array(["x"], str(">U2")), np.array([""])),
        ),
        case("arrays", "of-void", "V dtypes", lambda: objects(filled("V3"), filled("V1"))),
        case(
            "arrays",
            "of-datetimes",
            "datetime64 and timedelta64, big-endian too",
            lambda: objects(
                filled("<M8[ns]"), filled(">M8[D]"), filled("m8[25s]"), np.array(["NaT"], str("M8[s]")), filled("m8")
            ),
        ),
        case(
            "arrays",
            "of-objects",
            "object arrays in an object array",
            lambda: objects(
                objects(1, "a", None),
                objects(objects(), objects([])),
                np.array([[1, "x"], [None, ()]], object),
                box({"a": 1}),
            ),
        ),
        case(
            "arrays",
            "ragged",
            "ragged arrays of floats",
            lambda: objects(*[np.arange(float(n)) for n in (3, 1, 0, 5)]),
        ),
        case(
            "arrays",
            "in-containers",
            "arrays in lists, tuples and dicts",
            lambda: objects(
                [np.arange(2), np.arange(2.0)], (np.zeros(1),), {"a": np.ones((1, 2), "f4"), "b": [np.array(5)]}
            ),
        ),
    ]
    return found + [
        case(
            "arrays",
            "unit-" + unit,
            "datetime64[%s] and timedelta64[%s]" % (unit, unit),
            lambda u=unit: objects(filled("M8[%s]" % u, (2,)), filled("m8[%s]" % u, (1,)), np.timedelta64(7, str(u))),
            protocols=(2, 4),
        )
        for unit in UNITS
    ]


def _layouts():
    square = filled("<i2", (3, 4))
    return [
        case(
            "arrays",
            "zero-d",
            "0-d inner arrays",
            lambda: objects(np.array(5), np.array("abc"), np.array(2.5, ">f8"), box(None)),
        ),
        case(
            "arrays",
            "empty",
            "inner arrays without elements",
            lambda: objects(
                np.zeros(0),
                np.zeros((0, 3), "i4"),
                np.zeros((2, 0, 1), "S2"),
                np.zeros((0,), object),
                np.zeros((3, 0), object),
            ),
        ),
        case("arrays", "matrices", "2-D and 3-D", lambda: objects(square, filled("<u4", (2, 1, 3)), np.ones((1, 1)))),
        case(
            "arrays",
            "fortran",
            "Fortran order",
            lambda: objects(np.asfortranarray(square), filled("<f8", (2, 3, 2)).T, np.asfortranarray(np.ones((1, 3)))),
        ),
        case(
            "arrays",
            "fortran-objects",
            "object arrays in Fortran order",
            lambda: objects(np.asfortranarray(np.array([[1, "a", None], [(), 2.5, b"x"]], object))),
        ),
        case(
            "arrays",
            "strided",
            "slices, reversed and transposed",
            lambda: objects(square[::2, 1:3], square[::-1], square[:, 0], filled("<u2", (2, 2, 3)).transpose(0, 2, 1)),
        ),
        case(
            "arrays",
            "read-only",
            "an array that is not writeable",
            lambda: objects(_locked(filled("<i4"))),
            protocols=(2, 5),
        ),
        case(
            "arrays", "many-dimensions", "32 dimensions", lambda: objects(np.zeros((1,) * 32, "u1")), protocols=(2, 4)
        ),
    ]


def _structured():
    return [
        case(
            "arrays",
            "structured",
            "structured dtypes: plain, nested with a subarray",
            lambda: objects(filled(POINT), filled(LINE, (2,))),
        ),
        case("arrays", "aligned", "padding between fields", lambda: objects(np.array([(1, 2, 3)], ALIGNED))),
        case("arrays", "titled", "fields with titles", lambda: objects(np.array([(1, 2)], TITLED)), protocols=(2, 4)),
        case(
            "arrays",
            "offsets",
            "fields out of order with gaps",
            lambda: objects(np.array([(1, 2), (3, 4)], SPARSE)),
            protocols=(0, 2, 4),
        ),
        case(
            "arrays",
            "structured-with-objects",
            "structured dtypes with object fields",
            lambda: objects(mixed(2), mixed(0)),
        ),
    ]


def _scalars():
    found = [
        case(
            "scalars",
            code.replace("?", "bool"),
            "NumPy scalars of %s" % code,
            lambda c=code: objects(filled("<" + c, (2,))[1], filled(">" + c, (2,))[0]),
        )
        for code in NUMBERS
    ] + [
        case(
            "scalars",
            "longdouble",
            "long double scalars",
            lambda: objects(long_doubles("g", 1)[0], long_doubles("G", 1)[0]),
            protocols=(2, 4),
        ),
        case(
            "scalars",
            "text",
            "str_ and bytes_",
            lambda: objects(np.array("ab\xe9")[()], np.array(b"ab\xff")[()], np.array("")[()], np.array(b"")[()]),
        ),
        case(
            "scalars",
            "void",
            "void: unstructured and structured",
            lambda: objects(np.void(b"abc"), filled(POINT)[1], filled(LINE)[0], np.zeros(1, ALIGNED)[0]),
        ),
        case(
            "scalars",
            "datetimes",
            "datetime64 and timedelta64",
            lambda: objects(
                np.datetime64("2024-02-29"),
                np.datetime64("NaT"),
                np.datetime64(5, str("25s")),
                np.timedelta64(-3, str("ns")),
                np.timedelta64(1),
            ),
        ),
        case(
            "scalars",
            "in-containers",
            "scalars in lists and dicts, one of them twice",
            lambda: objects([np.float32(1), np.int8(-1)], {np.int64(1): np.bool_(True)}, [np.float64(0.5)] * 2),
        ),
    ]
    if np.__version__ > "1.20":  # NumPy 1.16 and 1.17 wrote the addresses of the objects
        found.append(
            case("scalars", "void-with-objects", "a structured scalar with object fields", lambda: objects(mixed(1)[0]))
        )
    return found


def _dtypes():
    return [
        case(
            "dtypes",
            "simple",
            "dtypes as elements",
            lambda: objects(*[np.dtype(str(code)) for code in ("<f8", ">i2", "?", "S5", ">U3", "V2", "O")]),
        ),
        case(
            "dtypes",
            "times",
            "dtypes with units",
            lambda: objects(*[np.dtype(str(code)) for code in ("M8[ns]", "m8[25s]", "M8", ">M8[D]")]),
        ),
        case("dtypes", "structured", "structured dtypes", lambda: objects(POINT, LINE, ALIGNED, TITLED, SPARSE, MIXED)),
        case(
            "dtypes",
            "subarray",
            "a dtype with a shape",
            lambda: objects(np.dtype((str("<i4"), (2, 3))), np.dtype((POINT, (1,)))),
        ),
        case(
            "dtypes",
            "shared",
            "one dtype twice in an element",
            lambda: objects([POINT, POINT, filled(POINT, (1,))], POINT),
        ),
        case(
            "dtypes",
            "classes",
            "NumPy's classes and functions as elements",
            lambda: objects(np.float64, np.ndarray, np.dtype, np.sum, np.add),
        ),
    ]


def _subclasses():
    masked = np.ma.array([1, 2, 3], "<i4", mask=[0, 1, 0])
    square = np.ma.array([[1.0, 2], [3, 4]], mask=[[0, 1], [1, 0]], fill_value=-1)
    pairs = np.ma.array([(1, 2), (3, 4)], POINT, mask=[(0, 1), (1, 0)])
    return [
        case(
            "subclasses",
            "masked",
            "masked arrays with and without a fill value",
            lambda: objects(masked, square, np.ma.array([1.5])),
        ),
        case(
            "subclasses",
            "masked-fortran",
            "a masked array in Fortran order",
            lambda: objects(
                np.ma.array(
                    np.asfortranarray([[1, 2, 3], [4, 5, 6]]), "<i2", mask=np.asfortranarray([[0, 1, 0], [0, 0, 1]])
                )
            ),
        ),
        case(
            "subclasses", "masked-structured", "masked structured arrays", lambda: objects(pairs), protocols=(0, 2, 4)
        ),
        case(
            "subclasses",
            "masked-objects",
            "a masked array of objects",
            lambda: objects(np.ma.array(objects(1, [2], None), mask=[0, 1, 0])),
        ),
        case("subclasses", "masked-constant", "numpy.ma.masked itself", lambda: objects(np.ma.masked)),
        case("subclasses", "matrix", "np.matrix", lambda: objects(_matrix([[1, 2], [3, 4]]), _matrix([[1.5]]))),
        case("subclasses", "recarray", "np.recarray and np.record", lambda: objects(_records(), _records()[0])),
        case(
            "subclasses",
            "chararray",
            "np.char.chararray",
            lambda: objects(np.array(["ab", "c"]).view(_chararray()), np.array([b"xy"]).view(_chararray())),
        ),
        case("subclasses", "memmap", "np.memmap", lambda: objects(_memmap()), protocols=(2, 4)),
        case(
            "whole",
            "masked-objects",
            "the array itself is masked",
            lambda: np.ma.array(objects(1, [2], "x"), mask=[0, 1, 0]),
        ),
        case(
            "whole",
            "masked-mixed",
            "the array itself is masked, with a structured dtype that holds objects",
            lambda: np.ma.array(mixed(2)),
            protocols=(2, 4),
        ),
        case(
            "whole",
            "matrix",
            "the array itself is a matrix of objects",
            lambda: _matrix(np.array([[1, "a"], [None, ()]], object)),
        ),
        case(
            "whole", "recarray", "the array itself is a recarray with object fields", lambda: mixed(2).view(np.recarray)
        ),
        case("whole", "structured", "the array itself has a structured dtype with object fields", lambda: mixed(3)),
        case(
            "whole", "structured-2d", "the same in two dimensions", lambda: mixed(4).reshape(2, 2), protocols=(0, 2, 4)
        ),
        case("whole", "structured-0d", "the array itself is 0-d with object fields", lambda: mixed(1).reshape(()), protocols=(2, 4)),
        case("whole", "structured-shared", "records that share an object", _shared_records),
        case("whole", "structured-subarray", "a field that is an array of objects", _object_pairs, protocols=(0, 2, 4)),
        case(
            "whole",
            "structured-one-field",
            "one object field",
            lambda: np.array([([1],), ("a",)], structure(("o", "O"))),
        ),
    ]


def _strings():
    if not HAS_STRING_DTYPE:
        return []
    from numpy.dtypes import StringDType

    text = ["a", "", "caf\xe9 " + 20 * "long ", "\U0001f600"]
    return [
        case(
            "strings",
            "element",
            "StringDType arrays as elements",
            lambda: objects(np.array(text, StringDType()), np.zeros((2, 0), StringDType())),
        ),
        case(
            "strings",
            "element-na",
            "StringDType with na_object as elements",
            lambda: objects(
                np.array(["a", None], StringDType(na_object=None)),
                np.array(["b", np.nan], StringDType(na_object=np.nan, coerce=False)),
            ),
        ),
        case(
            "strings",
            "dtype",
            "StringDType itself as an element",
            lambda: objects(
                StringDType(),
                StringDType(coerce=False),
                StringDType(na_object="missing"),
                StringDType(na_object=None, coerce=False),
            ),
        ),
        case("strings", "whole", "the array itself is StringDType", lambda: np.array(text, StringDType())),
        case(
            "strings",
            "whole-na",
            "the array itself is StringDType with na_object",
            lambda: np.array(["a", None, "c"], StringDType(na_object=None)),
        ),
        case(
            "strings",
            "whole-nan",
            "the array itself is StringDType with nan as na_object",
            lambda: np.array(["a", np.nan], StringDType(na_object=np.nan)),
        ),
        case(
            "strings",
            "whole-2d",
            "the array itself is StringDType, 2-D, Fortran order",
            lambda: np.asfortranarray(np.array([["a", "b", "c"], ["d", "e", "f"]], StringDType())),
            protocols=(2, 4),
        ),
    ]


def _locked(array):
    array.flags.writeable = False
    return array


def _matrix(rows):
    return np.asmatrix(np.array(rows)) if not isinstance(rows, np.ndarray) else rows.view(np.matrix)


def _records():
    return np.array([(1, 2), (3, 4)], POINT).view(np.recarray)


def _chararray():
    return np.char.chararray if hasattr(np.char, "chararray") else np.chararray


def _memmap():
    with tempfile.NamedTemporaryFile() as file:
        array = np.memmap(file, "<i2", "w+", shape=(3,))
        array[:] = [1, 2, 3]
        return array


def _shared_records():
    shared = ["shared"]
    array = mixed(3)
    array["o"][:] = [None] * 3
    for i in range(3):
        array["o"][i] = shared
        array["inner"]["p"][i] = [shared, shared]
    return array


def _object_pairs():
    array = np.zeros(2, structure(("pair", "O", (2,)), ("n", "<i2")))
    array["pair"][0] = [1, "a"]
    array["pair"][1, 1] = {"k": ()}
    return array
