"""Marks that close a call although its braces do not, and what closes a whole block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.dialects.shown import overlap

if TYPE_CHECKING:
    from bridge.calls import CallReader

_BACKTICKS = re.compile("`*")

MAX_RUN = 16
"""Backticks in a row that may open a block: twice as many as anyone needs."""


class ClosingMarks:
    """Literals that end a call object unless they stand inside a string."""

    def __init__(self, *marks: str) -> None:
        self._marks = marks
        self._longest = max(map(len, marks))
        self._pattern = re.compile("|".join(map(re.escape, marks)))

    def read(
        self, reader: CallReader, text: str, place: int, end: int, *, at_end: bool = False
    ) -> int:
        """Let ``reader`` read ``text`` from ``place`` to ``end``, up to what closes its call.

        Braces that are missing before a mark are put in. Gives the index of the first character
        not taken: one that may begin a mark is left unless ``at_end``. Raises ``JsonFault``.
        """
        while mark := self._pattern.search(text, place, end):
            place += reader.feed(text[place : mark.start()])
            if reader.done:
                return place
            if not reader.in_string:
                reader.close_open()
                return place
            place += reader.feed(mark.group())
        if not at_end:
            tail = text[max(place, end - self._longest) : end]
            end -= max(overlap(tail, mark) for mark in self._marks)
        return place + reader.feed(text[place:end])


class ClosingMarker(ClosingMarks):
    """What closes a block. A fence closes with as many backticks as ``opener`` has, or fewer.

    ``opening`` is the marker of the next block: a fence that opens one closes nothing.
    """

    def __init__(self, literal: str, opener: str, opening: str) -> None:
        super().__init__(literal)
        self.literal = literal
        self._opening = opening if opening.startswith(literal) else ""
        self._ticks = 0
        if literal.startswith("`"):
            self._ticks = max(len(opener) - len(opener.lstrip("`")), len(literal))

    def end_at(self, text: str, place: int, *, at_end: bool) -> int | None:
        """Where the marker at ``place`` ends; None while it may go on."""
        run = _BACKTICKS.match(text, place, place + self._ticks)
        end = max(run.end() if run else place, place + len(self.literal))
        if end == len(text) and end - place < self._ticks and not at_end:
            return None
        return end

    def opens(self, text: str, place: int, *, at_end: bool) -> bool | None:
        """Whether what stands at ``place`` opens the next block; None while it may."""
        if not self._opening:
            return False
        run = _BACKTICKS.match(text, place, place + MAX_RUN)
        end = run.end() if run else place
        if end == place + MAX_RUN:
            return False
        start = max(end - len(self.literal), place)
        there = text[start : start + len(self._opening) + 1]
        if not at_end and len(there) <= len(self._opening) and self._opening.startswith(there):
            return None
        goes_on = there[len(self._opening) :]
        return there.startswith(self._opening) and not (goes_on.isalnum() or goes_on == "_")

    def end_after(self, text: str, place: int, limit: int, *, at_end: bool) -> tuple[int, bool]:
        """Where the next marker ends, if it begins before ``limit``, and whether that is certain.

        Without one, how far there is none, and whether that is as far as there may be one.
        """
        found = text.find(self.literal, place, limit + len(self.literal) - 1)
        if found >= 0:
            end = self.end_at(text, found, at_end=at_end)
            opens = self.opens(text, found, at_end=at_end)
            if end is None or opens is None:
                return found, False
            return found if opens else end, True
        tail = text[max(place, len(text) - self._longest) :]
        end = min(len(text) - (0 if at_end else overlap(tail, self.literal)), limit)
        return end, at_end or end == limit
