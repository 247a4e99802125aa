"""Cuts fixtures off, has npyo salvage them, and asks NumPy whether it can load what is left.

    python salvaged.py NPYO [STEP]

Every small fixture that the judge's own NumPy wrote in protocol 4 is cut off at every byte of its pickle, or at every
STEPth. What `npyo salvage` writes has to be an array of the first elements of the whole one, with the same objects
where those are shared; that no element is missing which could be had is for the tests of the Rust code. NPYO is the
program.
"""

import json
import os
import subprocess
import sys
import tempfile

import written_back

SMALL = 2000
"""Bytes of the largest fixture that is cut off."""


def main():
    import environments
    import manifest

    npyo, step = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    judge = environments.tag(environments.JUDGE)
    entries = [entry for entry in manifest.read() if judge in entry.get("written_by", ()) and entry.get("protocol", 4) == 4]
    entries = [entry for entry in entries if not entry["file"].startswith(written_back.NOT_ELEMENTS)]
    entries = [entry for entry in entries if os.path.getsize(os.path.join(manifest.FIXTURES, entry["file"])) < SMALL]
    assert environments.make(environments.JUDGE) is None, "the judge cannot be had"
    with tempfile.TemporaryDirectory() as folder:
        cuts = [cut for entry in entries for cut in salvaged(npyo, entry["file"], step, folder)]
        listed = os.path.join(folder, "cuts.json")
        with open(listed, "w", encoding="utf-8") as file:
            json.dump(cuts, file)
        output = environments.run(environments.JUDGE, "salvaged.py", "--compare", listed)
    print("%d fixtures, %d cuts: %s" % (len(entries), len(cuts), output.strip().splitlines()[-1]))
    failures = [line for line in output.splitlines() if line.startswith("FAILED")]
    print("\n".join(failures[:20]))
    sys.exit(1 if failures else 0)


def salvaged(npyo, name, step, folder):
    """Salvages a fixture cut off at many places. Yields, for each at which something was written, what."""
    whole = os.path.join(written_back.FIXTURES, name)
    with open(whole, "rb") as file:
        data = file.read()
    cut = os.path.join(folder, "cut.npy")
    for end in range(128, len(data), step):
        with open(cut, "wb") as file:
            file.write(data[:end])
        left = os.path.join(folder, "%s-%d.npy" % (name.replace("/", "-"), end))
        subprocess.run([npyo, "salvage", cut, "-o", left], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if os.path.exists(left):
            yield whole, end, left


def compare(listed):
    """Runs inside the judge's environment."""
    import numpy as np

    with open(listed) as file:
        cuts = json.load(file)
    elements = failed = 0
    for whole, end, left in cuts:
        try:
            original = np.load(whole, allow_pickle=True)
        except Exception:
            continue  # by design: a class that does not want to be loaded
        try:
            found = np.load(left, allow_pickle=True)
            numbers = written_back.Numbers(original, found)
            differences = (numbers.difference(*pair) for pair in zip(original.flat, found.flat))
            why = next(filter(None, differences), None)
        except Exception as error:
            why = "%s: %s" % (type(error).__name__, error)
        if why:
            failed += 1
            print("FAILED %s at %d: %s" % (whole, end, why))
        elements += found.size
    print("%d elements are as they were, %d files are not" % (elements, failed))


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(sys.argv[2])
    else:
        main()
