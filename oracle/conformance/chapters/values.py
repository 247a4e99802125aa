"""machine.md: those values of a pickle for which Python's own types are not used."""

from .clause import need
from .typed_json import Row, braces, brackets


class Single:
    """A value that typed JSON writes as an object of one member."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def typed(self):
        return braces({self.name: self.value})


class Buffer(Single):
    """A buffer outside the pickle."""


class Stub(Single):
    """A value that Python would look up, and that can be called: an extension, a persistent id."""


class Global(Stub):
    def __init__(self, module, name):
        super().__init__("global", Row((module, name)))


class Call(Stub):
    """A call that was not made, and the states and items that were added to its result."""

    numbered = True
    meaning = None  # the value of the call, when it is known

    def __init__(self, name, function, arguments, keywords=None):
        super().__init__(name, function)
        self.state, self.appended, self.items, self.added = [], [], [], []
        self.arguments, self.keywords = arguments, keywords or Dict("dict")
        right = isinstance(function, Stub) and isinstance(arguments, tuple)
        right = right and isinstance(self.keywords, Dict)
        need(right, "pickle.stack.type", "invalid callable or arguments")

    def typed(self):
        members = {"callable": self.value, "args": braces({"tuple": brackets(self.arguments)})}
        if self.keywords.entries:
            members["kwargs"] = self.keywords.typed()
        members.update({name: brackets(values) for name, values in self.added_to().items()})
        return braces({self.name: braces(members)})

    def added_to(self):
        """Returns what was added to the result, by name."""
        names = ("state", "appended", "items", "added")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def changeable(value):
    """pickle.stack.type"""
    text = "this instruction cannot change a value of type %s" % type(value).__name__
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
    need(right, "pickle.items.unhashable", "a mutable value as a key, or in a set")
