"""Calls that stand in thinking: kept, in case that thinking is never closed and they are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.dialects.shown import overlap
from bridge.parts import Block, Call, CallArguments, CallEnd, CallStart, Thinking

if TYPE_CHECKING:
    from bridge.parts import Part

MAX_KEPT = 64 * 1024
"""Characters of calls that are kept in case their thinking is never closed."""


class ThoughtCalls:
    """Thinking on its way out; what stands from a call's ``marker`` on is ``kept``."""

    def __init__(self, marker: str) -> None:
        self._marker = marker
        self._kept: list[str] = []
        self._length = 0

    @property
    def kept(self) -> str:
        """The marker and what came after it."""
        return "".join(self._kept)

    def find(self, text: str, place: int, end: int) -> int:
        """Where the marker begins in ``text`` before ``end``; -1 if it does not."""
        return text.find(self._marker, place, end + len(self._marker) - 1) if self._marker else -1

    def held_from(self, text: str, place: int) -> int:
        """Where the tail of ``text`` begins, from ``place`` on, that may become the marker."""
        tail = text[max(len(text) - len(self._marker), place) :]
        return len(text) - (overlap(tail, self._marker) if self._marker else 0)

    def pass_on(self, text: str, place: int, end: int, parts: list[Part]) -> None:
        """The text from ``place`` to ``end`` is thinking."""
        if not self._kept:
            found = self.find(text, place, end)
            before = found if found >= 0 else end
            give(parts, text[place:before])
            place = before
        if place < end:
            self._kept.append(text[place:end])
            self._length += end - place
        if self._length > MAX_KEPT:
            give(parts, self.kept)
            self.forget()
            self._marker = ""

    def forget(self) -> None:
        """What was kept is thinking."""
        self._kept, self._length = [], 0


class ThoughtsApart(ThoughtCalls):
    """Thinking that comes apart from the text of a reply, in pieces of its own."""

    def __init__(self, marker: str) -> None:
        super().__init__(marker)
        self._tail = ""

    @property
    def rest(self) -> str:
        """What has not gone out: a call, or what may become one."""
        return self.kept + self._tail

    def feed(self, text: str, parts: list[Part]) -> None:
        """Take the next characters."""
        text = self._tail + text
        end = self.held_from(text, 0)
        self.pass_on(text, 0, end, parts)
        self._tail = text[end:]


def is_call(part: Part) -> bool:
    """Whether it is of a call that was understood."""
    if isinstance(part, Block):
        return all(isinstance(call, Call) for call in part.calls) and not part.cut
    return isinstance(part, CallStart | CallArguments | CallEnd)


def give(parts: list[Part], thinking: str) -> None:
    """Thinking goes out, if there is any."""
    if thinking:
        parts.append(Thinking(thinking))
