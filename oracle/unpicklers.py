"""Unpickles programs with stubs for all names, and returns digests of the values. Runs in CPython 3.6 and later.

    python unpicklers.py c|python MEMORY SECONDS

It is the worker of differential.py, which sends batches of programs with expected answers. It returns the answers that
are not the expected ones. An answer is the digest of the value (`fuzz/bodies/src/digest.rs` defines it), or `!` and the
exception.
"""

import _compat_pickle
import copyreg
import gc
import io
import json
import pickle
import resource
import signal
import struct
import sys

# The registered extension codes: the small ones, and those that CPython's tests register.
EXTENSIONS = list(range(1, 512)) + [0xABCD, 0xFFFF, 0x10000, 0x12ABCDEF, 0x7FFFFFFF]


class Global(type):
    """The type of imported names. They are classes, because NEWOBJ calls nothing else. Nothing can be added to them."""

    def __call__(*args, **kwargs):
        return result("c", args, kwargs)


class Result(Global):
    """The type of the results of calls, which record states and items."""

    def __setstate__(self, state):
        self.record[4].append(state)

    def append(self, item):
        self.record[5].append(item)

    def extend(self, items):
        self.record[5].extend(items)

    def __setitem__(self, key, value):
        self.record[6].append(key)
        self.record[6].append(value)

    def add(self, item):
        self.record[7].append(item)


def new(*args, **kwargs):
    return result("n", args, kwargs)


def result(how, args, kwargs):
    return Result("r", (), {"__new__": new, "record": (how, args[0], args[1:], kwargs, [], [], [], [])})


def named(label):
    return Global("g", (), {"__new__": new, "label": label})


class Persistent(Global):
    pass


class Buffer(bytes):
    """An out-of-band buffer. It is bytes, which no opcode can change."""

    __slots__ = ()


def payload(letter, data):
    return b"%s%d:%s" % (letter, len(data), data)


def find(module, name, known={}):
    if (module, name) not in known:
        if len(known) > 500:
            known.clear()
        if module == "copyreg extension":
            label = b"X%s," % name.encode()
        else:
            label = payload(b"G", module.encode("utf-8", "surrogatepass"))
            label += payload(b".", name.encode("utf-8", "surrogatepass"))
        known[module, name] = named(label)
    return known[module, name]


def stubbed(unpickler):
    class Stubbed(unpickler):
        def __init__(self, program, **options):
            super().__init__(io.BytesIO(program), **options)
            self.has_python_2_names = program[:1] != b"\x80" or program[1:2] < b"\x03"

        def find_class(self, module, name):
            if self.has_python_2_names:
                module, name = _compat_pickle.NAME_MAPPING.get(
                    (module, name), (_compat_pickle.IMPORT_MAPPING.get(module, module), name)
                )
            return find(module, name)

        def persistent_load(self, id):
            return Persistent("p", (), {"__new__": new, "id": id})

    return Stubbed


def buffers():
    number = 0
    while True:
        yield Buffer(str(number).encode())
        number += 1


def digest(value):
    out, seen = [], {}

    def write(value):
        kind = type(value)
        if kind in IDENTITY or kind is tuple and value:
            if id(value) in seen:
                out.append(b"R%d," % seen[id(value)])
                return
            seen[id(value)] = len(seen)
        if kind is list:
            every(b"[", value)
        elif kind is tuple:
            every(b"(", value)
        elif kind is dict:
            entries(value)
        elif kind is set:
            out.extend([b"{", b"".join(sorted(map(member, value))), b";"])
        elif kind is frozenset:
            out.extend([b"<", b"".join(sorted(map(member, value))), b";"])
        elif kind is bytearray:
            out.append(payload(b"B", value))
        elif kind is Persistent:
            out.append(b"P")
            write(value.id)
        elif kind is Result:
            how, callable, args, kwargs, states, appended, items, added = value.record
            out.append(how.encode())
            write(callable)
            every(b"(", args)
            entries(kwargs)
            every(b"b", states)
            every(b"a", appended)
            every(b"s", items)
            every(b"+", added)
        else:
            out.append(simple(value))

    def every(letter, items):
        out.append(letter)
        for item in items:
            write(item)
        out.append(b";")

    def entries(value):
        out.append(b"d")
        for key, item in value.items():
            write(key)
            write(item)
        out.append(b";")

    write(value)
    return b"".join(out)


IDENTITY = {list, dict, set, bytearray, Persistent, Result}


def simple(value):
    kind = type(value)
    if value is None:
        return b"N"
    if kind is bool:
        return b"T" if value else b"F"
    if kind is int:
        # Python limits the digits of decimal text.
        return (b"i%d," if value.bit_length() < 10000 else b"x%x,") % value
    if kind is float:
        return b"f%016x" % struct.unpack("<Q", struct.pack("<d", value))
    if kind is str:
        return payload(b"s", value.encode("utf-8", "surrogatepass"))
    if kind is bytes:
        return payload(b"b", value)
    if kind is Buffer:
        return b"U%s," % bytes(value)
    if kind is Global:
        return value.label
    return b"?"


def member(value):
    kind = type(value)
    if kind is tuple:
        return b"(%s;" % b"".join(map(member, value))
    if kind is frozenset:
        return b"<%s;" % b"".join(sorted(map(member, value)))
    if kind in IDENTITY or kind is Buffer:
        return b"O"
    return simple(value)


def main():
    kind, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    sys.setrecursionlimit(5000)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(4300)
    for code in EXTENSIONS:
        copyreg._inverted_registry[code] = ("copyreg extension", str(code))
    unpickler = stubbed(pickle.Unpickler if kind == "c" else pickle._Unpickler)
    options = {"fix_imports": False, "encoding": "bytes"}
    stream = sys.stdin.buffer
    # Stubs are classes, which only the cyclic collector frees. It runs below, once every 250 programs.
    gc.disable()
    while True:
        head = stream.read(4)
        if not head:
            break
        # Limits CPU time, because other processes may slow this one down.
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        batch = []
        for _ in range(struct.unpack("<I", head)[0]):
            program, answer = struct.unpack("<II", stream.read(8))
            batch.append((stream.read(program), stream.read(answer)))
        answers = {}
        for number, (program, expected) in enumerate(batch):
            if number % 250 == 0:
                gc.collect()
            if sys.version_info >= (3, 8):
                options["buffers"] = buffers()
            try:
                answer = digest(unpickler(program, **options).load())
                if answer == expected:
                    continue
                answer = answer.decode("latin1")
            except Exception as error:
                if expected.startswith(b"!"):
                    continue
                answer = "!%s: %.100s" % (type(error).__name__, error)
            answers[number] = answer
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


if __name__ == "__main__":
    main()
