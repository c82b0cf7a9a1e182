"""The words of tolerant JSON: tokens, the fault, and what may follow what (RFC 8259).

The tables are the whole grammar; what is not in them is a fault.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Final, Literal

MAX_DEPTH = 100
"""Open brackets at once. Deeper than any real argument, far from Python's recursion limit for
those who parse the output (protobuf's JSON parsers stop at 100, too)."""

SEEN = 40
"""Characters up to a fault that are quoted in it: enough to find the place by eye."""

Kind = Literal["{", "}", "[", "]", "key", '"', "fragment", "end", "scalar"]
OBJECT: Final = "{"
END_OBJECT: Final = "}"
ARRAY: Final = "["
END_ARRAY: Final = "]"
KEY: Final = "key"
STRING: Final = '"'
FRAGMENT: Final = "fragment"
END_STRING: Final = "end"
SCALAR: Final = "scalar"

VALUE_ENDS: Final = frozenset({END_OBJECT, END_ARRAY, END_STRING, SCALAR})
"""With one of these, a value is whole."""

Token = tuple[Kind, str]
"""A kind and its text: ``KEY`` the whole key and ``FRAGMENT`` a bit of a string, both escaped as
JSON demands and without quotes; ``SCALAR`` a number as it was written, true, false or null."""


class JsonFault(ValueError):
    """The text is no JSON that can be read without guessing.

    ``position`` counts characters since the first one fed, ``around`` is what stands up to the
    place, ``tokens`` what the failing call had read before it. The error's text is a sentence
    for a re-ask, and the same however the input was split.
    """

    def __init__(
        self, message: str, position: int, around: str, tokens: tuple[Token, ...] = ()
    ) -> None:
        super().__init__(f"{message} at character {position}, near {around!r}")
        self.message = message
        self.position = position
        self.around = around
        self.tokens = tokens


class Locator:
    """Knows where in the whole input a reader stands that only ever sees pieces of it."""

    __slots__ = ("_before", "_recent", "_start")

    def __init__(self) -> None:
        self._before = 0
        self._recent = ""
        self._start = 0

    def begin(self, start: int) -> None:
        """Reading goes on with a new text, from its index ``start``."""
        self._start = start

    def leave(self, text: str, index: int) -> None:
        """The text was read up to ``index``; what comes next starts at 0 until it begins."""
        self._recent = self._seen(text, index)
        self._before += index - self._start
        self._start = 0

    def position(self, index: int) -> int:
        """How many characters of the input stand before this index of the present text."""
        return self._before + index - self._start

    def fault(self, message: str, text: str, index: int) -> JsonFault:
        """A fault at the character at ``index``."""
        return JsonFault(message, self.position(index), self._seen(text, index + 1))

    def _seen(self, text: str, end: int) -> str:
        if end - self._start >= SEEN:
            return text[end - SEEN : end]
        return (self._recent + text[self._start : end])[-SEEN:]


class Expect(StrEnum):
    """What the grammar allows next, in words for the fault."""

    VALUE = "a value"
    MEMBER = "a value after ':'"
    FIRST_ITEM = "a value or ']'"
    NEXT_ITEM = "a value after ','"
    FIRST_KEY = "a key in double quotes or '}'"
    NEXT_KEY = "a key in double quotes after ','"
    COLON = "':' after the key"
    AFTER_MEMBER = "',' or '}'"
    AFTER_ITEM = "',' or ']'"
    END = "nothing more"


_VALUES = frozenset({Expect.VALUE, Expect.MEMBER, Expect.FIRST_ITEM, Expect.NEXT_ITEM})
_KEYS = frozenset({Expect.FIRST_KEY, Expect.NEXT_KEY})
_TRAILING = frozenset({Expect.NEXT_KEY, Expect.NEXT_ITEM})
_FIRST: Final = {OBJECT: Expect.FIRST_KEY, ARRAY: Expect.FIRST_ITEM}
_AFTER: Final = {OBJECT: Expect.AFTER_MEMBER, ARRAY: Expect.AFTER_ITEM}
_SEPARATED: Final = {
    (Expect.COLON, ":"): Expect.MEMBER,
    (Expect.AFTER_MEMBER, ","): Expect.NEXT_KEY,
    (Expect.AFTER_ITEM, ","): Expect.NEXT_ITEM,
}
_CLOSED: Final[dict[Expect, Kind]] = {
    Expect.FIRST_KEY: END_OBJECT,
    Expect.NEXT_KEY: END_OBJECT,
    Expect.AFTER_MEMBER: END_OBJECT,
    Expect.FIRST_ITEM: END_ARRAY,
    Expect.NEXT_ITEM: END_ARRAY,
    Expect.AFTER_ITEM: END_ARRAY,
}


class Nesting:
    """The open brackets, the keys their objects have, and what may come next.

    Every step says by its answer whether the grammar allows it; one that it does not leaves all
    as it was.
    """

    __slots__ = ("_names", "_open", "expect")

    def __init__(self) -> None:
        self.expect = Expect.VALUE
        self._open: list[Kind] = []
        self._names: list[set[str]] = []

    @property
    def depth(self) -> int:
        """How many brackets are open."""
        return len(self._open)

    @property
    def wants_key(self) -> bool:
        """Whether a word or a string here is a key."""
        return self.expect in _KEYS

    @property
    def trailing(self) -> bool:
        """Whether a closing bracket here makes the comma before it a trailing one."""
        return self.expect in _TRAILING

    @property
    def closing(self) -> Kind | None:
        """The closing bracket that may stand here."""
        return _CLOSED.get(self.expect)

    @property
    def after_value(self) -> bool:
        """Whether a comma or a closing bracket is due."""
        return self.expect in (Expect.AFTER_MEMBER, Expect.AFTER_ITEM)

    def start_value(self) -> bool:
        """A value starts; what comes behind it is expected from now on."""
        allowed = self.expect in _VALUES
        if allowed:
            self._leave()
        return allowed

    def open(self, bracket: Kind) -> bool:
        """The value that started is an object or an array; not below the depth limit."""
        allowed = len(self._open) < MAX_DEPTH
        if allowed:
            self._open.append(bracket)
            self._names.append(set())
            self.expect = _FIRST[bracket]
        return allowed

    def close(self) -> None:
        """The innermost bracket closes."""
        self._open.pop()
        self._names.pop()
        self._leave()

    def separate(self, char: str) -> bool:
        """A comma or a colon stands here."""
        following = _SEPARATED.get((self.expect, char))
        if following is not None:
            self.expect = following
        return following is not None

    def add_key(self, name: str) -> bool:
        """A key stands here; not one that the object has already."""
        names = self._names[-1]
        allowed = name not in names
        if allowed:
            names.add(name)
            self.expect = Expect.COLON
        return allowed

    def _leave(self) -> None:
        self.expect = _AFTER[self._open[-1]] if self._open else Expect.END


def unescaped(body: str) -> str:
    """The characters that a JSON string body (without its quotes) stands for."""
    if "\\" not in body:
        return body
    text: str = json.loads(f'"{body}"')
    return text


def quoted(text: str, limit: int = SEEN) -> str:
    """``text`` in quotes for a message, shortened to ``limit`` characters."""
    shortened = text if len(text) <= limit else text[:limit] + "…"
    return encodable(json.dumps(shortened, ensure_ascii=False))


def encodable(text: str) -> str:
    """``text`` with lone surrogates spelled out, so that it can be sent as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
