"""What stands for objects of classes that nobody allowed."""

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass(eq=False)
class Opaque:
    """A class, a function, or an object, that a file names and that was neither imported nor called.

    >>> Opaque("pathlib.PurePosixPath", ("tmp", "a.npy"))
    Opaque('pathlib.PurePosixPath', args=('tmp', 'a.npy'))
    """

    name: str
    """``module.qualname``, as the file spells it."""
    args: Optional[tuple[Any, ...]] = None
    """What it would have been called with; None where it is the class or function itself."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of that call."""
    state: Any = None
    """What ``__setstate__`` would have been given, or ``__dict__`` been updated with."""
    appended: list[Any] = field(default_factory=list)
    """What would have been appended to it."""
    items: list[tuple[Any, Any]] = field(default_factory=list)
    """Keys and values that would have been set."""

    def __repr__(self) -> str:
        parts = [repr(self.name)]
        parts += ["%s=%r" % (name, value) for name, value in vars(self).items() if name != "name" and value]
        if self.args == ():
            parts.insert(1, "args=()")
        return "Opaque(%s)" % ", ".join(parts)
