"""The examples in docstrings and pages, and the type stubs."""

import doctest
import importlib.util
import pathlib
import subprocess
import sys

import pytest

import npy_object
from npy_object import _errors, _npy_object, _opaque

FOLDER = pathlib.Path(__file__).parent.parent


def test_docstring_examples_pass():
    finder = doctest.DocTestFinder()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    # DocTestFinder does not enter a compiled module, so its classes and functions are passed one by one.
    for place in (npy_object, _errors, _opaque, *vars(_npy_object).values()):
        if getattr(place, "__doc__", None) and not isinstance(place, (str, list)):
            for test in finder.find(place, getattr(place, "__name__", "?"), module=False, globs={}):
                test.globs.update(vars(npy_object), __name__="examples")
                runner.run(test)
    assert runner.failures == 0 and runner.tries > 10


@pytest.mark.parametrize("page", ["README.md", "RECIPES.md", "../../spec/guide.md"])
def test_examples_of_page_run(page, tmp_path, monkeypatch):
    """Runs the Python blocks of a page one after another."""
    monkeypatch.chdir(tmp_path)
    blocks = (FOLDER / page).read_text(encoding="utf-8").split("```python\n")[1:]
    names = {"__name__": "page"}
    for block in blocks:
        code, _, rest = block.partition("```")
        wanted = [line[len("# needs ") :] for line in code.splitlines() if line.startswith("# needs ")]
        if all(importlib.util.find_spec(name) for names_ in wanted for name in names_.split(", ")):
            exec(compile(code, page, "exec"), names)
    assert blocks


@pytest.mark.skipif(
    importlib.util.find_spec("mypy") is None or sys.version_info < (3, 11), reason="needs mypy on Python 3.11 or newer"
)
# stubtest would import the engines, which are not there.
@pytest.mark.parametrize(
    "command",
    [
        ["mypy.stubtest", "npy_object._npy_object"],
        ["mypy", "--config-file", str(FOLDER / "pyproject.toml"), "-p", "npy_object"],
    ],
)
def test_stubs_match_the_module(command):
    found = subprocess.run([sys.executable, "-m", *command], stdout=subprocess.PIPE, universal_newlines=True)
    assert found.returncode == 0, found.stdout
