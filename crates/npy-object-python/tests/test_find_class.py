"""Objects of classes that `find_class` returns equal those that pickle makes."""

import collections
import importlib
import io
import pickle

import pytest

import npy_object


class MySet(set):
    pass


class MyFrozenSet(frozenset):
    pass


class MyList(list):
    pass


class MyDict(dict):
    pass


class Thing:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Key:
    """An object that is hashed by its state."""

    def __init__(self, n):
        self.n = n

    def __hash__(self):
        return hash(self.n)

    def __eq__(self, other):
        return self.n == other.n


class Counted:
    """An object that counts the items of its argument when it is made."""

    def __init__(self, items):
        self.items = list(items)
        self.count = len(self.items)

    def __reduce__(self):
        return Counted, (list(self.given),)


class Adder:
    def __init__(self, base):
        self.base = base

    def __call__(self, n):
        return self.base + n


class Sum:
    def __reduce__(self):
        return Adder(10), (5,)


def find_class(module, name):
    return getattr(importlib.import_module(module), name)


def described(value):
    """Returns a text of a value, in which a repeated object is its number."""
    numbers = {}

    def text(value):
        if isinstance(value, (int, str, type(None))):
            return repr(value)
        if id(value) in numbers:
            return "#%d" % numbers[id(value)]
        numbers[id(value)] = len(numbers)
        parts = []
        if isinstance(value, dict):
            parts = ["%s: %s" % (text(key), text(item)) for key, item in value.items()]
        elif isinstance(value, (set, frozenset)):
            parts = [text(item) for item in sorted(value, key=lambda item: (type(item).__name__, getattr(item, "n", 0)))]
        elif isinstance(value, (list, tuple)):
            parts = [text(item) for item in value]
        parts += ["%s=%s" % (name, text(item)) for name, item in sorted(getattr(value, "__dict__", {}).items())]
        return "%s(%s)" % (type(value).__name__, ", ".join(parts))

    return text(value)


def within(container):
    """Returns a container of a thing that has the container as an attribute."""
    thing = Thing()
    thing.container = container(thing)
    return thing.container


def counted():
    thing = Thing()
    thing.counted = Counted([thing])
    thing.counted.given = [thing]
    return thing.counted


def keyed():
    key, thing = Key(3), Thing()
    thing.dict = key.dict = {key: thing}
    return thing.dict


def two():
    thing = Thing()
    thing.one, thing.other = MySet([thing]), MySet([thing])
    return [thing.one, thing.other, thing]


VALUES = {
    "set subclass": within(lambda thing: MySet([thing])),
    "frozenset subclass": within(lambda thing: MyFrozenSet([thing])),
    "list subclass": within(lambda thing: MyList([thing])),
    "dict subclass": within(lambda thing: MyDict(a=thing)),
    "set": within(lambda thing: {thing}),
    "frozenset": within(lambda thing: frozenset([thing])),
    "tuple": within(lambda thing: (thing,)),
    "key that is a tuple": {within(lambda thing: (thing,)): 1},
    "ordered dict": within(lambda thing: collections.OrderedDict(a=thing)),
    "default dict": within(lambda thing: collections.defaultdict(list, a=thing)),
    "thing": within(lambda thing: MySet([thing])).copy().pop(),
    "several": [within(lambda thing: MySet([thing])) for _ in range(3)],
    "two": two(),
    "reduce": counted(),
    "key": {Key(1): Thing(a=Key(2)), (Key(3), Key(4)): 5},
    "key deep inside": [[[[[[[[[{Key(1): 1, (Key(2), 2): 3}]]]]]]]]],
    "key of itself": keyed(),
    "keys in sets": [{Key(1), Key(2)}, frozenset([Key(3)]), MySet([Key(4)])],
    "callable object": [Sum(), Sum()],
}


@pytest.mark.parametrize("name", VALUES)
def test_objects_that_contain_themselves_equal_those_of_pickle(name):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for pickler in (pickle.Pickler, pickle._Pickler):
            file = io.BytesIO()
            try:
                pickler(file, protocol).dump(VALUES[name])
                expected = described(pickle.loads(file.getvalue()))
            except (RecursionError, AttributeError, AssertionError):
                continue  # pickle cannot read this value
            assert described(npy_object.load(file.getvalue(), find_class=find_class)) == expected


def test_set_that_contains_itself_keeps_its_member():
    data = pickle.dumps(VALUES["set subclass"])
    found = npy_object.load(data, find_class=find_class)
    assert len(found) == 1 and found.copy().pop().container is found
