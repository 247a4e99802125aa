"""Writes counts.npy, splits.npy, tracks.npy, values.npy and packed files, which documentation and tests read: python generate.py"""

import collections
import datetime
import decimal
import gzip
import io
import warnings
import zipfile

import numpy as np
from numpy.dtypes import StringDType


def objects(values):
    """An array of dtype object with these elements, whatever NumPy would make of them together."""
    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        array[index] = value
    return array


def masked(order):
    items = np.arange(6, dtype="i4").reshape(2, 3)
    mask = np.array([[0, 1, 0], [0, 0, 1]], bool)
    return np.ma.array(np.asarray(items, order=order), mask=np.asarray(mask, order=order))


def shared(depth):
    value = ()
    for _ in range(depth):
        value = (value, value)
    return value


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def cyclic():
    value = [1]
    value.append(value)
    return value


def root():
    value = np.empty((), dtype=object)
    value[()] = value
    return value


class Unknown:
    pass


point = np.dtype([("name", "U4"), ("at", "<f4", (2,)), ("id", ">u2")])
west = datetime.timezone(-datetime.timedelta(hours=3, minutes=30))
thousand = np.arange(1000.0)
holder = np.dtype([("id", "<i2"), ("what", "O")])
VALUES = {
    "none": None,
    "true": True,
    "int": 7,
    "negative": -7,
    "u64": 2**64 - 1,
    "i128": -(2**100),
    "u128": 2**128 - 1,
    "too wide": 2**128,
    "float": 1.5,
    "complex": 1.5 - 2j,
    "str": "naïve",
    "surrogate": "\ud800",
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"ab"),
    "tuple": (1, "a", 2.5),
    "list": [1, 2, 3],
    "set": {5},
    "frozenset": frozenset([5]),
    "dict": {"b": 1, "a": 2},
    "int keys": {1: "one", 2: "two"},
    "ordereddict": collections.OrderedDict(a=1),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "struct": {"id": 3, "name": "loop", "more": Unknown(), "score": None},
    "enum struct": {"Circle": {"radius": 2.0}},
    "enum tuple": {"Line": (1, 2)},
    "enum newtype": {"Text": "words"},
    "enum two": {"Text": "a", "Line": (1, 2)},
    "date": datetime.date(2024, 2, 29),
    "time": datetime.time(23, 59, 1),
    "datetime": datetime.datetime(2024, 2, 29, 12, 30, 0, 250),
    "zoned": datetime.datetime(2024, 1, 1, tzinfo=west),
    "timedelta": datetime.timedelta(days=-1, microseconds=500_000),
    "decimal": decimal.Decimal("1.10"),
    "f2": np.float16(0.5),
    "f4": np.float32(0.1),
    "f8": np.float64(0.1),
    "longdouble": np.longdouble(0.5),
    "i1": np.int8(-1),
    "u8": np.uint64(2**64 - 1),
    "bool_": np.bool_(True),
    "str_": np.str_("né"),
    "bytes_": np.bytes_(b"ab"),
    "complex64": np.complex64(1 - 2j),
    "datetime64": np.datetime64("2024-02-29T12:30", "s"),
    "nat": np.datetime64("NaT", "s"),
    "timedelta64": np.timedelta64(90, "s"),
    "void": np.array([("ab", (1, 2), 3)], point)[0],
    "array": np.array([1.0, 2.0, -0.5]),
    "big-endian": np.array([1, 2, 258], ">i2"),
    "matrix": np.arange(6, dtype="f4").reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(24, dtype="i4").reshape(2, 3, 4)),
    "masked": masked("C"),
    "masked fortran": masked("F"),
    "0-d": np.array(4),
    "empty": np.zeros((2, 0)),
    "no bytes": np.zeros(1 << 40, "V0"),
    "no items": np.zeros((1 << 40, 0)),
    "strings": np.array(["a", "bcd", ""]),
    "stringdtype": np.array(["a", None], StringDType(na_object=None)),
    "dates": np.array(["2024-02-29", "NaT"], "M8[D]"),
    "records": np.array([("ab", (1, 2), 3), ("c", (0.5, 4), 65535)], point),
    "objects": objects([1, "a", None]),
    "square objects": np.array([[1, 2], [3, 4]], object, order="F"),
    "holders": np.array([(1, "a"), (2, [3])], holder),
    "twice": [thousand, thousand],
    "nested 128": nested(128),
    "nested 129": nested(129),
    "shared": shared(25),
    "cyclic": cyclic(),
    "root": root(),
    "unknown": Unknown(),
    "class": Unknown,
}


def npy(array):
    """The bytes of its file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class CodePage437(zipfile.ZipInfo):
    """A member whose name is not marked as UTF-8, as other programs write it."""

    __slots__ = ()

    def _encodeFilenameFlags(self):
        return self.filename.encode("cp437"), self.flag_bits


def write_archives():
    arrays = {"words": objects(["loop", "spur", None]), "numbers": np.arange(6.0).reshape(3, 2)}
    np.savez("archive.npz", **arrays)
    np.savez_compressed("deflated.npz", **arrays)
    np.savez("one.npz", objects(["alone"]))

    # What zipfile writes where an archive, or a member, is larger than 4 GiB.
    limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 100
    np.savez("zip64.npz", **arrays)
    zipfile.ZIP64_LIMIT = limit

    with open("prefixed.npz", "wb") as file:
        file.write(b"#!/bin/sh, or whatever else was put before an archive\n")
        file.write(open("one.npz", "rb").read())

    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile("odd.npz", "w") as archive:

        def add(name, data, method=zipfile.ZIP_DEFLATED, info=zipfile.ZipInfo):
            archive.writestr(info(name), data, method)

        add("twice.npy", npy(objects(["first"])))
        add("größe.npy", npy(objects(["Größe"])))
        add("ü.npy", npy(objects(["cp437"])), info=CodePage437)
        add("no suffix", npy(objects(["no suffix"])))
        add("folder/", b"")
        add("folder/inner.npy", npy(objects(["inner"])), zipfile.ZIP_STORED)
        add("notes.txt", b"no array", zipfile.ZIP_STORED)
        add("bzip2.npy", npy(objects(["bzip2"])), zipfile.ZIP_BZIP2)
        add("twice.npy", npy(objects(["last"])))


def write_gzips():
    strings = open("strings.npy", "rb").read()

    def member(data, name=""):
        file = io.BytesIO()
        with gzip.GzipFile(name, "wb", fileobj=file, mtime=0) as packed:
            packed.write(data)
        return file.getvalue()

    with open("strings.npy.gz", "wb") as file:
        file.write(member(strings, "strings.npy"))
    with open("members.npy.gz", "wb") as file:
        file.write(member(strings[:100]) + member(b"") + b"\0\0" + member(strings[100:]) + b"\0")


if __name__ == "__main__":
    tracks = [
        {"id": 7, "name": "loop", "points": np.arange(6, dtype="f4").reshape(3, 2)},
        {"id": 8, "name": "spur", "points": np.zeros((0, 2), "f4")},
    ]
    np.save("tracks.npy", objects(tracks))
    np.save("counts.npy", objects([list(range(100)), [n / 2 for n in range(20)], (1, 2, 3), [1, 2.5], []]))
    np.save("values.npy", objects(list(VALUES.items())))
    np.save("splits.npy", {"train": [3, 4, 5], "test": [6]})
    write_archives()
    write_gzips()
