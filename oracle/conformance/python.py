"""Prints what the judge reads from a file, as a command of the conformance kit.

    python python.py FILE ENCODING

Runs in the judge's environment: README.md has the whole command.
"""

import os
import sys
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import judge  # noqa: E402: it is in the folder above


def main(path, encoding):
    with open(path, "rb") as file:
        data = file.read()
    sys.setrecursionlimit(10000)
    warnings.simplefilter("ignore")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    lines, _ = judge.judge(data, {"ascii": "ASCII"}.get(encoding, encoding))  # as NumPy spells it
    refused = lines[-1].startswith('{"error":')
    for line in lines[:-1] if refused else lines:
        print(line)
    sys.exit(refused)


if __name__ == "__main__":
    main(*sys.argv[1:])
