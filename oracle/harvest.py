"""Collects the pickles of CPython's own tests. Runs in any CPython, also in 2.7.

    python harvest.py FILE

It is the worker of pickletester.py. Runs the tests of `test.pickletester` with unpicklers that record their input: each
pickle once, up to where it was read, or to the end of its file if the unpickler raised an exception. A record of FILE
is two lengths of 4 bytes, little-endian, then the pickle and the name of the exception, which is empty if a test could
load the pickle.
"""

import importlib
import io
import os
import pickle
import shutil
import struct
import sys
import tempfile
import unittest

try:
    import _pickle as accelerated
except ImportError:
    import cPickle as accelerated

MODULES = ["test.test_pickle", "test.test_pickletools"]
if accelerated.__name__ == "cPickle":
    MODULES.append("test.test_cpickle")

PASSED_OVER = {
    # Test the size and the class of the Unpickler, which is replaced here.
    "SizeofTests",
    "HeapTypesTests",
    # Base classes: their subclasses run.
    "cPicklePicklerTests",
    "cPickleFastPicklerTests",
    "cPickleListPicklerTests",
    "cPickleUnpicklerTests",
}

# The exception of each pickle, in the order of the tests.
harvest = {}


def note(data, error):
    # One test can load a pickle that another refuses, where it forbids a name or passes no buffers.
    if harvest.get(data) != "":
        harvest[data] = error


class Tape(object):
    """A wrapper of a file that has the same methods and records the bytes that are read."""

    def __init__(self, file):
        self.file = file
        self.heard = []
        # Tests use files without some of these methods, or with a property that raises.
        for name in ("read", "readline", "readinto", "peek"):
            if hasattr(file, name):
                setattr(self, name, getattr(self, "tell_of_" + name)(getattr(file, name)))

    def tell_of_read(self, read):
        def method(*size):
            data = read(*size)
            self.heard.append(bytes(data))
            return data

        return method

    tell_of_readline = tell_of_read

    def tell_of_readinto(self, readinto):
        def method(buffer):
            count = readinto(buffer)
            self.heard.append(bytes(memoryview(buffer)[:count]))
            return count

        return method

    def tell_of_peek(self, peek):
        # Not recorded: the same bytes are read afterwards.
        return peek

    def rest(self):
        """Returns the unread bytes of the file, and leaves them unread; nothing if the file cannot seek."""
        try:
            place = self.file.tell()
            data = self.file.read()
            self.file.seek(place)
            return bytes(data)
        except Exception:
            return b""


def recording(unpickler):
    class Recording(unpickler):
        def __init__(self, file, *args, **kwargs):
            self.__dict__["tape"] = Tape(file)
            unpickler.__init__(self, self.__dict__["tape"], *args, **kwargs)

        def load(self):
            # Some tests call load on an unpickler whose __init__ did not run.
            tape = self.__dict__.get("tape")
            if tape is None:
                return unpickler.load(self)
            tape.heard = []
            try:
                value = unpickler.load(self)
            except Exception as error:
                note(b"".join(tape.heard) + tape.rest(), type(error).__name__)
                raise
            note(b"".join(tape.heard), "")
            return value

    return Recording


class Load(object):
    """Replaces `load` or `loads` of a module. It is not a function, because tests put it into classes, where a function
    would become a method."""

    def __init__(self, unpickler, opened):
        self.unpickler, self.opened = unpickler, opened

    def __call__(self, source, *args, **kwargs):
        return self.unpickler(self.opened(source), *args, **kwargs).load()


class OfPython2(object):
    """A class for the Unpickler of cPickle, which is a function."""

    make = staticmethod(accelerated.Unpickler)

    def __init__(self, file):
        self.__dict__["real"] = self.make(file)

    def load(self):
        return self.real.load()

    def __getattr__(self, name):
        return getattr(self.real, name)

    def __setattr__(self, name, value):
        setattr(self.real, name, value)


def instrument():
    if accelerated.__name__ == "cPickle":
        accelerated.Unpickler = recording(OfPython2)
        # `pickle.load` and `pickle.loads` use this name.
        pickle.Unpickler = recording(pickle.Unpickler)
        modules = [accelerated]
    else:
        pickle._Unpickler = recording(pickle._Unpickler)
        accelerated.Unpickler = pickle.Unpickler = recording(accelerated.Unpickler)
        modules = [accelerated, pickle]
    for module in modules:
        module.load = Load(accelerated.Unpickler, lambda file: file)
        module.loads = Load(accelerated.Unpickler, io.BytesIO)


def tests():
    suite = unittest.TestSuite()
    for name in MODULES:
        for case in vars(importlib.import_module(name)).values():
            # The classes of pickletester itself are abstract.
            mine = isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == name
            if mine and case.__name__ not in PASSED_OVER:
                suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    return suite


def main():
    path, out = os.path.abspath(sys.argv[1]), sys.stdout
    instrument()
    # Tests print, and leave files in the current folder.
    sys.stdout = open(os.devnull, "w")
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    found = unittest.TextTestRunner(stream=sys.stdout).run(tests())
    sys.stdout = out
    os.chdir(os.path.dirname(path))
    shutil.rmtree(folder)
    with open(path, "wb") as file:
        for data, error in harvest.items():
            error = error.encode()
            file.write(struct.pack("<II", len(data), len(error)) + data + error)
    print("%d tests, %d failed" % (found.testsRun, len(found.failures) + len(found.errors)))
    for test, text in found.failures + found.errors:
        print("    %s: %s" % (test.id(), text.strip().splitlines()[-1]))


if __name__ == "__main__":
    main()
