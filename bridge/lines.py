"""What stands on the line before a place in a text that arrives in pieces."""

from __future__ import annotations

import re

LONGEST_PREFIX = 24
"""Characters of indentation, quotation and list marks with which a line may begin."""

_PREFIX = re.compile(r"[ \t>*+\-\ufeff]*(?:\d{1,3}[.)][ \t]*)?")


class Line:
    """``text``: the line that has been taken so far, up to a character more than a prefix has."""

    def __init__(self) -> None:
        self.text = ""

    def skip(self, *, begins_line: bool) -> None:
        """Something that is no text ends here."""
        self.text = "" if begins_line else "x"

    def add(self, text: str, place: int, end: int) -> None:
        """``text`` was taken from ``place`` to ``end``."""
        recent = text[max(place, end - LONGEST_PREFIX - 1) : end]
        _, newline, line = recent.rpartition("\n")
        self.text = line if newline else (self.text + recent)[-LONGEST_PREFIX - 1 :]

    def before(self, text: str, place: int, at: int) -> str:
        """What stands before ``at`` on its line, or more of it than a prefix may have.

        ``text`` has been taken up to ``place``.
        """
        recent = text[max(place, at - LONGEST_PREFIX - 1) : at]
        _, newline, line = recent.rpartition("\n")
        return line if newline else self.text + recent

    def begins_at(self, text: str, place: int, at: int) -> bool:
        """Whether nothing but indentation, a quotation or a list mark stands before ``at``."""
        line = self.before(text, place, at)
        return len(line) <= LONGEST_PREFIX and _PREFIX.fullmatch(line) is not None
