"""What is raised where a file cannot be read."""

from typing import Optional


class Error(ValueError):
    """A file, or an element of it, cannot be read as it was asked for.

    ``offset`` is where: bytes from the start of the file, or None where no place is to blame. ``clause`` is the
    permanent id of the rule that is broken, such as ``npy.header.shape``: the specification has a heading for each.
    """

    def __init__(self, message: str, offset: Optional[int] = None, clause: Optional[str] = None) -> None:
        super().__init__(message, offset, clause)

    @property
    def offset(self) -> Optional[int]:
        return self.args[1]  # type: ignore[no-any-return]

    @property
    def clause(self) -> Optional[str]:
        return self.args[2]  # type: ignore[no-any-return]

    def __str__(self) -> str:
        return str(self.args[0])


class MalformedError(Error):
    """The file breaks a rule of its format."""


class TruncatedError(MalformedError):
    """The file ends before its array does."""


class EmptyError(TruncatedError, EOFError):
    """There is nothing to load, or nothing left: an EOFError, as with ``numpy.load``."""


class UnsupportedError(Error):
    """The file is, or may be, right, but not handled here."""


class LimitError(Error):
    """The file asks for more than a limit allows, such as ``max_memory``."""
