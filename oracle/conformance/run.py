"""Tests a reader of .npy files against the clauses of the specification: the runner of the conformance kit.

    python run.py [--only PATTERN] [--save NAME] -- COMMAND ... {file} ... [{encoding}] ...

COMMAND runs once for each fixture. {file} is the path of the fixture, which is extracted to a temporary folder. {encoding}
is `latin1` or `ascii`: how the str of Python 2 is to be read. COMMAND prints the elements as typed JSON
(spec/typed-json.md), one a line. If it refuses the file, it exits with a status other than 0; the lines before that
count. It may print the line of the header first, which is compared too.

A fixture passes if the lines are those of Python, and the file is refused if and only if Python refuses it. A clause is
met if all its fixtures pass. Prints a line for each clause, and with --verbose the fault of each fixture that fails.
--save writes the result to results.json, for the book. The exit code is 1 if a fixture failed.
"""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import manifest  # noqa: E402: it is in the folder above

RESULTS = os.path.join(HERE, "results.json")
SECONDS = 60
"""The time limit of a command for one file."""


def main():
    sys.setrecursionlimit(100000)  # for fixtures that are nested thousands deep
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="PATTERN", help="only these fixtures, for example 'builtin/*-p4-*'")
    parser.add_argument("--save", metavar="NAME", help="save the result under this name")
    parser.add_argument("--verbose", action="store_true", help="print the fault of each fixture that fails")
    parser.add_argument("command", nargs="+", help="with {file} in it")
    options = parser.parse_args()
    if not any("{file}" in word for word in options.command):
        parser.error("{file} is missing in the command")
    if options.save and options.only:
        parser.error("--save needs a result for all fixtures: leave out --only")
    entries = [entry for entry in manifest.read() if wanted(entry["file"], options.only)]
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        manifest.extract(folder, [entry["file"] for entry in entries])
        faults = list(pool.map(lambda entry: fault(options.command, folder, entry), entries))
    if options.verbose:
        for entry, what in zip(entries, faults):
            if what:
                print("%s: %s" % (entry["file"], what))
    totals, passed = {}, {}
    for entry, what in zip(entries, faults):
        for clause in entry["clauses"]:
            totals[clause] = totals.get(clause, 0) + 1
            passed[clause] = passed.get(clause, 0) + (what is None)
    for clause in sorted(totals):
        met = "meets" if passed[clause] == totals[clause] else "FAILS"
        print("%s %-28s %4d of %4d" % (met, clause, passed[clause], totals[clause]))
    count = faults.count(None)
    print("%d of %d clauses met, %d of %d files passed" % (
        sum(passed[clause] == totals[clause] for clause in totals), len(totals), count, len(entries)))
    if options.save:
        save(options.save, passed, count)
    sys.exit(count < len(entries))


def wanted(file, patterns):
    return not patterns or any(fnmatch.fnmatchcase(file, pattern) for pattern in patterns)


def fault(command, folder, entry):
    """Returns the fault of the command's answer for a fixture; None if it is right."""
    words = {"{file}": os.path.join(folder, entry["file"]), "{encoding}": entry.get("encoding", "ascii")}
    try:
        answer = subprocess.run(
            [replaced(word, words) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, timeout=SECONDS,
        )
        lines = [json.loads(line) for line in answer.stdout.decode("utf-8").split("\n")[:-1]]
    except subprocess.TimeoutExpired:
        return "no answer in %d seconds" % SECONDS
    except ValueError:
        return "the answer is not JSON"
    return difference(entry, lines, answer.returncode != 0)


def difference(entry, lines, refused):
    """Returns how these lines, and whether the file was refused, differ from Python; None if they are the same."""
    expected = [json.loads(line) for line in manifest.read_lines(entry["file"])]
    wanted = isinstance(expected[-1], dict) and "error" in expected[-1]
    if wanted:
        expected.pop()
    if expected and not (lines and is_header(lines[0])):
        expected = expected[1:]  # the command prints no header
    for number, (line, one) in enumerate(zip(lines, expected)):
        if canonical(line) != canonical(one):
            return "line %d is %s, Python has %s" % (number, short(line), short(one))
    if len(lines) != len(expected):
        return "%d lines, Python has %d" % (len(lines), len(expected))
    if refused != wanted:
        return "not refused" if wanted else "refused"
    return None


def replaced(word, words):
    for name, value in words.items():
        word = word.replace(name, value)
    return word


def is_header(line):
    return isinstance(line, dict) and list(line) == ["header"]


def canonical(tree):
    """Returns text that is equal for lines that mean the same: the order of a set's items has no meaning."""
    if isinstance(tree, list):
        return "[%s]" % ",".join(map(canonical, tree))
    if isinstance(tree, dict) and list(tree) == ["shared"]:
        return canonical(tree["shared"][1])  # a reader may mark objects that other lines have too
    if isinstance(tree, dict):
        members = {}
        for name, value in tree.items():
            if name in ("set", "frozenset") and isinstance(value, list):
                members[name] = "[%s]" % ",".join(sorted(map(canonical, value)))
            else:
                members[name] = canonical(value)
        return "{%s}" % ",".join("%s:%s" % (json.dumps(name), members[name]) for name in sorted(members))
    return json.dumps(tree)  # which differs for true, 1 and 1.0


def short(tree):
    text = json.dumps(tree)
    return text if len(text) < 100 else text[:100] + "..."


def save(name, passed, count):
    """Writes the result to results.json, in place of an earlier one of that name or at the end."""
    results = []
    if os.path.exists(RESULTS):
        with open(RESULTS, encoding="utf-8") as file:
            results = json.load(file)
    result = {"name": name, "passed": count, "clauses": passed}
    names = [one["name"] for one in results]
    if name in names:
        results[names.index(name)] = result
    else:
        results.append(result)
    with open(RESULTS, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
