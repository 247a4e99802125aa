"""A small reader of .npy files, written from the chapters of `spec/` alone.

    python oracle/conformance/from_spec.py FILE [ENCODING]

Prints a file as typed JSON: a line for the header, then one for each element. If the file is invalid, it prints the
byte and the clause to stderr and exits with status 1. ENCODING is how the str of Python 2 is read, `ascii` or `latin1`.

It is written to be read: `chapters/` has a module for each larger part of the specification, and each function there
names the section or the clause that it implements. It reads whole files, is not optimized, and needs only Python 3.9. As
the conformance kit requires, headers can have any length, and the pickle is right where the header differs.
"""

import math
import sys

from chapters.clause import Refused, need
from chapters.header import header, preamble
from chapters.machine import Machine
from chapters.objects import Array, Other, Scalar, array_of_file, envelope, fortran_strides
from chapters.objects import gathered, item, meant
from chapters.typed_json import Row, braces, line


def read(data, encoding="ascii"):
    """Yields the lines of a file. Raises Refused after the last valid one."""
    version, text, start = preamble(data)
    dtype, fortran, shape = header(text, version)
    need(not dtype.base or dtype.objects, "npy.data.subarray", "the dtype is a subarray")
    members = {"version": Row(version), "descr": dtype.typed()}
    members.update(fortran_order=fortran, shape=Row(shape))
    yield line(braces({"header": braces(members)}), meant)
    if not dtype.objects:
        yield from rows(data[start:], dtype, fortran, shape)
        return
    machine, value, refusal = Machine(data, start, encoding), None, None
    try:
        value = machine.run()
        array = array_of_file(value)
        need(array.items is not None, "npy.object.envelope", "no array of objects", start)
        found, promised = len(array.items), math.prod(array.shape)
        text = "%d elements, %d in the shape" % (found, promised)
        need(found == promised, "npy.object.count", text, machine.begin)
    except Other:
        refusal = Refused("npy.object.envelope", "no array as NumPy pickles them", start)
    except Refused as refused:
        refusal = refused
    root, dtype, elements = closed(machine.stack if value is None else [value])
    for element in elements:
        yield line(item(element, dtype), meant, root)
    if refusal:
        raise refusal


def closed(stack):
    """npy.element.batch: returns the array, its dtype, and the elements that are known to be whole."""
    root = stack[0] if stack else None
    whole = len(stack) == 2 and isinstance(stack[1], tuple)  # else the items of the state are on the stack
    try:
        if len(stack) == 1:
            array = array_of_file(root)
            return root, array.dtype, array.items or []
        _, dtype, _, elements, _ = envelope(stack[1] if whole else tuple(stack[1:]))
    except Other:
        return root, None, []
    return root, dtype, elements if dtype.objects and isinstance(elements, list) else []


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
        value = Array("ndarray", dtype, inside, "C", row) if inside else Scalar(dtype, row)
        yield line(value, meant)


def main():
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # the ints of LONG4 have any number of digits
    try:
        for text in read(data, *sys.argv[2:]):
            sys.stdout.buffer.write(text.encode("utf-8") + b"\n")
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
