"""Classes that fixtures name and no reader has: one for each way in which an object can be pickled."""

import datetime

import numpy as np


class Point(object):
    """The usual case: `__dict__` is the state."""

    def __init__(self, x, y):
        self.x = x
        self.y = y


class Empty(object):
    """Has no state."""


class Slots(object):
    """The state is a pair: None for the dict, and a dict of the slots."""

    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a = a
        self.b = b


class Stateful(object):
    """`__getstate__` returns a tuple."""

    def __getstate__(self):
        return ("state", 1)

    def __setstate__(self, state):
        raise NotImplementedError


class NewArguments(tuple):
    """`__new__` takes arguments: NEWOBJ has a tuple that is not empty."""

    def __new__(cls, a, b):
        return tuple.__new__(cls, (a, b))

    def __getnewargs__(self):
        return (self[0], self[1])


class NewKeywords(object):
    """`__new__` takes keyword arguments: NEWOBJ_EX from protocol 4, functools.partial before."""

    def __new__(cls, a, **keywords):
        self = object.__new__(cls)
        self.keywords = keywords
        return self

    def __getnewargs_ex__(self):
        return (1,), self.keywords

    def __getstate__(self):
        return None


class Reduced(object):
    """A call with arguments, and a state."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return build, self.arguments, {"note": "state"}


class Filled(object):
    """A call, appended values and set items."""

    def append(self, value):
        raise NotImplementedError

    def __reduce__(self):
        return Filled, (), None, iter([1, [2], "three"]), iter([("k", 1), ((1, 2), {})])


class ListChild(list):
    """A list with attributes."""


class DictChild(dict):
    """A dict with attributes."""


class SetChild(set):
    """A set with attributes: a call with a list of the items, and the attributes as state."""


class TextChild(str):
    """A subclass of str."""


class IntChild(int):
    """A subclass of int."""


class ArrayChild(np.ndarray):
    """A subclass of ndarray."""


class Zone(datetime.tzinfo):
    """A subclass of tzinfo."""

    def utcoffset(self, moment):
        return datetime.timedelta(hours=1)

    def dst(self, moment):
        return None

    def tzname(self, moment):
        return "Zone"


class Old:
    """On Python 2 an old-style class: INST or OBJ."""

    def __init__(self, x=0):
        self.x = x


class OldWithArguments:
    """On Python 2 an old-style class that is called with arguments."""

    def __init__(self, a, b):
        self.a = a
        self.b = b

    def __getinitargs__(self):
        return (self.a, self.b)


class Outer(object):
    """Contains a class whose qualified name has a dot, which only protocol 4 and later can name directly."""

    class Inner(object):
        """Named Outer.Inner."""


def build(*arguments):
    """The callable of Reduced."""
    return Reduced(*arguments)
