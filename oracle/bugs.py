"""Tests the tests: applies each bug of `bugs/` to the code, one at a time, and reports which tests fail.

    python oracle/bugs.py [NAME ...]
    python oracle/bugs.py --check    # only checks that every patch applies

A bug is a patch whose first line describes the bug. The script applies it to a clone of the last commit, and runs the tests
of the patched crate, then those of the crates that depend on it, until a test fails. The exit code is 1 if a bug makes no
test fail, or if a patch does not apply. The clone is built in target/bugs, which takes minutes the first time.
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

# Each after its dependencies.
PACKAGES = ["npy-header", "pickle-stream", "npy-object", "npy-object-fuzz-bodies", "npy-object-cli"]
# The time limit for the tests of a crate.
SECONDS = 900
# How many failing tests are printed.
SHOWN = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a file of bugs/ without .patch; all by default")
    parser.add_argument("--check", action="store_true", help="only check that every patch applies")
    arguments = parser.parse_args()
    names = arguments.names or sorted(
        os.path.basename(path)[: -len(".patch")] for path in glob.glob(os.path.join(HERE, "bugs", "*.patch"))
    )
    if arguments.check:
        for name in names:
            apply(ROOT, path_of(name), "--check")
        sys.exit()
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy")
        subprocess.run(["git", "clone", "-q", ROOT, copy], check=True)
        missed = [name for name in names if not is_caught(name, copy)]
    print("%d of %d bugs make a test fail" % (len(names) - len(missed), len(names)))
    sys.exit("no test fails: " + ", ".join(missed) if missed else 0)


def path_of(name):
    return os.path.join(HERE, "bugs", name + ".patch")


def is_caught(name, copy):
    """Returns whether a test fails with the bug, and prints which."""
    path = path_of(name)
    with open(path) as file:
        patch = file.read()
    package = re.search(r"^\+\+\+ crates/([^/]+)/", patch, re.MULTILINE)[1]
    apply(copy, path)
    failures = first_failures(PACKAGES[PACKAGES.index(package) :], copy)
    apply(copy, path, "-R")
    more = " and %d more" % (len(failures) - SHOWN) if len(failures) > SHOWN else ""
    shown = ", ".join(failures[:SHOWN]) or "NO TEST FAILS"
    print("%s: %s\n    %s%s" % (name, patch.splitlines()[0], shown, more), flush=True)
    return bool(failures)


def apply(copy, patch, *options):
    subprocess.run(["git", "apply", "-p0", *options, patch], cwd=copy, check=True)


def first_failures(packages, copy):
    """Returns the failing tests of the first package that has any."""
    environment = {**os.environ, "CARGO_TARGET_DIR": os.path.join(ROOT, "target", "bugs")}
    for package in packages:
        command = ["cargo", "test", "-p", package, "--no-fail-fast"]
        try:
            done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return ["the tests of %s, which exceed %d s" % (package, SECONDS)]
        if "error: could not compile" in done.stderr:
            sys.exit(done.stderr)
        failed = re.findall(r"^test (.+) \.\.\. FAILED$", done.stdout, re.MULTILINE)
        if done.returncode:
            return failed or ["the tests of %s, one of which aborts the process" % package]
    return []


if __name__ == "__main__":
    main()
