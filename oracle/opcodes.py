"""Compares spec/opcodes.toml with CPython's pickletools. Runs in the judge's environment.

    python opcodes.py PATH

Prints a JSON object: `opcodes`, the number of opcodes in the file, and `differences`, a list of sentences.
"""

import json
import pickletools
import sys
import tomllib


def from_python():
    """Returns the opcodes by name, with those members of opcodes.toml that pickletools has."""
    return {
        opcode.name: {
            "code": ord(opcode.code),
            "protocol": opcode.proto,
            "argument": opcode.arg.name if opcode.arg else "none",
            "stack_before": [thing.name for thing in opcode.stack_before],
            "stack_after": [thing.name for thing in opcode.stack_after],
        }
        for opcode in pickletools.opcodes
    }


def compare(theirs, ours):
    """Returns the differences, as sentences."""
    found = ["%s is missing" % name for name in theirs if name not in ours]
    found += ["%s is unknown to Python" % name for name in ours if name not in theirs]
    for name in ours:
        for member, value in theirs.get(name, {}).items():
            if ours[name].get(member) != value:
                found.append("%s: %s is %r, in Python %r" % (name, member, ours[name].get(member), value))
    return found


def main(path):
    with open(path, "rb") as file:
        table = tomllib.load(file)["opcode"]
    ours = {opcode["name"]: opcode for opcode in table}
    differences = compare(from_python(), ours)
    if len(ours) != len(table):
        differences.append("a name is there twice")
    print(json.dumps({"opcodes": len(table), "differences": differences}))


if __name__ == "__main__":
    main(sys.argv[1])
