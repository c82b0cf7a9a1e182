"""Values as vendors' calls hold them: tolerant JSON, or text where a schema allows a string."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.call_members import escaped
from bridge.dialects.vendors import BEFORE_TAG
from bridge.json_stream import ArgumentsWriter, read_value
from bridge.json_tokens import JsonTokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from bridge.schema_paths import Place

    Reader = Callable[[str, int, Mapping[str, Any]], tuple[str, int]]
    """Text, the place behind a call's opening, the schema: the arguments, and where they end."""

_SPACE = re.compile(r"\s*")
_FENCE = re.compile(r"```(?:json)?\s*")
_END_FENCE = re.compile(r"\s*```")
_ITEM = re.compile(rf"\s*{BEFORE_TAG}<item>(.*?){BEFORE_TAG}</item>\s*", re.DOTALL)


class NoCall(Exception):
    """The text is no call."""


def _past(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


def past_space(text: str, place: int) -> int:
    """Where white space ends."""
    return _past(_SPACE, text, place)


def read_object(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """The object at ``place``, which may stand in a fence."""
    place = past_space(text, place)
    begins = _past(_FENCE, text, place)
    if not text.startswith("{", begins):
        raise NoCall
    arguments, end = read_whole(text, begins, ArgumentsWriter(schema))
    return arguments, _past(_END_FENCE, text, end) if begins > place else end


def read_nothing(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """No arguments at all."""
    return object_of([], schema), place


def read_whole(text: str, place: int, writer: ArgumentsWriter) -> tuple[str, int]:
    """The object, array or string at ``place``."""
    tokens = JsonTokens()
    read, end = tokens.feed(text, place)
    if not tokens.done:
        raise NoCall
    return writer.write(read) + writer.finish(), end


def read_scalar(text: str) -> str:
    """All of a text as one JSON value."""
    value, end, _ = read_value(text)
    if end < len(text):
        raise NoCall
    return value


def member_of(name: str, written: str, place: Place, *, is_string: bool | None = None) -> str:
    """A member whose value stands as it is: text where a string may be, else JSON."""
    member = place.member(name)
    if is_string or (is_string is None and member.allows("string")):
        value = f'"{escaped(written.removeprefix(chr(10)).removesuffix(chr(10)))}"'
    elif items := _items(written, member):
        value = items
    else:
        value = read_scalar(written.strip())
    return f'"{escaped(name)}":{value}'


def _items(written: str, place: Place) -> str | None:
    """A list of tagged items."""
    items: list[str] = []
    end = 0
    while item := _ITEM.match(written, end):
        text, end = item[1], item.end()
        string = place.item(len(items)).allows("string")
        items.append(f'"{escaped(text)}"' if string else read_scalar(text.strip()))
    return f"[{','.join(items)}]" if items and end == len(written) else None


def object_of(members: list[str], schema: Mapping[str, Any]) -> str:
    """The object of these members, led to its schema."""
    return read_value("{" + ",".join(members) + "}", schema)[0]
