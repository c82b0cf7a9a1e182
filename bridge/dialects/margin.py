"""What stands before a marker and goes with it: white space, a list mark, a fence around it.

Held back until it is known what follows: white space, the line of an opening fence, white space,
and on the last line a quote or list mark. Each run of white space is held up to a bound; one that
is longer is text.
"""

from __future__ import annotations

import re

MAX_SPACE = 1024
"""White space in a row that is held: models write a few blank lines at most."""

_LONGEST_MARKS = 16
_LONGEST_INDENT = 20
_LONGEST_FENCE = 100
_INSIDE = 1 << 30
"""The column of what stands behind words."""

_MAY_BE_MARKS = re.compile(r"[ \t>*+\-\d.)\ufeff]*")
_MARKS = re.compile(r"[ \t\ufeff]*(?:(?:[>*+-]|\d{1,3}[.)])[ \t]*){0,3}")
_OPENING_FENCE = re.compile(r"([ \t]*)`{3,}[A-Za-z0-9_+-]{0,30}")


class Margin:
    """``feed`` gives the text that is surely more than margin.

    Then either ``drop`` (a marker follows) or ``close`` (none does) gives what is left of it.
    """

    def __init__(self) -> None:
        self._held = ""
        self._fence_end = 0
        """Where in what is held the line of a fence ends; 0 if there is none."""
        self._marks = 0
        """Where in what is held the marks of the last line begin."""
        self._column = 0
        """How far into its line what is held begins, if only blanks stand before."""
        self._overlong = False
        """Whether the last run of white space was too long, and goes on."""

    @property
    def has_fence(self) -> bool:
        """Whether a fence opens right before what follows."""
        return self._fence_end > 0 and self._only_marks

    def feed(self, text: str) -> str:
        """Take the next characters of text."""
        if self._overlong:
            rest = text.lstrip()
            blanks = text[: len(text) - len(rest)]
            self._overlong = not rest
            return self._pass(blanks, len(blanks)) + (self.feed(rest) if rest else "")
        text = self._held + text
        marks = _marks_in(text, self._column)
        blank = len(text[:marks].rstrip())
        start, fence_end = blank, 0
        if marks - blank > MAX_SPACE:
            start = marks
            self._overlong = marks == len(text)
        elif "\n" in text[blank:marks]:
            fence = _fence_in(text, blank, self._column)
            if fence < blank:
                before = len(text[:fence].rstrip())
                start = before if fence - before <= MAX_SPACE else fence
                fence_end = blank - start
        self._marks, self._fence_end = marks - start, fence_end
        return self._pass(text, start)

    def settle(self) -> str:
        """No marker follows right away: all but the last white space is text."""
        end = len(self._held.rstrip())
        self._marks, self._fence_end = len(self._held) - end, 0
        return self._pass(self._held, end)

    def drop(self, *, fenced: bool) -> str:
        """A marker follows; ``fenced`` if a fence is open. Gives what is text all the same."""
        if not self._only_marks:
            text = self._held.rstrip()
        else:  # the line of a fence that is not open any more closed one
            text = "" if fenced else self._held[: self._fence_end]
        self.begin()
        self._column = _INSIDE
        return text

    def close(self) -> str:
        """No marker follows."""
        held = self._held
        self.begin()
        return held

    def begin(self) -> None:
        """What comes next begins a line."""
        self._held, self._fence_end, self._marks = "", 0, 0
        self._column, self._overlong = 0, False

    @property
    def _only_marks(self) -> bool:
        return _MARKS.fullmatch(self._held, self._marks) is not None

    def _pass(self, text: str, end: int) -> str:
        """Give ``text`` up to ``end`` and hold the rest."""
        passed, self._held = text[:end], text[end:]
        if passed:
            blanks = passed[len(passed.rstrip()) :]
            _, newline, line = blanks.rpartition("\n")
            begins = 0 if newline else self._column if blanks == passed else _INSIDE
            self._column = begins + len(line) if not line.strip(" \t") else _INSIDE
        return passed


def _marks_in(text: str, column: int) -> int:
    """Where the last line begins, but for blanks, if it may be one of marks; else the end.

    ``column`` is where the first character stands on its line.
    """
    end = len(text)
    line = text.rfind("\n", max(end - _LONGEST_MARKS - 1, 0)) + 1
    length = end - line + (0 if line else column)
    if length <= _LONGEST_MARKS and _MAY_BE_MARKS.fullmatch(text, line):
        return end - len(text[line:].lstrip(" \t"))
    return end


def _fence_in(text: str, end: int, column: int) -> int:
    """Where the fence begins whose line ends at ``end``; ``end`` if there is none."""
    line = text.rfind("\n", max(end - _LONGEST_FENCE - 1, 0), end) + 1
    fence = _OPENING_FENCE.fullmatch(text, line, end)
    if fence and len(fence[1]) + (0 if line else column) <= _LONGEST_INDENT:
        return fence.end(1)
    return end
