"""Reads and writes the fixtures and `fixtures/manifest.json`, which lists them: a JSON array with one entry a line.

The fixtures of a group are the members of `fixtures/GROUP.zip`. Their typed JSON is in `fixtures/GROUP.jsonl`, where a
line `{"file": NAME}` comes before the lines of each fixture. The fixtures of EXAMPLES are in no archive: each is a file
with its typed JSON next to it. A fixture has one name in all places: GROUP/CASE.npy, which is its entry in the
manifest, its member in the archive, and its path below `fixtures/`.

The archives are not compressed, so that Git stores only what changes in them, and every Python writes the same bytes.
"""

import functools
import hashlib
import io
import json
import os
import zipfile

import clauses

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
PATH = os.path.join(FIXTURES, "manifest.json")

# Files of their own, for people to open. The specification shows most of them, and its Python examples open three.
EXAMPLES = {
    "arrays/of-f8-p4-py3.9-np2.0.npy",
    "arrays/ragged-p4-py3.9-np2.0.npy",
    "hand-pickled/append-to-int.npy",
    "hand-pickled/below.npy",
    "hand-pickled/os-system.npy",
    "header-forms/object-other-shape.npy",
    "numpy-tests/py2-np0-objarr.npy",  # all of this group: its license is in the same folder
    "numpy-tests/py2-objarr.npy",
    "numpy-tests/py3-objarr.npy",
    "numpy-tests/python3.npy",
    "numpy-tests/win64python2.npy",
    "plain/2d-fortran-py2.7-np1.16.npy",
    "shapes/0d-dict-p4-py3.9-np2.0.npy",
    "shapes/two-p2-py3.9-np2.0.npy",
    "shapes/two-p4-py3.9-np2.0.npy",
    "sharing/list-across-elements-p2-py3.9-np2.0.npy",
    "stdlib/dates-p4-py3.9-np2.0.npy",
    "strings/whole-na-p4-py3.9-np2.0.npy",
    "truncated/in-text.npy",
    "whole/structured-one-field-p4-py3.9-np2.0.npy",
}


def read():
    """Returns the entries of the manifest."""
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


def write(entries):
    """Writes the manifest, and the clauses of each fixture into its entry."""
    for entry in entries:
        entry["clauses"] = clauses.of(entry["file"])
    lines = [json.dumps(entry, ensure_ascii=False) for entry in sorted(entries, key=lambda entry: entry["file"])]
    with open(PATH, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def read_file(file):
    """Returns the bytes of a fixture."""
    if file in EXAMPLES:
        return _read(file)
    return _archive(_group(file)).read(file)


def read_lines(file):
    """Returns the typed JSON of a fixture, line by line."""
    if file in EXAMPLES:
        return _split(_read(_lines_name(file)))
    return _group_lines(_group(file))[file]


def files():
    """Returns the names of all fixtures that are stored, whether the manifest lists them or not."""
    return sorted(_files(".npy") + [name for group in _groups(".zip") for name in _archive(group).namelist()])


def files_with_lines():
    """Returns the names of all fixtures whose typed JSON is stored."""
    unpacked = [name[: -len(".jsonl")] + ".npy" for name in _files(".jsonl")]
    return sorted(unpacked + [name for group in _groups(".jsonl") for name in _group_lines(group)])


def extract(folder, names):
    """Writes fixtures to a folder, for programs that want paths. Their names are their paths below the folder."""
    for name in names:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(read_file(name))


def replace_files(contents):
    """Replaces all fixtures by these: bytes by name. Their typed JSON is removed."""
    for name in _files(".npy") + _files(".jsonl"):
        os.remove(os.path.join(FIXTURES, name))
    for ending in (".zip", ".jsonl"):
        for group in _groups(ending):
            os.remove(os.path.join(FIXTURES, group + ending))
    _archive.cache_clear()
    for group, names in _by_group(contents):
        with zipfile.ZipFile(os.path.join(FIXTURES, group + ".zip"), "w") as archive:
            for name in names:
                member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                member.create_system, member.external_attr = 3, 0o644 << 16
                archive.writestr(member, contents[name])
    for name in EXAMPLES.intersection(contents):
        _write(name, contents[name])


def replace_lines(lines):
    """Replaces the typed JSON of all fixtures by this: lists of lines by name."""
    for group, names in _by_group(lines):
        parts = [_joined([json.dumps({"file": name})] + lines[name]) for name in names]
        _write(group + ".jsonl", b"".join(parts))
    for name in EXAMPLES.intersection(lines):
        _write(_lines_name(name), _joined(lines[name]))
    _group_lines.cache_clear()


@functools.lru_cache(maxsize=None)
def _archive(group):
    return zipfile.ZipFile(io.BytesIO(_read(group + ".zip")))


@functools.lru_cache(maxsize=None)
def _group_lines(group):
    """Returns the lines of each fixture in the file of a group."""
    found = {}
    for line in _split(_read(group + ".jsonl")):
        if line.startswith('{"file":'):
            lines = found[json.loads(line)["file"]] = []
        else:
            lines.append(line)
    return found


def _group(file):
    return file.split("/")[0]


def _by_group(names):
    """Returns the names that belong in an archive, by group, all sorted."""
    groups = {}
    for name in sorted(set(names) - EXAMPLES):
        groups.setdefault(_group(name), []).append(name)
    return sorted(groups.items())


def _groups(ending):
    """Returns the groups that have a file with this ending."""
    return sorted(name[: -len(ending)] for name in os.listdir(FIXTURES) if name.endswith(ending))


def _files(ending):
    """Returns the names of the files in the folders of groups."""
    groups = [group for group in sorted(os.listdir(FIXTURES)) if os.path.isdir(os.path.join(FIXTURES, group))]
    names = ["%s/%s" % (group, name) for group in groups for name in os.listdir(os.path.join(FIXTURES, group))]
    return [name for name in names if name.endswith(ending)]


def _lines_name(file):
    return file[: -len(".npy")] + ".jsonl"


def _split(data):
    return data.decode("utf-8").split("\n")[:-1]  # not splitlines: JSON leaves U+2028 and U+0085 as they are


def _joined(lines):
    return "".join(line + "\n" for line in lines).encode("utf-8")


def _read(name):
    with open(os.path.join(FIXTURES, name), "rb") as file:
        return file.read()


def _write(name, data):
    path = os.path.join(FIXTURES, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    # The clauses of the fixtures may have changed.
    write(read())
