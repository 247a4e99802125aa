# -*- coding: utf-8 -*-
"""Elements of Python's own types: None, numbers, text, bytes and the containers."""

from __future__ import unicode_literals

import struct

from cases import FEW, case, objects

FEW_TEXT = (0, 2, 4)
"""Protocol 0, which has no batches, and two binary protocols: without frames and with."""


LONG = type(2**100)
"""The other int of Python 2."""


def bits(text):
    """Returns the float with these 64 bits, in hex. float("nan") has no sign and payload."""
    return struct.unpack(str(">d"), bytes(bytearray.fromhex(text)))[0]


def nested(depth, wrap):
    value = wrap(None)
    for _ in range(depth - 1):
        value = wrap(value)
    return value


def cases():
    integers = [
        0,
        1,
        -1,
        127,
        128,
        255,
        256,
        -128,
        -129,
        65535,
        65536,
        -32768,
        2**31 - 1,
        2**31,
        -(2**31),
        -(2**31) - 1,
    ]
    wide = [2**32, 2**53 - 1, 2**53, -(2**53), 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**100, -(10**100)]
    widest = [2**2039 - 1, 2**2039, -(2**2039), -(2**2039) - 1]  # 255 and 256 bytes: LONG1 ends and LONG4 begins
    small = [0, 1, -1, 127, 128, -128, -129, 255, 256, -256, 32768]
    floats = [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, float("inf"), float("-inf"), float("nan")]
    nans = [bits("7ff8000000000001"), bits("fff8000000000000"), bits("7ff0000000000001")]
    text = ["", "a", "ascii text", "caf\xe9", "\xff\x00\x80", "\u65e5\u672c\u8a9e", "\U0001f600", "\x00"]
    escapes = ["a\nb", "a\r", "a\r\nb", "\\", "\\u0041", "\\n", "'\"", "tab\t", "\x1a", "\x85\u2028", "C:\\users\\x"]
    surrogates = ["\ud800", "a\udfffb", "\udc80"]
    byte_strings = [b"", b"a", b"bytes", b"\x00\xff", bytes(bytearray(range(256))), b"a\nb\r\\'\"", b"\xc3\xa9"]
    found = [
        case("builtin", "none", "None", lambda: objects(None)),
        case("builtin", "no-elements", "an empty object array", lambda: objects()),
        case("builtin", "bools", "True and False", lambda: objects(True, False, True)),
        case(
            "builtin",
            "equal-numbers",
            "1, True, 1.0, 0, False, 0.0 and -0.0 stay apart",
            lambda: objects(1, True, 1.0, 0, False, 0.0, -0.0, 1 + 0j, 1),
        ),
        case("builtin", "ints", "ints at the edges of the opcodes' widths", lambda: objects(*integers)),
        case("builtin", "ints-wide", "ints of more than 32 bits", lambda: objects(*wide)),
        case("builtin", "ints-widest", "ints of 255 and 256 bytes", lambda: objects(*widest), protocols=(0, 2, 4)),
        case(
            "builtin",
            "longs",
            "small longs on Python 2: LONG1 with no byte and with a sign",
            lambda: objects(*[LONG(n) for n in small]),
            protocols=(0, 1, 2),
        ),
        case("builtin", "floats", "floats with signed zeros, infinities, NaN", lambda: objects(*floats)),
        case(
            "builtin", "nan-payloads", "NaNs with payload and sign", lambda: objects(*nans), protocols=(1, 2, 3, 4, 5)
        ),
        case(
            "builtin",
            "complex",
            "complex numbers",
            lambda: objects(1 + 2j, complex(-0.0, float("nan")), complex(float("inf"), -0.0)),
        ),
        case("builtin", "text", "str: empty, ASCII, Latin-1, astral", lambda: objects(*text)),
        case("builtin", "text-escapes", "str with what protocol 0 has to escape", lambda: objects(*escapes)),
        case("builtin", "text-surrogates", "str with lone surrogates", lambda: objects(*surrogates)),
        case("builtin", "bytes", "bytes (Python 2: str)", lambda: objects(*byte_strings)),
        case(
            "builtin",
            "bytearrays",
            "bytearray",
            lambda: objects(bytearray(b""), bytearray(b"a"), bytearray(b"\xff\x00")),
        ),
        case("builtin", "tuples", "tuples of 0 to 4", lambda: objects((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))),
        case("builtin", "tuples-nested", "tuples in tuples", lambda: objects(((), ((),)), ((1, (2, (3,))), "x"), ())),
        case("builtin", "lists", "lists of 0 to 3", lambda: objects([], [1], [1, 2], [1, "two", None])),
        case("builtin", "lists-nested", "lists in lists", lambda: objects([[]], [[1], [2, [3]]], [(1, [2])])),
        case(
            "builtin",
            "list-of-1000",
            "a list of one whole batch",
            lambda: objects([7] * 1000, [8] * 1001),
            protocols=FEW,
        ),
        case("builtin", "dicts", "dicts of 0 to 3", lambda: objects({}, {"a": 1}, {1: "x"}, {(1, 2): [3]})),
        case(
            "builtin",
            "dict-keys",
            "keys of many kinds",
            lambda: objects({None: 0}, {2.5: 0}, {b"k": 0}, {frozenset([1]): 0}),
        ),
        case(
            "builtin",
            "dict-of-1001",
            "a dict of one whole batch and one more",
            lambda: objects(dict((i, 0) for i in range(1001))),
            protocols=FEW_TEXT,
        ),
        case("builtin", "dicts-nested", "dicts in dicts and lists", lambda: objects({"a": {"b": {}}}, [{"a": [{}]}])),
        case(
            "builtin",
            "sets",
            "sets and frozensets",
            lambda: objects(set(), set([1]), set([1, 2, 3]), frozenset(), frozenset("a")),
        ),
        case(
            "builtin",
            "sets-of-tuples",
            "sets of tuples and frozensets",
            lambda: objects(set([(1, 2), (3,)]), frozenset([frozenset([1]), ()]), [set([(1,)])]),
        ),
        case(
            "builtin",
            "set-of-1001",
            "a set of one whole batch and one more",
            lambda: objects(set(range(1001))),
            protocols=(4,),
        ),
        case(
            "builtin",
            "deep-lists",
            "300 lists in each other",
            lambda: objects(nested(300, lambda x: [x])),
            protocols=FEW_TEXT,
        ),
        case(
            "builtin",
            "deep-tuples",
            "300 tuples in each other",
            lambda: objects(nested(300, lambda x: (x,))),
            protocols=FEW_TEXT,
        ),
        case(
            "builtin",
            "deep-dicts",
            "200 dicts in each other",
            lambda: objects(nested(200, lambda x: {1: x})),
            protocols=FEW_TEXT,
        ),
        case(
            "builtin",
            "mixture",
            "a bit of everything",
            lambda: objects(1, "a", None, [1, 2], {"a": (1, 2)}, 2.5, b"x", True, set([1]), (), -0.0, 10**20),
        ),
        case(
            "builtin",
            "records",
            "names and numbers, as people save them",
            lambda: objects(
                {"name": "Ada", "born": 1815, "tags": ["x", "y"]}, {"name": "Alan", "born": 1912, "tags": []}
            ),
        ),
    ]
    for length in (255, 256):
        found.append(
            case(
                "builtin",
                "text-%d" % length,
                "a str of %d characters" % length,
                lambda n=length: objects("x" * n, "\xe9" * n),
                protocols=FEW_TEXT,
            )
        )
        found.append(
            case(
                "builtin",
                "bytes-%d" % length,
                "bytes of length %d" % length,
                lambda n=length: objects(b"x" * n, b"y"),
                protocols=FEW_TEXT,
            )
        )
    return found
