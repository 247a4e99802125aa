"""A generator of elements in Python: the standard library's unpickler, stopped where elements are appended."""

import pickle

import numpy as np


class Unpickler(pickle._Unpickler):
    """Puts the elements of each batch into `batch` instead of the list of the array."""

    dispatch = dict(pickle._Unpickler.dispatch)
    batch = ()

    def at_elements(self):
        """Returns whether the list on the stack is that of the array: 1, shape, dtype and order are below it."""
        return len(self.metastack) == 1 and len(self.stack) == 5

    def load_append(self):
        value = self.stack.pop()
        if self.at_elements():
            self.batch = [value]
        else:
            self.stack[-1].append(value)

    def load_appends(self):
        items = self.pop_mark()
        if self.at_elements():
            self.batch = items
        else:
            self.stack[-1].extend(items)

    def load_build(self):
        # Stop at the BUILD of the array: NumPy assumes that the list is as long as the shape, but here it is empty.
        if not self.metastack and len(self.stack) == 2:
            raise pickle._Stop(None)
        super().load_build()

    dispatch[pickle.APPEND[0]] = load_append
    dispatch[pickle.APPENDS[0]] = load_appends
    dispatch[pickle.BUILD[0]] = load_build

    def elements(self):
        """Runs the loop of `load`, and yields the elements of each whole batch."""
        self._unframer = pickle._Unframer(self._file_read, self._file_readline)
        self.read, self.readinto = self._unframer.read, self._unframer.readinto
        self.readline = self._unframer.readline
        self.metastack, self.stack = [], []
        self.append = self.stack.append
        try:
            while True:
                self.dispatch[self.read(1)[0]](self)
                if self.batch:
                    yield from self.batch
                    self.batch = ()
        except pickle._Stop:
            return


def elements(path):
    """Yields the elements of an array of objects."""
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        yield from Unpickler(file).elements()
