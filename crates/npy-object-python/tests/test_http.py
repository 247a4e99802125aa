"""Files over HTTP, from a server on this machine that sends ranges."""

import http.server
import pickle
import threading

import numpy as np
import pytest
from files import objects

import npy_object

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Sends ranges of the files in a folder, and counts the bytes."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        try:
            with open(self.translate_path(self.path), "rb") as file:
                data = file.read()
        except OSError:
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        begin, end = 0, len(data)
        if asked:
            first, last = asked.partition("=")[2].split("-")
            begin, end = int(first), min(int(last) + 1 if last else len(data), len(data))
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - begin))
        if asked:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (begin, end - 1, len(data)))
        self.end_headers()
        self.wfile.write(data[begin:end])
        self.server.sent += end - begin


@pytest.fixture
def served(tmp_path):
    """The server, the URL of a file of 8 MB with an index, and its elements."""
    elements = objects([np.arange(n % 400, dtype=float) for n in range(5000)])
    np.save(tmp_path / "a.npy", elements)
    npy_object.open(tmp_path / "a.npy").save_index()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *args: Ranges(*args, directory=str(tmp_path))
    )
    server.sent = 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, "http://127.0.0.1:%d/a.npy" % server.server_port, elements
    server.shutdown()
    thread.join()
    server.server_close()


def test_elements_over_http_equal_those_of_the_file(served):
    server, url, elements = served
    array = npy_object.open(url)
    assert np.array_equal(array[-1], elements[-1])
    assert server.sent < 4_000_000, "it is found by the index, in blocks of the file"
    assert all(map(np.array_equal, array, elements)) and len(array) == 5000
    assert npy_object.load(url).shape == (5000,)
    with pytest.raises(FileNotFoundError):
        npy_object.open(url + ".missing")


def test_parts_carry_the_url_and_the_storage_options(served):
    _, url, elements = served
    options = {"client_kwargs": {"headers": {"X-Who": "test"}}}
    array = npy_object.open(url, storage_options=options)
    parts = pickle.loads(pickle.dumps(array.splits(3)))
    found = [element for part in parts for element in part]
    assert all(map(np.array_equal, found, elements)) and len(found) == 5000
    again = pickle.loads(pickle.dumps(array))
    assert np.array_equal(again[17], elements[17])
    assert npy_object.load(url, storage_options=options).shape == (5000,)


def test_storage_options_need_a_url(served, tmp_path):
    for source in (tmp_path / "a.npy", str(tmp_path / "a.npy"), b"x"):
        with pytest.raises(ValueError, match="expected a URL"):
            npy_object.open(source, storage_options={})
