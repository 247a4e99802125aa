"""Fills files with one opcode, and checks that the instructions of reading them grow no faster than the files.

    cargo build --profile dist -p npy-object-benches -p npy-object-cli
    python benches/floods.py [OPCODE ...]

Repeats each of the 68 opcodes, in the smallest valid group of instructions: within one element, and as elements. An opcode
whose argument can be long also gets one long argument. Every file is read in every way, at one size and at four times that
size. Callgrind counts, as for instructions.py, and the count of a file of one None is subtracted. Fails where four times
the bytes take more than 4.4 times the instructions. Needs valgrind, and about 20 minutes on two cores.
"""

import argparse
import concurrent.futures
import os
import pickletools
import struct
import subprocess
import sys
import tempfile

from compare import TARGET
from instructions import instructions

SIZES = [1 << 16, 1 << 18]
MOST = 4.4
# Counts below this, in instructions a byte, are raised to it: fixed costs, such as the first reads of a file, dominate them.
FEW = 6

GROWTH, NPYO = (os.path.join(TARGET, "dist", name) for name in ("growth", "npyo"))
WAYS = {
    "loop": lambda file: [GROWTH, file, "1"],
    "last": lambda file: [NPYO, "get", file, "-1"],
    "typed": lambda file: [NPYO, "cat", "--typed", file],
    "audit": lambda file: [NPYO, "audit", file],
}


def length(form, argument=b"a"):
    """Returns an argument after its length."""
    return struct.pack(form, len(argument)) + argument


# Opcodes that push a value and pop none.
PUSHES = {
    "INT": b"I1\n",
    "BININT": b"J\1\0\0\0",
    "BININT1": b"K\1",
    "BININT2": b"M\1\0",
    "LONG": b"L1L\n",
    "LONG1": b"\x8a\1\1",
    "LONG4": b"\x8b\1\0\0\0\1",
    "STRING": b"S'a'\n",
    "BINSTRING": b"T" + length("<i"),
    "SHORT_BINSTRING": b"U" + length("<B"),
    "BINBYTES": b"B" + length("<I"),
    "SHORT_BINBYTES": b"C" + length("<B"),
    "BINBYTES8": b"\x8e" + length("<Q"),
    "BYTEARRAY8": b"\x96" + length("<Q"),
    "NEXT_BUFFER": b"\x97",
    "NONE": b"N",
    "NEWTRUE": b"\x88",
    "NEWFALSE": b"\x89",
    "UNICODE": b"Va\n",
    "SHORT_BINUNICODE": b"\x8c" + length("<B"),
    "BINUNICODE": b"X" + length("<I"),
    "BINUNICODE8": b"\x8d" + length("<Q"),
    "FLOAT": b"F1.5\n",
    "BINFLOAT": b"G" + struct.pack(">d", 1.5),
    "EMPTY_LIST": b"]",
    "EMPTY_TUPLE": b")",
    "EMPTY_DICT": b"}",
    "EMPTY_SET": b"\x8f",
    "EXT1": b"\x82\1",
    "EXT2": b"\x83\1\0",
    "EXT4": b"\x84\1\0\0\0",
    "GLOBAL": b"ca\nb\n",
    "PERSID": b"Pa\n",
    "GET": b"g7\n",
    "BINGET": b"h\7",
    "LONG_BINGET": b"j\7\0\0\0",
}

# The other opcodes, and nested ones: the opcode, the instructions before the flood, those repeated, those after them, and
# those repeated as often at the end.
GROUPS = [
    ("READONLY_BUFFER", b"\x97", b"\x98"),
    ("APPEND", b"]", b"Na"),
    ("APPEND", b"", b"]", b"N", b"a"),
    ("APPENDS", b"]", b"(Ne"),
    ("LIST", b"(", b"(Nl", b"t"),
    ("LIST", b"", b"(", b"N", b"l"),
    ("TUPLE", b"(", b"(Nt", b"t"),
    ("TUPLE1", b"N", b"\x85"),
    ("TUPLE2", b"N", b"N\x86"),
    ("TUPLE2", b"N", b"2\x86"),
    ("TUPLE3", b"N", b"NN\x87"),
    ("DICT", b"(", b"(NNd", b"t"),
    ("DICT", b"", b"(N", b"N", b"d"),
    ("SETITEM", b"}", b"NNs"),
    ("SETITEM", b"", b"}N", b"N", b"s"),
    ("SETITEMS", b"}", b"(NNu"),
    ("ADDITEMS", b"\x8f", b"(N\x90"),
    ("FROZENSET", b"(", b"(N\x91", b"t"),
    ("FROZENSET", b"", b"(", b"N", b"\x91"),
    ("POP", b"N", b"N0"),
    ("POP", b"N", b"(0"),
    ("DUP", b"(N", b"2", b"t"),
    ("DUP", b"(]", b"2", b"t"),
    ("MARK", b"", b"(", b"", b"t"),
    ("POP_MARK", b"N", b"(N1"),
    ("BINGET", b"(]q\x08", b"h\x08", b"t"),
    ("BINGET", b"(]q\x08", b"h\x08Na", b"t"),
    ("PUT", b"N", b"p8\n"),
    ("BINPUT", b"N", b"q\x08"),
    ("LONG_BINPUT", b"N", b"r\x08\0\0\0"),
    ("MEMOIZE", b"N", b"\x94"),
    ("STACK_GLOBAL", b"(", b"\x8c\1a\x8c\1b\x93", b"t"),
    ("REDUCE", b"(", b"ca\nb\n)R", b"t"),
    ("REDUCE", b"ca\nb\n", b")R"),
    ("BUILD", b"ca\nb\n)R", b"Nb"),
    ("INST", b"(", b"(ia\nb\n", b"t"),
    ("OBJ", b"(", b"(ca\nb\no", b"t"),
    ("NEWOBJ", b"(", b"ca\nb\n)\x81", b"t"),
    ("NEWOBJ_EX", b"(", b"ca\nb\n)}\x92", b"t"),
    ("PROTO", b"", b"\x80\4", b"N"),
    ("FRAME", b"", b"\x95" + bytes(8), b"N"),
    ("BINPERSID", b"(", b"NQ", b"t"),
    ("BINPERSID", b"N", b"Q"),
]

# Keys and memo entries, each with another number: the opcode, the instructions before, those of a number, and those after.
NUMBERED = [
    ("PUT", b"(", lambda number: b"]p%d\n" % (8 + number), b"t"),
    ("LONG_BINPUT", b"(", lambda number: b"]r" + struct.pack("<I", 8 + number), b"t"),
    ("LONG_BINPUT", b"(", lambda number: b"]r" + struct.pack("<I", 0xffffffff - number), b"t"),
    ("LONG_BINGET", b"(", lambda number: b"]r%s0j%s" % ((struct.pack("<I", 8 + number),) * 2), b"t"),
    ("SETITEMS", b"}(", lambda number: b"J" + struct.pack("<I", number) + b"N", b"u"),
    ("ADDITEMS", b"\x8f(", lambda number: b"J" + struct.pack("<I", number), b"\x90"),
]

# Opcodes with one argument of `size` bytes.
LONG = {
    "LONG4": lambda size: b"\x8b" + length("<i", b"\1" * size),
    "STRING": lambda size: b"S'%s'\n" % (b"a" * size),
    "BINSTRING": lambda size: b"T" + length("<i", b"a" * size),
    "BINBYTES": lambda size: b"B" + length("<I", b"a" * size),
    "BINBYTES8": lambda size: b"\x8e" + length("<Q", b"a" * size),
    "BYTEARRAY8": lambda size: b"\x96" + length("<Q", b"a" * size),
    "UNICODE": lambda size: b"V%s\n" % (b"a" * size),
    "BINUNICODE": lambda size: b"X" + length("<I", b"a" * size),
    "BINUNICODE8": lambda size: b"\x8d" + length("<Q", b"a" * size),
    "INT": lambda size: b"I%s\n" % (b"1" * size),
    "LONG": lambda size: b"L%sL\n" % (b"1" * size),
    "FLOAT": lambda size: b"F%s\n" % (b"1" * size),
    "GLOBAL": lambda size: b"ca\n%s\n" % (b"a" * size),
    "INST": lambda size: b"(ia\n%s\n" % (b"a" * size),
    "PERSID": lambda size: b"P%s\n" % (b"a" * size),
}


def array(elements, count):
    """Returns a file of `count` objects, which these instructions append. Entry 7 of the memo is a tuple."""
    shape = b"J" + struct.pack("<I", count)
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (%d,), }\n" % count
    begin = (
        b"\x80\2cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85q\7U\1b\x87R(K\1" + shape + b"\x85"
        b"cnumpy\ndtype\nU\2O8K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]"
    )
    return b"\x93NUMPY\1\0" + length("<H", header) + begin + elements + b"tb."


def in_one(before, each, after=b"", each_after=b""):
    """Returns a function of a size, which makes a file whose one element repeats the instructions of `each(number)`."""

    def make(size):
        count = size // len(each(0) + each_after)
        return array(before + b"".join(map(each, range(count))) + after + each_after * count + b"a", 1)

    return make


def in_many(element):
    """Returns a function of a size, which makes a file of the elements `element(number)`."""

    def make(size):
        count = size // len(element(0))
        batches = (range(begin, min(begin + 1000, count)) for begin in range(0, count, 1000))
        return array(b"".join(b"(%se" % b"".join(map(element, batch)) for batch in batches), count)

    return make


def floods():
    """Yields an opcode, the place that it floods, and a function that makes a file of a size."""
    for name, push in PUSHES.items():
        yield name, "in a tuple", in_one(b"(", lambda _, push=push: push, b"t")
        yield name, "elements", in_many(lambda _, push=push: push)
    for name, before, each, *after in GROUPS:
        yield name, "in one element", in_one(before, lambda _, each=each: each, *after)
        yield name, "elements", in_many(lambda _, element=b"".join([before, each, *after]): element)
    for name, *parts in NUMBERED:
        yield name, "numbered", in_one(*parts)
        yield name, "numbered, elements", in_many(lambda number, parts=parts: parts[0] + parts[1](number) + parts[2])
    for name, argument in LONG.items():
        yield name, "long", lambda size, argument=argument: array(argument(size) + b"a", 1)
    yield "STOP", "after the array", lambda size: array(b"Na", 1) + b"N." * (size // 2)


def count(way, data):
    """Returns the instructions of reading the bytes to the end or to an error, and which of the two it was."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        file.write(data)
        file.flush()
        total, done = instructions(WAYS[way](file.name), stderr=subprocess.DEVNULL)
    # An audit with findings exits with another code.
    return total, "refused" if done.returncode == 1 else "read"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("opcodes", nargs="*", metavar="OPCODE", help="all of them")
    chosen = parser.parse_args().opcodes
    assert {name for name, *_ in floods()} == {opcode.name for opcode in pickletools.opcodes}
    cases = [(*flood, way) for flood in floods() if not chosen or flood[0] in chosen for way in WAYS]
    empty = {way: count(way, array(b"Na", 1))[0] for way in WAYS}

    def measure(case):
        _, _, make, way = case
        totals, ends = zip(*(count(way, make(size)) for size in SIZES))
        return ends[-1], *(total - empty[way] for total in totals)

    print("| opcode | place | way | end | instructions a byte | at four times the size | growth |")
    print("|---|---|---|---|--:|--:|--:|")
    steep = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (name, place, _, way), (end, small, large) in zip(cases, pool.map(measure, cases)):
            growth = large / max(small, FEW * SIZES[0])
            steep += growth > MOST
            cells = "%.1f | %.1f | %.2f" % (small / SIZES[0], large / SIZES[1], growth)
            print("| %s | %s | %s | %s | %s |" % (name, place, way, end, cells), flush=True)
    if steep:
        sys.exit("%d grow by more than %s" % (steep, MOST))


if __name__ == "__main__":
    main()
