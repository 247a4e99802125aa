"""Tests the tests: puts each of the bugs of `bugs/` into the code, one at a time, and says which tests see it.

    python oracle/bugs.py [NAME ...]
    python oracle/bugs.py --check    # only whether each of them still fits the code

A bug is a patch whose first line says what is wrong. It goes into a copy of what is committed, where the tests of the
crate run, and then those of the crates above it, until one fails. The exit code is 1 if nobody saw one of them, or if a
patch no longer fits the code. The copy is built in target/bugs, which takes some minutes the first time.
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

# From the bottom up.
PACKAGES = ["npy-header", "pickle-stream", "npy-object", "npy-object-fuzz-bodies", "npy-object-cli"]
SECONDS = 900
SHOWN = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as count; all by default")
    parser.add_argument("--check", action="store_true", help="only whether they still fit the code")
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
        unseen = [name for name in names if not is_seen(name, copy)]
    print("%d of %d bugs were seen" % (len(names) - len(unseen), len(names)))
    sys.exit("not seen: " + ", ".join(unseen) if unseen else 0)


def path_of(name):
    return os.path.join(HERE, "bugs", name + ".patch")


def is_seen(name, copy):
    path = path_of(name)
    with open(path) as file:
        patch = file.read()
    package = re.search(r"^\+\+\+ crates/([^/]+)/", patch, re.MULTILINE)[1]
    apply(copy, path)
    seen_by = first_failures(PACKAGES[PACKAGES.index(package) :], copy)
    apply(copy, path, "-R")
    more = " and %d more" % (len(seen_by) - SHOWN) if len(seen_by) > SHOWN else ""
    print("%s: %s\n    %s%s" % (name, patch.splitlines()[0], ", ".join(seen_by[:SHOWN]) or "NOBODY SAW IT", more), flush=True)
    return bool(seen_by)


def apply(copy, patch, *options):
    subprocess.run(["git", "apply", "-p0", *options, patch], cwd=copy, check=True)


def first_failures(packages, copy):
    """The tests that fail, of the first package that has some."""
    environment = {**os.environ, "CARGO_TARGET_DIR": os.path.join(ROOT, "target", "bugs")}
    for package in packages:
        command = ["cargo", "test", "-p", package, "--no-fail-fast"]
        try:
            done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return ["the tests of %s, which come to no end" % package]
        if "error: could not compile" in done.stderr:
            sys.exit(done.stderr)
        failed = re.findall(r"^test (.+) \.\.\. FAILED$", done.stdout, re.MULTILINE)
        if done.returncode:
            return failed or ["the tests of %s, one of which ends the process" % package]
    return []


if __name__ == "__main__":
    main()
