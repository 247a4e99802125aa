"""Maps clauses of the specification to fixtures. A fixture is a case of the clause that it breaks, and of those that a
reader must follow to read it.

    python manifest.py      # writes the clauses into fixtures/manifest.json

A row is a clause and patterns of fixtures. A pattern matches a name without `.npy`, or a case: a name without protocol,
pickler and environment.
"""

import fnmatch
import re

CASES = [
    # The preamble.
    ("npy.magic", ["header-forms/magic"]),
    ("npy.version", ["header-forms/*version-*"]),
    ("npy.header.length", ["header-forms/length-4g", "header-forms/length-beyond-end"]),
    ("npy.header.length", ["header-forms/*long-header", "plain/long-header"]),
    ("npy.header.charset", ["header-forms/bad-utf8", "header-forms/utf8-name", "header-forms/latin1-name"]),
    ("npy.header.charset", ["plain/astral-name", "plain/latin1-name"]),
    ("npy.padding", ["header-forms/plain", "header-forms/padded", "header-forms/object", "numpy-tests/*"]),
    # The header.
    ("npy.header.literal", ["header-forms/" + name for name in (
        "compact", "double-quotes", "triple-quotes", "raw-string", "unicode-string", "concatenated", "escapes",
        "comment", "newlines", "crlf", "leading-newline", "leading-space", "tabs", "parentheses", "long-v?",
        "plus-shape", "empty-header", "expression", "hex-shape", "leading-zero-shape", "length-short", "not-closed",
        "nul", "sum-shape", "two-dicts",
    )]),
    ("npy.header.keys", ["header-forms/key-order", "header-forms/duplicate-key", "header-forms/extra-key"]),
    ("npy.header.keys", ["header-forms/missing-key", "header-forms/not-a-dict"]),
    ("npy.header.order", ["header-forms/fortran*", "plain/*fortran"]),
    ("npy.header.shape", ["header-forms/" + name for name in (
        "64-dimensions", "65-dimensions", "plus-shape", "bool-shape", "float-shape", "int-shape", "list-shape",
        "negative-shape", "no-comma-shape", "overflowing*",
    )]),
    ("npy.header.shape", ["plain/0d", "plain/1d", "plain/3d", "plain/32-dimensions", "plain/64-dimensions"]),
    ("npy.descr.form", ["header-forms/" + name for name in (
        "bytes-string", "dict-descr", "none-descr", "list", "tuple-fields", "empty-fields", "metadata*",
    )]),
    ("npy.descr.type", ["header-forms/" + name for name in (
        "alias-*", "comma-string", "bar-number", "case", "width", "bfloat16", "zero-width", "object-O*",
    )]),
    ("npy.descr.type", ["plain/[bcfiu]*-little", "plain/[cfiu]*-big", "plain/[SUV]?", "plain/*longdouble"]),
    ("npy.descr.unit", ["header-forms/time-*", "plain/[Mm]8*"]),
    ("npy.descr.field", ["header-forms/" + name for name in (
        "duplicate-field", "unnamed-field", "titles", "padding-fields", "nested",
    )]),
    ("npy.descr.field", ["plain/titled-*", "plain/gaps", "plain/aligned", "plain/nested", "plain/structured*"]),
    ("npy.descr.subarray", ["header-forms/subarray*", "header-forms/tuple-of-fields", "plain/subarray-field"]),
    # The data.
    ("npy.truncated", ["truncated/" + name for name in (
        "empty-file", "in-magic", "in-version", "in-header*", "numbers", "rows*",
    )]),
    ("npy.truncated", ["header-forms/huge-shape", "header-forms/length-beyond-end", "header-forms/length-4g"]),
    ("npy.data.subarray", ["header-forms/tuple-descr"]),
    ("npy.data.trailing", ["header-forms/*trailing-bytes", "header-forms/object-concatenated"]),
    ("npy.data.items", ["plain/*", "numpy-tests/win64python2", "numpy-tests/python3"]),
    # Instructions and their arguments.
    ("pickle.opcode", ["streams/*", "hand-pickled/unknown"]),
    ("pickle.opcode", ["hand-pickled/" + name for name in (
        "dict", "setitem", "additems", "frozenset*", "appends-none", "setitems-none", "bin*", "bytearray8",
        "short-bin*", "stack-global",
    )]),
    ("pickle.truncated", ["truncated/" + name for name in (
        "0d-dict", "*-appends", "before-*", "header-only", "in-*-batch", "in-first-opcode", "in-preamble", "in-text",
        "ints-p0", "lists-p2",
    )]),
    ("pickle.length", ["hand-pickled/binstring-negative", "hand-pickled/long4-negative"]),
    ("pickle.limit.argument", ["hand-pickled/binunicode8-huge"]),
    ("pickle.protocol", ["hand-pickled/proto*"]),
    ("pickle.number.int", ["hand-pickled/long1-*", "hand-pickled/long4", "hand-pickled/long4-*bits", "builtin/ints*", "builtin/longs-*"]),
    ("pickle.number.float", ["builtin/floats-*", "builtin/nan-payloads-*"]),
    ("pickle.text.int", ["hand-pickled/int", "hand-pickled/int-*", "hand-pickled/long-text", "builtin/ints-p0-*"]),
    ("pickle.text.float", ["hand-pickled/float-*", "builtin/floats-p0-*"]),
    ("pickle.text.string", ["hand-pickled/string*", "builtin/text-p0-py2*"]),
    ("pickle.text.unicode", ["hand-pickled/unicode*", "builtin/text-*p0-*"]),
    ("pickle.utf8", ["hand-pickled/binunicode-*", "hand-pickled/short-binunicode", "builtin/text-surrogates-*"]),
    # The stack.
    ("pickle.stack.mark", ["hand-pickled/underflow", "hand-pickled/pop*"]),
    ("pickle.stack.type", ["hand-pickled/" + name for name in (
        "append-to-int", "reduce-int", "reduce-list", "setitem-to-list", "stack-global-int",
    )]),
    ("pickle.items.odd", ["hand-pickled/odd-dict"]),
    ("pickle.items.unhashable", ["hand-pickled/unhashable-*"]),
    ("pickle.call", ["hand-pickled/" + name for name in (
        "os-system", "inst", "obj", "newobj*", "build-twice", "all-at-once", "encode-hex", "global-spaces",
    )]),
    ("pickle.call", ["classes/*", "stdlib/exceptions-*", "stdlib/globals-*", "stdlib/inert-*", "stdlib/uuids-*", "stdlib/ranges-*"]),
    # The memo.
    ("pickle.memo.missing", ["hand-pickled/get-missing"]),
    ("pickle.memo.same", ["sharing/*", "cycles/*", "streams/shared-*", "hand-pickled/dup", "hand-pickled/shared-beginning"]),
    ("pickle.memo.index", ["hand-pickled/memoize", "hand-pickled/put-and-get", "hand-pickled/long-binput"]),
    ("pickle.frame", ["frames/*"]),
    # What NumPy pickles.
    ("npy.object.ignored", ["header-forms/object-other-*", "header-forms/object-field"]),
    ("npy.object.order", ["shapes/*fortran", "shapes/[1-9]*", "shapes/empty-2d", "shapes/two", "arrays/fortran*"]),
    ("npy.object.order", ["hand-pickled/state-*"]),
    ("npy.object.scalar", ["shapes/0d-*", "truncated/0d-dict"]),
    ("npy.object.fields", ["whole/*"]),
    ("npy.object.mask", ["subclasses/masked*", "whole/masked*"]),
    ("npy.object.class", ["subclasses/*", "whole/matrix-*", "whole/recarray-*"]),
    ("npy.object.string", ["strings/*"]),
    ("npy.array.data", ["arrays/of-*", "arrays/ragged-*", "arrays/empty-*", "arrays/zero-d-*", "arrays/structured*"]),
    ("npy.array.data", ["arrays/aligned-*", "arrays/offsets-*", "arrays/titled-*", "arrays/in-containers-*", "arrays/read-only-*"]),
    ("npy.array.order", ["arrays/fortran-p*", "arrays/strided-*", "arrays/many-dimensions-*", "arrays/matrices-*"]),
    ("npy.array.buffer", ["arrays/*-p5-*"]),
    ("npy.scalar", ["scalars/*"]),
    ("npy.dtype", ["dtypes/*", "arrays/unit-*", "arrays/titled-*", "arrays/aligned-*", "arrays/offsets-*"]),
    ("npy.value.bytes", ["builtin/bytes-*", "builtin/bytearrays-*", "hand-pickled/encode"]),
    ("npy.value.standard", ["stdlib/dates-*", "stdlib/datetimes-*", "stdlib/times-*", "stdlib/timedeltas-*"]),
    ("npy.value.standard", ["stdlib/folds-*", "stdlib/decimals-*", "stdlib/defaultdicts-*", "stdlib/ordereddicts-*"]),
    ("npy.value.standard", ["builtin/complex-*", "builtin/sets-*"]),
    # Elements.
    ("npy.element.batch", ["truncated/" + name for name in (
        "*-appends", "before-build", "before-stop", "in-*-batch", "ints-p0", "lists-p2",
    )]),
    ("npy.element.batch", ["shapes/ints-*", "shapes/tuples-1001-*", "shapes/2d-1000-*", "shapes/one-*"]),
    ("npy.element.batch", ["streams/batches-*", "hand-pickled/below", "hand-pickled/nested-batches"]),
    ("npy.element.whole", ["builtin/*", "hand-pickled/pop*", "hand-pickled/list", "hand-pickled/tuple*"]),
]

ROWS = [(clause, pattern) for clause, patterns in CASES for pattern in patterns]


def of(file):
    """Returns the clauses of a fixture, sorted."""
    names = _names(file)
    return sorted({clause for clause, pattern in ROWS if fnmatch.filter(names, pattern)})


def unused(files):
    """Returns the rows that match no fixture."""
    names = {name for file in files for name in _names(file)}
    return [row for row in ROWS if not fnmatch.filter(names, row[1])]


def _names(file):
    name = file[: -len(".npy")]
    return {name, re.sub(r"(-p\d)?(-python|-fast|-optimized)?(-py[\d.]+-np[\d.]+)?$", "", name)}
