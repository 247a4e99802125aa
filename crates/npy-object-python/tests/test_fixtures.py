"""Every fixture of the oracle equals what np.load returns, element by element and as a whole."""

import fnmatch
import io
import os
import pickle
import sys
import warnings

import numpy as np
import pytest
from same import Different, same

import npy_object

# Only for this import: fixtures name `geometry`, a module of that folder which must not be found.
sys.path.append(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3, "oracle"))
import manifest  # noqa: E402

sys.path.pop()

ENTRIES = manifest.read()


# Fixtures that the package rightly reads differently than NumPy, and how.
DIFFERENCES = [
    ("arrays/strided-p5-py3.13*", "the axes are in C order"),
    ("header-forms/metadata*", "a header with metadata, from an old NumPy, is read"),
    ("header-forms/negative-shape*", "refused, as by NumPy from 2.0 on"),
    ("header-forms/leading-space*", "read, as by Python from 3.10 on"),
]
TOGETHER = ("pickle.independence.", "access.type")
"""Clauses of the errors of elements that can only be read all together."""


def any_class(module, name):
    """Imports the class that the file names, as np.load does."""
    return pickle.Unpickler(io.BytesIO()).find_class(module, name)


def load(entry, path):
    """Returns the array that np.load returns, or the exception that it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.load(path, allow_pickle=True, encoding=entry.get("encoding", "ASCII"))
        except Exception as error:
            return error


def options(entry):
    return dict(encoding=entry.get("encoding", "ASCII"), find_class=any_class, trust_payload=True)


@pytest.mark.parametrize("group", sorted({entry["file"].split("/")[0] for entry in ENTRIES}))
def test_fixtures_of_group_equal_numpy(group, tmp_path):
    entries = [entry for entry in ENTRIES if entry["file"].split("/")[0] == group]
    manifest.extract(str(tmp_path), [entry["file"] for entry in entries])
    failures = []
    for entry in entries:
        if any(fnmatch.fnmatch(entry["file"], pattern) for pattern, _ in DIFFERENCES):
            continue
        path = os.path.join(str(tmp_path), entry["file"])
        expected = load(entry, path)
        try:
            if isinstance(expected, Exception):
                failing(entry, path, expected)
            else:
                whole(entry, path, expected)
                try:
                    elements(entry, path, expected)
                except npy_object.UnsupportedError as error:
                    if not error.clause.startswith(TOGETHER):
                        raise
        except Exception as error:
            failures.append("%s: %s: %s" % (entry["file"], type(error).__name__, str(error)[:300]))
    assert not failures, "\n".join(["%d failures" % len(failures)] + failures[:40])


def whole(entry, path, expected):
    same(npy_object.load(path, **options(entry)), expected)


def elements(entry, path, expected):
    array = npy_object.open(path, **options(entry))
    assert array.shape == expected.shape
    if expected.ndim == 0:
        found, expected = [array[()]], [expected[()]]
    else:
        found = list(array.flat) if expected.dtype.hasobject else list(array)
        if expected.dtype.hasobject:
            expected = list(np.ma.getdata(expected).view(np.ndarray).reshape(-1))
        else:
            expected = [np.ascontiguousarray(row) if expected.ndim > 1 else row for row in expected]
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        same(one, other)


def failing(entry, path, expected):
    """Fails if a file that np.load refuses is read, unless np.load lacks only a class or an encoding."""
    if isinstance(expected, (ImportError, AttributeError, UnicodeError)):
        return
    # NumPy 1 does not read the aligned dtypes of NumPy 2.
    if "incorrect value for flags variable" in str(expected):
        return
    try:
        npy_object.load(path, **options(entry))
    except Exception:
        return
    raise Different("np.load: %r" % expected)
