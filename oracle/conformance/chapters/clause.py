"""errors.md: the error for an invalid file."""


class Refused(Exception):
    """A file breaks a clause. `at` is the offset of the byte, if known."""

    def __init__(self, clause, text, at=None):
        super().__init__(text)
        self.clause, self.text, self.at = clause, text, at

    def __str__(self):
        place = "" if self.at is None else " (at byte %d)" % self.at
        return "%s%s [%s]" % (self.text, place, self.clause)


def need(condition, clause, text, at=None):
    """Raises Refused unless the condition is true."""
    if not condition:
        raise Refused(clause, text, at)
