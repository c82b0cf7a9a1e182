"""Calls in other tongues: what vendors' models were trained to write.

    <function=name><parameter=city>Paris</parameter></function>
    <invoke name="name"><parameter name="city">Paris</parameter></invoke>
    name{"city": "Paris"}     name[ARGS]{"city": "Paris"}
    name(city="Paris", days=3)

They are read whole, at the end of a reply. Nothing is evaluated: values are tolerant JSON.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bridge.calls import escaped, of_object, resolve
from bridge.json_stream import ArgumentsWriter, read_value
from bridge.json_tokens import JsonTokens
from bridge.schema_paths import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from bridge.calls import Tools

    Form = Callable[[str, int, Mapping[str, Any]], tuple[str, int]]

OPENING = re.compile(
    r"""<invoke[ \t]+name=["']?(?P<invoke>[\w.-]+)["']?\s*>"""
    r"""|<function=["']?(?P<function>[\w.-]+)["']?\s*>"""
    r"""|(?P<object>[A-Za-z_][\w.-]*)(?:\[ARGS\])?\s*(?=\{)"""
    r"""|(?P<python>[A-Za-z_][\w.]*)\("""
)
"""How a call begins; the group that matched tells the form, and holds the tool's name."""

_SPACE = re.compile(r"\s*")
_PARAMETER = re.compile(
    r"""<parameter(?:[ \t]+name=["']?|=["']?)(?P<name>[\w.-]+)["']?(?:[ \t][^>]*)?>"""
)
_END_PARAMETER = "</parameter>"
_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=\s*")
_WORD = re.compile(r"[^\s,()\[\]{}\"'=]+")


class NoCall(Exception):
    """The text is no call."""


class Written(NamedTuple):
    """A call that was read: its tool, its arguments as JSON, and where it ends."""

    tool: str
    arguments: str
    end: int


def call_at(text: str, place: int, tools: Tools) -> Written:
    """The call that begins at ``place``; raises ``NoCall`` and ``JsonFault``."""
    opening = OPENING.match(text, place)
    if opening is None:
        raise NoCall
    form = opening.lastgroup or ""
    tool = resolve(opening[form], tools)
    if tool is None:
        raise NoCall
    arguments, end = _FORMS[form](text, opening.end(), of_object(tools[tool]))
    return Written(tool, arguments, end)


def _past_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _object(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    return _value(text, place, ArgumentsWriter(schema))


def _value(text: str, place: int, writer: ArgumentsWriter) -> tuple[str, int]:
    """The object, array or string at ``place``."""
    tokens = JsonTokens()
    read, end = tokens.feed(text, place)
    if not tokens.done:
        raise NoCall
    return writer.write(read) + writer.finish(), end


def _scalar(text: str) -> str:
    """All of a text as one JSON value."""
    value, end, _ = read_value(text)
    if end < len(text):
        raise NoCall
    return value


def _python(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """Keyword arguments, as in Python."""
    members: list[str] = []
    place = _past_space(text, place)
    while not text.startswith(")", place):
        keyword = _KEYWORD.match(text, place)
        if keyword is None:
            raise NoCall
        place = keyword.end()
        if word := _WORD.match(text, place):
            value, place = _scalar(word.group()), word.end()
        else:
            value, place = _value(text, place, ArgumentsWriter())
        members.append(f'"{keyword[1]}":{value}')
        place = _past_space(text, place)
        if text.startswith(",", place):
            place = _past_space(text, place + 1)
        elif not text.startswith(")", place):
            raise NoCall
    return _members(members, schema), place + 1


def _tagged(text: str, place: int, schema: Mapping[str, Any], *, closing: str) -> tuple[str, int]:
    """Tagged parameters, or an object, and the closing tag; that may be missing at the end."""
    place = _past_space(text, place)
    if text.startswith("{", place):
        arguments, place = _object(text, place, schema)
    else:
        arguments, place = _parameters(text, place, schema)
    place = _past_space(text, place)
    if text.startswith(closing, place):
        return arguments, place + len(closing)
    if place < len(text):
        raise NoCall
    return arguments, place


def _parameters(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """Tagged parameters: text as it is where the schema allows a string, JSON elsewhere."""
    members: list[str] = []
    root = place_of(schema)
    while parameter := _PARAMETER.match(text, place):
        end = text.find(_END_PARAMETER, parameter.end())
        if end < 0:
            raise NoCall
        value = text[parameter.end() : end].removeprefix("\n").removesuffix("\n")
        if root.member(parameter["name"]).allows("string"):
            value = f'"{escaped(value)}"'
        else:
            value = _scalar(value.strip())
        members.append(f'"{parameter["name"]}":{value}')
        place = _past_space(text, end + len(_END_PARAMETER))
    return _members(members, schema), place


def _members(members: list[str], schema: Mapping[str, Any]) -> str:
    return read_value("{" + ",".join(members) + "}", schema)[0]


_FORMS: dict[str, Form] = {
    "invoke": partial(_tagged, closing="</invoke>"),
    "function": partial(_tagged, closing="</function>"),
    "object": _object,
    "python": _python,
}
