"""Runs in any CPython, 2.7 too: collects the pickles of its own test suite.

    python harvest.py FILE

It is the worker of pickletester.py. Runs the tests that are made of `test.pickletester`, with unpicklers that note what
they are given: every pickle once, as far as it was read, or to the end of its file where the unpickler refused it. A
record of FILE has two lengths of 4 bytes, little-endian, and what is so long: the pickle; the name of the exception,
empty if a test could load it.
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
    # The size of an Unpickler, and whether its class can be changed: it is another while it records.
    "SizeofTests",
    "HeapTypesTests",
    # These run as the classes that are made of them.
    "cPicklePicklerTests",
    "cPickleFastPicklerTests",
    "cPickleListPicklerTests",
    "cPickleUnpicklerTests",
}

# Pickles, each with the exception that it came to; the order is that of the tests.
harvest = {}


def note(data, error):
    # What is loaded by one test may be refused by another, which forbids a name or gives no buffers.
    if harvest.get(data) != "":
        harvest[data] = error


class Tape(object):
    """Stands for a file, with the methods that it has, and keeps what was read."""

    def __init__(self, file):
        self.file = file
        self.heard = []
        # A method that is not there, or fails to be, must be so here.
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
        # It is read afterwards.
        return peek

    def rest(self):
        """What the file has still, and keeps: nothing if it cannot be wound back."""
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
            # Some tests leave out __init__.
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
    """As `load` or `loads` of a module. No function, as that would become a method in the class of a test."""

    def __init__(self, unpickler, opened):
        self.unpickler, self.opened = unpickler, opened

    def __call__(self, source, *args, **kwargs):
        return self.unpickler(self.opened(source), *args, **kwargs).load()


class OfPython2(object):
    """The Unpickler of cPickle, which is a function, as a class."""

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
        # Its `load` and `loads` look this name up.
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
            # Those of pickletester itself are abstract.
            mine = isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == name
            if mine and case.__name__ not in PASSED_OVER:
                suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    return suite


def main():
    path, out = os.path.abspath(sys.argv[1]), sys.stdout
    instrument()
    # Tests print, and leave files where they run.
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
