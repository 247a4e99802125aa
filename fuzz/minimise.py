"""Picks, of the inputs that fuzzing has gathered, the few that reach most of the code, and keeps them in bodies/corpus.

    python3 fuzz/minimise.py [TARGET ...] [--most 64] [--from FOLDER]

For each target libFuzzer says which edges every input of FOLDER/TARGET reaches (by default fuzz/corpus/TARGET). Those are
taken, one by one, that reach most edges which no other one has; what findings left behind (files of two digits) always stays.
"""

import argparse
import functools
import operator
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
KEPT = os.path.join(HERE, "bodies", "corpus")


def edges(target, folders):
    """What each input in these folders reaches, by its path: a bit for each edge."""
    with tempfile.TemporaryDirectory() as scratch:
        control, output = os.path.join(scratch, "control"), os.path.join(scratch, "output")
        os.mkdir(output)
        merge = ["-set_cover_merge=1", "-use_counters=0", "-merge_control_file=" + control]
        command = ["cargo", "+nightly", "fuzz", "run", target, output, *folders, "--", *merge]
        done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(done.stdout)
        # Two counts, the paths, and a line for what each of them reaches: FT NUMBER EDGE...
        with open(control) as file:
            count, _, *lines = file.read().split("\n")
    paths, reached, bits = lines[: int(count)], {}, {}
    for line in lines[int(count) :]:
        if line.startswith("FT "):
            _, number, *found = line.split()
            reached[paths[int(number)]] = sum(1 << bits.setdefault(edge, len(bits)) for edge in found)
    return reached


def union(sets):
    return functools.reduce(operator.or_, sets, 0)


def size(edges):
    return bin(edges).count("1")


def minimise(target, most, gathered):
    kept = os.path.join(KEPT, target)
    inputs = edges(target, [gathered, kept])
    every = union(inputs.values())
    is_finding = lambda path: re.fullmatch("[0-9]{2}", os.path.basename(path))
    findings = [path for path in inputs if os.path.dirname(path) == kept and is_finding(path)]
    reached = union(inputs.pop(path) for path in findings)
    picked = []
    while len(picked) < most and inputs:
        # The shortest of those that are as good.
        best = max(inputs, key=lambda path: (size(inputs[path] & ~reached), -os.path.getsize(path), path))
        if not inputs[best] & ~reached:
            break
        reached |= inputs.pop(best)
        picked.append(best)
    with tempfile.TemporaryDirectory() as scratch:
        for path in picked:
            shutil.copy(path, scratch)
        for name in filter(lambda name: not is_finding(name), os.listdir(kept)):
            os.remove(os.path.join(kept, name))
        shutil.copytree(scratch, kept, dirs_exist_ok=True)
    share = 100 * size(reached) / size(every)
    print("%-16s %3d + %2d inputs reach %5d of %5d edges, %.0f %%" % (
        target, len(picked), len(findings), size(reached), size(every), share))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", default=sorted(os.listdir(KEPT)), metavar="TARGET")
    parser.add_argument("--most", type=int, default=64, help="so many inputs, beside those of findings")
    parser.add_argument("--from", dest="source", default=os.path.join(HERE, "corpus"), metavar="FOLDER")
    arguments = parser.parse_args()
    for target in arguments.targets:
        minimise(target, arguments.most, os.path.abspath(os.path.join(arguments.source, target)))


if __name__ == "__main__":
    main()
