"""Compares pickle-stream with the unpicklers of every CPython on this machine, on generated programs.

    cargo build --release -p npy-object-fuzz-bodies --example programs
    python oracle/differential.py --ledger
    python oracle/differential.py target/release/examples/programs [--seed N] [--count N] [--readers NAME,...]

Programs come from the generator of the fuzz targets; half of them are broken. Each is read by the C and the Python
unpickler of each interpreter, in one process for all programs, with stubs that record calls for all names. The reference
is the C unpickler of the newest interpreter. Where it differs from pickle-stream in a way that is not in LEDGER, and so
not in `spec/differences.md`, the program is printed and the exit code is 1. For each other reader, the differences from
the reference are counted.
"""

import argparse
import collections
import glob
import json
import os
import re
import struct
import subprocess
import sys

BATCH = 4000
# The limits of a worker: bytes of memory, and seconds a batch.
MEMORY = 512 << 20
SECONDS = 60

# Results of a comparison. A known difference has its name in LEDGER.
AGREES = "agrees"
UNKNOWN = "NOT IN THE LEDGER"

# The differences of spec/differences.md in generated programs: the name, and patterns of the clause that pickle-stream
# reports, of the exception that the reference raises, and of the program. "" is for a side that accepts the program.
LEDGER = [
    ("the reference is out of memory", r"", r"^MemoryError", rb""),
    ("an extension code that is not registered", r"", r"^ValueError: unregistered extension code", rb""),
    ("NUL in a number", r"^pickle\.text\.(int|float)$", r"", rb"[ILFgp][^\n]*\0"),
    ("base of INT and LONG", r"^pickle\.text\.int$", r"", rb"[IL]\s*[-+]?0[xXoObB]"),
    ("base of INT and LONG", r"", r"^ValueError: (could not convert|invalid literal)", rb"[IL]\s*[-+]?0_?[0-9]"),
    ("I+0", r"", r"", rb"I[^0-9][01]\n"),
    ("a FLOAT that is too large", r"", r"^OverflowError: value too large to convert to float", rb"F"),
    ("BUILD of a class with an empty dict", r"^pickle\.stack\.type$", r"", rb"[}d].*b"),
    ("a keyword for NEWOBJ_EX that is no str", r"", r"^TypeError: keywords must be strings", rb"\x92"),
    ("an unhashable key of an object", r"^pickle\.items\.unhashable$", r"", rb"[RioQP\x81\x92]"),
    ("STACK_GLOBAL of strs of Python 2", r"", r"^UnpicklingError: STACK_GLOBAL requires str", rb"[STU]"),
    ("READONLY_BUFFER of bytes or a bytearray", r"^pickle\.stack\.type$", r"", rb"\x98"),
    ("a key that is a tuple of a list", r"", r"^TypeError: unhashable type", rb"[t\x85-\x87]"),
    ("an empty line of GLOBAL or INST", r"", r"^UnpicklingError: pickle data was truncated", rb"[ci]([^\n]*\n)?\n"),
    ("base of INT and LONG", r"", r"", rb"[IL]\s*[-+]?0_?[0-9]"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="?", help="the example `programs` of npy-object-fuzz-bodies")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--whole", action="store_true", help="no broken programs")
    parser.add_argument("--readers", help="for example 3.13-c,3.6-python; all by default")
    parser.add_argument("--ledger", action="store_true", help="only compare differences.json with the newest CPython")
    parser.add_argument("--show", type=int, default=20, help="how many disagreements to print")
    arguments = parser.parse_args()

    readers = find_readers()
    if arguments.ledger:
        sys.exit(check_ledger(readers[-2:]))
    wanted = arguments.readers.split(",") if arguments.readers else [name for name, _, _ in readers]
    workers = [Worker(*reader) for reader in readers if reader[0] in wanted]
    if not workers:
        parser.error("no such readers; there are " + ", ".join(name for name, _, _ in readers))
    reference = workers[-1]
    totals = collections.Counter()
    differences = {worker.name: collections.Counter() for worker in workers}
    shown = 0
    command = [arguments.programs, str(arguments.seed), str(arguments.count)] + ["whole"] * arguments.whole
    for program, ours, answers, name in compare(command, workers):
        truth = answers[-1]
        totals["programs"] += 1
        totals["accepted here"] += not ours.startswith("!")
        totals["accepted by the reference"] += not truth.startswith("!")
        note(differences, workers, answers, name)
        if name == UNKNOWN and shown < arguments.show:
            shown += 1
            show(program, ours, truth)
    print("seed %d, reference %s" % (arguments.seed, reference.name))
    for name, count in totals.items():
        print("%10d %s (%.1f %%)" % (count, name, 100 * count / totals["programs"]))
    report(differences, workers)
    sys.exit(bool(differences[reference.name][UNKNOWN]))


def compare(command, workers, given=None):
    """Runs the example `programs`, with the file `given` as its input if there is one. Yields for every program: the
    program, the answer of pickle-stream, the answers of the workers, and how pickle-stream differs from the last
    worker: AGREES, a name in LEDGER, or UNKNOWN."""
    reference = workers[-1]
    source = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE)
    while batch := read_batch(source.stdout):
        for worker in workers:
            worker.send(batch)
        found = [worker.receive(batch) for worker in workers]
        for number, (program, ours, unframed) in enumerate(batch):
            here = ours.decode("latin1")
            answers = [others.get(number, here) for others in found]
            name = AGREES if agree(answers[-1], here) else in_ledger(program, here, answers[-1])
            if name == UNKNOWN and unframed:
                # Does the reference agree about the program without its frames?
                reference.send([(unframed, ours, b"")])
                whole = reference.receive([(unframed, ours, b"")]).get(0, here)
                if agree(whole, here):
                    name = "FRAME of another size than what follows"
                else:
                    name = in_ledger(unframed, here, whole)
            yield program, here, answers, name
    if source.wait():
        sys.exit("the example `programs` failed")


def note(differences, workers, answers, name):
    """Counts how the other workers differ from the reference, and the reference from pickle-stream."""
    *others, reference = workers
    for worker, answer in zip(others, answers):
        if not agree(answer, answers[-1]):
            differences[worker.name][kind_of(answer, answers[-1])] += 1
    if name != AGREES:
        differences[reference.name][name] += 1


def report(differences, workers):
    for worker in workers:
        counts = differences[worker.name]
        print("%s: %d differ from %s" % (
            worker.name, sum(counts.values()), "pickle-stream" if worker is workers[-1] else "the reference"))
        for name, count in counts.most_common(12):
            print("%10d %s" % (count, name))


def show(program, ours, truth):
    print("%r\n  here       %.300s\n  reference  %.300s" % (program, ours, truth))


def check_ledger(readers):
    """Compares the newest unpicklers with differences.json. Returns the number of rows that are wrong."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "differences.json")) as file:
        ledger = json.load(file)
    wrong = 0
    for reader in readers:
        worker = Worker(*reader)
        for row in ledger:
            # A worker sends only answers that are not the expected one. No answer is "-".
            batch = [(row["program"].encode("latin1"), b"-", b"")]
            worker.send(batch)
            answer = worker.receive(batch)[0]
            if (answer.split(":")[0] if answer.startswith("!") else answer) != row[worker.kind]:
                wrong += 1
                print("%s, %s: %s, not %s" % (row["what"], worker.name, answer, row[worker.kind]))
    print("%d differences compared with %s: %d are wrong" % (
        len(ledger), " and ".join(name for name, _, _ in readers), wrong))
    return wrong


def agree(one, other):
    """Returns whether both answers are exceptions, or the same value."""
    return one == other or one.startswith("!") and other.startswith("!")


def kind_of(answer, truth):
    if answer.startswith("!"):
        return "refuses: " + re.sub(r"[0-9]+|'.*'", "_", answer[1:])[:70]
    if truth.startswith("!"):
        return "accepts what is refused: " + re.sub(r"[0-9]+|'.*'", "_", truth[1:])[:60]
    return "another value"


def in_ledger(program, ours, answer, ledger=LEDGER):
    """Returns the name of the known difference, or UNKNOWN."""
    clause, error = (text[1:] if text.startswith("!") else "" for text in (ours, answer))
    for name, here, there, looks in ledger:
        sides = re.search(here, clause) and re.search(there, error)
        if sides and (bool(clause), bool(error)) == (bool(here), bool(there)) and re.search(looks, program, re.DOTALL):
            return name
    return UNKNOWN


def find_readers():
    """Returns name, interpreter and kind of each unpickler. The reference is the last."""
    found = []
    for path in glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python")) or [sys.executable]:
        version = re.search(r"/(\d+)\.(\d+)", path)
        version = tuple(map(int, version.groups())) if version else sys.version_info[:2]
        found.append((version, path))
    found.sort()
    kinds = [("%d.%d-%s" % (*version, kind), path, kind) for version, path in found for kind in ("python", "c")]
    return kinds


def read_batch(stream):
    batch = []
    while len(batch) < BATCH:
        head = stream.read(12)
        if not head:
            break
        batch.append(tuple(map(stream.read, struct.unpack("<III", head))))
    return batch


class Worker:
    """A process that reads programs and sends the answers that are not as expected. It is restarted if it dies."""

    def __init__(self, name, python, kind):
        self.name, self.python, self.kind = name, python, kind
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.python, "-S", "-E", "-W", "ignore", os.path.join(os.path.dirname(__file__), "unpicklers.py"), self.kind,
             str(MEMORY), str(SECONDS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )

    def send(self, batch):
        parts = [struct.pack("<I", len(batch))]
        for program, answer, _ in batch:
            parts += [struct.pack("<II", len(program), len(answer)), program, answer]
        try:
            self.process.stdin.write(b"".join(parts))
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def receive(self, batch):
        """Returns the answers that are not those of pickle-stream, by number of the program."""
        line = self.process.stdout.readline()
        if line:
            return {int(number): answer for number, answer in json.loads(line).items()}
        # A program killed the worker. Sending halves of the batch finds which.
        self.process.wait()
        self.start()
        if len(batch) == 1:
            return {0: "!MemoryError: the process died"}
        half = len(batch) // 2
        answers = {}
        for begin, part in ((0, batch[:half]), (half, batch[half:])):
            self.send(part)
            answers.update((begin + number, answer) for number, answer in self.receive(part).items())
        return answers


if __name__ == "__main__":
    main()
