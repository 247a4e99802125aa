"""The memory that elements take while they are made, measured in a separate process."""

import subprocess
import sys

import pytest

DEPTH = 150_000
SCRIPT = """
import resource, sys, npy_object
depth, most = int(sys.argv[1]), sys.argv[2] or None
text = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\\n"
array = b"\\x80\\x02cnumpy.core.multiarray\\n_reconstruct\\ncnumpy\\nndarray\\nK\\0\\x85U\\x01b\\x87R(K\\x01K\\x01\\x85"
dtype = b"cnumpy\\ndtype\\nU\\x02O8K\\0K\\x01\\x87R(K\\x03U\\x01|NNNJ\\xff\\xff\\xff\\xffJ\\xff\\xff\\xff\\xffK?tb\\x89]"
file = lambda depth: b"\\x93NUMPY\\x01\\0v\\0" + text + array + dtype + b"N" + b"\\x85" * depth + b"atb."
for element in npy_object.open(file(1), max_memory=most): pass
data = file(depth)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for element in npy_object.open(data, max_memory=most): pass
    outcome = "read"
except npy_object.LimitError:
    outcome = "refused"
print(outcome, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("most", ["", "64MB", "256MB"])
def test_nested_tuples_need_no_more_memory_than_the_readme_says(most):
    script = [sys.executable, "-c", SCRIPT, str(DEPTH), most]
    outcome, taken = subprocess.check_output(script, text=True).split()
    assert outcome == ("refused" if most == "64MB" else "read")
    # The formula of spec/guide.md: 16 MiB, the bytes of the element, 96 for each instruction, 600 for each container.
    assert int(taken) < (16 << 20) + DEPTH * (1 + 96 + 600)
    if most == "64MB":
        assert int(taken) < 64 << 20
