"""The runner of the conformance kit: holds any reader of .npy files against the clauses of the specification.

    python run.py [--only PATTERN] [--save NAME] -- COMMAND ... {file} ... [{encoding}] ...

COMMAND is run once for each fixture, with the path of the file for {file} and `latin1` or `ascii` for {encoding}, which
is how the str of Python 2 is to be read. It prints the elements as typed JSON (spec/typed-json.md), one a line, and ends
with a status other than 0 where it refuses the file; what it printed before counts. It may print the line of the header
first, and then that is compared too.

A fixture is passed if the lines are those of Python, and if it is refused exactly where Python refuses it. A clause is
met if all its fixtures are passed. Prints a line for each clause, and with --verbose what was wrong with which fixture.
--save keeps the result in results.json, for the book. The exit code is 1 if anything failed.
"""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import manifest  # noqa: E402: it lies beside this folder

RESULTS = os.path.join(HERE, "results.json")
SECONDS = 60
"""How long a command may take for one file."""


def main():
    sys.setrecursionlimit(100000)  # some fixtures are nested deeply
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="PATTERN", help="fixtures, such as 'builtin/*-p4-*'")
    parser.add_argument("--save", metavar="NAME", help="keep the result under this name")
    parser.add_argument("--verbose", action="store_true", help="say what was wrong")
    parser.add_argument("command", nargs="+", help="with {file} in it")
    options = parser.parse_args()
    if not any("{file}" in word for word in options.command):
        parser.error("the command has no {file}")
    if options.save and options.only:
        parser.error("only a result for all fixtures is kept")
    entries = [entry for entry in manifest.read() if wanted(entry["file"], options.only)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = list(pool.map(lambda entry: fault(options.command, entry), entries))
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


def fault(command, entry):
    """What is wrong with the command's answer; None if nothing is."""
    words = {"{file}": os.path.join(manifest.FIXTURES, entry["file"]), "{encoding}": entry.get("encoding", "ascii")}
    try:
        answer = subprocess.run(
            [replaced(word, words) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, timeout=SECONDS,
        )
        lines = [json.loads(line) for line in answer.stdout.decode("utf-8").split("\n")[:-1]]
    except subprocess.TimeoutExpired:
        return "no answer in %d seconds" % SECONDS
    except ValueError:
        return "its answer is no JSON"
    return difference(entry, lines, answer.returncode != 0)


def difference(entry, lines, refused):
    """Where these lines, and whether the file was refused, are not what Python says; None if they are."""
    expected = [json.loads(line) for line in manifest.read_lines(entry["file"])]
    wanted = isinstance(expected[-1], dict) and "error" in expected[-1]
    if wanted:
        expected.pop()
    if expected and not (lines and is_header(lines[0])):
        expected = expected[1:]  # the command does not print it
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
    """Text that is the same for two lines that say the same: the order of a set's members carries no meaning."""
    if isinstance(tree, list):
        return "[%s]" % ",".join(map(canonical, tree))
    if isinstance(tree, dict) and list(tree) == ["shared"]:
        return canonical(tree["shared"][1])  # a reader may say what other lines have too
    if isinstance(tree, dict):
        members = {}
        for name, value in tree.items():
            if name in ("set", "frozenset") and isinstance(value, list):
                members[name] = "[%s]" % ",".join(sorted(map(canonical, value)))
            else:
                members[name] = canonical(value)
        return "{%s}" % ",".join("%s:%s" % (json.dumps(name), members[name]) for name in sorted(members))
    return json.dumps(tree)  # tells true from 1 and 1 from 1.0


def short(tree):
    text = json.dumps(tree)
    return text if len(text) < 100 else text[:100] + "..."


def save(name, passed, count):
    """Puts the result in the place of an earlier one of that name, or at the end."""
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
