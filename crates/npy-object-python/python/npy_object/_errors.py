"""The exceptions of the package."""

from typing import Optional


class Error(ValueError):
    """A file, or an element of it, cannot be read.

    ``offset`` is the place of the error, in bytes from the start of the file; None where the error has no place.
    ``clause`` is the permanent id of the broken rule, such as ``npy.header.shape``, a heading of the specification.
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
    """The source has no data, or none left. It is an EOFError too, as from ``numpy.load``."""


class UnsupportedError(Error):
    """The file may be right, but this package does not read it."""


class LimitError(Error):
    """The file asks for more than a limit allows, such as ``max_memory``."""
