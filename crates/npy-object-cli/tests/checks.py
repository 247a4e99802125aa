"""What the scripts that test `npyo` from outside share: an environment of their own, and a line for each check."""

import os
import subprocess
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))


def in_environment(name, packages):
    """Runs the script that was started again, in target/NAME, an environment that has these packages. Returns its exit code.

    `packages` gives the module of each package by its name, as pip takes it.
    """
    folder = os.path.normpath(os.path.join(HERE, "..", "..", "..", "target", name))
    python = os.path.join(folder, "bin", "python")
    check = [python, "-c", "import " + ", ".join(packages.values())]
    if not os.path.exists(python) or subprocess.run(check, stderr=subprocess.DEVNULL).returncode != 0:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return subprocess.run([python, os.path.abspath(sys.argv[0]), *sys.argv[1:]]).returncode


def run(names, argument):
    """Calls the functions `test_...` of a module, whose `globals()` are `names`, with an argument. Returns the exit code."""
    tests = [value for name, value in names.items() if name.startswith("test_")]
    failed = sum(not passes(test, argument) for test in tests)
    print("%d checks, %d failed" % (len(tests), failed))
    return 1 if failed else 0


def passes(test, argument):
    name = test.__name__[len("test_") :].replace("_", " ")
    try:
        note = test(argument)
    except Exception:  # a check that fails in any way does not end the others
        print("FAILED  %s" % name, flush=True)
        traceback.print_exc()
        return False
    print("ok      %s%s" % (name, ": " + note if note else ""), flush=True)
    return True
