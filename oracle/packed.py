"""Writes archives, gzip files and indexes, and what Python reads from them. Runs in the judge's environment.

    python packed.py write FOLDER
    python packed.py check FOLDER     # prints the files from which Python reads something else

The bytes that a compressor writes depend on its version, so `check` compares the contents.

The typed JSON of FILE is in `FILE.jsonl`. That of an archive has a line `{"member": NAME}` before the lines of each
member. `manifest.json` lists the files as that of the fixtures does. `refused` in an entry is the clause that the file
breaks. Python refuses most of these files too, and then its error is the last line. `modified`, in the entry of an
index, is the modification time in nanoseconds of the file that the index is of.
"""

import gzip
import io
import json
import os
import pickletools
import struct
import sys
import zipfile
import zlib

import environments
import judge
import manifest
import numpy as np
from cases import objects

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "conformance"))

from chapters.machine import Machine  # noqa: E402: it is in that folder

RAGGED = objects(np.arange(3.0), "two", {"k": [1, None]})
NUMBERS = np.array([1, -2, 3], "<i4")
MANY = objects(*range(2500))

HEADER, ENTRY, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
MODIFIED = 1_600_000_000 * 10**9


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(save=np.savez, **arrays):
    """Returns an archive as NumPy writes it."""
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def zipped(method=zipfile.ZIP_STORED, **members):
    """Returns an archive as zipfile writes it, without the fields of 64 bits that NumPy requests."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as out:
        for name, data in members.items():
            out.writestr(zipfile.ZipInfo(name + ".npy"), data, method)
    return file.getvalue()


def patched(data, record, at, new):
    """Returns the data with other bytes at an offset of the first record with this signature."""
    place = data.index(record) + at
    return data[:place] + new + data[place + len(new) :]


def archives():
    """Yields name, description, bytes, and a list of clauses; or a str: the clause that is broken."""
    two = archive(a=RAGGED, b=NUMBERS)
    one = archive(only=RAGGED)
    deflated = archive(np.savez_compressed, only=RAGGED)
    small = zipped(only=npy(RAGGED))
    packed = zipped(zipfile.ZIP_DEFLATED, only=npy(RAGGED))
    data = packed.index(b"only.npy") + len(b"only.npy")
    yield "savez.npz", "two arrays, as np.savez stores them", two, ["npz.directory", "npz.header", "npz.wide"]
    yield "savez-one.npz", "one array, which needs no name", one, ["npz.choice"]
    yield "savez-compressed.npz", "one array, deflated", deflated, ["npz.method", "npz.data"]
    yield "zipfile.npz", "one array, as Python's zipfile stores it", small, ["npz.checksum", "npz.size"]
    yield "prefixed.npz", "bytes before the archive", b"#!/bin/sh\n" + small, ["npz.directory"]
    yield "end.npz", "truncated in the end record", small[:-5], "npz.end"
    large = patched(small, END, 12, b"\xfe\xff\xff\xff")
    yield "directory.npz", "a directory larger than the file", large, "npz.directory"
    yield "wide.npz", "a missing size of 64 bits", patched(small, ENTRY, 24, b"\xff" * 4), "npz.wide"
    yield "header.npz", "another name in the header", patched(small, HEADER, 30, b"x"), "npz.header"
    yield "overlap.npz", "data that overlap the directory", patched(small, ENTRY, 20, b"\xff"), "npz.overlap"
    yield "encrypted.npz", "flags of an encrypted member", patched(small, ENTRY, 8, b"\x01"), "npz.encrypted"
    yield "bzip2.npz", "packed with bzip2", zipped(zipfile.ZIP_BZIP2, only=npy(RAGGED)), "npz.method"
    yield "deflate.npz", "a deflate block of type 3", packed[:data] + b"\x07" + packed[data + 1 :], "npz.data"
    yield "cut-short.npz", "a deflate stream without an end", patched(packed, ENTRY, 20, b"\x09\x00"), "npz.truncated"
    less = struct.pack("<I", len(npy(RAGGED)) - 1)
    yield "size.npz", "a byte more than the entry says", patched(packed, ENTRY, 24, less), "npz.size"
    yield "checksum.npz", "a wrong checksum", patched(packed, ENTRY, 16, b"\0\0\0\0"), "npz.checksum"


def gzip_files():
    def pack(data):
        return gzip.compress(data, mtime=0)

    data = npy(RAGGED)
    one = pack(data)
    yield "one.npy.gz", "one member", one, ["gzip.magic", "gzip.checksum"]
    several = pack(data[:200]) + pack(data[200:]) + b"\0" * 8
    yield "members.npy.gz", "two members, and zeros after them", several, ["gzip.magic"]
    yield "twice.npy.gz.gz", "packed twice", pack(one), ["gzip.depth"]
    yield "text.npy.gz", "text in place of the second member", pack(data[:200]) + b"text", "gzip.magic"
    yield "truncated.npy.gz", "truncated in the checksum", one[:-6], "gzip.truncated"
    yield "deflate.npy.gz", "a deflate block of type 3", one[:10] + b"\x07" + one[11:], "gzip.data"
    yield "checksum.npy.gz", "a wrong checksum", one[:-8] + b"\0\0\0\0" + one[-4:], "gzip.checksum"
    yield "five-times.npy.gz", "packed five times", pack(pack(pack(pack(one)))), "gzip.depth"


class Survey(Machine):
    """Records a checkpoint wherever a batch of elements ends: index-file.md, "Layout"."""

    def __init__(self, data, start):
        super().__init__(data, start, "ascii")
        self.checkpoints = []

    def put(self, index):
        super().put(index)
        if self.top() == [] and type(self.top()) is list:
            self.note()

    def append(self, values):
        super().append(values)
        self.note()

    def note(self):
        self.checkpoints.append((len(self.top()), self.at, max(self.memo) + 1))


def checkpoints(data):
    """Returns the checkpoints of a file of objects, whose batches have at most 32 KiB."""
    survey = Survey(data, 128)
    survey.run()
    assert len(survey.checkpoints) <= 256, "there is one block"
    return survey.checkpoints


def summed(data):
    return data + struct.pack("<I", zlib.crc32(data))


def head(data, version, points):
    places = [(len(data) - 512) * i // 15 for i in range(16)]
    samples = [data[place : place + 512] for place in places]
    head = b"npyoidx" + bytes([version]) + struct.pack("<Qq", len(data), MODIFIED)
    head += struct.pack("<II", zlib.crc32(b"".join(samples)), zlib.crc32(samples[0]))
    return head + struct.pack("<QQ", points[-1][0], len(points))


def index(data):
    """Returns the index of a file of objects: index-file.md."""
    points = checkpoints(data)
    entries = [struct.pack("<3Q", *point) for point in points]
    return summed(head(data, 2, points) + entries[0]) + summed(b"".join(entries))


def run(start, offsets):
    """Returns the run of elements that make no memo entries, inside one batch: index-file.md, "Dense index"."""
    steps = [after - before for before, after in zip([start] + offsets, offsets)]
    step = min(steps)
    distances = [offset - start - step * number for number, offset in enumerate(offsets, 1)]
    width = max(distances).bit_length()
    bits = sum((distance | 1 << width) << (width + 1) * place for place, distance in enumerate(distances))
    packed = bits.to_bytes(((width + 1) * len(offsets) + 7) // 8, "little")
    return summed(struct.pack("<QQBB", step, 0, width, 0) + packed)


def dense_index(data):
    """Returns the dense index of a file of ints, which are one instruction each."""
    points = checkpoints(data)
    runs, places = [], None
    for opcode, _, place in pickletools.genops(data[128:]):
        if opcode.name == "MARK" and len(runs) < len(points) - 1 and 128 + place == points[len(runs)][1]:
            places = []
        elif opcode.name == "APPENDS" and places is not None:
            runs.append(run(points[len(runs)][1], places[1:]))
            places = None
        elif opcode.name != "FRAME" and places is not None:
            places.append(128 + place)
    begin = 56 + 32 + 4 + 32 * len(points) + 4
    begins = [begin + sum(map(len, runs[:number])) for number in range(len(points))]
    entries = [struct.pack("<4Q", *point, place) for point, place in zip(points, begins)]
    front = head(data, 3, points) + struct.pack("<Q", begins[-1]) + entries[0]
    return summed(front) + summed(b"".join(entries)) + b"".join(runs)


def indexes():
    data = npy(MANY)
    right = index(data)
    yield "batches.npy", "2,500 elements in three batches", data, ["npy.element.batch"]
    yield "batches.npy.idx", "the index of batches.npy", right, ["index.layout", "index.fresh"]
    yield "dense.idx", "the dense index of batches.npy", dense_index(data), ["index.layout", "index.fresh"]
    turned = right[:90] + bytes([right[90] ^ 1]) + right[91:]
    yield "checksum.idx", "an index of batches.npy with one bit inverted", turned, "index.layout"
    yield "truncated.idx", "a truncated index of batches.npy", right[:60], "index.layout"
    later = right[:7] + b"\xff" + right[8:]
    yield "version.idx", "an index of batches.npy with an unknown version", later, "index.layout"
    yield "other.idx", "an index of another file", index(npy(MANY[:2400])), "index.fresh"


def lines(name, data):
    """Returns what Python reads from a file: typed JSON, line by line."""
    found = []
    try:
        if name.endswith(".npz"):
            with zipfile.ZipFile(io.BytesIO(data)) as members:
                for member in members.namelist():
                    found += [json.dumps({"member": member})] + judge.judge(members.read(member), "ASCII")[0]
        else:
            while data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            found += judge.judge(data, "ASCII")[0]
    except Exception as error:
        found.append(judge.error_line(error))
    return found


def write_all(folder):
    entries = []
    for make in (archives, gzip_files, indexes):
        for name, about, data, clauses in make():
            entry = {"file": name, "about": about, "sha256": manifest.sha256(data)}
            if name.startswith(("savez", "batches")) and not name.endswith(".idx"):
                entry["written_by"] = [environments.tag(environments.JUDGE)]
            if isinstance(clauses, str):
                entry["refused"], clauses = clauses, [clauses]
            if name.endswith(".idx"):
                entry["modified"] = MODIFIED
            else:
                text = "".join(line + "\n" for line in lines(name, data))
                write(folder, name + ".jsonl", text.encode("utf-8"))
            entry["clauses"] = clauses
            entries.append(entry)
            write(folder, name, data)
    text = "[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n"
    write(folder, "manifest.json", text.encode("utf-8"))


def check_all(folder):
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        name = entry["file"]
        data = read(folder, name)
        if manifest.sha256(data) != entry["sha256"]:
            print(name + ": the bytes do not have the SHA-256 of the manifest")
        if "modified" in entry:
            continue
        committed = read(folder, name + ".jsonl").decode("utf-8").split("\n")[:-1]
        if lines(name, data) != committed:
            print(name + ": Python reads something else")
    right = entries[[entry["file"] for entry in entries].index("batches.npy.idx")]
    if manifest.sha256(index(read(folder, "batches.npy"))) != right["sha256"]:
        print("batches.npy.idx: not the index of its file")
    dense = entries[[entry["file"] for entry in entries].index("dense.idx")]
    if manifest.sha256(dense_index(read(folder, "batches.npy"))) != dense["sha256"]:
        print("dense.idx: not the index of batches.npy")


def read(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


if __name__ == "__main__":
    {"write": write_all, "check": check_all}[sys.argv[1]](sys.argv[2])
