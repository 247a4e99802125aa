"""machine.md: the values of a pickle, but for those that are Python's own, such as tuples."""

from .clause import need
from .typed_json import Row, braces, brackets


class Single:
    """What typed JSON writes as an object of one member."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def typed(self):
        return braces({self.name: self.value})


class Buffer(Single):
    """A buffer that is not in the stream."""


class Stub(Single):
    """What only Python would know, and may be called: an extension code, a persistent id."""


class Global(Stub):
    def __init__(self, module, name):
        super().__init__("global", Row((module, name)))


class Call(Stub):
    """An inert object: what would have been called, and what was added to it."""

    numbered = True
    meaning = None  # what it stands for, once somebody has asked

    def __init__(self, name, function, arguments, keywords=None):
        super().__init__(name, function)
        self.state, self.appended, self.items, self.added = [], [], [], []
        self.arguments, self.keywords = arguments, keywords or Dict("dict")
        right = isinstance(function, Stub) and isinstance(arguments, tuple)
        right = right and isinstance(self.keywords, Dict)
        need(right, "pickle.stack.type", "no call")

    def typed(self):
        members = {"callable": self.value, "args": braces({"tuple": brackets(self.arguments)})}
        if self.keywords.entries:
            members["kwargs"] = self.keywords.typed()
        members.update({name: brackets(values) for name, values in self.added_to().items()})
        return braces({self.name: braces(members)})

    def added_to(self):
        """What was added to it, by name."""
        names = ("state", "appended", "items", "added")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def changeable(value):
    """pickle.stack.type"""
    text = "no %s can be changed so" % type(value).__name__
    need(isinstance(value, Call), "pickle.stack.type", text)
    return value


class Dict:
    """`name` is dict, ordereddict or defaultdict."""

    numbered = True

    def __init__(self, name, factory=None):
        self.name, self.factory, self.entries = name, factory, []

    def update(self, pairs):
        for key, value in pairs:
            hashable(key)
            self.entries.append(Row((key, value)))

    def typed(self):
        entries = brackets(self.entries)
        if self.name == "defaultdict":
            entries = Row((self.factory, entries))
        return braces({self.name: entries})


class Set:
    """`name` is set or frozenset."""

    def __init__(self, name, members=()):
        self.name, self.members = name, list(members)

    @property
    def numbered(self):
        return self.name == "set" or bool(self.members)

    def update(self, members):
        for member in members:
            hashable(member)
            self.members.append(member)


def hashable(key):
    """pickle.items.unhashable"""
    right = not isinstance(key, (list, bytearray, Dict)) and getattr(key, "name", "") != "set"
    need(right, "pickle.items.unhashable", "a key that can change")
