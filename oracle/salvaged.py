"""Truncates fixtures, salvages them with npyo, and loads the results with NumPy.

    python salvaged.py NPYO [STEP]

Every fixture of less than 2,000 bytes that the judge's NumPy wrote in protocol 4 is truncated at every byte of its
pickle, or at every STEPth. `npyo salvage` must write an array of the first elements, which share the same objects. That
it keeps every whole element is checked by the tests of the Rust code. NPYO is the program.
"""

import json
import os
import subprocess
import sys
import tempfile

import written_back

SMALL = 2000
"""Fixtures of fewer bytes are truncated."""


def main():
    import environments
    import manifest

    npyo, step = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    judge = environments.tag(environments.JUDGE)
    entries = [entry for entry in manifest.read() if judge in entry.get("written_by", ()) and entry.get("protocol", 4) == 4]
    entries = [entry for entry in entries if not entry["file"].startswith(written_back.NOT_ELEMENTS)]
    entries = [entry for entry in entries if len(manifest.read_file(entry["file"])) < SMALL]
    assert environments.make(environments.JUDGE) is None, "the judge's environment is missing"
    with tempfile.TemporaryDirectory() as folder:
        manifest.extract(folder, [entry["file"] for entry in entries])
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
    """Salvages a fixture truncated at many places. Yields fixture, place and file for each file that npyo wrote."""
    whole = os.path.join(folder, name)
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
    """Compares the files of a list with their fixtures. Runs in the judge's environment."""
    import numpy as np

    with open(listed) as file:
        cuts = json.load(file)
    elements = failed = 0
    for whole, end, left in cuts:
        try:
            original = np.load(whole, allow_pickle=True)
        except Exception:
            continue  # the fixture has a class that raises when it is loaded
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
    print("%d elements are the same, %d files are not" % (elements, failed))


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(sys.argv[2])
    else:
        main()
