"""A small reader of .npy files, written from the chapters of `spec/` alone: they as a program.

    python oracle/conformance/from_spec.py FILE [ENCODING]

prints a file as typed JSON: a line for the header, then one for each element. It ends with status 1
where the file has to be refused, and says on stderr where and by which clause. ENCODING is how the
str of Python 2 is read, `ascii` or `latin1`.

It is there to be read. It takes whole files, is in no hurry, and needs Python 3.9 and nothing else.
As the conformance kit asks, headers may be of any length, and the pickle is believed where the
header says something else. Each part names the chapter or the clause that it follows.
"""

import math
import sys

from chapters.arrays import Array, Scalar, envelope, fortran_strides, gathered, item
from chapters.calls import called
from chapters.clause import Refused, need
from chapters.header import header, preamble
from chapters.machine import Machine
from chapters.typed_json import Row, braces, line


def read(data, encoding="ascii"):
    """The lines of a file, one by one; raises Refused behind the last that is right."""
    version, text, start = preamble(data)
    dtype, fortran, shape = header(text, version)
    need(not dtype.base or dtype.objects, "npy.data.subarray", "the dtype is a subarray")
    members = {"version": Row(version), "descr": dtype.typed()}
    members.update(fortran_order=fortran, shape=Row(shape))
    yield line(braces({"header": braces(members)}))
    if not dtype.objects:
        yield from rows(data[start:], dtype, fortran, shape)
        return
    machine, array, refusal = Machine(data, start, encoding, called), None, None
    try:
        array = machine.run()
        right = isinstance(array, Array) and array.items is not None
        need(right, "npy.object.envelope", "no array of objects", start)
    except Refused as refused:
        refusal = refused
    root, dtype, elements = closed(machine, array)
    for element in elements:
        yield line(item(element, dtype), root)
    if refusal:
        raise refusal


def closed(machine, array):
    """npy.element.batch: the array, and those of its elements that are known to be whole."""
    stack = machine.stack
    array = array or (stack[0] if stack else None)
    if not isinstance(array, Array):
        return None, None, []
    if array.items is not None:
        return array, array.dtype, array.items
    inside = stack[1] if len(stack) == 2 and isinstance(stack[1], tuple) else tuple(stack[1:])
    _, dtype, _, elements, _ = envelope(inside) or (None,) * 5
    right = dtype and dtype.objects and isinstance(elements, list)
    return (array, dtype, elements) if right else (array, None, [])


def rows(data, dtype, fortran, shape):
    """npy.data.items; typed-json.md, "Files"."""
    count, inside = (shape[0], shape[1:]) if shape else (1, ())
    size = dtype.size * math.prod(inside)
    if fortran and len(shape) > 1:
        need(len(data) >= count * size, "npy.truncated", "items are missing")
        data = gathered(data, dtype.size, shape, fortran_strides(shape, dtype.size))
    for number in range(count):
        row = data[number * size : (number + 1) * size]
        need(len(row) == size, "npy.truncated", "items are missing")
        yield line(Array("ndarray", dtype, inside, "C", row) if inside else Scalar(dtype, row))


def main():
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    try:
        for text in read(data, *sys.argv[2:]):
            sys.stdout.buffer.write(text.encode("utf-8") + b"\n")
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
