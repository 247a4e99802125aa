"""Reads all fixtures with Python again, and compares the result with what is committed.

    python verify.py [--all]

Every fixture is read by three pairs of CPython and NumPy, or with --all by every pair that can. Makes the environments
it needs. The last line counts the checks that passed and failed. The exit code is 1 if one failed.
"""

import argparse
import collections
import fnmatch
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import audit
import clauses
import environments
import generate
import manifest

sys.path.append(os.path.join(environments.HERE, "conformance"))

import from_spec  # noqa: E402: they are in that folder
import run  # noqa: E402

SPEC = os.path.join(environments.HERE, os.pardir, "spec")
OPCODES = os.path.join(SPEC, "opcodes.toml")
COMPAT = os.path.join(environments.HERE, os.pardir, "crates", "pickle-stream", "src", "compat", "tables.in")
PACKED = os.path.join(environments.HERE, "packed")

USUAL = [environments.JUDGE] + [
    one for one in environments.ENVIRONMENTS if (one.python, one.numpy) in (("3.11", "1.26.4"), ("3.9", "2.0.2"))
]

ALIGNED = "the flags of an aligned dtype pickled by NumPy 2 do not fit into NumPy 1"

# Where an older Python or NumPy may differ from the judge: which of them, the first release that agrees, the
# fixtures, the reason.
DIFFERENCES = [
    ("numpy", (2, 0), "strings/*", "StringDType came with NumPy 2.0"),
    ("numpy", (2, 0), "*/64-dimensions*", "NumPy 1 has at most 32 dimensions"),
    ("numpy", (2, 0), "arrays/aligned-*-np2.*", ALIGNED),
    ("numpy", (2, 0), "dtypes/structured-*-np2.*", ALIGNED),
    ("numpy", (2, 0), "scalars/void-p*-np2.*", ALIGNED),
    ("numpy", (2, 3), "arrays/strided-p5-*-np2.5.npy", "_frombuffer takes the order of the axes from NumPy 2.3"),
    ("python", (3, 10), "header-forms/leading-space.npy", "ast.literal_eval strips leading spaces from Python 3.10"),
]

# The fixtures that a reader by the specification reads otherwise than Python: see differences.md.
NOT_AS_PYTHON = {
    "hand-pickled/binstring-not-ascii.npy",
    "header-forms/metadata-field.npy",
    "header-forms/metadata.npy",
}


class Count:
    """The numbers of checks that passed and failed."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, passed, complaint):
        if passed:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED " + complaint)


def main():
    sys.setrecursionlimit(100000)  # some lines are nested deeply
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="use every environment that can read the fixtures")
    wanted = (
        [one for one in environments.ENVIRONMENTS if version(one.numpy) >= (1, 24)]
        if parser.parse_args().all
        else USUAL
    )
    count = Count()
    entries = check_files(manifest.read(), count)
    working = environments.available(wanted)
    # One environment for each processor reads the fixtures while this process makes the checks that need none.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        asked = [(environment, pool.submit(generate.judge, entries, environment)) for environment in working]
        check_clauses(entries, count)
        check_from_spec(entries, count)
        for environment, answers in asked:
            check_environment(environment, answers.result(), count)
            check_examples(environment, count)
    check_packed(working, count)
    check_opcodes(working, count)
    if environments.JUDGE in working:
        count.check(audit.asked() == audit.known(), "audit.json is not what Python does")
        with open(COMPAT, encoding="utf-8") as file:
            same = file.read() == environments.run(environments.JUDGE, "compat.py")
        count.check(same, "the names of Python 2 in pickle-stream are not those of _compat_pickle")
    if not working:
        count.check(False, "no environment could be made, so no Python was asked")
    print("%d passed, %d failed" % (count.passed, count.failed))
    sys.exit(1 if count.failed else 0)


def check_files(entries, count):
    """Checks that the fixtures of the manifest, and no others, are stored once, and have the SHA-256 of the manifest.
    Returns the entries that pass."""
    stored, described = manifest.files(), manifest.files_with_lines()
    names = [entry["file"] for entry in entries]
    for found, what in ((stored, "stored"), (described, "described")):
        for name, times in collections.Counter(found).items():
            count.check(times == 1, "%s: %s %d times" % (name, what, times))
        for name in sorted(set(found) - set(names)):
            count.check(False, "%s: %s, and not in the manifest" % (name, what))
    sound = []
    for entry in entries:
        complete = entry["file"] in stored and entry["file"] in described
        same = complete and manifest.sha256(manifest.read_file(entry["file"])) == entry["sha256"]
        count.check(same, entry["file"] + ": the bytes do not have the SHA-256 of the manifest")
        if same:
            sound.append(entry)
    print("%d files have the manifest's bytes" % len(sound))
    return sound


def check_clauses(entries, count):
    """Checks that every fixture has the clauses of clauses.py, at least one, and that the specification has them."""
    headings = set()
    for name in os.listdir(SPEC):
        if name.endswith(".md"):
            with open(os.path.join(SPEC, name), encoding="utf-8") as chapter:
                headings.update(line[4:].split(":")[0].strip() for line in chapter if line.startswith("### "))
    for entry in entries:
        as_listed = entry["clauses"] and entry["clauses"] == clauses.of(entry["file"])
        count.check(as_listed, entry["file"] + ": its clauses are not those of clauses.py, or there are none")
    for clause, pattern in clauses.unused([entry["file"] for entry in entries]):
        count.check(False, "clauses.py: no fixture is called %s" % pattern)
    with open(os.path.join(PACKED, "manifest.json"), encoding="utf-8") as file:
        packed = {clause for entry in json.load(file) for clause in entry["clauses"]}
    for clause in sorted(packed - headings):
        count.check(False, "packed.py: the specification has no %s" % clause)
    for clause in sorted({clause for clause, _ in clauses.ROWS} - headings):
        count.check(False, "clauses.py: the specification has no %s" % clause)
    print("%d clauses have fixtures" % len({clause for clause, _ in clauses.ROWS}))


def check_from_spec(entries, count):
    """Checks that the reader written from the specification alone passes the conformance kit."""
    passed = 0
    for entry in entries:
        lines, refused = [], False
        try:
            for line in from_spec.read(manifest.read_file(entry["file"]), entry.get("encoding", "ascii")):
                lines.append(json.loads(line))
        except from_spec.Refused:
            refused = True
        complaint = run.difference(entry, lines, refused)
        differs = entry["file"] in NOT_AS_PYTHON
        count.check((complaint is not None) == differs, "%s, from_spec.py: %s" % (entry["file"], complaint))
        passed += complaint is None
    print("%d files are read as by Python by the reader written from spec/" % passed)


def check_environment(environment, answers, count):
    before = (count.passed, count.failed)
    excused = collections.Counter()
    plain = collections.Counter()
    for answer in answers:
        if "failure" in answer:
            agrees, complaint = False, answer["failure"]
        else:
            agrees, complaint = compare(manifest.read_lines(answer["file"]), answer["lines"])
            plain[answer["plain"]] += 1
        reason = None if agrees else excuse(environment, answer["file"])
        if reason:
            excused[reason] += 1
        else:
            count.check(agrees, "%s, %s: %s" % (environments.tag(environment), answer["file"], complaint))
    print(
        "%-14s %d agree, %d differ"
        % (environments.tag(environment), count.passed - before[0], count.failed - before[1])
    )
    for reason, number in sorted(excused.items()):
        print("%14s %d not compared: %s" % ("", number, reason))
    print("%14s np.load itself: the same for %d" % ("", plain.pop("same")))
    for reason, number in sorted(plain.items()):
        print("%14s %s: %d" % ("", reason, number))


def check_examples(environment, count):
    """Checks that the Python examples of the specification raise nothing."""
    answers = [json.loads(line) for line in environments.run(environment, "examples.py", SPEC).splitlines()]
    for answer in answers:
        complaint = "%s, %s: %s" % (environments.tag(environment), answer["place"], answer.get("failure"))
        count.check("failure" not in answer, complaint)
    print("%14s %d examples of the specification were run" % ("", len(answers)))


def check_packed(working, count):
    """Checks archives, gzip files and indexes: see packed.py."""
    if environments.JUDGE not in working:
        print("packed/              not compared: that takes %s" % environments.tag(environments.JUDGE))
        return
    complaints = environments.run(environments.JUDGE, "packed.py", "check", PACKED).splitlines()
    for complaint in complaints:
        count.check(False, "packed/" + complaint)
    count.check(not complaints, "packed/ is not what Python reads")
    print("packed/              archives and indexes compared with Python")


def compare(committed, found):
    """Returns whether two lists of lines are equal, and how they differ. The text of an error is not compared."""
    if len(committed) != len(found):
        return False, "%d lines, committed are %d; the last is %s" % (len(found), len(committed), found[-1][:300])
    for number, (one, other) in enumerate(zip(committed, found)):
        if one != other and not (is_error(one) and is_error(other)):
            return False, "line %d is %s, committed is %s" % (number + 1, other[:300], one[:300])
    return True, ""


def is_error(line):
    return line.startswith('{"error":')


def excuse(environment, file):
    """Returns why this environment may differ for this file; None if it may not."""
    for attribute, first, pattern, reason in DIFFERENCES:
        if version(getattr(environment, attribute)) < first and fnmatch.fnmatch(file, pattern):
            return reason
    return None


def check_opcodes(working, count):
    if not os.path.exists(OPCODES):
        print("spec/opcodes.toml    MISSING: not compared with pickletools")
    elif environments.JUDGE not in working:
        print("spec/opcodes.toml    not compared: that takes %s" % environments.tag(environments.JUDGE))
    else:
        answer = json.loads(environments.run(environments.JUDGE, "opcodes.py", OPCODES))
        for difference in answer["differences"]:
            count.check(False, "spec/opcodes.toml: " + difference)
        count.check(not answer["differences"], "spec/opcodes.toml is not pickletools' table")
        print("spec/opcodes.toml    %d opcodes compared with pickletools" % answer["opcodes"])


def version(text):
    return tuple(int(part) for part in text.split(".")[:2])


if __name__ == "__main__":
    main()
