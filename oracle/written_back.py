"""Writes every fixture that a pickler made with npyo, in two ways, and compares the results in every NumPy.

    python written_back.py NPYO [--all]

Elements are copied (`npyo salvage`), and converted to typed JSON and back (`npyo cat --typed | npyo write`). np.load
must return the same elements from the fixture and from both results, and the elements must share the same objects. NPYO
is the program. With --all every environment that can be made compares them, else the three of verify.py.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

# np.load returns no array of objects for these, or one with more than its elements.
NOT_ELEMENTS = ("whole/masked-", "truncated/", "plain/")

ADDRESS = re.compile(" at 0x[0-9a-f]+")

# Typed JSON does not have: the dtype of a structured scalar with objects, and whether it is a numpy.record; whether a
# dtype is aligned; the class of the array whose elements are written.
NOT_IN_JSON = ("scalars/void-with-objects-", "subclasses/recarray-", "dtypes/structured-", "whole/recarray-")

# In typed JSON, the str and the unicode of Python 2 are the same.
OF_PYTHON_2 = "-py2.7-"


def main():
    import environments
    import manifest
    import verify

    npyo, wanted = sys.argv[1], environments.ENVIRONMENTS if "--all" in sys.argv[2:] else verify.USUAL
    entries = [entry for entry in manifest.read() if "written_by" in entry]
    entries = [entry for entry in entries if not entry["file"].startswith(NOT_ELEMENTS)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        manifest.extract(os.path.join(folder, "original"), [entry["file"] for entry in entries])
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
    """Writes a fixture both ways. Returns False if npyo cannot read all of it."""
    source, copy, lines = (os.path.join(folder, way, entry["file"]) for way in ("original", "copy", "json"))
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
    """Compares the files of a list with their fixtures. Runs in an environment, also in Python 2.7."""
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
            original = np.load(os.path.join(folder, "original", name), **options)
        except Exception:
            unread += 1  # this Python or NumPy cannot load it
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
    """Returns how the elements of two arrays differ, or the objects that they share; None if they are the same."""
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
    """Numbers the objects of two arrays in the order in which they are met, to compare which are shared."""

    def __init__(self, original, found):
        self.left = {id(original): 0}
        self.right = {id(found): 0}
        self.alive = []

    def difference(self, left, right):
        import numpy as np

        if type(left) is not type(right):
            return "%r is no %r" % (type(right), type(left))
        if left is right:
            return None  # a singleton, such as numpy.ma.masked
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
            # Sets have no order. Their items are immutable, so it does not matter which are shared.
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
