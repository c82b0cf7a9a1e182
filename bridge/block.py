"""One block of calls, from just after its opening marker to its end.

    OPENING   the rest of the opening line: nothing is due there, but some models name the tool
    BETWEEN   white space, commas and brackets between objects; an object, a raw parameter or the
              closing marker may begin
    OBJECT    inside a call object; its own depth ends it, a marker inside a string does not
    RAW       inside a raw parameter, up to its end line
    BAD       something that could not be read; collected as it stands up to the closing marker
    OVER      the block has ended

What is read where is decided by the text alone, never by how it was split.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from bridge.batch import Batch
from bridge.calls import CallReader
from bridge.dialects.closing import ClosingMarker
from bridge.dialects.near_miss import Candidate
from bridge.dialects.openings import past_inner_fence, past_opening_line
from bridge.dialects.raw_text import RawText, first_line, may_become_first_line
from bridge.json_grammar import JsonFault
from bridge.parts import Fault
from bridge.tool_names import resolve

if TYPE_CHECKING:
    from bridge.dialects.base import Grammar
    from bridge.dialects.expected import Expected
    from bridge.parts import Part

MAX_CALLS = 64
"""Calls in one reply; a model that writes more is in a loop (real ones stop at about ten)."""

MAX_HELD = 1024 * 1024
"""Characters of a block that are held when it may not stream: more than any model writes."""

_STEP = 64 * 1024
"""Characters of an object that are read at once: no more are copied in vain."""

_UNLIMITED = 1 << 62
_BETWEEN = re.compile(r"[\s,;\[\]>}*\-\ufeff]*")
_NO_OBJECT = Fault("shape", "Expected one JSON object for each call.")
_TOO_LONG = Fault("json", "The call is too long.")


class State(Enum):
    """What the next character belongs to."""

    OPENING = auto()
    BETWEEN = auto()
    OBJECT = auto()
    RAW = auto()
    BAD = auto()
    OVER = auto()


class BlockReader:
    """``read`` gives a block's parts, and the index of the first character that it did not take.

    ``opener`` is what the model wrote to open it. ``calls`` counts the calls read, ``good`` says
    that one of them was a call to an offered tool, ``spoiled`` that nothing behind it can count.
    """

    def __init__(
        self, grammar: Grammar, expected: Expected, *, opener: str = "", room: int = MAX_CALLS
    ) -> None:
        self._grammar = grammar
        self._expected = expected
        self._room = room
        self._closing = ClosingMarker(grammar.close, opener, grammar.open)
        self._state = State.OPENING if grammar.key else State.BETWEEN
        self._named = expected.named
        self._reader = CallReader({})
        self._unended = False
        """Whether the reader's call may go on, or is still being read."""
        self._raw_text = RawText("", "")
        self._fault = _NO_OBJECT
        self._cut = False
        self._unread: list[str] = []
        """What could not be read."""
        self._batch = Batch(expected, grammar.key)
        self._batch.write(opener)
        self.calls = 0

    @property
    def over(self) -> bool:
        """Whether the block has ended."""
        return self._state is State.OVER

    @property
    def good(self) -> bool:
        """Whether there was a call to an offered tool."""
        return self._batch.good

    @property
    def spoiled(self) -> bool:
        """Whether a call broke after it had begun to stream, or too many were written."""
        return self._batch.spoiled

    def read(self, text: str, place: int, parts: list[Part], *, at_end: bool = False) -> int:
        """Read ``text`` from ``place`` on; ``at_end`` when nothing follows it."""
        state, before = None, -1
        while (state, before) != (self._state, place):
            state, before = self._state, place
            if state is State.OPENING:
                place = self._opening(text, place, at_end=at_end)
            elif state is State.BETWEEN:
                place = self._between(text, place, at_end=at_end)
            elif state is State.OBJECT:
                place = self._object(text, place, at_end=at_end)
            elif state is State.RAW:
                place = self._raw(text, place, at_end=at_end)
            elif state is State.BAD:
                place = self._bad(text, place, at_end=at_end)
            if place == len(text) and not at_end:
                break
        parts += self._batch.leave()
        return place

    def close(self, *, finished: bool) -> list[Part]:
        """The reply has ended; ``finished`` unless a limit cut it. What is not whole is cut."""
        nothing = not (self._unended or self.calls)
        if nothing and finished and self._state in (State.OPENING, State.BETWEEN):
            # Behind other calls it adds nothing; alone, a call was meant.
            if self._room == MAX_CALLS:
                self._add_malformed(_NO_OBJECT)
            self._finish()
        elif self._state is State.BETWEEN:
            may_go_on = self._grammar.raw and self._unended and not finished
            if not (self._cut or nothing or may_go_on):
                self._finish()
        if self._state is not State.OVER:
            self._batch.cut(self._reader)
            self._state = State.OVER
        return self._batch.leave()

    def _opening(self, text: str, place: int, *, at_end: bool) -> int:
        end = past_opening_line(text, place, at_end=at_end)
        if end is None:
            return place
        first = text[place:end].split()[:1]
        if first and self._named is None:
            self._named = resolve(first[0], self._expected.tools)
        self._batch.write(text[place:end])
        self._state = State.BETWEEN
        return end

    def _between(self, text: str, place: int, *, at_end: bool) -> int:
        space = _BETWEEN.match(text, place)
        end = space.end() if space else place
        self._batch.write(text[place:end])
        there = text[end : end + len(self._grammar.close)]
        if there.startswith("{"):
            self._begin_object()
        elif there == self._grammar.close:
            return self._close_marker(text, end, at_end=at_end)
        elif there.startswith("@") and self._grammar.raw and self._unended:
            return self._begin_raw(text, end, at_end=at_end)
        elif (at_end and there) or not self._grammar.close.startswith(there):
            if self._unended or self.calls:
                self._finish()  # no closing marker: the last object ended the block
            else:
                self._go_bad(_NO_OBJECT)
        return end

    def _begin_object(self) -> None:
        self._end_call()
        if self._state is State.OVER or self.calls >= self._room:
            self._finish(cut=self._state is not State.OVER)
            return
        self._reader = CallReader(self._expected.tools, named=self._named)
        self._unended = True
        self._state = State.OBJECT

    def _close_marker(self, text: str, place: int, *, at_end: bool) -> int:
        self._end_call()  # however the marker goes on, that cannot change
        if not self.calls:
            inner = past_inner_fence(text, place, at_end=at_end)
            if inner is None:
                return place
            if inner > place:
                self._batch.write(text[place:inner])
                return inner
        end = self._closing.end_at(text, place, at_end=at_end)
        opens = self._closing.opens(text, place, at_end=at_end)
        if opens:
            self._finish()
        if self._state is State.OVER or end is None or opens is None:
            return place
        self._batch.write(text[place:end])
        if not self.calls:
            self._add_malformed(_NO_OBJECT)
        self._finish()
        return end

    def _end_call(self) -> None:
        """The call before is whole, with all that may have followed its object."""
        if not self._unended:
            return
        self._unended = False
        self.calls += 1
        whole = self._batch.end(self._reader)
        if (whole and self._expected.first_only) or self._batch.spoiled:
            self._finish()

    def _finish(self, *, cut: bool = False) -> None:
        self._end_call()
        self._batch.close(cut=cut)
        self._state = State.OVER

    def _object(self, text: str, place: int, *, at_end: bool) -> int:
        reader, start, taken = self._reader, place, self._reader.taken
        room = self._room_left()
        end = min(place + min(room, _STEP), len(text))
        last = end == place + room or (at_end and end == len(text))
        try:
            place = self._closing.read(reader, text, place, end, at_end=last)
        except JsonFault as fault:
            place = start + fault.position - taken
            self._take(text[start:place])
            self._go_bad(Fault("json", f"{fault}."))
            return place
        self._take(text[start:place])
        if reader.done:
            self._state = State.BETWEEN
            if not self._grammar.raw:
                self._end_call()
        elif place == start + room and not self._batch.streaming:
            self._go_bad(_TOO_LONG)
        return place

    def _room_left(self) -> int:
        return _UNLIMITED if self._batch.streaming else max(MAX_HELD - self._batch.held, 0)

    def _take(self, written: str) -> None:
        self._batch.write(written)
        self._batch.stream(self._reader)

    def _begin_raw(self, text: str, place: int, *, at_end: bool) -> int:
        line = first_line(text, place, self._grammar.key, at_end=at_end)
        if line is None:
            if not may_become_first_line(text, place):
                self._finish()
            self._cut = at_end
            return place
        if line.name is not None and (fault := self._reader.begin_parameter(line.name)):
            self._go_bad(fault)
            return place
        self._batch.write(text[place : line.end])
        if line.name is not None:
            self._raw_text = RawText(self._grammar.key, line.line_break)
            self._state = State.RAW
        return line.end

    def _raw(self, text: str, place: int, *, at_end: bool) -> int:
        end = place + self._room_left()
        too_long = end < len(text)
        body, after = self._raw_text.read(text[:end] if too_long else text, place, at_end=at_end)
        self._reader.parameter_text(body)
        if self._raw_text.closed:
            self._reader.end_parameter()
            self._state = State.BETWEEN
        self._take(text[place:after])
        if too_long and not (self._raw_text.closed or self._batch.streaming):
            self._go_bad(_TOO_LONG)
        return after

    def _go_bad(self, fault: Fault) -> None:
        if self._batch.streaming:
            self._batch.break_off(self._reader, fault)
            self._state = State.OVER
        else:
            self._fault = fault
            self._state = State.BAD

    def _bad(self, text: str, place: int, *, at_end: bool) -> int:
        limit = place + max(2 * MAX_HELD - self._batch.held, 0)
        end, ended = self._closing.end_after(text, place, limit, at_end=at_end)
        self._batch.write(text[place:end])
        self._unread.append(text[place:end])
        if ended:
            if not self._read_foreign():
                self._add_malformed(self._fault)
            self._finish()
        return end

    def _read_foreign(self) -> bool:
        """Take what could not be read for calls in another tongue, if it is nothing else."""
        written = "".join(self._unread).removesuffix(self._grammar.close)
        reader = Candidate(self._grammar, self._expected, marked=True)
        reader.read(written, 0, at_end=True)
        calls = reader.close()[: self._room - self.calls]
        self.calls += len(calls)
        return self._batch.add(calls)

    def _add_malformed(self, fault: Fault) -> None:
        self._batch.add_malformed(fault, self._reader.name)
        self._unended = False
        self.calls += 1
