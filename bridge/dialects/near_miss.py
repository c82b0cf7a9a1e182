"""Near misses: what models write instead of the dialect they were asked for.

No key or one spelled otherwise, a ``json`` fence, a vendor's tags, a bare object, a list of
objects, a call as in Python. They are understood, but only through a gate, since text that looks
like a call may be an example or an echo: every tool is offered, every arguments object passes its
schema, nothing but white space and closing marks follows in the reply, and the call's text does
not stand in anything that the request holds.

``Candidate`` reads text that may be one. It says as early as it can what is none, and where, so
that ordinary text streams on; what passes is decided at the end of the reply.

    AROUND   white space, brackets, fences and vendors' tags between calls
    OBJECT   inside a call object
    FOREIGN  in another tongue's call, which is read at the end
    FAILED   ordinary text after all
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from bridge.calls import CallReader, resolve
from bridge.checks import SchemaChecks
from bridge.dialects.closing import ClosingMarks
from bridge.dialects.foreign import OPENING, NoCall, call_at
from bridge.dialects.openings import FIRST_KEYS, UNDECIDED, is_info, named_by, tags_around
from bridge.dialects.shown import shown
from bridge.json_grammar import JsonFault
from bridge.parts import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.calls import Tools
    from bridge.dialects.base import Grammar

MAX_LENGTH = 256 * 1024
"""Characters held for a candidate: a large file as an argument, not a reply without end."""

MAX_CALLS = 64
"""As in a block."""

_STEP = 1024
_FIRST_STEP = 64
"""Characters of an object that are read at once: no more are copied in vain."""

_CLOSING = ClosingMarks("```", "</")
_SPACE = re.compile(r"[\s,;\ufeff]*")
_FENCE_LINE = re.compile(r"(?:`{3,}|~{3,})[ \t]*([^`]*)")
_MAY_BE_FOREIGN = re.compile(
    r"[A-Za-z_][\w.-]*(?:\[[ARGS]*\]?)?\s*|<(?:f[a-z]*(?:=[^>]*)?|i[a-z]*(?:\s[^>]*)?)?"
)
_QUOTE = re.compile(r"[\"']")
_ESCAPE = re.compile(r"\\+(?:[nrt]|u([0-9A-Fa-f]{4}))?")


class State(Enum):
    """What the next character belongs to."""

    AROUND = auto()
    OBJECT = auto()
    FOREIGN = auto()
    FAILED = auto()


class Candidate:
    """Text that may be near misses: ``read`` until ``failed``, then ``close``.

    ``taken`` counts the characters read. Once it has ``failed``, no near miss begins before that.
    """

    def __init__(self, grammar: Grammar, tools: Tools, checks: SchemaChecks | None = None) -> None:
        self._grammar = grammar
        self._tools = tools
        self._checks = checks or SchemaChecks()
        self._state = State.AROUND
        self._reader = CallReader(tools)
        self._written: list[str] = []
        self._calls: list[Call] = []
        self._named: str | None = None
        self._lists = 0
        self._begun = False
        self.taken = 0

    @property
    def failed(self) -> bool:
        """Whether this is ordinary text after all."""
        return self._state is State.FAILED

    def read(self, text: str, place: int, *, at_end: bool = False) -> int:
        """Read ``text`` from ``place`` on; gives the index of the first character not taken."""
        end = min(place + MAX_LENGTH - self.taken, len(text))
        too_long = end < len(text)
        stopped = self._read_to(text, place, end, at_end=at_end and not too_long)
        self.taken += stopped - place
        if too_long:
            self._state = State.FAILED
        return stopped

    def close(self, messages: Sequence[str]) -> tuple[Call, ...]:
        """The reply has ended: the calls, none if the gate is shut."""
        try:
            while self._state is State.FOREIGN:
                self._read_foreign()
        except (NoCall, JsonFault):
            return ()
        if self._state is not State.AROUND or _echoed(self._calls, messages):
            return ()
        return tuple(self._calls)

    def _read_to(self, text: str, place: int, end: int, *, at_end: bool) -> int:
        state, before = State.FAILED, -1
        while (state, before) != (self._state, place) and place < end:
            state, before = self._state, place
            if state is State.AROUND:
                place = self._around(text, place, end, at_end=at_end)
            elif state is State.OBJECT:
                place = self._object(text, place, end, at_end=at_end)
            elif state is State.FOREIGN:
                self._written.append(text[place:end])
                place = end
            self._begun = self._begun or place > before
        return place

    # Around calls -------------------------------------------------------------------------------

    def _around(self, text: str, place: int, end: int, *, at_end: bool) -> int:
        space = _SPACE.match(text, place, end)
        if space and space.end() > place:
            return space.end()
        own = text.startswith(self._grammar.open, place)
        if (own and self._begun and not self._calls) or len(self._calls) == MAX_CALLS:
            return self._fail(place)  # the model's own dialect is no near miss
        there = text[place : min(place + UNDECIDED, end)]
        if there[0] == "{":
            self._state, self._written = State.OBJECT, []
            self._reader = CallReader(self._tools, named=self._named)
            return place
        if there[0] in "`~":
            return self._fence(there, place, at_end=at_end)
        for tag in tags_around(self._grammar.key):
            if there.startswith(tag):
                return place + len(tag)
            if tag.startswith(there) and not at_end:
                return place
        if there[0] in "[]":
            self._lists += 1 if there[0] == "[" else -1
            return place + 1 if self._lists >= 0 else self._fail(place)
        return self._foreign(there, place, at_end=at_end)

    def _fence(self, there: str, place: int, *, at_end: bool) -> int:
        line, newline, _ = there.partition("\n")
        if not (newline or at_end) and len(line) < UNDECIDED:
            return place
        fence = _FENCE_LINE.fullmatch(line.rstrip())
        if fence is None or not is_info(fence[1]):
            return self._fail(place)
        try:
            self._named = named_by(fence[1], self._grammar.key, self._tools)
        except ValueError:
            return self._fail(place)
        return place + len(line) + len(newline)

    def _foreign(self, there: str, place: int, *, at_end: bool) -> int:
        opening = OPENING.match(there)
        if opening and resolve(opening[opening.lastgroup or 0], self._tools):
            self._state, self._written = State.FOREIGN, []
            return place
        may_be = not (opening or at_end) and len(there) < UNDECIDED
        if may_be and _MAY_BE_FOREIGN.fullmatch(there):
            return place
        return self._fail(place)

    def _fail(self, place: int) -> int:
        self._state = State.FAILED
        return place

    # Calls --------------------------------------------------------------------------------------

    def _object(self, text: str, place: int, end: int, *, at_end: bool) -> int:
        reader, start, taken = self._reader, place, self._reader.taken
        stop = min(place + (_STEP if reader.tool else _FIRST_STEP), end)
        quote = None if reader.tool else _QUOTE.search(text, place, stop)
        if quote:
            stop = quote.end()
        last = at_end and stop == end
        try:
            place = _CLOSING.read(reader, text, place, stop, at_end=last)
        except JsonFault as fault:
            return self._fail(start + fault.position - taken)
        self._written.append(text[start:place])
        if reader.done:
            meant = reader.meant()
            reader.finish()
            if isinstance(meant, str):
                self._accept(meant, reader.take() or "{}", repaired=reader.repaired)
            else:
                self._fail(place)
        elif quote and place == stop and self._hopeless():
            self._fail(place)
        return place

    def _hopeless(self) -> bool:
        """Whether what is known of the object by now is not what a call begins with."""
        reader = self._reader
        if reader.name is not None:
            return reader.tool is None
        return self._named is None and reader.first_key not in {None, *FIRST_KEYS}

    def _accept(self, tool: str, arguments: str, *, repaired: bool) -> None:
        """A call, if it passes its schema."""
        key = self._grammar.key
        arguments = shown(arguments, key)
        schema = self._tools[tool]
        if not arguments.startswith("{") or self._checks.fault_of(arguments, schema):
            self._state = State.FAILED
            return
        raw = shown("".join(self._written), key)
        self._calls.append(Call(tool, arguments, raw, near_miss=True, repaired=repaired))
        self._state = State.AROUND

    def _read_foreign(self) -> None:
        text = "".join(self._written)
        call = call_at(text, 0, self._tools)
        self._written = [text[: call.end]]
        self._accept(call.tool, call.arguments, repaired=True)
        self._read_to(text, call.end, len(text), at_end=True)


def _echoed(calls: Sequence[Call], messages: Sequence[str]) -> bool:
    """Whether a call stands in a text of the request, however it is spaced or quoted there."""
    written = [_bare(call.raw) for call in calls]
    return any(call in text for text in map(_bare, messages) for call in written)


def _bare(text: str) -> str:
    """Text without white space and escapes: results are JSON that holds text, or JSON, in turn."""
    if "\\" in text:
        text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "", text)
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return "".join(text.split())
