"""Converts fixtures with npyo into every format, and compares the results with np.load, element by element.

    python converted.py NPYO [FILE ...]

Needs NumPy 2 and pyarrow in the Python that runs it; with awkward, flat pairs are read with that too. NPYO is the program.
An array whose elements have column types is converted to every format that has a place for them. For any other array, npyo
must name the same element as this script does, which infers the types on its own, and a byte. FILEs are read in place of
the fixtures; one that `npyo audit` does not find harmless is not loaded.
"""

import collections
import csv
import datetime
import decimal
import json
import math
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

TARGETS = ["parquet", "arrow", "jsonl", "csv", "flat", "npy"]

REFUSED = re.compile(r"\(element (\d+)(?:, [^ ]+)*, at byte \d+\) \[access\.type\]")
"""What npyo says about an element without a type, or with another one than those before it."""

NO_PLACE = re.compile(r"\[access\.(type|shape)\]")


class Typeless(Exception):
    """A value that no column holds, or another kind of value than those before it."""


def main():
    sys.setrecursionlimit(10000)
    npyo, files = sys.argv[1], sys.argv[2:]
    counts, failures = collections.Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        for name, path, options in audited(npyo, files) if files else fixtures(folder):
            try:
                loaded = load(path, options)
            except Exception:
                counts["not loaded by np.load"] += 1
                continue
            if loaded is None:
                counts["no array"] += 1
                continue
            for failure in check(npyo, folder, path, options, loaded, counts):
                failures.append("FAILED %s: %s" % (name, failure))
    for what, count in sorted(counts.items()):
        print("%6d %s" % (count, what))
    print("\n".join(failures[:40]))
    print("%d failed" % len(failures))
    sys.exit(1 if failures else 0)


def fixtures(folder):
    """Yields name, path and options of npyo of each fixture that a pickler made."""
    import manifest

    entries = [entry for entry in manifest.read() if "written_by" in entry]
    manifest.extract(folder, [entry["file"] for entry in entries])
    for entry in entries:
        encoding = entry.get("encoding", "ascii")
        options = ["--trust-payload", "--max-header", "1000000000", "--encoding", encoding]
        yield entry["file"], os.path.join(folder, entry["file"]), options


def audited(npyo, files):
    """Yields name, path and options of npyo of each file that np.load may load."""
    for path in files:
        if subprocess.run([npyo, "audit", path], capture_output=True).returncode == 0:
            yield os.path.basename(path), path, ["--encoding", "latin1"]
        else:
            print("%s: not harmless, so not loaded" % path)


def load(path, options):
    """Returns the elements of the array in a file, as np.load gives them; None of anything else."""
    encoding = {"ascii": "ASCII"}.get(options[-1], options[-1])
    array = np.load(path, allow_pickle=True, encoding=encoding, max_header_size=10**9)
    if not isinstance(array, np.ndarray):
        return None
    if array.dtype.hasobject and array.dtype.kind != "O":
        return None  # The items of a structured array are records with objects, which np.load gives as tuples.
    if array.dtype.kind == "O":
        return list(np.asarray(array).reshape(-1))
    return list(array) if array.ndim else [array[()]]


def check(npyo, folder, path, options, elements, counts):
    """Converts a file to each format. Yields what is wrong."""
    refused = first_refused(elements)
    for target in TARGETS:
        out = os.path.join(folder, "out." + target)
        subprocess.run(["rm", "-rf", out], check=True)
        ran = subprocess.run([npyo, "convert", path, "-o", out] + options, capture_output=True, text=True)
        if refused is not None:
            found = REFUSED.search(ran.stderr)
            if ran.returncode != 1 or os.path.exists(out):
                yield "%s: converted, though element %d has no type: %s" % (target, refused[0], refused[1])
            elif not found or int(found.group(1)) != refused[0]:
                yield "%s: expected element %d (%s): %s" % (target, refused[0], refused[1], ran.stderr.strip())
            counts["refused, as %s" % refused[1]] += target == "parquet"
            continue
        if ran.returncode == 1 and target in ("csv", "flat", "npy") and NO_PLACE.search(ran.stderr):
            counts["no place in " + target] += 1
            continue
        if ran.returncode or ran.stderr:
            yield "%s: %s" % (target, ran.stderr.strip() or ran.returncode)
            continue
        try:
            wrong = READERS[target](out, elements)
        except Exception as error:
            wrong = "%s: %s" % (type(error).__name__, error)
        if wrong is not None:
            yield "%s: %s" % (target, wrong)
        counts["equal in " + target] += wrong is None


# The types of columns, by the rules of the documentation.


def first_refused(elements):
    """Returns the number of the first element that has no place in one column, and why; None if there is none."""
    so_far = "missing"
    for number, element in enumerate(elements):
        try:
            so_far = merge(so_far, kind(element, 16))
        except Typeless as why:
            return number, str(why)
    return None


def missing(value):
    """Returns whether a value stands for a missing one in every column."""
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    if isinstance(value, decimal.Decimal):
        return value.is_nan()
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def kind(value, depth):
    """Returns the kind of a value: a name, a set of kinds of numbers, ("list", kind) or ("dict", {key: kind})."""
    if missing(value):
        return "missing"
    if isinstance(value, (float, np.floating)) and getattr(value, "itemsize", 8) <= 8 and math.isnan(value):
        return "nan"
    if depth == 0:
        raise Typeless("nested more than 16 deep")
    if type(value) in (dict, collections.OrderedDict, collections.defaultdict):
        if not all(isinstance(key, str) for key in value):
            raise Typeless("a dict with keys that are not str")
        return "dict", {str(key): kind(member, depth - 1) for key, member in value.items()}
    if isinstance(value, np.generic):
        return of_items(value.dtype, [value], depth - 1)
    if isinstance(value, np.ma.MaskedArray):
        raise Typeless("a masked array")
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "OT":
            found = merge_all(kind(item, depth - 1) for item in value.reshape(-1))
        else:
            found = of_items(value.dtype, value.reshape(-1), depth - 1)
        for _ in value.shape:
            found = "list", found
        return found
    if type(value) in (list, tuple, collections.deque):
        return "list", merge_all(kind(item, depth - 1) for item in value)
    simple = SIMPLE.get(type(value))
    if simple is None:
        raise Typeless("a value of class %s" % type(value).__name__)
    return simple(value)


def of_int(value):
    bits = (value if value >= 0 else ~value).bit_length()
    if bits > 252:
        raise Typeless("an int of over 252 bits")
    if bits > 64:
        return frozenset(["inexact"])
    return frozenset(["int" if int(float(value)) == value else "inexact"])


def of_decimal(value):
    sign, digits, exponent = value.as_tuple()
    if not value.is_finite():
        raise Typeless("an infinite Decimal")
    coefficient = int("".join(map(str, digits)))
    whole = max(len(str(coefficient)) + exponent, 0) if coefficient else 0
    if whole + max(-exponent, 0) > 76:
        raise Typeless("a Decimal of over 76 digits")
    return frozenset(["decimal"])


def of_str(value):
    if any(0xD800 <= ord(char) < 0xE000 for char in value):
        raise Typeless("a str with a lone surrogate")
    return "str"


def of_time(value):
    if value.tzinfo is not None:
        raise Typeless("a time with a zone")
    return "time"


SIMPLE = {
    bool: lambda value: "bool",
    int: of_int,
    float: lambda value: frozenset(["float"]),
    str: of_str,
    bytes: lambda value: "bytes",
    bytearray: lambda value: "bytes",
    decimal.Decimal: of_decimal,
    datetime.date: lambda value: "date",
    datetime.datetime: lambda value: "timestamp" if value.tzinfo is None else "timestamp with zone",
    datetime.time: of_time,
    datetime.timedelta: lambda value: "duration",
}


def of_items(dtype, items, depth):
    """Returns the kind of items of a dtype without objects."""
    if dtype.fields:
        if depth == 0:
            raise Typeless("nested more than 16 deep")
        return "dict", {name: of_items(dtype.fields[name][0], [], depth - 1) for name in dtype.names}
    if dtype.subdtype:
        found = of_items(dtype.base, [], depth - 1)
        for _ in dtype.shape:
            found = "list", found
        return found
    if dtype.kind in "iu":
        if dtype.itemsize < 8:
            return frozenset(["int"])
        return frozenset().union(*(of_int(int(item)) for item in items)) or frozenset(["int"])
    if dtype.kind == "f" and dtype.itemsize <= 8:
        return frozenset(["float"])
    if dtype.kind in "mM":
        unit = np.datetime_data(dtype)[0]
        if dtype.kind == "M" and unit in ("W", "D"):
            return "date"
        if unit in ("W", "D", "h", "m", "s", "ms", "us", "ns"):
            return "timestamp" if dtype.kind == "M" else "duration"
    if dtype.kind == "U":
        for item in items:
            of_str(item)
    found = {"b": "bool", "U": "str", "S": "bytes"}.get(dtype.kind)
    if found is None:
        raise Typeless("items of dtype kind %s of %d bytes" % (dtype.kind, dtype.itemsize))
    return found


def merge_all(kinds):
    so_far = "missing"
    for found in kinds:
        so_far = merge(so_far, found)
    return so_far


def merge(one, other):
    """Returns the kind of a column of both kinds."""
    for first, second in ((one, other), (other, one)):
        if first == "missing" or (first == "nan" and second != "missing"):
            return second
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        both = one | other
        if "float" in both and both & {"inexact", "decimal"}:
            raise Typeless("mixed numbers")
        return both
    if isinstance(one, tuple) and isinstance(other, tuple) and one[0] == other[0]:
        if one[0] == "list":
            return "list", merge(one[1], other[1])
        both = dict(one[1])
        for key, found in other[1].items():
            both[key] = merge(both.get(key, "missing"), found)
        return "dict", both
    if one != other:
        raise Typeless("mixed kinds")
    return one


# The results.


def same(expected, found):
    """Returns whether an Arrow scalar equals a value of np.load."""
    of = found.type
    if not found.is_valid:
        return missing(expected) or (isinstance(expected, (float, np.floating)) and math.isnan(expected))
    if isinstance(expected, np.ndarray) and expected.ndim == 0:
        expected = expected[()]
    if pa.types.is_large_list(of):
        if isinstance(expected, np.ndarray) and expected.dtype.kind in "OT" or not isinstance(expected, np.ndarray):
            items = list(expected)
        else:
            items = [expected[index] for index in range(len(expected))]
        return len(items) == len(found.values) and all(map(same, items, found.values))
    if pa.types.is_struct(of):
        if isinstance(expected, np.void):
            expected = {name: expected[name] for name in expected.dtype.names}
        names = [field.name for field in of]
        return set(map(str, expected)) <= set(names) and all(same(expected.get(name), found[name]) for name in names)
    if pa.types.is_timestamp(of):
        if isinstance(expected, datetime.datetime) and expected.tzinfo is not None:
            expected = expected.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return np.datetime64(found.value, of.unit) == np.datetime64(expected)
    if pa.types.is_date32(of):
        return np.datetime64(found.value, "D") == np.datetime64(expected)
    if pa.types.is_duration(of):
        return np.timedelta64(found.value, of.unit) == np.timedelta64(expected)
    if pa.types.is_boolean(of):
        return isinstance(expected, (bool, np.bool_)) and found.as_py() == expected
    if pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_decimal(of):
        if isinstance(expected, (bool, np.bool_)):
            return False
        if isinstance(expected, np.generic):
            expected = expected.item()
        value = found.as_py()
        return value == expected or (isinstance(expected, float) and math.isnan(expected) and math.isnan(value))
    if isinstance(expected, np.bytes_):
        expected = bytes(expected)
    return found.as_py() == expected


def table(found, elements):
    if found.num_rows != len(elements):
        return "%d rows for %d elements" % (found.num_rows, len(elements))
    rows = found.to_struct_array().combine_chunks() if found.num_rows else []
    if isinstance(rows, pa.ChunkedArray):
        rows = pa.concat_arrays(rows.chunks)
    is_row = [isinstance(element, (dict, np.void)) for element in elements]
    columns = elements and all(is_row) and found.column_names != ["element"]
    for number, (element, row) in enumerate(zip(elements, rows)):
        if not same(element, row if columns else row["element"]):
            return "element %d is %r, not %r" % (number, row, element)
    return None


def parquet(path, elements):
    return table(pyarrow.parquet.read_table(path), elements)


def arrow(path, elements):
    with pa.memory_map(path) as source:
        return table(pyarrow.ipc.open_file(source).read_all(), elements)


def text_of(value):
    """Returns a value as JSON lines have it, floats as floats."""
    if missing(value):
        return None
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return text_of(value[()])
    if isinstance(value, np.void):
        return {name: text_of(value[name]) for name in value.dtype.names}
    if isinstance(value, dict):
        return {str(key): text_of(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, collections.deque, np.ndarray)):
        return [text_of(item) for item in value]
    if isinstance(value, (np.bool_, np.integer, np.floating, np.str_, np.bytes_)):
        value = value.item()
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return value


def same_text(expected, found):
    """Returns whether a value of JSON or CSV equals one of `text_of`."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(same_text(expected.get(key), value) for key, value in found.items())
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(same_text, expected, found))
    if isinstance(expected, float) and math.isnan(expected):
        return found in ("NaN", None)
    if isinstance(expected, float) and math.isinf(expected):
        return found == ("Infinity" if expected > 0 else "-Infinity")
    if isinstance(expected, (datetime.datetime, np.datetime64, datetime.date)):
        if isinstance(expected, datetime.datetime) and expected.tzinfo is not None:
            expected = expected.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        if isinstance(found, str) and re.match(r"[+]?\d{5}", found):
            return True  # NumPy reads no years of five digits. Parquet and Arrow have been compared.
        return np.datetime64(found.rstrip("Z")) == np.datetime64(expected)
    if isinstance(expected, (datetime.timedelta, np.timedelta64)):
        return isinstance(found, str) and found.startswith(("P", "-P"))
    if isinstance(expected, datetime.time):
        return datetime.time.fromisoformat(found) == expected
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def jsonl(path, elements):
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line, parse_float=decimal.Decimal) for line in file]
    if len(lines) != len(elements):
        return "%d lines for %d elements" % (len(lines), len(elements))
    for number, (element, line) in enumerate(zip(elements, lines)):
        expected = text_of(element)
        columns = isinstance(expected, dict) and list(line) != ["element"]
        found = line if columns else line["element"]
        if not same_text(expected, numbers(expected, found)):
            return "element %d is %r, not %r" % (number, found, expected)
    return None


def numbers(expected, found):
    """Returns a value of JSON with its numbers as floats where floats are expected."""
    if isinstance(found, dict):
        inner = expected if isinstance(expected, dict) else {}
        return {key: numbers(inner.get(key), value) for key, value in found.items()}
    if isinstance(found, list):
        inner = expected if isinstance(expected, list) else []
        return [numbers(inner[index] if index < len(inner) else None, value) for index, value in enumerate(found)]
    return float(found) if isinstance(expected, float) and isinstance(found, (int, decimal.Decimal)) else found


def csv_(path, elements):
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = rows if rows or not elements else []
    if len(rows) != len(elements):
        return "%d rows for %d elements" % (len(rows), len(elements))
    for number, (element, row) in enumerate(zip(elements, rows)):
        expected = text_of(element)
        if not isinstance(expected, dict):
            expected = {"element": expected}
        for name, found in row.items():
            value = expected.get(name)
            if not same_field(value, found):
                return "element %d is %r, not %r" % (number, found, value)
    return None


def same_field(expected, found):
    if expected is None:
        return found == ""
    if isinstance(expected, bool):
        return found == str(expected).lower()
    if isinstance(expected, float):
        return found == "" if math.isnan(expected) and not found else same_number(expected, float(found))
    if isinstance(expected, int):
        return decimal.Decimal(found) == expected
    if isinstance(expected, decimal.Decimal):
        return decimal.Decimal(found) == expected
    return same_text(expected, found)


def same_number(expected, found):
    return expected == found or (math.isnan(expected) and math.isnan(found))


def flat(path, elements):
    values, offsets = (np.load(os.path.join(path, name), mmap_mode="r") for name in ("values.npy", "offsets.npy"))
    shapes = None
    if os.path.exists(os.path.join(path, "shapes.npy")):
        shapes = np.load(os.path.join(path, "shapes.npy"), mmap_mode="r")
    if len(offsets) != len(elements) + 1 or offsets[-1] != len(values):
        return "offsets are wrong"
    for number, element in enumerate(elements):
        found = np.array(values[offsets[number] : offsets[number + 1]])
        if shapes is not None:
            found = found.reshape(shapes[number])
        expected = np.asarray(element, dtype=found.dtype if not len(element) else None)
        if found.shape != expected.shape or not np.array_equal(found, expected, equal_nan=found.dtype.kind in "fmM"):
            return "element %d is %r, not %r" % (number, found, expected)
    try:
        import awkward as ak
    except ImportError:
        return None
    if shapes is None and values.dtype.kind not in "mM":
        form = ak.forms.ListOffsetForm("i64", ak.forms.from_dtype(values.dtype, form_key="values"), form_key="offsets")
        buffers = {"offsets-offsets": offsets, "values-data": values}
        array = ak.from_buffers(form, len(elements), buffers)
        if not np.array_equal(ak.num(array), np.diff(offsets)):
            return "awkward reads other lengths"
    return None


def npy(path, elements):
    found = np.load(path, mmap_mode="r")
    if len(found) != len(elements):
        return "%d rows for %d elements" % (len(found), len(elements))
    for number, (element, row) in enumerate(zip(elements, found)):
        if found.dtype.kind == "M" and isinstance(element, datetime.datetime):
            element = np.datetime64(element)
        if missing(element):
            equal = bool(np.isnat(row))
        else:
            equal = np.shape(row) == np.shape(element) and np.array_equal(
                row, element, equal_nan=found.dtype.kind in "fmM"
            )
        if not equal:
            return "element %d is %r, not %r" % (number, row, element)
    return None


READERS = {"parquet": parquet, "arrow": arrow, "jsonl": jsonl, "csv": csv_, "flat": flat, "npy": npy}

if __name__ == "__main__":
    main()
