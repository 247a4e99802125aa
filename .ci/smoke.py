"""Reads and audits a file with the installed package, and with its command."""

import os
import subprocess
import sys
import sysconfig
import tempfile

import numpy as np

import npy_object

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "ragged.npy")
    ragged = np.empty(3000, dtype=object)
    ragged[:] = [np.arange(i % 7, dtype="f8") for i in range(3000)]
    np.save(path, ragged, allow_pickle=True)

    count = 0
    for expected, element in zip(ragged, npy_object.open(path)):
        np.testing.assert_array_equal(element, expected)
        count += 1
    assert count == 3000, count
    np.testing.assert_array_equal(npy_object.open(path)[2500], ragged[2500])
    assert npy_object.audit(path).verdict == "inert"

    command = os.path.join(sysconfig.get_path("scripts"), "npyo")
    if sys.platform == "win32":
        command += ".exe"
    lines = subprocess.run([command, "cat", path], check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == 3000 and lines[2] == "[0.0,1.0]", lines[:3]

print("npy_object", npy_object.__version__, "on Python", sys.version.split()[0], "with NumPy", np.__version__)
