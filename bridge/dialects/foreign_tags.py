"""Arguments in tags: parameters, children named after them, and tags for keys and values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.dialects.foreign_values import NoCall, member_of, object_of, past_space, read_object
from bridge.dialects.vendors import BEFORE_TAG, NAMESPACE
from bridge.schema_paths import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_PARAMETER = re.compile(
    rf"{BEFORE_TAG}<{NAMESPACE}parameter"
    r"""(?:\s+name\s*=\s*["']?|\s*=\s*["']?)(?P<name>[\w.$-]+)["']?(?P<more>[^<>]*)>"""
)
_END_PARAMETER = re.compile(rf"{BEFORE_TAG}<\\?/{NAMESPACE}parameter\s*>")
_CHILD = re.compile(rf"{BEFORE_TAG}<(?P<name>[\w.$-]+)>")
_ARGUMENT_KEY = re.compile(r"<arg_key>\s*(?P<name>[^<]*?)\s*</arg_key>\s*(?:<arg_value>)?")
_END_ARGUMENT = re.compile(r"</arg_value>")
_IS_STRING = re.compile(r"""string\s*=\s*["']?(true|false)""")


def read_tagged(
    text: str, place: int, schema: Mapping[str, Any], *, closing: str | None = None
) -> tuple[str, int]:
    """Tagged parameters, or an object, and the closing tag; that may be missing at the end."""
    end = re.compile(rf"{BEFORE_TAG}<\\?/{NAMESPACE}{closing}\s*>")
    place = past_space(text, place)
    if text.startswith("{", place):
        arguments, place = read_object(text, place, schema)
    else:
        arguments, place = _parameters(text, place, schema, end)
    place = past_space(text, place)
    if found := end.match(text, place):
        return arguments, found.end()
    if place < len(text):
        raise NoCall
    return arguments, place


def _parameters(
    text: str, place: int, schema: Mapping[str, Any], end: re.Pattern[str]
) -> tuple[str, int]:
    root, members = place_of(schema), []
    while parameter := _PARAMETER.match(text, place) or _CHILD.match(text, place):
        name = parameter["name"]
        closing = _END_PARAMETER
        if parameter.re is _CHILD:
            closing = re.compile(rf"{BEFORE_TAG}</{re.escape(name)}>")
        value_end, after = _value_end(text, parameter.end(), closing, end)
        stated = _IS_STRING.search(parameter["more"]) if parameter.re is _PARAMETER else None
        is_string = stated[1] == "true" if stated else None
        value = text[parameter.end() : value_end]
        members.append(member_of(name, value, root, is_string=is_string))
        place = past_space(text, after)
    return object_of(members, schema), place


def _value_end(
    text: str, place: int, closing: re.Pattern[str], end: re.Pattern[str]
) -> tuple[int, int]:
    """Where a value ends: at a closing tag that more parameters, the call's end or nothing follow.

    A value may hold its own tag.
    """
    for found in closing.finditer(text, place):
        after = past_space(text, found.end())
        if after == len(text) or any(
            following.match(text, after) for following in (end, _PARAMETER, _CHILD)
        ):
            return found.start(), found.end()
    raise NoCall


def read_argument_tags(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """Keys and values in tags of their own."""
    root, members = place_of(schema), []
    while key := _ARGUMENT_KEY.match(text, place):
        end = _END_ARGUMENT.search(text, key.end())
        if end is None:
            raise NoCall
        members.append(member_of(key["name"], text[key.end() : end.start()], root))
        place = past_space(text, end.end())
    return object_of(members, schema), place


def read_named_tag(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """A tag named after its tool: the name stands right before ``place``."""
    name = text[text.rfind("<", 0, place) + 1 : place - 1]
    return read_tagged(text, place, schema, closing=re.escape(name))
