"""Compares pickle-stream with the unpicklers of CPython on the pickles of CPython's own tests, of every CPython here.

    cargo build --release -p npy-object-fuzz-bodies --example programs
    python oracle/pickletester.py target/release/examples/programs [--newest]

harvest.py collects the input of the unpicklers in each interpreter while its tests run. Some of these pickles contain
the time, so they change from run to run, and none are committed. Each is compared with unpicklers.py, as the programs
of differential.py are: pickle-stream must return the value that the reference returns and refuse what it refuses, or
LEDGER there has the difference. It is also compared with the tests: pickle-stream must accept what they could load and
refuse what they could not, or AS_TESTED has the reason. Every other difference is printed, and the exit code is 1.
"""

import argparse
import collections
import concurrent.futures
import os
import struct
import subprocess
import sys
import tempfile

import differential
import environments
from differential import AGREES, UNKNOWN

# Why pickle-stream may differ from the tests, in rows as those of LEDGER. The tests have what neither the stubs nor
# pickle-stream has: names that can be imported and called, buffers, and a memo from another pickle.
AS_TESTED = [
    ("the memo is another pickle's", r"^pickle\.memo\.missing$", r"", rb"^(\x80.)?(g.\n|h.)\.$"),
    ("a persistent id is the tuple or the str that is wanted", r"^pickle\.stack\.type$", r"", rb"Q(q.)?[R\x93]"),
    ("a protocol that came later", r"", r"^ValueError", rb"^\x80[\3-\5]N\.$"),
    ("an extension code that is not registered", r"", r"^ValueError", rb"^[\x82-\x84][^.]+\.$"),
    ("there are no buffers", r"", r"^UnpicklingError", rb"\x97"),
    ("a name that is not there", r"", r"^(Value|Attribute|Unpickling)Error", rb"math|log"),
    ("what is called is no class", r"", r"^UnpicklingError", rb"builtins\nlen\n|SimpleNewObj"),
    ("a class that refuses its arguments or state", r"", r"^(TypeError|MyErr)", rb"C_None_setstate|__main__\nI\n"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", help="the example `programs` of npy-object-fuzz-bodies")
    parser.add_argument("--newest", action="store_true", help="the newest CPython and the reference alone")
    parser.add_argument("--show", type=int, default=20, help="how many disagreements to print")
    arguments = parser.parse_args()

    versions = list(dict.fromkeys(environment.python for environment in environments.ENVIRONMENTS))
    readers = differential.find_readers()
    if arguments.newest:
        versions, readers = versions[-1:], readers[-1:]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        harvests = dict(zip(versions, pool.map(harvest, versions)))
    pickles = list(dict.fromkeys(pickle for harvested in harvests.values() for pickle in harvested))
    verdicts, comparisons = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
    workers = [differential.Worker(*reader) for reader in readers]
    differences = {worker.name: collections.Counter() for worker in workers}
    unknown = 0
    for pickle, ours, answers, name in differential.compare([arguments.programs, "given"], workers, written(pickles)):
        differential.note(differences, workers, answers, name)
        names = {name}
        tested = {version: errors[pickle] for version, errors in harvests.items() if pickle in errors}
        for version, error in tested.items():
            as_tested = AGREES
            if bool(error) != ours.startswith("!"):
                as_tested = differential.in_ledger(pickle, ours, "!" + error if error else "", AS_TESTED)
            names.add(as_tested)
            verdicts[version, "the reference"][answers[-1].startswith("!")] += 1
            verdicts[version, "its tests"][bool(error)] += 1
            comparisons[version, "the reference"][name] += 1
            comparisons[version, "its tests"][as_tested] += 1
        if UNKNOWN in names:
            unknown += 1
            if unknown <= arguments.show:
                differential.show(pickle, ours, answers[-1])
                print("  tests      %s" % tested)
    for version, pickled in harvests.items():
        print("CPython %s: %d pickles" % (version, len(pickled)))
        for side in ("the reference", "its tests"):
            accepted, refused = verdicts[version, side][False], verdicts[version, side][True]
            print("    %s: %d accepted, %d refused" % (side, accepted, refused))
            for name, number in comparisons[version, side].most_common():
                print("%10d %s" % (number, name))
    print("%d pickles in all" % len(pickles))
    differential.report(differences, workers)
    sys.exit(1 if unknown or not pickles else 0)


def harvest(version):
    """Returns the pickles of one CPython's tests, each with the name of the exception that it raised, or ""."""
    python = environments.find_python(version)
    if python is None:
        print("CPython %s: MISSING" % version)
        return {}
    variables = dict(os.environ, PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pickles")
        command = [python, os.path.join(environments.HERE, "harvest.py"), path]
        done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            print("CPython %s: MISSING: %s" % (version, done.stderr.strip().splitlines()[-1]))
            return {}
        print("CPython %s: %s" % (version, done.stdout.strip()), flush=True)
        pickles = {}
        with open(path, "rb") as file:
            while head := file.read(8):
                pickle, error = map(file.read, struct.unpack("<II", head))
                pickles[pickle] = error.decode()
        return pickles


def written(pickles):
    """Returns a file of the pickles in the format that the example `programs` reads."""
    file = tempfile.TemporaryFile()
    for pickle in pickles:
        file.write(struct.pack("<I", len(pickle)) + pickle)
    file.seek(0)
    return file


if __name__ == "__main__":
    main()
