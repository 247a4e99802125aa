"""Writes compressed files and archives of pickles for the tests of the audit, and says what their loader does.

    python containers.py           # writes containers/
    python containers.py --check   # prints the files that differ from those that are written now

Needs the packages lz4 and zstandard, and no other: the archives of PyTorch, TorchServe, NeMo and Keras are written here
as these libraries write them. Nothing in a file does harm: the dangerous ones name `os.system` with the command `true`.

Each form of container has a harmless file, the same with a dangerous pickle inside, and the harmless one without its last
bytes. `containers/manifest.json` has the verdict on each, and the names that the harmless one needs to be trusted.
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import struct
import sys
import tarfile
import zipfile
import zlib

import lz4.frame
import zstandard

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "containers")

HARMLESS = pickle.dumps({"weights": [0.5, 1.5], "name": "a model"}, 4)
DANGEROUS = b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R."

STORAGE = struct.pack("<2f", 0.5, 1.5)

# torch._utils._rebuild_tensor_v2(persistent id, 0, (2,), (1,), False, OrderedDict()), as torch.save writes it.
TENSOR = (
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\0((X\x07\0\0\0storageq\x01ctorch\nFloatStorage\nq\x02X\x01\0\0\x000q\x03"
    b"X\x03\0\0\0cpuq\x04K\x02tq\x05QK\0K\x02\x85q\x06K\x01\x85q\x07\x89ccollections\nOrderedDict\nq\x08)Rq\ttq\nRq\x0b."
)
# The same with the view of the storage, which the persistent ids of the old format have.
OLD_TENSOR = TENSOR.replace(b"K\x02tq\x05Q", b"K\x02Ntq\x05Q")


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


def tarred(members, form=tarfile.PAX_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    # Of the empty blocks at the end, two are needed.
    data = file.getvalue().rstrip(b"\0")
    return data + bytes(-len(data) % 512 + 1024)


def gzipped(data):
    return gzip.compress(data, mtime=0)


def torch_zip(data):
    return zipped({"m/data.pkl": data, "m/byteorder": b"little", "m/data/0": STORAGE, "m/version": b"3\n"})


def torch_old(data):
    """Returns five pickles and a storage, as torch.save writes with _use_new_zipfile_serialization=False."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    before = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, system)]
    return b"".join(before) + data + pickle.dumps(["0"], 2) + struct.pack("<q", 2) + STORAGE


# An array of three objects, as joblib pickles it after its wrapper.
ARRAY = (
    b'\x80\x05\x95\x91\x00\x00\x00\x00\x00\x00\x00\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct'
    b'\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K'
    b'\x03\x85\x94h\x03\x8c\x05dtype\x94\x93\x94\x8c\x02O8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ'
    b'\xff\xff\xff\xffJ\xff\xff\xff\xffK?t\x94b\x89]\x94(K\x01N\x8c\x01a\x94et\x94b.'
)

# The wrapper of an array of three objects, as joblib.dump writes it in protocol 4.
WRAPPER = (
    b'\x80\x04\x95\xd1\x00\x00\x00\x00\x00\x00\x00\x8c\x13joblib.numpy_pickle\x94\x8c\x11NumpyArrayWrapper'
    b'\x94\x93\x94)\x81\x94}\x94(\x8c\x08subclass\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94\x8c\x05sh'
    b'ape\x94K\x03\x85\x94\x8c\x05order\x94\x8c\x01C\x94\x8c\x05dtype\x94h\x06\x8c\x05dtype\x94\x93\x94\x8c'
    b'\x02O8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?t\x94b\x8c\n'
    b'allow_mmap\x94\x89\x8c\x1bnumpy_array_alignment_bytes\x94K\x10ub'
)


def joblib_objects(items):
    """Returns a file of joblib with an array of objects: the pickle of the array follows its wrapper."""
    return WRAPPER + items + b"."


def mar(data):
    return {
        "MAR-INF/MANIFEST.json": b'{"model": {"modelName": "m", "serializedFile": "model.pt"}}',
        "model.pt": torch_zip(data),
        "index_to_name.json": b"{}",
    }


def containers():
    """Yields the name, a function from a pickle to the file, the harmless pickle, and the names to trust."""
    plain = {
        "zlib": ("pkl.z", zlib.compress),
        "gzip": ("pkl.gz", gzipped),
        "bzip2": ("pkl.bz2", bz2.compress),
        "lzma": ("pkl.lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
        "xz": ("pkl.xz", lzma.compress),
        "zstd": ("pkl.zst", lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data)),
        "lz4": ("pkl.lz4", lz4.frame.compress),
        "tar": ("tar", lambda data: tarred({"a/model.pkl": data, "n" * 120 + ".pkl": HARMLESS})),
        "tar-gnu": ("tar", lambda data: tarred({"n" * 120 + ".pkl": data}, tarfile.GNU_FORMAT)),
        "tar-gzip": ("tar.gz", lambda data: gzipped(tarred({"model.pkl": data}))),
        "zip": ("zip", lambda data: zipped({"model.pkl": data, "other.pkl": HARMLESS})),
        "zip-in-tar-in-xz": ("tar.xz", lambda data: lzma.compress(tarred({"a.zip": zipped({"b.pkl": data})}))),
    }
    for name, (ending, make) in plain.items():
        yield name + "." + ending, make, HARMLESS, []
    yield "joblib-objects.joblib", joblib_objects, ARRAY, ["joblib"]
    yield "joblib-zlib.joblib.z", lambda data: zlib.compress(joblib_objects(data)), ARRAY, ["joblib"]
    yield "torch.pt", torch_zip, TENSOR, ["torch"]
    yield "torch-old.pth", torch_old, OLD_TENSOR, ["torch"]
    yield "serve.mar", lambda data: zipped(mar(data)), TENSOR, ["torch"]
    yield "serve.mar.tar.gz", lambda data: gzipped(tarred(mar(data))), TENSOR, ["torch"]


def others():
    """Yields name, file, verdict, and names to trust, of files that are not made from one pickle."""
    config = b"preprocessor:\n  _target_: nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor\n"
    for name, data, verdict in (("harmless", TENSOR, "unknown"), ("dangerous", DANGEROUS, "dangerous")):
        is_harmless = name == "harmless"
        members = {"./model_config.yaml": config, "./model_weights.ckpt": torch_zip(data)}
        old = {"sys_info": pickle.dumps({}, 2), "pickle": data, "storages": pickle.dumps(0, 2), "tensors": pickle.dumps(0, 2)}
        for kind, file, verdict_on_kind in (
            ("nemo.nemo", gzipped(tarred(members)), verdict),
            ("with-handler.mar", zipped(dict(mar(data), **{"handler.py": b"pass\n"})), verdict),
            ("torch-tar.pt", tarred(old), "inert" if is_harmless else verdict),
        ):
            yield "%s-%s" % (name, kind), file, verdict_on_kind, ["torch"]
            if is_harmless:
                # Without the padding of tar, and without a part of a member.
                yield "truncated-" + kind, file[:-3] if kind != "torch-tar.pt" else file[:-1200], "unknown", ["torch"]
    # Keras executes the code of a Lambda layer, which is no pickle: the verdict on both is unknown.
    function = {"class_name": "__lambda__", "config": {"code": "4wEAAAAAAAAA", "defaults": None, "closure": None}}
    code = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "lambda", "function": function}}
    for name, layers in (("harmless", []), ("dangerous", [code])):
        model = {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}, "registered_name": None}
        weights = b"\x89HDF\r\n\x1a\n" + bytes(88)
        members = {"metadata.json": b'{"keras_version": "3.9.0"}', "model.weights.h5": weights, "config.json": json.dumps(model)}
        yield "%s-keras.keras" % name, zipped(members), "unknown", []
        if name == "harmless":
            yield "truncated-keras.keras", zipped(members)[:-3], "unknown", []
    # Bytes after the data, which most decompressors ignore.
    for name, data in (("zlib.pkl.z", zlib.compress(HARMLESS)), ("bzip2.pkl.bz2", bz2.compress(HARMLESS)),
                       ("xz.pkl.xz", lzma.compress(HARMLESS)), ("lz4.pkl.lz4", lz4.frame.compress(HARMLESS)),
                       ("zstd.pkl.zst", zstandard.compress(HARMLESS)), ("lzma.pkl.lzma", lzma.compress(HARMLESS, lzma.FORMAT_ALONE)),
                       ("tar.tar", tarred({"a.pkl": HARMLESS}))):
        yield "trailing-" + name, data + DANGEROUS, "unknown", []
    # A file that is a pickle for pickle.load, and an archive for tarfile.
    start = b"cos\nsystem\n(S'true'\ntR."
    polyglot = bytearray(tarred({start.decode() + ".pkl": HARMLESS}, tarfile.USTAR_FORMAT))
    yield "polyglot.tar", bytes(polyglot), "dangerous", []
    bomb = b"B" + struct.pack("<I", 1 << 20) + bytes(1 << 20) + b"."
    yield "bomb.pkl.z", zlib.compress(bomb, 9), "inert", []
    inner = HARMLESS
    for _ in range(5):
        inner = gzipped(inner)
    yield "five-deep.pkl.gz", inner, "unknown", []
    # A member whose size pax gives anew: programs disagree about where it ends.
    resized = tarfile.TarInfo("a.pkl")
    resized.size, resized.pax_headers = 0, {"size": "512"}
    yield "pax-size.tar", resized.tobuf(tarfile.PAX_FORMAT) + DANGEROUS.ljust(512, b"\0") + bytes(1024), "unknown", []


def files():
    """Yields each file with its entry of the manifest."""
    for name, make, harmless, trusted in containers():
        data = make(harmless)
        yield "harmless-" + name, data, "inert", trusted
        yield "dangerous-" + name, make(DANGEROUS), "dangerous", trusted
        yield "truncated-" + name, data[:-3], "unknown", trusted
    yield from others()


def main():
    is_check = sys.argv[1:] == ["--check"]
    os.makedirs(FOLDER, exist_ok=True)
    entries, differing = [], []
    for name, data, verdict, trusted in files():
        entry = {"file": name, "verdict": verdict, "allow": trusted, "sha256": hashlib.sha256(data).hexdigest()}
        entries.append(entry)
        if not is_check:
            write(name, data)
        elif not os.path.exists(os.path.join(FOLDER, name)) or read(name) != data:
            differing.append(name)
    manifest = ("[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n").encode()
    if not is_check:
        write("manifest.json", manifest)
    print("%d files, %d differ: %s" % (len(entries), len(differing), ", ".join(differing)))
    return 1 if differing else 0


def read(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


def write(name, data):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(data)


if __name__ == "__main__":
    sys.exit(main())
