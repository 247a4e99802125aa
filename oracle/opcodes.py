"""Runs inside the judge's environment: compares spec/opcodes.toml with CPython's pickletools.

    python opcodes.py PATH

Prints a JSON object: the number of opcodes that agree, and a list of differences.
"""

import json
import pickletools
import sys
import tomllib


def from_python():
    """The opcodes by name, with the members of opcodes.toml that pickletools knows of."""
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
    """The differences, as sentences."""
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
        differences.append("a name stands there twice")
    print(json.dumps({"opcodes": len(table), "differences": differences}))


if __name__ == "__main__":
    main(sys.argv[1])
