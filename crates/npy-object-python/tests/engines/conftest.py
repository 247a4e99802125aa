"""The files that each engine reads. `engines.py` runs the tests of each engine in a process of its own."""

import os
import signal

import numpy as np
import pytest
from files import objects

import npy_object

RAGGED, DICTS = 5_000, 12_000


def row(number):
    """Returns a dict. The first rows have only None where others have a value, and some keys come late."""
    row = {"id": number, "name": None, "weight": number, "list": list(range(number % 4)), "sub": {"half": number / 2}}
    if number > 11_500:
        row.update(name="name %d" % number, weight=number + 0.5, late=number % 3 == 0)
    return row


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    np.save(folder / "ragged.npy", objects([np.arange(n % 9, dtype="f8") + n for n in range(RAGGED)]))
    rows = [row(number) for number in range(DICTS)]
    np.save(folder / "first.npy", objects(rows[:3000]))
    np.save(folder / "second.npy", objects(rows[3000:]))
    return folder


@pytest.fixture(scope="session")
def ragged(folder):
    return str(folder / "ragged.npy")


@pytest.fixture(scope="session")
def arrays(ragged):
    """The elements of `ragged`, as np.load gives them."""
    return np.load(ragged, allow_pickle=True)


@pytest.fixture(scope="session")
def dicts(folder):
    """The paths of two files of dicts."""
    return [str(folder / "first.npy"), str(folder / "second.npy")]


@pytest.fixture(scope="session")
def rows(dicts):
    """The elements of `dicts`, as np.load gives them, with None for the keys that a row lacks."""
    loaded = [row for path in dicts for row in np.load(path, allow_pickle=True)]
    assert len(loaded) == DICTS
    return [{**row, "late": row.get("late")} for row in loaded]


@pytest.fixture
def kill_once(tmp_path):
    """A function that makes a function, which kills its process the first time that it comes to an element, in any process.

    Afterwards, it has killed a process.
    """
    marker = str(tmp_path / "killed")

    def kill_at(number):
        # Workers cannot import this file, so it goes to them by value.
        def kill(numbers):
            if number in numbers:
                try:
                    os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    return
                os.kill(os.getpid(), signal.SIGKILL)

        return kill

    yield kill_at
    assert os.path.exists(marker)


@pytest.fixture
def decoded(monkeypatch):
    """The names of the columns that were decoded."""
    from npy_object.engines import arrow

    names = set()
    read = arrow.read

    def noting(part, schema):
        names.update(schema.names)
        return read(part, schema)

    monkeypatch.setattr(arrow, "read", noting)
    return names


@pytest.fixture
def dataset(dicts):
    return npy_object.dataset(dicts)
