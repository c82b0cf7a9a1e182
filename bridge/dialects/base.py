"""What a dialect is: data for the decoder, and words for the prompt."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec

from bridge.json_grammar import (
    ARRAY,
    END_ARRAY,
    END_OBJECT,
    END_STRING,
    KEY,
    OBJECT,
    SCALAR,
    STRING,
    VALUE_ENDS,
    JsonFault,
)
from bridge.json_tokens import JsonTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE_TOOL = "example_tool"
"""The made-up tool of the worked example: never offered, so that an echo is no call."""

EMPTY_RESULT = "(empty result)"

_GUARDED = re.compile(r"[^\w\s|/:.!>'\"\\\x00-\x1f\u2060-][^\"\\\x00-\x1f]")
"""A first character that stands inside no other marker, and one that is itself in JSON, too."""

_BEGINNINGS = frozenset({OBJECT, ARRAY, KEY, STRING, SCALAR})
_MARKS = {OBJECT: "{", ARRAY: "[", STRING: '"', END_STRING: '"', END_OBJECT: "}", END_ARRAY: "]"}


class Grammar(msgspec.Struct, frozen=True):
    """The markers of a dialect, as the decoder needs them.

    ``open`` and ``close`` stand around a block of calls, ``result`` opens a result (only the
    prompt may hold one), ``key`` is the secret that stands in them and is never shown, ``raw``
    says that string parameters may follow their object as they are. ``others`` are further markers
    of the prompt, such as what closes a result. Raises ``ValueError`` for a marker that could not
    be made harmless in the text of others.
    """

    open: str
    close: str
    result: str
    key: str = ""
    raw: bool = False
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse markers that cannot be guarded."""
        for marker in self.guarded:
            if not _GUARDED.match(marker):
                raise ValueError(f"a marker cannot begin like {marker!r}")

    @property
    def guarded(self) -> tuple[str, ...]:
        """What no text of others may hold, without the key: all markers but a bare fence.

        ``@* key`` stands for a line that begins a raw parameter.
        """
        markers = (self.open, self.close, self.result, *self.others)
        guarded = [self._keyless(marker) for marker in markers if marker.strip("`~")]
        return (*guarded, f"@* {self.key}") if self.raw and self.key else tuple(guarded)

    def _keyless(self, marker: str) -> str:
        """A marker up to its key, if words of its own stand there."""
        before = marker.partition(self.key)[0] if self.key else marker
        return (before if any(map(str.isalnum, before)) else marker).rstrip()


class WrittenCall(msgspec.Struct, frozen=True):
    """A call as it is written into the prompt.

    ``arguments`` is JSON text, or what a client sent in its place.
    """

    name: str
    arguments: str


class Dialect:
    """One way of writing tools, calls and results as text."""

    grammar: Grammar

    def protocol(self, tools: Sequence[str]) -> str:
        """The part of the head that offers tools; ``tools`` are their descriptions."""
        raise NotImplementedError

    def calls(self, calls: Sequence[WrittenCall]) -> str:
        """Calls, exactly as the model is asked to write them."""
        raise NotImplementedError

    def result(self, position: int, name: str, content: str) -> str:
        """The result of the call at that position (from 1) of the turn before."""
        raise NotImplementedError

    def opening(self, name: str | None = None) -> str:
        """The beginning of a block, to be continued: of any call, or of the named one."""
        raise NotImplementedError

    @property
    def block(self) -> str:
        """What a block is called when the model is told to write one."""
        raise NotImplementedError


def call_object(call: WrittenCall) -> str:
    """A call as one line of JSON, spaced as models write it.

    Arguments that are no JSON (a client may send back anything) stand as a JSON string: bad JSON
    in old arguments never blocks a chat.
    """
    return f'{{"name": {quoted(call.name)}, "arguments": {spaced(call.arguments)}}}'


def quoted(text: str) -> str:
    """Text as a JSON string that keeps every script readable."""
    return json.dumps(text, ensure_ascii=False)


def spaced(arguments: str) -> str:
    """JSON text on one line with a space after commas and colons; the value is untouched."""
    if not arguments.strip():
        return "{}"
    tokens = JsonTokens()
    try:
        read, end = tokens.feed(arguments)
        read += tokens.close()
    except JsonFault:
        return quoted(arguments)
    if arguments[end:].strip():
        return quoted(arguments)
    out: list[str] = []
    comma = ""
    for kind, text in read:
        if kind in _BEGINNINGS:
            out.append(comma)
        out.append(f'"{text}": ' if kind == KEY else _MARKS.get(kind, text))
        comma = ", " if kind in VALUE_ENDS else ""
    return "".join(out)


def fenced(info: str, content: str) -> str:
    """Content in a fence one backtick longer than the longest run inside it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", content)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{info}\n{content}\n{fence}"
