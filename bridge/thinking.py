"""Takes thinking out of a reply; what is inside never reaches a client.

    START    only white space and tags so far: another tag may come
    UNSURE   something else, and yet it may be thinking: a model that was asked to think opened no
             tag (its template may have), a nested one is not closed, or the words are some that a
             family opens its thinking with. Held until a closing tag shows that it was, or
             something else that it was not; if nothing does, it is the answer
    INSIDE   everything is thinking until its closing tag
    ANSWER   thinking is over; what follows is for others to read

How tags are spelled is a table: ``bridge.dialects.thoughts``. A tag in a code span is no tag:
models write about such tags, too.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

import msgspec

from bridge.dialects.code_spans import open_span
from bridge.dialects.thought_tags import Sense, any_tag, tags_inside, tags_unsure
from bridge.thought_calls import ThoughtCalls, give

if TYPE_CHECKING:
    from bridge.dialects.thoughts import Family
    from bridge.parts import Part

MAX_SPACE = 1024
"""White space that may stand before thinking."""

MAX_RUN = 16
"""Backticks in a row that open a code span; one of more may be cut anywhere."""

_SPACE = re.compile(r"[\s\ufeff]*")


class State(Enum):
    """What has been seen."""

    START = auto()
    UNSURE = auto()
    INSIDE = auto()
    ANSWER = auto()


class Thoughts(msgspec.Struct, frozen=True):
    """How a reply may think: whether it was ``asked`` to, and whether its prompt ``opened`` a tag.

    If the latter is not known, what begins without a tag may be thinking where it was asked for.
    """

    asked: bool = False
    opened: bool | None = None

    def reader(self, marker: str) -> ThinkingReader:
        """Takes thinking out of such a reply; ``marker`` opens a call."""
        unsure = self.asked and self.opened is None
        return ThinkingReader(unsure=unsure, opened=bool(self.opened), marker=marker)


class ThinkingReader:
    """``read`` gives thinking, and the index of the first character that it did not take.

    ``unsure``: what begins without a tag may be thinking. ``opened``: a tag stands before the first
    character. ``marker`` opens a call. It ends any doubt, since thinking without tags does not
    call. What stands from it on in thinking is ``kept``: if that is never closed, the call may be
    meant.
    """

    def __init__(self, *, unsure: bool = False, opened: bool = False, marker: str = "") -> None:
        self._state = State.INSIDE if opened else State.START
        self._tags = tags_inside(None) if opened else any_tag()
        self._thought = opened
        self._unsure = unsure
        self._assumed = opened
        """Whether thinking was opened by what stands before the reply, and nothing came yet."""
        self._depth = 1 if opened else 0
        self._blank = True
        """Whether nothing but white space came since the opening tag."""
        self._span = 0
        """The backticks of the code span that is open."""
        self._calls = ThoughtCalls(marker)
        self._doubted: list[str] = []

    @property
    def over(self) -> bool:
        """Whether the answer begins with the next character."""
        return self._state is State.ANSWER

    @property
    def inside(self) -> bool:
        """Whether the next character is thinking."""
        return self._state is State.INSIDE

    @property
    def untouched(self) -> bool:
        """Whether nothing but white space has come."""
        return self._state is State.START and not self._thought

    @property
    def kept(self) -> str:
        """What stands from a marker on in thinking that is not closed."""
        return self._calls.kept

    def take_back(self) -> str:
        """What was read and turned out to be the beginning of the answer."""
        doubted, self._doubted = "".join(self._doubted), []
        return doubted

    def settle(self) -> None:
        """Thinking comes apart from the text: what begins without a tag is the answer."""
        self._unsure = False
        if self._state is State.UNSURE:
            self._state = State.ANSWER
        elif self._assumed:
            self._state, self._tags = State.START, any_tag()
            self._thought, self._depth = False, 0

    def read(self, text: str, place: int, parts: list[Part], *, at_end: bool = False) -> int:
        """Read ``text`` from ``place`` on; ``at_end`` when nothing follows it."""
        self._assumed = self._assumed and place == len(text)
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
        tags = any_tag()
        after = _past_space(text, place)
        may_come = False
        while after - place <= MAX_SPACE or self._thought:
            may_come = not at_end and tags.begins(text, after)
            found = tags.pattern.match(text, after)
            tag = tags.meaning(found) if found and not may_come else None
            if found is None or tag is None:
                break
            if tag.family.words:
                self._begin_doubt(tag.family)
                return after if self._thought else place
            self._thought = True
            place = found.end()
            if tag.sense is Sense.OPENS:
                self._open(tag.family)
                return place
            self._depth = max(self._depth - 1, 0) if tag.family.nests else 0
            after = _past_space(text, place)
        if self._thought:
            place = after  # white space around tags is no text
        if may_come and after - place <= MAX_SPACE:
            return place
        if self._depth > 0 or (self._unsure and not self._thought):
            self._begin_doubt(None)
        else:
            self._state = State.ANSWER
        return place

    def _open(self, family: Family) -> None:
        self._state, self._tags = State.INSIDE, tags_inside(family)
        self._blank, self._span = True, 0
        self._depth += 1

    def _begin_doubt(self, family: Family | None) -> None:
        self._state, self._tags, self._span = State.UNSURE, tags_unsure(family), 0

    def _close(self, thinking: str, parts: list[Part], *, depth: int) -> None:
        give(parts, thinking)
        self._state, self._thought, self._depth = State.START, True, depth
        self._calls.forget()
        self._doubted = []

    def _doubt(self, text: str, place: int, parts: list[Part], *, at_end: bool) -> int:
        at = place
        while True:
            found, end = self._next_tag(text, at, at_end=at_end)
            marker = self._calls.find(text, at, end)
            if marker >= 0 or found is None:
                break
            tag = self._tags.meaning(found)
            if tag.sense is not Sense.OPENS:
                depth = max(self._depth - 1, 0) if tag.family.nests else 0
                self._close(self.take_back() + text[place:end], parts, depth=depth)
                return end if tag.sense is Sense.HEADS else found.end()
            if tag.family.control or text[end - 1 : end] == "\n":
                marker = end
                break
            at = found.end()
        if at_end or marker >= 0:
            self._state = State.ANSWER
            return place
        self._doubted.append(text[place:end])
        return end

    def _think(self, text: str, place: int, parts: list[Part], *, at_end: bool) -> int:
        at = place
        while True:
            found, end = self._next_tag(text, at, at_end=at_end)
            self._blank = self._blank and not text[at:end].strip()
            if found is None:
                break
            tag = self._tags.meaning(found)
            if tag.sense is not Sense.OPENS:
                depth = self._depth - 1 if tag.family.nests else 0
                self._close(self.kept + text[place:end], parts, depth=depth)
                return end if tag.sense is Sense.HEADS else found.end()
            self._depth += not self._blank
            at = found.end()
        self._calls.pass_on(text, place, end, parts)
        return end

    # Tags ---------------------------------------------------------------------------------------

    def _next_tag(self, text: str, place: int, *, at_end: bool) -> tuple[re.Match[str] | None, int]:
        """The next tag that stands in no code span, and its place; None, and how far there is none.

        The code spans up to there have been read.
        """
        span, at = self._span, place
        certain = len(text) if at_end else self._certain(text, place)
        for tag in self._tags.pattern.finditer(text, place):
            span, at = open_span(text, at, tag.start(), span), tag.start()
            quoted = span > 0 and text[at - 1 : at] == "`"
            undecided = self._tags.begins(text, at) or (quoted and tag.end() == len(text))
            if undecided and not at_end:
                certain = min(certain, _before_ticks(text, at, place))
                break
            if not quoted or text[tag.end() : tag.end() + 1] != "`":
                self._span = span
                return tag, at
            at = tag.end()
        self._span = open_span(text, place, certain, self._span)
        return None, certain

    def _certain(self, text: str, place: int) -> int:
        """Where what may begin a call's marker, or a tag with the characters before it, begins."""
        end = min(self._tags.held_from(text, place), self._calls.held_from(text, place))
        return _before_ticks(text, end, place)


def _before_ticks(text: str, end: int, place: int) -> int:
    """Before ``end``, the character in front of it and the backticks that it may be one of."""
    end = max(end - 1, place)
    least = max(end - MAX_RUN, place)
    while end > least and text[end - 1] == "`":
        end -= 1
    return end


def _past_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place
