"""Writes archives with npyo and with npy_object.NpzWriter, and loads them in every NumPy.

    python archived.py NPYO PYTHON [--all]

Each NumPy saves an archive, which `npyo salvage` writes anew, and loads the result. It also loads an archive of
npy_object.NpzWriter. NPYO is the program, and PYTHON an interpreter that has the package npy-object. With --all every environment
that can be made takes part, else the three of verify.py.
"""

import os
import subprocess
import sys
import tempfile

OBJECTS, RAGGED, NUMBERS, EMPTY = u"objects", u"ragged", u"numbers", u"empty"
# Before the names of npy_object: not ASCII, and a path. zipfile of Python 2 writes such names in an encoding of its own.
FOLDER = u"f\xfcr/"
COUNT = 2500
# The archive of npy_object.
WRITTEN = "written.npz"


def elements():
    return [[n, {u"number": n, u"text": u"text"}, None, n / 4.0] for n in range(COUNT)]


def arrays():
    import numpy

    return [numpy.arange(n % 7.0) for n in range(COUNT)]


def objects(elements):
    import numpy

    array = numpy.empty(len(elements), object)
    array[:] = elements
    return array


def numbers():
    import numpy

    return numpy.arange(600.0).reshape(20, 30)


def save(path):
    """Saves an archive with numpy.savez."""
    import numpy

    members = {OBJECTS: objects(elements()), RAGGED: objects(arrays()), NUMBERS: numbers(), EMPTY: objects([])}
    numpy.savez(path, **{str(name): array for name, array in members.items()})


def write(path, protocol):
    """Writes an archive with npy_object."""
    import npy_object

    with npy_object.NpzWriter(path) as archive:
        for name, values in ((OBJECTS, elements()), (RAGGED, arrays()), (EMPTY, [])):
            with archive.writer(FOLDER + name, protocol=protocol) as writer:
                writer.extend(values)
        archive[FOLDER + NUMBERS] = numbers()


def check(path, folder):
    import numpy

    with open(path, "rb") as file:
        archive = numpy.load(file, allow_pickle=True)
        names = [OBJECTS, RAGGED, NUMBERS, EMPTY]
        assert sorted(archive.files) == sorted(folder + name for name in names), archive.files
        loaded = {name: archive[folder + name] for name in names}
    assert all(loaded[name].dtype == object for name in (OBJECTS, RAGGED, EMPTY))
    assert list(loaded[OBJECTS]) == elements() and loaded[EMPTY].shape == (0,)
    assert len(loaded[RAGGED]) == COUNT and all(map(numpy.array_equal, loaded[RAGGED], arrays()))
    assert loaded[NUMBERS].dtype == float and (loaded[NUMBERS] == numbers()).all()


def main():
    if sys.argv[1] == "save":
        return save(sys.argv[2])
    if sys.argv[1] == "write":
        return write(sys.argv[2], int(sys.argv[3]))
    if sys.argv[1] == "check":
        return check(sys.argv[2], FOLDER if os.path.basename(sys.argv[2]) == WRITTEN else u"")
    import environments
    import verify

    npyo, python = sys.argv[1:3]
    wanted = environments.ENVIRONMENTS if "--all" in sys.argv[3:] else verify.USUAL
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for environment in environments.available(wanted):
            saved, salvaged, written = (os.path.join(folder, name) for name in ("saved.npz", "salvaged.npz", WRITTEN))
            # Python 2 reads no later protocol.
            protocol = "2" if environment.python == "2.7" else "4"
            try:
                environments.run(environment, "archived.py", "save", saved)
                subprocess.run([npyo, "salvage", saved, "-o", salvaged], check=True, stdout=subprocess.DEVNULL)
                subprocess.run([python, os.path.abspath(__file__), "write", written, protocol], check=True)
                for path in (salvaged, written):
                    environments.run(environment, "archived.py", "check", path)
            except subprocess.CalledProcessError as error:
                failed += 1
                print("FAILED %s: %s" % (environments.tag(environment), error))
            else:
                print("%s: 2 archives" % environments.tag(environment))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
