"""Writes the files that no NumPy writes. Runs in the judge's environment.

    python handmade.py FOLDER

The groups: `header-forms` has headers of other programs and hostile ones, `hand-pickled` opcodes that picklers write
otherwise or never, `truncated` truncated files, `numpy-tests` the files of NumPy's own tests. Writes to FOLDER what
write.py writes.
"""

import json
import os
import pickle
import pickletools
import struct
import sys

import numpy as np
from cases import objects
from write import dump

NUMBERS = np.array([1, -2, 3], "<i4").tobytes()
OBJECTS = pickle.dumps(objects(1, "two", [3]), 4)


def npy(header, payload=NUMBERS, version=(1, 0), length=None):
    """Returns an .npy file with exactly this header, and this length in its length field, which can be wrong."""
    if isinstance(header, str):
        header = header.encode("utf-8" if version == (3, 0) else "latin1")
    length = len(header) if length is None else length
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", length) + header + payload


def header(descr="'<i4'", fortran_order="False", shape="(3,)"):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, fortran_order, shape)


def header_forms():
    """Yields name, description, bytes. The judge decides which are accepted."""
    pairs = "[('a', '<i2'), ('b', '<i2')]"
    plain = header()
    yield "plain", "as NumPy writes it, without any padding", npy(plain)
    yield "padded", "spaces and a newline", npy(plain + " " * 57 + "\n")
    yield "version-2", "version 2.0", npy(plain, version=(2, 0))
    yield "version-3", "version 3.0", npy(plain, version=(3, 0))
    yield "key-order", "keys in another order", npy("{'shape': (3,), 'fortran_order': False, 'descr': '<i4'}")
    yield "compact", "no spaces, no last comma", npy("{'descr':'<i4','fortran_order':False,'shape':(3,)}")
    yield "double-quotes", "double quotes", npy(plain.replace("'", '"'))
    yield "triple-quotes", "a triple-quoted string", npy(header("'''<i4'''"))
    yield "raw-string", "a raw string", npy(header("r'<i4'"))
    yield "unicode-string", "a u string", npy(header("u'<i4'"))
    yield "bytes-string", "a b string as descr", npy(header("b'<i4'"))
    yield "concatenated", "two strings side by side", npy(header("'<' 'i4'"))
    yield "escapes", "escapes in a string", npy(header(r"'\x3ci\u0034'"))
    yield "comment", "comments", npy("{'descr': '<i4', # four bytes\n 'fortran_order': False, 'shape': (3,)} # end\n")
    yield "newlines", "newlines in the dict", npy(plain.replace(" ", "\n"))
    yield "crlf", "CRLF", npy(plain.replace(" ", "\r\n") + "\r\n")
    yield "leading-newline", "a newline first", npy("\n" + plain)
    yield "leading-space", "a space first", npy(" " + plain)
    yield "tabs", "tabs and form feeds", npy(plain.replace(" ", "\t\f"))
    yield "parentheses", "the dict in parentheses", npy("(" + plain + ")")
    yield "duplicate-key", "a key twice: the last wins", npy(
        "{'shape': (9,), 'descr': '<i4', 'fortran_order': False, 'shape': (3,)}"
    )
    yield "long-v1", "2L, as Python 2 wrote it, version 1.0", npy(header(shape="(3L,)"))
    yield "long-v2", "2L, version 2.0", npy(header(shape="(3L, 1L)"), version=(2, 0))
    yield "long-v3", "2L, version 3.0", npy(header(shape="(3L,)"), version=(3, 0))
    yield "hex-shape", "hexadecimal, octal, binary and underscores", npy(header(shape="(0x1, 0o1, 0b11, 0_1)"))
    yield "plus-shape", "a sign", npy(header(shape="(+3,)"))
    yield "no-comma-shape", "(3)", npy(header(shape="(3)"))
    yield "int-shape", "3", npy(header(shape="3"))
    yield "list-shape", "[3]", npy(header(shape="[3]"))
    yield "bool-shape", "(True,)", npy(header(shape="(True,)"))
    yield "sum-shape", "(1+2,)", npy(header(shape="(1+2,)"))
    yield "negative-shape", "(-3,)", npy(header(shape="(-3,)"))
    yield "float-shape", "(3.0,)", npy(header(shape="(3.0,)"))
    yield "leading-zero-shape", "(03,)", npy(header(shape="(03,)"))
    yield "huge-shape", "10**12 elements and no data", npy(header(shape="(1000000000000,)"), b"")
    yield "overflowing-shape", "a shape whose product does not fit 64 bits", npy(
        header(shape="(4294967296, 4294967296, 4294967296)"), b""
    )
    yield "overflowing-to-zero", "the same shape with a zero", npy(
        header(shape="(4294967296, 4294967296, 4294967296, 0)"), b""
    )
    yield "64-dimensions", "64 dimensions", npy(header(shape="(" + "1, " * 63 + "3)"))
    yield "65-dimensions", "65 dimensions", npy(header(shape="(" + "1, " * 64 + "3)"))
    yield "fortran", "Fortran order", npy(header(fortran_order="True", shape="(3, 1)"))
    yield "fortran-1", "fortran_order is 1", npy(header(fortran_order="1"))
    yield "fortran-none", "fortran_order is None", npy(header(fortran_order="None"))
    for name, descr in (
        ("f4", "'f4'"),
        ("equals", "'=i4'"),
        ("letter", "'i'"),
        ("float32", "'float32'"),
        ("int", "'int32'"),
        ("bang", "'!i4'"),
    ):
        yield "alias-" + name, "an alias as descr", npy(header(descr))
    yield "comma-string", "fields in a string", npy(header("'i2,i2'"))
    yield "bar-number", "| before a number", npy(header("'|i4'"))
    yield "case", "an unknown type", npy(header("'<z4'"))
    yield "width", "a width that no type has", npy(header("'<i3'"))
    yield "list", "a list of fields", npy(header(pairs))
    yield "tuple-fields", "fields as lists", npy(header("[['a', '<i2'], ['b', '<i2']]"))
    yield "tuple-of-fields", "a tuple of fields", npy(header("(('a', '<i2'), ('b', '<i2'))"))
    yield "titles", "titles", npy(header("[(('T', 'a'), '<i2'), (('U', 'b'), '<i2')]"))
    yield "padding-fields", "padding as NumPy writes it", npy(header("[('a', '<i2'), ('', '|V1'), ('b', '|u1')]"))
    yield "unnamed-field", "a field without a name", npy(header("[('', '<i2'), ('', '<i2')]"))
    yield "duplicate-field", "a field name twice", npy(header("[('a', '<i2'), ('a', '<i2')]"))
    yield "subarray", "a subarray field", npy(header("[('a', '<i2', (2,))]"))
    yield "subarray-int", "a subarray whose shape is a number", npy(header("[('a', '<i2', 2)]"))
    yield "tuple-descr", "descr with a shape", npy(header("('<i2', (2,))"))
    yield "nested", "nested fields", npy(header("[('a', [('x', '<i2')]), ('b', '<i2')]"))
    yield "empty-fields", "no fields", npy(header("[]"), b"")
    yield "dict-descr", "descr as a dict", npy(header("{'names': ['a'], 'formats': ['<i4']}"))
    yield "metadata", "a dtype with metadata", npy(header("('<i4', {'unit': 'm'})"))
    yield "metadata-field", "a field with metadata", npy(header("[('a', ('<i4', {'unit': 'm'}))]"))
    yield "none-descr", "descr is None", npy(header("None"))
    yield "bfloat16", "V2, as bfloat16 of ml_dtypes is saved", npy(header("'<V2'"), NUMBERS[:6])
    for name, descr in (
        ("generic", "<M8"),
        ("25s", "<M8[25s]"),
        ("divided", "<M8[3D/2]"),
        ("delta", "<m8[ns]"),
        ("bad", "<M8[parsec]"),
    ):
        yield "time-" + name, "units", npy(header("'%s'" % descr), NUMBERS * 2)
    yield "zero-width", "S0", npy(header("'|S0'"), b"")
    yield "latin1-name", "a Latin-1 name, version 1.0", npy(header("[('caf\xe9', '<i4')]"))
    yield "utf8-name", "a name with a character outside the BMP, version 3.0", npy(header("[('\u65e5\U0001f600', '<i4')]"), version=(3, 0))
    yield "bad-utf8", "version 3.0 with a header that is not UTF-8", npy(
        header("[('caf\xe9', '<i4')]").encode("latin1"), version=(3, 0)
    )
    yield "missing-key", "two keys", npy("{'descr': '<i4', 'shape': (3,)}")
    yield "extra-key", "four keys", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (3,), 'x': 1}")
    yield "not-a-dict", "a list", npy("['<i4', False, (3,)]")
    yield "not-closed", "an open brace", npy(plain[:-1])
    yield "two-dicts", "a dict and something else", npy(plain + " 1")
    yield "expression", "a call", npy(plain.replace("(3,)", "tuple([3])"))
    yield "empty-header", "no header", npy("")
    yield "nul", "a NUL in the padding", npy(plain + "\0")
    yield "long-header", "more than 10,000 characters", npy(plain + " " * 10100)
    yield "length-beyond-end", "a v1 length beyond the end", npy(plain, length=60000)
    yield "length-4g", "12 bytes that claim 4 GiB", npy("", b"", version=(2, 0), length=0xFFFFFFFF)
    yield "length-short", "a length that ends in the dict", npy(plain, length=20)
    yield "version-0", "version 0.0", npy(plain, version=(0, 0))
    yield "version-1.1", "version 1.1", npy(plain, version=(1, 1))
    yield "version-4", "version 4.0", npy(plain, version=(4, 0))
    yield "magic", "another magic", b"\x92" + npy(plain)[1:]
    yield "trailing-bytes", "bytes after the data", npy(plain, NUMBERS + b"more")

    objects_header = header("'|O'")
    yield "object", "objects after a header without padding", npy(objects_header, OBJECTS)
    yield "object-O8", "|O8, as NumPy once wrote it", npy(header("'|O8'"), OBJECTS)
    yield "object-O", "O", npy(header("'O'"), OBJECTS)
    yield "object-version-2", "objects, version 2.0", npy(objects_header, OBJECTS, version=(2, 0))
    yield "object-version-3", "objects, version 3.0", npy(objects_header, OBJECTS, version=(3, 0))
    yield "object-other-shape", "a header whose shape is not the array's", npy(header("'|O'", shape="(7, 7)"), OBJECTS)
    yield "object-other-order", "a header whose order is not the array's", npy(header("'|O'", "True"), OBJECTS)
    yield "object-field", "a header with an object field before an array of objects", npy(
        header("[('a', '|O')]"), OBJECTS
    )
    yield "object-trailing-bytes", "bytes after STOP", npy(objects_header, OBJECTS + b"more")
    yield "object-concatenated", "two arrays in one file", npy(objects_header, OBJECTS) + npy(objects_header, OBJECTS)
    yield "object-long-header", "objects after a header of more than 10,000 characters", npy(objects_header + " " * 10100, OBJECTS)


def hand_pickled():
    """Yields name, description, bytes. The first of two elements has opcodes that picklers write otherwise or never."""

    def spliced(first, second=b"K\x08"):
        two = dump(objects(7, 8), 2, "c")
        assert two.count(b"(K\x07K\x08e") == 1
        return two.replace(b"(K\x07K\x08e", b"(" + first + second + b"e")

    for name, about, code in (
        ("dup", "DUP: one list twice in a tuple", b"]2\x86"),
        ("pop", "POP", b"K\x01K\x020"),
        ("pop-mark", "POP_MARK", b"K\x01(K\x02K\x031"),
        ("pop-of-mark", "POP that takes a MARK", b"(0K\x01"),
        ("below", "TUPLE2 of two values that looked like elements", b"K\x01K\x02\x86"),
        ("list", "LIST", b"(K\x01K\x02l"),
        ("dict", "DICT", b"(K\x01K\x02d"),
        ("tuple", "TUPLE of no values", b"(t"),
        ("tuple-5", "TUPLE", b"(K\x01K\x02K\x03K\x04K\x05t"),
        ("appends-none", "APPENDS of nothing", b"](e"),
        ("setitems-none", "SETITEMS of nothing", b"}(u"),
        ("setitem", "SETITEM", b"}K\x01K\x02s"),
        ("additems", "ADDITEMS", b"\x8f(K\x01\x90"),
        ("frozenset", "FROZENSET", b"(K\x01\x91"),
        ("frozenset-none", "FROZENSET of nothing", b"(\x91"),
        ("nested-batches", "APPENDS twice to one list", b"](K\x01K\x02e(K\x03e"),
        ("long1-minus-one", "LONG1 of one byte, -1", b"\x8a\x01\xff"),
        ("long1-nothing", "LONG1 of no bytes", b"\x8a\x00"),
        ("long1-padded", "LONG1 of more bytes than it needs", b"\x8a\x05\x01\x00\x00\x00\x00"),
        ("long4", "LONG4", b"\x8b\x02\x00\x00\x00\xff\x7f"),
        ("long4-8192-bits", "LONG4, decimal in typed JSON", b"\x8b\x01\x04\x00\x00" + b"\xff" * 1024 + b"\x00"),
        ("long4-8193-bits", "LONG4, hexadecimal in typed JSON", b"\x8b\x01\x04\x00\x00" + bytes(1024) + b"\xff"),
        ("long4-negative", "LONG4 of a negative length", b"\x8b\xff\xff\xff\xff"),
        ("int", "INT", b"I-12\n"),
        ("int-wide", "INT of more than 64 bits", b"I99999999999999999999\n"),
        ("int-bools", "INT 00 and 01", b"I00\nI01\n\x86"),
        ("int-spaces", "INT with a space before it", b"I 7\n"),
        ("int-plus", "INT with a plus", b"I+7\n"),
        ("int-not", "INT that is not a number", b"Iseven\n"),
        ("long-text", "LONG with and without L", b"L7L\nL-7\n\x86"),
        ("float-text", "FLOAT", b"F1.5\nFnan\nF-inf\n\x87"),
        ("float-not", "FLOAT that is not a number", b"Fx\n"),
        ("string", "STRING with escapes", b"S'a\\x41\\n\\\\'\n"),
        ("string-octal", "STRING with octal escapes", b"S'\\101\\7'\n"),
        ("string-double-quotes", "STRING in double quotes", b'S"it\'s"\n'),
        ("string-unquoted", "STRING without quotes", b"Sabc\n"),
        ("binstring", "BINSTRING", b"T\x03\x00\x00\x00abc"),
        ("binstring-not-ascii", "SHORT_BINSTRING that is not ASCII", b"U\x01\xe9"),
        ("binstring-negative", "BINSTRING of a negative length", b"T\xff\xff\xff\xff"),
        ("unicode", "UNICODE with escapes", b"V\\u0041\\U0001f600\xe9\n"),
        ("unicode-bad-escape", "UNICODE with a broken escape", b"V\\u12\n"),
        ("short-binunicode", "SHORT_BINUNICODE", b"\x8c\x02\xc3\xa9"),
        ("binunicode8", "BINUNICODE8", b"\x8d\x01\x00\x00\x00\x00\x00\x00\x00a"),
        ("binunicode8-huge", "BINUNICODE8 of 2**63 bytes", b"\x8d\x00\x00\x00\x00\x00\x00\x00\x80a"),
        ("binunicode-surrogate", "BINUNICODE with a lone surrogate", b"X\x03\x00\x00\x00\xed\xa0\x80"),
        ("binunicode-bad", "BINUNICODE that is not UTF-8", b"X\x01\x00\x00\x00\xff"),
        ("short-binbytes", "SHORT_BINBYTES", b"C\x02ab"),
        ("binbytes", "BINBYTES", b"B\x02\x00\x00\x00ab"),
        ("binbytes8", "BINBYTES8", b"\x8e\x02\x00\x00\x00\x00\x00\x00\x00ab"),
        ("bytearray8", "BYTEARRAY8", b"\x96\x02\x00\x00\x00\x00\x00\x00\x00ab"),
        ("put-and-get", "PUT and GET in text", b"]p200\ng200\n\x86"),
        ("long-binput", "LONG_BINPUT and LONG_BINGET", b"]r\x00\x01\x00\x00j\x00\x01\x00\x00\x86"),
        ("memoize", "MEMOIZE, whose index is the number of entries", b"]q\xc8K\x01a\x94h\xc8\x86"),
        ("get-missing", "BINGET of a missing entry", b"h\xf0"),
        ("proto", "PROTO in the middle", b"\x80\x03K\x01"),
        ("proto-6", "PROTO 6", b"\x80\x06K\x01"),
        ("unknown", "a byte that is not an opcode", b"\xff"),
        ("underflow", "SETITEM without a dict", b"0ss"),
        ("append-to-int", "APPEND to an int", b"K\x01K\x02a"),
        ("setitem-to-list", "SETITEM on a list that is too short", b"]K\x01K\x02s"),
        ("unhashable-key", "a list as a key", b"}]K\x01s"),
        ("unhashable-member", "a list in a set", b"\x8f(]\x90"),
        ("odd-dict", "DICT of three values", b"(K\x01K\x02K\x03d"),
        ("reduce-int", "REDUCE of an int", b"K\x01)R"),
        ("reduce-list", "REDUCE with a list of arguments", b"cgeometry\nPoint\n]R"),
        ("inst", "INST without and with arguments", b"(igeometry\nOld\n(K\x01igeometry\nOld\n\x86"),
        ("obj", "OBJ without and with arguments", b"(cgeometry\nOld\no(cgeometry\nOld\nK\x01o\x86"),
        ("newobj", "NEWOBJ", b"cgeometry\nPoint\nK\x01\x85\x81"),
        ("newobj-ex", "NEWOBJ_EX", b"cgeometry\nPoint\n)}X\x01\x00\x00\x00kK\x01s\x92"),
        ("stack-global", "STACK_GLOBAL", b"\x8c\x08geometry\x8c\x05Point\x93"),
        ("stack-global-int", "STACK_GLOBAL of an int", b"\x8c\x08geometryK\x01\x93"),
        ("global-spaces", "a name that is not an identifier", b"cgeo metry\nPo.int\n"),
        ("build-twice", "BUILD twice", b"cgeometry\nPoint\n)\x81}b]b"),
        (
            "all-at-once",
            "an instance with everything",
            b"cgeometry\nPoint\n)RK\x01a(K\x02K\x03eK\x04K\x05s(K\x06K\x07u(K\x08\x90Nb",
        ),
        (
            "encode",
            "_codecs.encode into latin1",
            b"c_codecs\nencode\nX\x02\x00\x00\x00\xc3\xa9X\x06\x00\x00\x00latin1\x86R",
        ),
        ("encode-hex", "_codecs.encode into something else", b"c_codecs\nencode\nC\x01aX\x03\x00\x00\x00hex\x86R"),
        ("os-system", "a call of os.system", b"cos\nsystem\nX\x04\x00\x00\x00true\x85R"),
    ):
        yield name, about, spliced(code)
    # The first element is a tuple whose first item is a list, both in the memo. The second element refers to both.
    shared = spliced(b"]q\x402\x86q\x41", b"h\x40h\x41\x86")
    yield "shared-beginning", "two values that begin with the same instruction, in another element too", shared
    # The state of the array, which the pickle begins with a version and the shape.
    two = dump(objects(7, 8), 2, "c")
    version, shape = b"K\x01", b"K\x02\x85"
    assert two.count(b"(" + version + shape) == 1
    for name, about, state in (
        ("version-none", "a state without a version", shape),
        ("version-0", "version 0", b"K\x00" + shape),
        ("version-true", "a bool as version", b"\x88" + shape),
        ("version-false", "a bool as version", b"\x89" + shape),
        ("version-long", "a LONG1 of nine bytes as version", b"\x8a\x09\x01" + bytes(8) + shape),
    ):
        yield "state-" + name, about, two.replace(b"(" + version + shape, b"(" + state)


def truncated():
    """Yields name, description, bytes."""

    def ends_of_batches(data):
        """Returns the offset after each APPENDS. The pickle begins after the 128 bytes of the header."""
        return [128 + place + 1 for opcode, _, place in pickletools.genops(data[128:]) if opcode.name == "APPENDS"]

    ints = objects(*[i % 251 for i in range(2500)])
    lists = objects(*[[i % 5] for i in range(1200)])
    four = dump(ints, 4, "c")
    batches = ends_of_batches(four)
    yield "empty-file", "no bytes", b""
    yield "in-magic", "cut in the magic", four[:4]
    yield "in-version", "cut in the version", four[:7]
    yield "in-header-length", "cut in the length of the header", four[:9]
    yield "in-header", "cut in the header", four[:70]
    yield "header-only", "nothing after the header", four[:128]
    yield "in-first-opcode", "one byte of pickle", four[:129]
    yield "in-preamble", "cut before the list of elements begins", four[:200]
    yield "in-first-batch", "cut in the first of three batches", four[: batches[0] - 700]
    yield "before-appends", "cut before the APPENDS of the first batch", four[: batches[0] - 1]
    yield "after-appends", "cut after the first batch was closed", four[: batches[0]]
    yield "in-third-batch", "cut in the third batch", four[: batches[1] + 333]
    yield "before-build", "cut after the last batch", four[: batches[2]]
    yield "before-stop", "only STOP is missing", four[:-1]
    two = dump(lists, 2, "c")
    yield "lists-p2", "1,200 lists, cut in the second batch, protocol 2", two[: ends_of_batches(two)[0] + 100]
    zero = dump(objects(*range(20)), 0, "c")
    yield "ints-p0", "protocol 0, where every element is a batch", zero[: zero.index(b"aI12\n") + 3]
    text = dump(objects("a", "long " * 30), 4, "c")
    yield "in-text", "cut in a str", text[:-40]
    yield "0d-dict", "a 0-d array, cut in the dict", dump(np.array({"a": 1, "b": [1, 2]}), 4, "c")[:-12]
    numbers = npy(header(shape="(5,)"), struct.pack("<3i", 1, -2, 3) + b"\1\2")
    yield "numbers", "numbers, cut in the fourth of five", numbers
    yield "rows", "numbers in two dimensions, cut in the third row", npy(
        header(shape="(4, 2)"), struct.pack("<5i", 1, 2, 3, 4, 5)
    )
    yield "rows-fortran", "numbers in Fortran order", npy(
        header(fortran_order="True", shape="(4, 2)"), struct.pack("<5i", 1, 2, 3, 4, 5)
    )


def numpy_tests():
    """Yields name, description, bytes."""
    folder = os.path.join(os.path.dirname(np.lib.__file__), "tests", "data")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".npy"):
            with open(os.path.join(folder, name), "rb") as file:
                yield name[: -len(".npy")], "numpy/lib/tests/data/" + name, file.read()


def main(folder):
    written = []
    for group, files in (
        ("header-forms", header_forms()),
        ("hand-pickled", hand_pickled()),
        ("truncated", truncated()),
        ("numpy-tests", numpy_tests()),
    ):
        for name, about, data in files:
            with open(os.path.join(folder, "%d.npy" % len(written)), "wb") as file:
                file.write(data)
            written.append({"group": group, "name": name, "about": about})
    with open(os.path.join(folder, "written.json"), "w") as file:
        json.dump(written, file)


if __name__ == "__main__":
    main(sys.argv[1])
