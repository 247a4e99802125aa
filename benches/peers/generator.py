"""The generator that Python's users write: the standard library's unpickler, stopped where elements are appended."""

import pickle

import numpy as np


class Unpickler(pickle._Unpickler):
    """Puts the elements of each batch into `batch`, and not into the list of the array."""

    dispatch = dict(pickle._Unpickler.dispatch)
    batch = ()

    def at_elements(self):
        """Whether the list on the stack is that of the array: 1, shape, dtype and order stand below it."""
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
        # The array itself: NumPy takes it that the list is as long as the shape says.
        if not self.metastack and len(self.stack) == 2:
            raise pickle._Stop(None)
        super().load_build()

    dispatch[pickle.APPEND[0]] = load_append
    dispatch[pickle.APPENDS[0]] = load_appends
    dispatch[pickle.BUILD[0]] = load_build

    def elements(self):
        """The loop of `load`, with the elements of a batch when it is whole."""
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
    """The elements of an array of objects, one after another."""
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        yield from Unpickler(file).elements()
