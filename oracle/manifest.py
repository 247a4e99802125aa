"""The list of all fixtures, `fixtures/manifest.json`: a JSON array with one entry a line."""

import hashlib
import json
import os

import clauses

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
PATH = os.path.join(FIXTURES, "manifest.json")


def read():
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


def write(entries):
    """Writes the list, with the clauses of each fixture."""
    for entry in entries:
        entry["clauses"] = clauses.of(entry["file"])
    lines = [json.dumps(entry, ensure_ascii=False) for entry in sorted(entries, key=lambda entry: entry["file"])]
    with open(PATH, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def lines_path(file):
    """Where the typed JSON of a fixture is."""
    return os.path.join(FIXTURES, file[: -len(".npy")] + ".jsonl")


def read_lines(file):
    """The typed JSON of a fixture, line by line."""
    with open(lines_path(file), encoding="utf-8") as stream:
        return stream.read().split("\n")[:-1]  # not splitlines: JSON leaves U+2028 and U+0085 as they are


def write_lines(file, lines):
    with open(lines_path(file), "w", encoding="utf-8", newline="\n") as stream:
        stream.write("".join(line + "\n" for line in lines))
