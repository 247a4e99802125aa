"""Builds the wheel and runs the tests on what is installed from it.

    python verify.py

On this Python with the newest NumPy, and on those of PAIRS that pyenv or PATH has, one for each processor at a time.
Environments are made in target/python of the workspace. The exit code is 1 if anything failed.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, os.pardir, os.pardir)
TARGET = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "python")

# The oldest of both, the last NumPy before 2, the newest of both.
PAIRS = [("3.9", "numpy==1.22.0"), ("3.11", "numpy==1.26.4"), ("3.13", "numpy")]
TESTS = ["pytest", "typing_extensions", "fsspec", "tqdm"]
# Only with the newest NumPy: readers of Arrow need NumPy 2, and the types need one check.
NEWEST = ["mypy", "pyarrow", "polars", "duckdb"]


def main():
    wheel = build()
    pairs = [(sys.executable, "numpy")]
    for version, numpy in PAIRS:
        python = find(version)
        if python is None:
            print("no Python %s here" % version)
        elif "%d.%d" % sys.version_info[:2] == version:
            pairs[0] = (sys.executable, numpy)
        else:
            pairs.append((python, numpy))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(lambda pair: passes(wheel, *pair), pairs))
    for (python, numpy), pair_passed in zip(pairs, passed):
        if not pair_passed:
            print("FAILED: %s with %s" % (python, numpy))
    sys.exit(not all(passed))


def build():
    """The path of the wheel: one for every Python from 3.9 on."""
    python = environment(sys.executable, "build", ["maturin>=1.9.4,<2"])
    wheels = os.path.join(TARGET, "wheels")
    shutil.rmtree(wheels, ignore_errors=True)
    maturin = os.path.join(os.path.dirname(python), "maturin")
    subprocess.run([maturin, "build", "--quiet", "-i", sys.executable, "-o", wheels], cwd=HERE, check=True)
    return built()


def built():
    """The path of the wheel that was built last."""
    wheels = os.path.join(TARGET, "wheels")
    (wheel,) = os.listdir(wheels)
    return os.path.join(wheels, wheel)


def version(python):
    """The version of a Python, such as 3.13."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.check_output([python, "-c", code], universal_newlines=True).strip()


def passes(wheel, python, numpy):
    name = version(python)
    packages = [numpy] + TESTS + (NEWEST if numpy == "numpy" else [])
    python = environment(python, name, packages)
    install(python, ["--force-reinstall", "--no-deps", wheel])
    tests = subprocess.run(
        [python, "-m", "pytest", "-q", os.path.join(HERE, "tests")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
    )
    print("\nPython %s with %s\n%s" % (name, numpy, tests.stdout), flush=True)
    return tests.returncode == 0


def environment(python, name, packages):
    """The interpreter of an environment that has these packages."""
    folder = os.path.join(TARGET, name)
    inside = os.path.join(folder, "Scripts" if os.name == "nt" else "bin", "python")
    if not os.path.exists(inside):
        subprocess.run([python, "-m", "venv", folder], check=True)
    install(inside, packages)
    return inside


def install(python, packages):
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"] + packages, check=True)


def find(version):
    """The path of this CPython; None if this machine has none."""
    versions = os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions")
    for name in sorted(os.listdir(versions)) if os.path.isdir(versions) else []:
        if name.split(".")[:2] == version.split("."):
            return os.path.join(versions, name, "bin", "python")
    return shutil.which("python" + version)


if __name__ == "__main__":
    main()
