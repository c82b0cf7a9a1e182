"""Takes thinking out of a reply; what is inside never reaches a client.

    START    only white space and tags so far: another tag may come
    UNSURE   something else, and yet it may be thinking: a model that was asked to think opened no
             tag (its template may have), or a nested one is not closed. Held until a closing tag
             shows that it was, or something else that it was not
    INSIDE   everything is thinking until its closing tag
    ANSWER   thinking is over; what follows is for others to read

A tag in a code span is no tag: models write about such tags, too.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from bridge.dialects.shown import overlap
from bridge.parts import Thinking

if TYPE_CHECKING:
    from bridge.parts import Part

OPENERS = ("<think>", "<thinking>", "<reasoning>", "<thought>")
CLOSERS = tuple(opener.replace("<", "</") for opener in OPENERS)

HOLD = 2048
"""Characters that are held while unsure."""

MAX_SPACE = 1024
"""White space that may stand before thinking."""

MAX_KEPT = 64 * 1024
"""Characters of calls that are kept in case their thinking is never closed."""

_LONGEST = max(map(len, CLOSERS)) + 2  # with what stands around a tag in a code span
_SPACE = re.compile(r"[\s\ufeff]*")
_OPENER = "<(?:" + "|".join(opener[1:-1] for opener in OPENERS) + ")>"
_CLOSER = _OPENER.replace("<", "</")
_TAG = re.compile(rf"{_OPENER}|{_CLOSER}", re.IGNORECASE)
_UNQUOTED = re.compile(
    "|".join(rf"(?<!`){tag}|{tag}(?!`)" for tag in (_OPENER, _CLOSER)), re.IGNORECASE
)
_TELLING = re.compile(rf"(?<!`){_CLOSER}|{_CLOSER}(?!`)|(?<=\n){_OPENER}", re.IGNORECASE)
"""In text that may be thinking: what ends it, or shows that it was none."""


class State(Enum):
    """What has been seen."""

    START = auto()
    UNSURE = auto()
    INSIDE = auto()
    ANSWER = auto()


class ThinkingReader:
    """``read`` gives thinking, and the index of the first character that it did not take.

    ``asked``: the model was asked to think. ``opened``: a tag stands before the first character.
    ``marker`` opens a call. It ends any doubt, since thinking without tags does not call. What
    stands from it on in thinking is ``kept``: if that is never closed, the call may be meant.
    """

    def __init__(self, *, asked: bool = False, opened: bool = False, marker: str = "") -> None:
        self._state = State.INSIDE if opened else State.START
        self._thought = opened
        self._unsure = asked and not opened
        self._depth = 1 if opened else 0
        self._blank = True
        """Whether nothing but white space came since the opening tag."""
        self._examined = 0
        self._marker = marker
        self._kept: list[str] = []
        self._kept_length = 0

    @property
    def over(self) -> bool:
        """Whether the answer begins with the next character."""
        return self._state is State.ANSWER

    @property
    def inside(self) -> bool:
        """Whether the next character is thinking."""
        return self._state is State.INSIDE

    @property
    def kept(self) -> str:
        """What stands from a marker on in thinking that is not closed."""
        return "".join(self._kept)

    def read(self, text: str, place: int, parts: list[Part], *, at_end: bool = False) -> int:
        """Read ``text`` from ``place`` on; ``at_end`` when nothing follows it."""
        state = None
        while self._state is not state:
            state = self._state
            if state is State.START:
                place = self._start(text, place, at_end=at_end)
            elif state is State.UNSURE:
                place = self._doubt(text, place, parts, at_end=at_end)
            elif state is State.INSIDE:
                place = self._think(text, place, parts, at_end=at_end)
        return place

    def _start(self, text: str, place: int, *, at_end: bool) -> int:
        after = _past_space(text, place)
        while after - place <= MAX_SPACE or self._thought:
            tag = _TAG.match(text, after)
            if tag is None:
                break
            self._thought = True
            if _opens(tag):
                self._state, self._blank = State.INSIDE, True
                self._depth += 1
                return tag.end()
            self._depth = max(self._depth - 1, 0)
            place, after = tag.end(), _past_space(text, tag.end())
        if self._thought:
            place = after  # white space around tags is no text
        may_come = not at_end and after - place <= MAX_SPACE and _may_begin_tag(text, after)
        if not may_come:
            unsure = self._depth > 0 or (self._unsure and not self._thought)
            self._state = State.UNSURE if unsure else State.ANSWER
            self._examined = 0
        return place

    def _doubt(self, text: str, place: int, parts: list[Part], *, at_end: bool) -> int:
        start = place + max(self._examined - max(_LONGEST, len(self._marker)), 0)
        telling = _TELLING.search(text, start)
        if telling and not at_end and _may_be_quoted(text, telling):
            telling = None
        marker = text.find(self._marker, start) if self._marker else -1
        if telling and telling.start() - place < HOLD and not 0 <= marker < telling.start():
            if _opens(telling):
                self._state = State.ANSWER
                return place
            _give(parts, text[place : telling.start()])
            self._state, self._thought = State.START, True
            self._depth = max(self._depth - 1, 0)
            return telling.end()
        if at_end or marker >= 0 or len(text) - place >= HOLD + _LONGEST:
            self._state = State.ANSWER
        self._examined = len(text) - place
        return place

    def _think(self, text: str, place: int, parts: list[Part], *, at_end: bool) -> int:
        counted = place
        certain = len(text) if at_end else self._certain(text, place)
        for tag in _UNQUOTED.finditer(text, place):
            at = tag.start()
            if not at_end and _may_be_quoted(text, tag):
                certain = at - 1
                break
            self._blank = self._blank and not text[counted:at].strip()
            counted = tag.end()
            if not _opens(tag):
                self._depth -= 1
                _give(parts, self.kept + text[place:at])
                self._state, self._kept, self._kept_length = State.START, [], 0
                return counted
            if not self._blank:
                self._depth += 1
        certain = max(certain, counted)
        self._blank = self._blank and not text[counted:certain].strip()
        self._pass(text, place, certain, parts)
        return certain

    def _certain(self, text: str, place: int) -> int:
        """Where what may begin a call's marker, or a tag with the character before it, begins."""
        tag = text.rfind("<", max(len(text) - _LONGEST, place))
        held = len(text) - tag if tag >= 0 and _may_begin_tag(text, tag) else 0
        if self._marker:
            tail = text[max(len(text) - len(self._marker), place) :]
            held = max(held, overlap(tail, self._marker) - 1)
        return max(len(text) - held - 1, place)

    def _pass(self, text: str, place: int, certain: int, parts: list[Part]) -> None:
        """Thinking goes out; from a call's marker on it is kept."""
        if not self._kept:
            end = certain + len(self._marker) - 1
            found = text.find(self._marker, place, end) if self._marker else -1
            before = found if found >= 0 else certain
            _give(parts, text[place:before])
            place = before
        if place < certain:
            self._kept.append(text[place:certain])
            self._kept_length += certain - place
        if self._kept_length > MAX_KEPT:
            _give(parts, self.kept)
            self._kept, self._kept_length, self._marker = [], 0, ""


def _give(parts: list[Part], thinking: str) -> None:
    if thinking:
        parts.append(Thinking(thinking))


def _opens(tag: re.Match[str]) -> bool:
    return tag.group()[1] != "/"


def _may_be_quoted(text: str, tag: re.Match[str]) -> bool:
    """Whether it takes the next character to tell a tag from one in a code span."""
    return tag.end() == len(text) and text[tag.start() - 1 : tag.start()] == "`"


def _may_begin_tag(text: str, place: int) -> bool:
    begun = text[place : place + _LONGEST].lower()
    return any(tag.startswith(begun) and tag != begun for tag in OPENERS + CLOSERS)


def _past_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place
