"""Stubs for the names in a pickle, which record calls and do not make them.

`Names.resolve` is the find_class of an Unpickler. Types that have a form in spec/typed-json.md are the real ones. Every
other name becomes a stub: nothing that a file names is imported.
"""

import _compat_pickle
import codecs
import collections
import datetime
import decimal

import numpy as np


class Inert(datetime.tzinfo):
    """A call that was not made. It is a tzinfo so that datetime accepts it."""

    def __init__(self, kind, callable, args, kwargs):
        self.kind = kind
        self.callable = callable
        self.args = args
        self.kwargs = kwargs
        self.state = []
        self.appended = []
        self.items = []
        self.added = []

    def __call__(self, *args, **kwargs):
        return Inert("call", self, args, kwargs)

    def __setstate__(self, state):
        self.state.append(state)

    def append(self, value):
        self.appended.append(value)

    def __setitem__(self, key, value):
        self.items.append((key, value))

    def add(self, value):
        self.added.append(value)


class Stub(type):
    """The class of stub classes. REDUCE calls this `__call__`; NEWOBJ calls the `__new__` of the stub."""

    def __call__(cls, *args, **kwargs):
        return Inert("call", cls, args, kwargs)


def make_stub(name):
    return Stub(name, (), {"__new__": lambda cls, *args, **kwargs: Inert("new", cls, args, kwargs)})


class MaskedArray(np.ma.MaskedArray):
    """A masked array that keeps the fill value of its pickle. NumPy replaces None by a default."""

    def __setstate__(self, state):
        super().__setstate__(state)
        self._optinfo["pickled fill value"] = state[-1]

    @staticmethod
    def pickled_fill_value(array):
        return array._optinfo["pickled fill value"]


class Names:
    """The names in one pickle, and the object for each."""

    def __init__(self):
        self.objects = {}
        self.raw = {}
        self.stubbed = set()

    def resolve(self, module, name):
        if (module, name) not in self.objects:
            found = self._find(module, name)
            self.objects[module, name] = found
            self.raw[id(found)] = (module, name)
        return self.objects[module, name]

    def _find(self, module, name):
        def stub():
            self.stubbed.add((module, name))
            return make_stub(name)

        real = REAL.get((module, name))
        if real is None:
            return stub()
        if real in GUARDS:
            return self._guarded(real, GUARDS[real], stub)
        return real

    def _guarded(self, real, accepts, stub):
        """Returns a function that calls the real one if it accepts the arguments, and else records the call."""

        def call(*args):
            if accepts(*args):
                return real(*args)
            inert = stub()(*args)
            inert.callable = call
            return inert

        return call


def protocol_of(pickle):
    """Returns the protocol of the PROTO at the start of a pickle; 0 without one."""
    return pickle[1] if pickle[:1] == b"\x80" and len(pickle) > 1 else 0


def python_3_name(protocol, module, name):
    """Returns the module and the name that CPython imports for those in a pickle of this protocol."""
    if protocol >= 3:
        return module, name
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def named(modules, name, value):
    return {(module, name): value for module in modules.split()}


def numpy_core(module):
    """Returns the names of a module of numpy.core in NumPy 1 and in NumPy 2."""
    return "numpy.core.%s numpy._core.%s" % (module, module)


CORE = np._core if int(np.__version__.split(".")[0]) >= 2 else np.core

ARRAY_TYPES = (np.ndarray, np.matrix, np.recarray, np.memmap, np.char.chararray, MaskedArray)

BUILTINS = "builtins __builtin__"

REAL = {
    **named(BUILTINS, "bytearray", bytearray),
    **named(BUILTINS, "bytes", bytes),
    **named(BUILTINS, "complex", complex),
    **named(BUILTINS, "frozenset", frozenset),
    **named(BUILTINS, "set", set),
    **named("_codecs", "encode", codecs.encode),
    **named("collections", "OrderedDict", collections.OrderedDict),
    **named("collections", "defaultdict", collections.defaultdict),
    **named("datetime", "date", datetime.date),
    **named("datetime", "datetime", datetime.datetime),
    **named("datetime", "time", datetime.time),
    **named("datetime", "timedelta", datetime.timedelta),
    **named("decimal", "Decimal", decimal.Decimal),
    **named("numpy", "dtype", np.dtype),
    **named("numpy", "ndarray", np.ndarray),
    **named("numpy numpy.core.records numpy._core.records numpy.rec", "recarray", np.recarray),
    **named("numpy numpy.core.records numpy._core.records numpy.rec", "record", np.record),
    **named("numpy numpy.matrixlib.defmatrix", "matrix", np.matrix),
    **named("numpy numpy.core.memmap numpy._core.memmap", "memmap", np.memmap),
    **named("numpy numpy.char numpy.core.defchararray numpy._core.defchararray", "chararray", np.char.chararray),
    **named("numpy.ma.core numpy.ma", "MaskedArray", MaskedArray),
    **named("numpy.ma.core", "_mareconstruct", np.ma.core._mareconstruct),
    **named(numpy_core("multiarray"), "_reconstruct", CORE.multiarray._reconstruct),
    **named("numpy.core._internal", "_reconstruct", CORE.multiarray._reconstruct),  # its place in NumPy 1.0
    **named(numpy_core("multiarray"), "scalar", CORE.multiarray.scalar),
    **named(numpy_core("numeric"), "_frombuffer", CORE.numeric._frombuffer),
}
if hasattr(CORE._internal, "_convert_to_stringdtype_kwargs"):
    REAL.update(
        named("numpy._core._internal", "_convert_to_stringdtype_kwargs", CORE._internal._convert_to_stringdtype_kwargs)
    )

GUARDS = {
    # How bytes are written in protocols 0 to 2. Calls with another encoding are recorded.
    codecs.encode: lambda *args: len(args) == 2 and isinstance(args[0], str) and args[1] == "latin1",
    # Calls with an unknown array class are recorded.
    CORE.multiarray._reconstruct: lambda subtype, *_: subtype in ARRAY_TYPES,
    np.ma.core._mareconstruct: lambda subtype, baseclass, *_: subtype is MaskedArray and baseclass in ARRAY_TYPES,
}
