"""Near misses: what models write instead of the dialect they were asked for.

No key or one spelled otherwise, a ``json`` fence, a vendor's tags, a bare object, a list of
objects, a call as in Python. They are understood, but only through a gate, since text that looks
like a call may be an example or an echo: every tool is offered, every arguments object passes its
schema, nothing but white space and closing marks follows in the reply, and the call is no echo of
what others wrote.

``Candidate`` reads text that may be one. It says as early as it can what is none, and where, so
that ordinary text streams on; what passes is decided at the end of the reply.

    AROUND   white space, brackets, fences and vendors' tags between calls
    OBJECT   inside a call object
    FOREIGN  in another tongue's call, which is read at the end
    BROKEN   in what a vendor's tag says is a call to an offered tool, and cannot be read as one
    FAILED   ordinary text after all
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from bridge.call_members import defines_tool
from bridge.calls import CallReader, of_object
from bridge.dialects.closing import ClosingMarks
from bridge.dialects.foreign import call_at, name_at
from bridge.dialects.foreign_values import NoCall
from bridge.dialects.openings import (
    LIST,
    UNDECIDED,
    is_info,
    is_own_info,
    may_become_call,
    may_become_list,
    may_become_wrapper,
    named_by,
    wrapper_end,
)
from bridge.dialects.shown import shown
from bridge.json_grammar import JsonFault
from bridge.parts import Call, Fault, Malformed
from bridge.schema_paths import place_of
from bridge.tool_names import resolve

if TYPE_CHECKING:
    from bridge.dialects.base import Grammar
    from bridge.dialects.expected import Expected

MAX_LENGTH = 256 * 1024
"""Characters held for a candidate: a large file as an argument, not a reply without end."""

MAX_CALLS = 64
"""As in a block."""

_STEP = 1024
_FIRST_STEP = 64
"""Characters of an object that are read at once: no more are copied in vain."""

_CLOSING = ClosingMarks("```", "</")
_SPACE = re.compile(r"[\s,;>\ufeff]*")
"""What may stand between calls, the marks of a quotation among it."""

_FENCE_LINE = re.compile(r"(?:`{3,}|~{3,})[ \t]*([^`]*)")
_ENDS_IN_MARKUP = re.compile(r"[>\]})`]\s*\Z")
"""What a call ends with, so that no words follow it."""

_QUOTE = re.compile(r"[\"']")


class State(Enum):
    """What the next character belongs to."""

    AROUND = auto()
    OBJECT = auto()
    FOREIGN = auto()
    BROKEN = auto()
    FAILED = auto()


class Candidate:
    """Text that may be near misses: ``read`` until ``failed``, then ``close``.

    ``taken`` counts the characters read. Once it has ``failed``, no near miss begins before that.
    After ``close``, ``broken`` says what is wrong where a call was meant that cannot be read.
    """

    def __init__(self, grammar: Grammar, expected: Expected, *, marked: bool = False) -> None:
        """``marked``: something before it says that these are calls."""
        self._grammar = grammar
        self._expected = expected
        self._tools = tools = expected.tools
        self._state = State.AROUND
        self._reader = CallReader(tools)
        self._written: list[str] = []
        self._calls: list[Call] = []
        self._named = expected.named
        self._marked = marked
        """Whether a tag or an info string says that these are calls."""
        self._lists = 0
        self._objects = 0
        self._begun = False
        self._fault: Fault | None = None
        self._tool = ""
        self.taken = 0
        self.broken: Malformed | None = None

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

    def close(self) -> tuple[Call, ...]:
        """The reply has ended: the calls, none if the gate is shut."""
        written = "".join(self._written)
        try:
            while self._state is State.FOREIGN:
                self._read_foreign()
        except (NoCall, JsonFault) as fault:
            self._break(Fault("json", f"{fault or 'This is not the form of a call'}."))
        if self._state is State.OBJECT and self._marked and self._reader.tool:
            self._break(Fault("json", "The call is not whole."), self._reader.tool)
            written += "}"
        if self._state is State.BROKEN and self._fault and _ENDS_IN_MARKUP.search(written):
            self.broken = Malformed(written, self._fault, self._tool)
        if self._state is not State.AROUND or self._is_echo:
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
            elif state in (State.FOREIGN, State.BROKEN):
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
        if there[0] in "{}":
            return self._brace(there, place, at_end=at_end)
        if there[0] in "`~":
            return self._fence(there, place, at_end=at_end)
        if end_of_tag := wrapper_end(there, 0, self._grammar.key):
            self._marked = True
            return place + end_of_tag
        if not at_end and may_become_wrapper(there, 0, self._grammar.key):
            return place
        if there[0] in "[]" and name_at(there) is None:
            self._lists += 1 if there[0] == "[" else -1
            return place + 1 if self._lists >= 0 else self._fail(place)
        return self._foreign(there, place, at_end=at_end)

    def _brace(self, there: str, place: int, *, at_end: bool) -> int:
        """An object begins: a call, or one that holds all of them, which may end as well."""
        if whole := LIST.match(there):
            self._objects += 1
            return place + whole.end()
        if there[0] == "}":
            self._objects -= 1
            return place + 1 if self._objects >= 0 else self._fail(place)
        if at_end or not may_become_list(there):
            self._state, self._written = State.OBJECT, []
            self._reader = CallReader(self._tools, named=self._named)
        return place

    def _fence(self, there: str, place: int, *, at_end: bool) -> int:
        line, newline, _ = there.partition("\n")
        if not (newline or at_end) and len(line) < UNDECIDED:
            return place
        fence = _FENCE_LINE.fullmatch(line.rstrip())
        if fence is None or not is_info(fence[1]):
            return self._fail(place)
        try:
            named = named_by(fence[1], self._grammar.key, self._tools)
        except ValueError:
            return self._fail(place)
        self._named = named or self._named
        self._marked = self._marked or is_own_info(fence[1])
        return place + len(line) + len(newline)

    def _foreign(self, there: str, place: int, *, at_end: bool) -> int:
        name = name_at(there)
        if name is not None and (tool := resolve(name, self._expected.tools)):
            self._state, self._written, self._tool = State.FOREIGN, [], tool
            self._marked = self._marked or there[0] in "<]"
            return place
        undecided = name is None and not at_end and len(there) < UNDECIDED
        if undecided and may_become_call(there, marked=self._marked):
            return place
        return self._fail(place)

    @property
    def _is_echo(self) -> bool:
        """Whether one of the calls stands in what others wrote."""
        hold = self._expected.echoes.hold
        return any(hold(call.name, call.arguments) for call in self._calls)

    def _break(self, fault: Fault, tool: str = "") -> None:
        """Nothing but a call can have been meant here, and it cannot be read."""
        self._state = State.BROKEN if self._marked else State.FAILED
        self._fault, self._tool = fault, tool or self._tool

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
            if not (self._marked and reader.tool):
                return self._fail(start + fault.position - taken)
            self._break(Fault("json", f"{fault}."), reader.tool)
            return start
        self._written.append(text[start:place])
        if reader.done:
            reader.finish()
            if isinstance(meant := reader.meant(), str) and self._is_call():
                self._accept(meant, reader.take() or "{}", repaired=reader.repaired)
            else:
                self._fail(place)
        elif quote and place == stop and self._hopeless():
            self._fail(place)
        return place

    def _is_call(self) -> bool:
        """Whether a whole object has what a call has and nothing else.

        Where nothing around it says that it is one, that takes arguments under a key of their own,
        or all that the tool demands beside the name.
        """
        reader = self._reader
        if reader.is_bare:
            return True
        if reader.is_flat:
            schema = self._tools[reader.tool or ""] or {}
            return self._marked or bool(schema.get("required"))
        return not reader.others and (self._marked or reader.has_arguments)

    def _hopeless(self) -> bool:
        """Whether what is known of the object by now is not what a call consists of."""
        reader = self._reader
        if self._named is not None:
            return False
        if reader.name is not None:
            return reader.tool is None
        return bool(reader.others) and not self._marked

    def _accept(self, tool: str, arguments: str, *, repaired: bool) -> None:
        """A call, if it passes its schema."""
        key = self._grammar.key
        arguments = shown(arguments, key, json=True)
        schema = self._tools[tool]
        no_call = not arguments.startswith("{") or defines_tool(
            arguments, place_of(of_object(schema))
        )
        fault = None if no_call else self._expected.checks.fault_of(arguments, schema)
        if no_call:
            self._state = State.FAILED
        if fault is not None:
            self._break(fault, tool)
        if no_call or fault is not None:
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
