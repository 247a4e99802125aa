"""``Opaque``, which takes the place of an object of a class that was not allowed."""

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass(eq=False)
class Opaque:
    """A class, a function or an object in a file, which was neither imported nor called.

    >>> Opaque("pathlib.PurePosixPath", ("tmp", "a.npy"))
    Opaque('pathlib.PurePosixPath', args=('tmp', 'a.npy'))
    """

    name: str
    """``module.qualname``, as the file spells it."""
    args: Optional[tuple[Any, ...]] = None
    """The arguments of the call; None for a class or function itself."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """The keyword arguments of the call."""
    state: Any = None
    """The state for ``__setstate__``, or for ``__dict__``."""
    appended: list[Any] = field(default_factory=list)
    """The items to append to the object."""
    items: list[tuple[Any, Any]] = field(default_factory=list)
    """The keys and values to set in the object."""

    def __repr__(self) -> str:
        parts = [repr(self.name)]
        parts += ["%s=%r" % (name, value) for name, value in vars(self).items() if name != "name" and value]
        if self.args == ():
            parts.insert(1, "args=()")
        return "Opaque(%s)" % ", ".join(parts)
