"""Appends to files that every NumPy has saved, with npyo, and loads the results in the same NumPy.

    python appended.py NPYO [--all]

NPYO is the program, whose `write --append` is run twice on each file. With --all every environment that can be made takes
part, else the three of verify.py.
"""

import os
import subprocess
import sys
import tempfile

# The length takes more bytes from 256 and 65,536 on; a batch has 1,000 elements, and an array may have none.
LENGTHS = [(0, 1, 2), (1, 1, 1), (3, 252, 1), (3, 253, 1), (999, 1, 2000), (65534, 1, 3)]


def element(n):
    return [n, {"number": n, "text": "text"}, None, n / 4.0]


def save(path, count):
    import numpy

    array = numpy.empty(count, object)
    for n in range(count):
        array[n] = element(n)
    numpy.save(path, array)


def check(path, count):
    import numpy

    loaded = numpy.load(path, allow_pickle=True)
    assert loaded.shape == (count,) and loaded.dtype == object
    for n in range(count):
        assert loaded[n] == element(n), (n, loaded[n])


def append(npyo, path, numbers):
    # Plain JSON: 1.0 is a float, and an object a dict.
    lines = ['[%d, {"number": %d, "text": "text"}, null, %r]\n' % (n, n, n / 4) for n in numbers]
    subprocess.run([npyo, "write", "--append", path], input="".join(lines).encode(), check=True, stdout=subprocess.DEVNULL)


def main():
    if sys.argv[1] in ("save", "check"):
        return {"save": save, "check": check}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    import environments
    import verify

    npyo, wanted = sys.argv[1], environments.ENVIRONMENTS if "--all" in sys.argv[2:] else verify.USUAL
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for environment in environments.available(wanted):
            for lengths in LENGTHS:
                path = os.path.join(folder, "%s-%d.npy" % (environments.tag(environment), sum(lengths)))
                environments.run(environment, "appended.py", "save", path, str(lengths[0]))
                count = lengths[0]
                try:
                    for length in lengths[1:]:
                        append(npyo, path, range(count, count + length))
                        count += length
                    environments.run(environment, "appended.py", "check", path, str(count))
                except subprocess.CalledProcessError as error:
                    failed += 1
                    print("FAILED %s %s: %s" % (environments.tag(environment), lengths, error))
            print("%s: %d files" % (environments.tag(environment), len(LENGTHS)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
