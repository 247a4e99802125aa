"""Runs the tests of the connectors, each with its engine, in a process of its own.

    python engines.py              # the engines that .ci/run tests
    python engines.py --all        # all engines: some gigabytes, and some minutes
    python engines.py dask ray     # some of them
    python engines.py --no-build   # with the wheel that verify.py has built

Prints a line for each engine, with its version. The exit code is 1 if one has failed, or is not there. The environments are in
target/python of the workspace: that of Python 3.13, which verify.py uses too, and one each for Spark and torch.

Spark needs Java 17. torch is that of Debian (`apt-get install python3-torch`), as the one of PyPI takes 3 GB.
"""

import argparse
import os
import subprocess
import sys
import time

import verify

TESTS = os.path.join(verify.HERE, "tests", "engines")

# The packages of each engine; the first one is the one whose version is printed.
QUICK = {
    "pyarrow": ["pyarrow", "pandas"],
    "duckdb": ["duckdb"],
    "polars": ["polars"],
    "datafusion": ["datafusion"],
    "awkward": ["awkward"],
    "zarr": ["zarr", "fsspec", "aiohttp", "requests"],
    "dask": ["dask[dataframe,distributed]"],
    "s3": ["s3fs", "moto[s3,server]", "dask[dataframe]"],
}
MORE = {
    "datasets": ["datasets"],
    "grain": ["grain"],
    "ray": ["ray[data]", "typing_extensions"],
    "spark": ["pyspark[sql]>=4.0"],
    "torch": [],
}
# These do not go together with the others.
ALONE = ["spark", "torch"]
EVERYWHERE = ["numpy", "pytest", "pyarrow"]


def main():
    engines = {**QUICK, **MORE}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=", ".join(engines))
    parser.add_argument("--all", action="store_true", help="all engines")
    parser.add_argument("--no-build", action="store_true", help="use the wheel that verify.py has built")
    arguments = parser.parse_args()
    names = list(engines) if arguments.all else arguments.engines or list(QUICK)
    unknown = [name for name in names if name not in engines]
    if unknown:
        sys.exit("no such engine: %s; there are %s" % (", ".join(unknown), ", ".join(engines)))
    wheel = verify.built() if arguments.no_build else verify.build()
    together = [package for name in names if name not in ALONE for package in engines[name]]
    # Ray and others have no wheels yet for a Python that is newer than this.
    newest = verify.find("3.13") or sys.executable
    shared = environment(newest, verify.version(newest), together + EVERYWHERE, wheel) if together else None
    results = []
    for name in names:
        try:
            python = shared
            if name == "torch":
                python = with_torch(wheel)
            elif name in ALONE:
                python = environment(newest, name, engines[name] + EVERYWHERE, wheel)
        except Missing as missing:
            results.append((name, "", 0, "MISSING: %s" % missing))
            continue
        print("\n== %s" % name, flush=True)
        begin = time.monotonic()
        command = [python, "-m", "pytest", "-q", os.path.join(TESTS, "test_%s.py" % name)]
        passed = subprocess.run(command, cwd=verify.HERE).returncode == 0
        results.append((name, version(python, name), time.monotonic() - begin, "passed" if passed else "FAILED"))
    print()
    for name, found, seconds, result in results:
        print("%-12s%-18s%5.0f s   %s" % (name, found, seconds, result))
    print("%d passed, %d failed" % tuple(sum((result == "passed") is passed for *_, result in results) for passed in (True, False)))
    sys.exit(any(result != "passed" for *_, result in results))


class Missing(Exception):
    pass


def environment(python, name, packages, wheel):
    """The interpreter of an environment that has these packages, and the wheel."""
    python = verify.environment(python, name, ["uv"])
    install(python, packages, wheel)
    return python


def with_torch(wheel):
    """The interpreter of an environment with the torch of the system."""
    for system in ("/usr/bin/python3", sys.executable):
        if subprocess.run([system, "-c", "import torch"], stderr=subprocess.DEVNULL).returncode == 0:
            break
    else:
        raise Missing("no Python here has torch: apt-get install python3-torch")
    folder = os.path.join(verify.TARGET, "torch")
    uv = verify.environment(sys.executable, "build", ["uv"])
    subprocess.run([uv, "-m", "uv", "venv", "--quiet", "--allow-existing", "--system-site-packages", "-p", system, folder], check=True)
    python = os.path.join(folder, "bin", "python")
    # pyarrow of PyPI wants a newer NumPy than the one with which this torch was built.
    install(python, ["pytest"], wheel, uv)
    return python


def install(python, packages, wheel, uv=None):
    command = [uv or python, "-m", "uv", "pip", "install", "--quiet", "-p", python]
    subprocess.run(command + packages, check=True)
    subprocess.run(command + ["--reinstall", "--no-deps", wheel], check=True)


def version(python, name):
    """The version of the package of an engine."""
    package = {"s3": "moto", "spark": "pyspark"}.get(name, name)
    code = "from importlib.metadata import version; print(version(%r))" % package
    found = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True)
    return found.stdout.strip()


if __name__ == "__main__":
    main()
