"""Finds the CPython interpreters of this machine and installs NumPy releases for them.

An environment is an interpreter and a NumPy, whose wheel is unpacked into a folder under `.venvs/` that is put on
PYTHONPATH. It needs no virtual environment and no compiler, so that one pip installs for all, also for Python 2.7.
"""

import collections
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, ".venvs")

Environment = collections.namedtuple("Environment", "python abi numpy protocols")

# Oldest first: a fixture is named after the first environment that wrote its bytes. Each writes the protocol that
# np.save chooses and those listed, in which it differs most from the others: all protocols would be too many fixtures.
ENVIRONMENTS = [
    Environment("2.7", "cp27mu", "1.16.6", "012"),  # the last NumPy for Python 2: long, unicode, cPickle
    Environment("3.6", "cp36m", "1.16.6", "2"),  # np.save writes protocol 2; dtype is called with 0 and 1
    Environment("3.6", "cp36m", "1.17.5", "3"),  # np.save writes protocol 3; version 3.0 headers
    Environment("3.7", "cp37m", "1.21.6", "3"),
    Environment("3.8", "cp38", "1.24.4", "5"),  # padding for growth in the header; protocol 5 in the standard library
    Environment("3.9", "cp39", "1.26.4", "01"),  # the last of NumPy 1
    Environment("3.9", "cp39", "2.0.2", "245"),  # np.save writes protocol 4; numpy._core; StringDType
    Environment("3.10", "cp310", "2.1.3", "4"),
    Environment("3.10", "cp310", "2.2.6", "4"),
    Environment("3.11", "cp311", "1.26.4", "4"),  # the default __reduce_ex__ calls __getstate__
    Environment("3.11", "cp311", "2.3.5", "4"),
    Environment("3.12", "cp312", "2.4.6", "4"),
    Environment("3.13", "cp313", "2.1.3", "4"),
    Environment("3.13", "cp313", "2.5.5", "045"),  # _frombuffer with the order of the axes (from 2.3)
]

JUDGE = ENVIRONMENTS[-1]
"""The environment whose answers are committed."""


def tag(environment):
    """Returns the environment's name in file names and in the manifest: `py3.13-np2.5`."""
    return "py%s-np%s" % (environment.python, ".".join(environment.numpy.split(".")[:2]))


def find_python(version):
    """Returns the path of CPython `version` ("3.13"), from pyenv or from PATH; None if this machine has none."""
    versions = os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions")
    installed = sorted(os.listdir(versions)) if os.path.isdir(versions) else []
    candidates = [
        os.path.join(versions, name, "bin", "python") for name in installed if name.split(".")[:2] == version.split(".")
    ]
    candidates.append(shutil.which("python" + version))
    for candidate in candidates:
        if candidate and _runs(
            candidate, "import sys; sys.exit(sys.version_info[:2] != (%s))" % version.replace(".", ", ")
        ):
            return candidate
    return None


def make(environment):
    """Installs the environment unless it is there. Returns None, or why that failed."""
    python = find_python(environment.python)
    if python is None:
        return "no CPython %s on this machine" % environment.python
    if _works(environment):
        return None
    target = _target(environment)
    shutil.rmtree(target, ignore_errors=True)
    pip = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--ignore-requires-python",  # older releases of pip check the Python that runs pip
            "--target",
            target,
            "--implementation",
            "cp",
            "--python-version",
            environment.python,
            "--abi",
            environment.abi,
            "numpy==" + environment.numpy,
        ],
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    if pip.returncode != 0:
        return "pip: " + (pip.stderr.strip().splitlines() or ["no message"])[-1]
    return None if _works(environment) else "the wheel was installed, but numpy cannot be imported"


def run(environment, script, *arguments):
    """Runs a script of this folder in the environment and returns its standard output. Raises if the script fails."""
    command = [find_python(environment.python), os.path.join(HERE, script)] + list(arguments)
    return subprocess.run(command, env=_variables(environment), stdout=subprocess.PIPE, check=True).stdout.decode(
        "utf-8"
    )


def available(environments):
    """Makes environments. Returns those that work, and prints why the others do not."""
    working = []
    for environment in environments:
        reason = make(environment)
        print("%-14s %s" % (tag(environment), "ready" if reason is None else "MISSING: " + reason), flush=True)
        if reason is None:
            working.append(environment)
    return working


def _target(environment):
    return os.path.join(FOLDER, "py%s-np%s" % (environment.python, environment.numpy))


def _variables(environment):
    # The order of a set, and so the bytes of its pickle, depends on the hash seed.
    return dict(os.environ, PYTHONPATH=_target(environment), PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")


def _works(environment):
    check = "import sys, numpy; sys.exit(numpy.__version__ != %r)" % environment.numpy
    return _runs(find_python(environment.python), check, _variables(environment))


def _runs(python, code, variables=None):
    result = subprocess.run([python, "-c", code], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return result.returncode == 0


if __name__ == "__main__":
    available(ENVIRONMENTS)
