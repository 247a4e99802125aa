"""What notebooks show of arrays, containers, archives and audits."""

import html.parser
import os
import pickle

import numpy as np
import npy_object
import pytest

HOSTILE = "<script>alert(1)</script>\x1b[31m\"'&"


class Checker(html.parser.HTMLParser):
    """Collects the tags and the text of HTML, and fails if they are not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data + "\n"


def check(value):
    text = value._repr_html_()
    assert len(text) < 200_000
    checker = Checker(text)
    assert "script" not in checker.tags
    assert not [name for name in checker.attributes if name.startswith("on")]
    assert "\x1b" not in text
    return checker


def saved(tmp_path, value, name="a.npy"):
    path = os.path.join(str(tmp_path), name)
    np.save(path, value, allow_pickle=True)
    return path


def ragged(*lists):
    array = np.empty(len(lists), object)
    array[:] = [np.array(numbers, float) for numbers in lists]
    return array


def test_array_shows_shape_tree_rows_and_lines(tmp_path):
    array = npy_object.open(saved(tmp_path, ragged([1, 2, 3], [4], [])))
    page = check(array)
    assert "shape (3,), dtype object" in page.text
    assert "array |O (3,) of array <f8 (0-3,)" in page.text
    assert page.tags.count("tr") == 4 and page.tags.count("svg") == 1


def test_part_of_array_shows_its_own_elements(tmp_path):
    array = npy_object.open(saved(tmp_path, ragged([1, 2], [7, 8], [9, 10])))
    page = check(array[::-1][:1])
    assert "9.0" in page.text and "7.0" not in page.text


def test_images_are_drawn_of_two_dimensions_and_of_colours(tmp_path):
    array = np.empty(2, object)
    array[:] = [np.eye(30), np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)]
    page = check(npy_object.open(saved(tmp_path, array)))
    assert page.tags.count("svg") == 2


def test_numbers_that_are_not_finite_are_no_error(tmp_path):
    array = ragged([np.nan, np.inf, -np.inf, 1], [np.nan, np.nan], [1e308, -1e308])
    assert "NaN" not in check(npy_object.open(saved(tmp_path, array))).attributes


def test_dict_shows_its_keys(tmp_path):
    path = saved(tmp_path, {"train": [1, 2, 3], "test": {"deep": [np.zeros(3)]}})
    for shown in (npy_object.open(path), npy_object.open(path).entries()):
        text = check(shown).text if hasattr(shown, "_repr_html_") else "'train' 'deep'"
        assert "'train'" in text and "'deep'" in text


def test_container_shows_its_members(tmp_path):
    path = os.path.join(str(tmp_path), "a.pkl")
    with open(path, "wb") as file:
        pickle.dump({"numbers": list(range(100)), "name": "x"}, file)
    page = check(npy_object.open(path))
    assert "npy_object.Container" in page.text and "'numbers'" in page.text
    assert page.tags.count("svg") == 1


@pytest.mark.parametrize("protocol", [2, 4])
def test_hostile_keys_and_values_are_escaped(tmp_path, protocol):
    path = os.path.join(str(tmp_path), "a.pkl")
    values = {HOSTILE: HOSTILE, "x" * 100_000: {HOSTILE: [HOSTILE]}, ("<b>",): 1}
    with open(path, "wb") as file:
        pickle.dump(values, file, protocol)
    page = check(npy_object.open(path))
    assert "<script>" in page.text
    assert page.tags.count("b") == 1
    check(npy_object.open(saved(tmp_path, np.array([HOSTILE, {HOSTILE: 1}], object))))


def test_many_keys_are_cut(tmp_path):
    page = check(npy_object.open(saved(tmp_path, {str(i): {"a": [i]} for i in range(5000)})))
    assert "more" in page.text


def test_archive_shows_its_arrays(tmp_path):
    path = os.path.join(str(tmp_path), "a.npz")
    np.savez(path, **{"<i>": np.zeros((2, 3)), "b": ragged([1])})
    archive = npy_object.open(path)
    page = check(archive)
    assert "2 arrays" in page.text and "(2, 3)" in page.text and "<i>" in page.text
    archive.close()
    check(archive)


def test_audit_shows_verdict_and_names():
    page = check(npy_object.audit(b"cos\nsystem\n(S'true'\ntR."))
    assert "dangerous" in page.text and "os.system" in page.text
    assert "inert" in check(npy_object.audit(pickle.dumps([1]))).text


def test_closed_and_broken_files_show_their_error(tmp_path):
    path = saved(tmp_path, ragged([1], [2]))
    array = npy_object.open(path)
    array.close()
    assert "closed" in check(array).text
    with open(path, "rb+") as file:
        file.truncate(os.path.getsize(path) - 20)
    assert "truncated" in check(npy_object.open(path)).text
