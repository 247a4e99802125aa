"""Records what unpickling each fixture imports and calls, in order: CPython's unpicklers run it with stubs for all names.

    python audit.py

Writes `audit.json`. It has a row for each fixture with a pickle: the number of actions, the CRC-32 of their lines, and
whether the unpickler reached STOP. A line is `import MODULE.NAME`, `call NAME`, `set NAME` (a state) or `add NAME` (an
item; equal lines in a row count once). The name ends in `()` where the action is on the result of a call. The unpickler
written in C and the one written in Python must agree.
"""

import _compat_pickle
import io
import json
import os
import pickle
import sys
import warnings
import zlib

import environments
import manifest

# Pickles that hide what they call. Their bytes are in audit.json too.
TRICKS = {
    "call-of-a-result": b"cm\nf\n)R)R.",
    "chain-of-getattr": b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x94h\0cos\npath\nX\x02\0\0\0os\x86RX\x06\0\0\0system\x86RX\x04\0\0\0true\x85R.",
    "name-from-the-memo": b"\x80\x04\x8c\x06system\x940\x8c\x02osh\0\x93\x8c\x04true\x85R.",
    "name-through-dup": b"\x80\x04\x8c\x02os2\x93)R.",
    "name-of-escapes": b"S'o\\x73'\nV\\u0073ystem\n\x93)R.",
    "name-by-attributes": b"\x80\x04\x8c\x05numpy\x8c\x11testing._private.\x93)R.",
    "name-overwritten": b"Vos\np0\n0Vsys\np0\n0\x80\x04h\0Vexit\n\x93)R.",
    "callable-overwritten": b"cm\nf\nq\0cm\ng\nq\0h\0)R.",
    "memoize-counts": b"\x80\x04Nq\x05cos\nsystem\n\x94h\x01)R.",
    "popped-marks": b"((00cos\nsystem\n((1)R.",
    "in-a-list-that-is-dropped": b"](cos\nsystem\n)Re0N.",
    "state-of-a-class": b"cm\nC\n}(Vattribute\nNub.",
    "items-of-a-module": b"csys\nmodules\nVos\nNs.",
    "instances": b"(im\nC\n(cm\nC\no(NNim\nC\n(cm\nD\nNo\x87.",
    "new-with-keywords": b"\x80\x04cm\nC\n)}Vkey\nNs\x92.",
    "python-2-name": b"c__builtin__\nreduce\n)R.",
    "python-2-name-in-protocol-3": b"\x80\x03c__builtin__\nreduce\n)R.",
    "breaks-off": b"cos\nsystem\n)R(",
    "breaks": b"cos\nsystem\n)R0000.",
    "persistent-id": b"Pid\n)R.",
    "extension": b"cos\nsystem\n)R\x82\x07.",
}

PATH = os.path.join(environments.HERE, "audit.json")


def main():
    if sys.argv[1:] == ["--in-environment"]:
        return json.dump(all_fixtures(), sys.stdout)
    assert environments.make(environments.JUDGE) is None, "the judge's environment is missing"
    with open(PATH, "w", encoding="utf-8", newline="\n") as file:
        file.write(asked())


def known():
    """Returns the committed text of audit.json."""
    with open(PATH, encoding="utf-8") as file:
        return file.read()


def asked():
    """Returns the text of audit.json as the judge's environment makes it."""
    found = json.loads(environments.run(environments.JUDGE, "audit.py", "--in-environment"))
    return "{\n" + ",\n".join("%s: %s" % (json.dumps(file), json.dumps(found[file])) for file in sorted(found)) + "\n}\n"


def all_fixtures():
    try:
        from numpy.lib import _format_impl as npy_format
    except ImportError:
        from numpy.lib import format as npy_format

    warnings.simplefilter("ignore")  # headers written by Python 2 cause warnings
    found = {}
    for entry in manifest.read():
        file = io.BytesIO(manifest.read_file(entry["file"]))
        try:
            version = npy_format.read_magic(file)
            header = npy_format._read_array_header(file, version, max_header_size=10**9)
        except Exception:
            continue
        if header[2].hasobject:
            found[entry["file"]] = answer(file.read(), entry.get("encoding", "ASCII"))
    for name, data in TRICKS.items():
        found["tricks/" + name] = answer(data, "ASCII") + [data.hex()]
    return found


def answer(data, encoding):
    (done, whole), (done_2, whole_2) = (lines(one, data, encoding) for one in (pickle.Unpickler, pickle._Unpickler))
    shortest = min(len(done), len(done_2))
    assert done[:shortest] == done_2[:shortest] and (done == done_2 or not (whole and whole_2)), data
    text = "".join(line + "\n" for line in done)
    return [len(done), zlib.crc32(text.encode("utf-8", "surrogatepass")), whole]


def lines(unpickler, data, encoding):
    """Returns the lines of a pickle, and whether the unpickler reached STOP."""
    done = []
    protocol = data[1] if len(data) > 1 and data[:1] == b"\x80" else 0

    def do(line):
        if not (line.startswith("add ") and done[-1:] == [line]):
            done.append(line)

    class Results:
        """The result of a call."""

        def __init__(self, name):
            self.name = name

        def __call__(self, *args, **kwargs):
            do("call " + self.name)
            return Results(self.name)

        def __setstate__(self, state):
            do("set " + self.name)

        def append(self, item):
            do("add " + self.name)

        def extend(self, items):
            do("add " + self.name)

        def add(self, item):
            do("add " + self.name)

        def __setitem__(self, key, value):
            do("add " + self.name)

    class Globals(type):
        """The type of imported names. They are classes, because NEWOBJ calls nothing else."""

        def __call__(cls, *args, **kwargs):
            do("call " + cls.label)
            return Results(cls.label + "()")

        def __setstate__(cls, state):
            do("set " + cls.label)

        def append(cls, item):
            do("add " + cls.label)

        extend = add = append

        def __setitem__(cls, key, value):
            do("add " + cls.label)

    def new(cls, *args, **kwargs):
        do("call " + cls.label)
        return Results(cls.label + "()")

    class Stubbed(unpickler):
        def find_class(self, module, name):
            if protocol < 3:
                if (module, name) in _compat_pickle.NAME_MAPPING:
                    module, name = _compat_pickle.NAME_MAPPING[module, name]
                else:
                    module = _compat_pickle.IMPORT_MAPPING.get(module, module)
            label = "%s.%s" % (module, name)
            do("import " + label)
            return Globals("stub", (), {"label": label, "__new__": new})

        def persistent_load(self, id):
            do("call persistent id")
            return Results("persistent id()")

    sys.setrecursionlimit(100000)
    try:
        Stubbed(io.BytesIO(data), encoding=encoding).load()
    except Exception:
        return done, False
    return done, True


if __name__ == "__main__":
    main()
