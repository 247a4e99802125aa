"""typed-json.md: writes values, without recursion."""

import base64
import json
import re
import struct

from .clause import need


class Text(str):
    """Finished typed JSON."""


class Parts(list):
    """Typed JSON in parts: finished text, and values that are not written yet."""


class Row(tuple):
    """Values in brackets that are not a value of Python together, such as a key and its value."""

    def typed(self):
        return brackets(self)


def braces(members):
    parts = Parts()
    for name, part in members.items():
        parts += Text("%s%s: " % (", " if parts else "{", json.dumps(name))), part
    return Parts(parts + [Text("}")])


def brackets(values):
    parts = Parts([Text("[")])
    for value in values:
        parts += value, Text(", ")
    return Parts((parts[:-1] if len(parts) > 1 else parts) + [Text("]")])


def base64_of(data):
    return Text('"%s"' % base64.b64encode(data).decode("ascii"))


def line(value, meant, root=None, seen=None, sets=0):
    """Returns a value as a line. `meant` returns the value of a call. `seen` has the numbers of the
    objects so far: "Sharing and cycles"."""
    seen, ready, todo = {} if seen is None else seen, [], [value]
    while todo:
        part = todo.pop()
        if isinstance(part, Text):
            ready.append(part)
        elif isinstance(part, Parts):
            todo.extend(reversed(part))
        elif part is root and root is not None:
            ready.append('{"root": true}')
        elif id(part) in seen:
            ready.append('{"ref": %d}' % seen[id(part)])
        else:
            identity, part = id(part), meant(part)
            if numbered(part):
                seen[identity] = len(seen)
            if hasattr(part, "members"):
                # Each item is written as if it came first, so that each level doubles the work.
                need(sets < 20, "pickle.limit.depth", "sets nested over 20 deep")
                texts = [line(one, meant, root, dict(seen), sets + 1) for one in part.members]
                order = sorted(range(len(texts)), key=texts.__getitem__)
                members = brackets(part.members[number] for number in order)
                todo.append(braces({part.name: members}))
            else:
                todo.append(typed(part))
    return "".join(ready)


def numbered(value):
    """Returns whether a value has a number: "Sharing and cycles"."""
    if isinstance(value, tuple):
        return value != () and not isinstance(value, Row)
    known = isinstance(value, (list, bytearray)) and not isinstance(value, Parts)
    return known or getattr(value, "numbered", False)


def typed(value):
    """ "Values": returns a value in parts."""
    if value is None or isinstance(value, bool):
        return Text(json.dumps(value))
    if isinstance(value, int):
        if abs(value) < 2**53:
            return Text(value)
        return braces({"int": Text(('"%d"' if value.bit_length() <= 8192 else '"%#x"') % value)})
    if isinstance(value, float):
        return braces({"float": bits(value)})
    if isinstance(value, complex):
        return braces({"complex": Row((bits(value.real), bits(value.imag)))})
    if isinstance(value, str):
        if re.search("[\ud800-\udfff]", value):
            return braces({"str": base64_of(value.encode("utf-8", "surrogatepass"))})
        return Text(json.dumps(value, ensure_ascii=False))
    if isinstance(value, (bytes, bytearray)):
        return braces({type(value).__name__: base64_of(value)})
    if isinstance(value, list):
        return brackets(value)
    if isinstance(value, tuple) and not isinstance(value, Row):
        return braces({"tuple": brackets(value)})
    return value.typed()


def bits(value):
    return struct.pack(">d", value).hex()
