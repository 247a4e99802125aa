"""Reduces the corpus of each fuzz target to the few inputs that reach most of the code that all inputs together reach.

    python3 fuzz/minimise.py [TARGET ...] [--share 96] [--least 0.7] [--from FOLDER]

Reads the inputs of bodies/corpus/TARGET and those that fuzzing found, in fuzz/corpus/TARGET, and leaves the chosen ones in
bodies/corpus/TARGET. libFuzzer reports which edges of the control flow an input reaches. The script chooses, again and
again, the input that adds the most edges, and of equally good ones the shortest. It stops when the chosen inputs reach
96 % of the edges that the corpus reached before, and no other input adds 0.7 % of all edges. Inputs named `finding-...` once
broke a property, and always stay.
"""

import argparse
import functools
import hashlib
import heapq
import operator
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "bodies", "corpus")


def edges(target, folders):
    """Returns the edges that each input in these folders reaches, by the path of the input, as the bits of an int."""
    with tempfile.TemporaryDirectory() as scratch:
        control, output = os.path.join(scratch, "control"), os.path.join(scratch, "output")
        os.mkdir(output)
        merge = ["-set_cover_merge=1", "-use_counters=0", "-merge_control_file=" + control]
        command = ["cargo", "+nightly", "fuzz", "run", target, output, *folders, "--", *merge]
        done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(done.stdout)
        # The control file has the number of inputs, that of the inputs of the first folder, the paths, and for each
        # input a line `FT NUMBER EDGE...`.
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


def is_finding(path):
    return os.path.basename(path).startswith("finding-")


def name(path):
    """Returns the name to keep an input under: that of a finding, or the hash that libFuzzer also uses."""
    if is_finding(path):
        return os.path.basename(path)
    with open(path, "rb") as file:
        return hashlib.sha1(file.read()).hexdigest()


def choose(inputs, enough, least):
    """Returns the paths to keep, and the edges that they reach: at least `enough`, and all inputs that add at least `least`."""
    chosen = [path for path in inputs if is_finding(path)]
    reached = union(inputs[path] for path in chosen)
    # The gain of an input only shrinks, so the gains on the heap are upper bounds, and most need not be counted again.
    heap = [(-size(found), os.path.getsize(path), path) for path, found in inputs.items()]
    heapq.heapify(heap)
    while heap:
        _, length, path = heapq.heappop(heap)
        gain = size(inputs[path] & ~reached)
        if heap and gain < -heap[0][0]:
            heapq.heappush(heap, (-gain, length, path))
            continue
        if gain < least and size(reached) >= enough:
            break
        reached |= inputs[path]
        chosen.append(path)
    return chosen, reached


def minimise(target, share, least, found):
    kept = os.path.join(CORPUS, target)
    names = os.listdir(kept)
    inputs = edges(target, filter(os.path.isdir, [found, kept]))
    every = union(inputs.values())
    before = union(reach for path, reach in inputs.items() if os.path.dirname(path) == kept)
    chosen, reached = choose(inputs, share * size(before), max(1, least * size(every)))
    with tempfile.TemporaryDirectory() as scratch:
        for path in chosen:
            shutil.copy(path, os.path.join(scratch, name(path)))
        for old in names:
            os.remove(os.path.join(kept, old))
        shutil.copytree(scratch, kept, dirs_exist_ok=True)
    counts = len(names), len(chosen), *map(size, (every, before, reached))
    print("| `%s` | %d | %d | %d | %d | %d |" % (target, *counts), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", default=sorted(os.listdir(CORPUS)), metavar="TARGET")
    parser.add_argument("--share", type=float, default=96, help="percent of the edges of the corpus to keep; 96 by default")
    parser.add_argument("--least", type=float, default=0.7, help="percent of all edges that an input has to add; 0.7 by default")
    parser.add_argument("--from", dest="source", default=os.path.join(HERE, "corpus"), metavar="FOLDER")
    arguments = parser.parse_args()
    print("| target | files before | files | edges of all inputs | edges before | edges |")
    print("|---|--:|--:|--:|--:|--:|")
    for target in arguments.targets:
        found = os.path.abspath(os.path.join(arguments.source, target))
        minimise(target, arguments.share / 100, arguments.least / 100, found)


if __name__ == "__main__":
    main()
