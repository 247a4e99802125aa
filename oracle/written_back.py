"""Writes every fixture that a pickler made back with npyo, in two ways, and asks every NumPy whether it is the same.

    python written_back.py NPYO [--all]

Elements are copied (`npyo salvage`), and go through typed JSON (`npyo cat --typed | npyo write`). What comes out has to
hold what np.load makes of the fixture, and the same objects where those are shared. NPYO is the program; with --all
every environment is asked that can be made, else the three that verify.py asks.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "fixtures")

# What np.load makes of them is no array of objects, or has parts that are not among the elements.
NOT_ELEMENTS = ("whole/masked-", "truncated/", "plain/")

ADDRESS = re.compile(" at 0x[0-9a-f]+")

# What typed JSON does not say: the dtype of a structured scalar by itself, or that it is a numpy.record; that a dtype is
# aligned; the class of the array that the elements are of.
NOT_IN_JSON = ("scalars/void-with-objects-", "subclasses/recarray-", "dtypes/structured-", "whole/recarray-")

# Typed JSON does not tell whether Python 2 has pickled a str or text.
OF_PYTHON_2 = "-py2.7-"


def main():
    import environments
    import verify

    npyo, wanted = sys.argv[1], environments.ENVIRONMENTS if "--all" in sys.argv[2:] else verify.USUAL
    with open(os.path.join(FIXTURES, "manifest.json"), encoding="utf-8") as file:
        entries = [entry for entry in json.load(file) if "written_by" in entry]
    entries = [entry for entry in entries if not entry["file"].startswith(NOT_ELEMENTS)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        written = [entry for entry in entries if write(npyo, folder, entry)]
        print("%d of %d fixtures are written back" % (len(written), len(entries)))
        listed = os.path.join(folder, "entries.json")
        with open(listed, "w", encoding="utf-8") as file:
            json.dump(written, file)
        for environment in environments.available(wanted):
            output = environments.run(environment, "written_back.py", "--compare", folder, listed)
            print("%s: %s" % (environments.tag(environment), output.strip().splitlines()[-1]))
            failures = [line for line in output.splitlines() if line.startswith("FAILED")]
            failed += len(failures)
            for failure in failures[:20]:
                print(failure)
    sys.exit(1 if failed else 0)


def write(npyo, folder, entry):
    """Writes a fixture both ways, as far as npyo reads it."""
    source = os.path.join(FIXTURES, entry["file"])
    copy, lines = (os.path.join(folder, way, entry["file"]) for way in ("copy", "json"))
    for path in (copy, lines):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    protocol = str(max(2, entry.get("protocol", 2)))
    options = ["--trust-payload", "--max-header", "1000000000", "--encoding", entry.get("encoding", "ascii"), source]
    saved = subprocess.run([npyo, "salvage", "-o", copy] + options, capture_output=True, text=True)
    if saved.returncode or "lost" in saved.stdout:
        return False
    typed = subprocess.run([npyo, "cat", "--typed"] + options, capture_output=True, check=True).stdout
    subprocess.run([npyo, "write", lines, "--protocol", protocol], input=typed, capture_output=True, check=True)
    return True


def compare(folder, listed):
    """Runs inside an environment, which may be Python 2.7."""
    import numpy as np

    sys.setrecursionlimit(10000)
    with open(listed) as file:
        entries = json.load(file)
    same = failed = unread = 0
    for entry in entries:
        name, options = entry["file"], {"allow_pickle": True}
        if "encoding" in entry and sys.version_info[0] > 2:
            options["encoding"] = entry["encoding"]
        try:
            original = np.load(os.path.join(FIXTURES, name), **options)
        except Exception:
            unread += 1  # by this Python or NumPy
            continue
        for way in ("copy", "json"):
            if way == "json" and name.startswith(NOT_IN_JSON):
                continue
            if way == "json" and sys.version_info[0] == 2 and OF_PYTHON_2 in name:
                continue
            try:
                found = np.load(os.path.join(folder, way, name), **options)
                why = difference(original, found, way == "json")
            except Exception as error:
                why = "%s: %s" % (type(error).__name__, error)
            if why:
                failed += 1
                print("FAILED %s, %s: %s" % (name, way, why))
            else:
                same += 1
    print("%d are the same, %d are not; %d fixtures cannot be loaded here" % (same, failed, unread))


def difference(original, found, has_shape):
    """What differs between the elements of two arrays, and in which objects they share."""
    pairs = list(zip(original.flat, found.flat))
    if original.size != found.size or len(pairs) != original.size:
        return "%d elements, not %d" % (found.size, original.size)
    if has_shape and original.shape != found.shape:
        return "shape %s" % (found.shape,)
    numbers = Numbers(original, found)
    for left, right in pairs:
        why = numbers.difference(left, right)
        if why:
            return why
    return None


def plain(value):
    return ADDRESS.sub("", repr(value))


class Numbers:
    """Which object of the one array is which of the other."""

    def __init__(self, original, found):
        self.left = {id(original): 0}
        self.right = {id(found): 0}
        self.alive = []

    def difference(self, left, right):
        import numpy as np

        if type(left) is not type(right):
            return "%r is no %r" % (type(right), type(left))
        if left is right:
            return None  # one that there is once, such as numpy.ma.masked
        if isinstance(left, (list, dict, set, bytearray, np.ndarray)) or hasattr(left, "__dict__"):
            numbers = self.left.get(id(left)), self.right.get(id(right))
            if numbers != (None, None):
                return None if numbers[0] == numbers[1] else "other objects are shared"
            self.left[id(left)] = self.right[id(right)] = len(self.left)
            self.alive.append((left, right))
        return self.parts(left, right)

    def parts(self, left, right):
        import numpy as np

        if isinstance(left, np.ndarray):
            if (left.dtype, left.shape, left.flags.fnc) != (right.dtype, right.shape, right.flags.fnc):
                return "%s %s is no %s %s" % (right.dtype, right.shape, left.dtype, left.shape)
            if not left.dtype.hasobject and left.dtype.kind != "T":
                return None if left.tobytes() == right.tobytes() else "an array has other bytes"
            return self.sequence(list(left.flat), list(right.flat))
        if isinstance(left, np.void) and left.dtype.names:
            return self.sequence([left[name] for name in left.dtype.names], [right[name] for name in left.dtype.names])
        if isinstance(left, np.generic):
            return None if (left.dtype, left.tobytes()) == (right.dtype, right.tobytes()) else "another scalar"
        if isinstance(left, dict):
            return self.sequence([part for item in left.items() for part in item], [part for item in right.items() for part in item])
        if isinstance(left, (list, tuple)):
            return self.sequence(left, right)
        if isinstance(left, (set, frozenset)):
            # They come in no order; what is in them cannot change.
            return None if len(left) == len(right) and sorted(map(plain, left)) == sorted(map(plain, right)) else "another set"
        if isinstance(left, type):
            return None if left is right else "another class"
        if hasattr(left, "__dict__") and type(left).__repr__ is object.__repr__:
            return self.difference(vars(left), vars(right))
        slots = [name for name in getattr(left, "__slots__", ()) if hasattr(left, name)]
        if slots:
            return self.sequence([getattr(left, name) for name in slots], [getattr(right, name, None) for name in slots])
        return None if plain(left) == plain(right) else "%.60s is no %.60s" % (plain(right), plain(left))

    def sequence(self, left, right):
        if len(left) != len(right):
            return "%d parts, not %d" % (len(right), len(left))
        for one, other in zip(left, right):
            why = self.difference(one, other)
            if why:
                return why
        return None


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(*sys.argv[2:])
    else:
        main()
