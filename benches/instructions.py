"""Counts the instructions an element of each work, and compares them with benches/instructions.json.

    cargo build --profile dist -p npy-object-benches
    python benches/instructions.py [WORK ...] [--write]

Callgrind counts, on the files of generate.py. Counts do not depend on what else the machine does, so they show what a
change costs where times do not. They do depend on the compiler, so count before the change and after it. Fails where a
work takes 2 % more than the table says; with --write, updates the table. Needs valgrind.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

from compare import HERE, SERDE, WORKS, ours, present, through_serde

# The works of the program `deserialize`: `serde:NAME` through serde, `methods:NAME` with the methods instead.
THROUGH_SERDE = ["serde:" + name for name in SERDE] + ["methods:" + name for name in SERDE]
TABLE = os.path.join(HERE, "instructions.json")
TOLERANCE = 1.02


def instructions(command, stderr=None):
    """Returns the instructions of a process, and the finished process."""
    with tempfile.NamedTemporaryFile() as out:
        tool = ["valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=" + out.name]
        done = subprocess.run([*tool, *command], text=True, stdout=subprocess.PIPE, stderr=stderr)
        total = re.search(rb"^(?:summary|totals): (\d+)", out.read(), re.MULTILINE)
    return int(total[1]), done


def command(name):
    """Returns the command of a work of WORKS or THROUGH_SERDE."""
    side, _, work = name.rpartition(":")
    return through_serde(work, *["--methods"] * (side == "methods")) if side else ours(name)


def count(name):
    """Returns the instructions an element, those of starting the process and of opening the file included."""
    total, done = instructions(command(name))
    done.check_returncode()
    return round(total / int(done.stdout.split()[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    works = [*WORKS, *THROUGH_SERDE]
    parser.add_argument("works", nargs="*", default=works, metavar="WORK", help=", ".join(works))
    parser.add_argument("--write", action="store_true", help="update the table")
    arguments = parser.parse_args()
    with open(TABLE) as file:
        table = json.load(file)
    counted = {name: count(name) for name in arguments.works if present([name.rpartition(":")[2]])}
    print("| work | in the table | counted | ratio |")
    print("|---|---|---|---|")
    for name, new in counted.items():
        old = table.get(name, new)
        print("| %s | %d | %d | %.3f |" % (name, old, new, new / old))
    if arguments.write:
        with open(TABLE, "w") as file:
            json.dump({**table, **counted}, file, indent=4)
            file.write("\n")
    elif any(new > TOLERANCE * table.get(name, new) for name, new in counted.items()):
        sys.exit("more than 2 % above the table")


if __name__ == "__main__":
    main()
