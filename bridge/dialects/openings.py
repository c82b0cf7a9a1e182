"""What near misses begin with, and what stands around them: fences and the tags of vendors."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from bridge.calls import ARGUMENT_KEYS, NAME_KEYS, resolve

if TYPE_CHECKING:
    from bridge.calls import Tools

UNDECIDED = 160
"""Characters after which what is neither a call nor around one is ordinary text."""

_LONGEST_LINE = 100
_WORDS = re.compile(r"[^\n{\[`]*")
_INFOS = frozenset(
    {"", "json", "jsonc", "json5", "tool", "tools", "tool_use", "tool_code", "xml", "python"}
    | {"function", "functions", "function_call", "function_calls"}
)
_OWN_INFO = re.compile(r"tool[ _-]?calls?(?![a-z])(.*)", re.DOTALL | re.IGNORECASE)
_WORD = re.compile(r"[\w.-]+")
_TAGS = (
    "<tool_call>",
    "<tool_calls>",
    "<function_calls>",
    "<function_call>",
    "<tool_use>",
    "<tools>",
    "<|tool_call|>",
    "<|tool_call>",
    "[TOOL_CALLS]",
)
_AROUND = tuple(
    form for tag in _TAGS for form in (tag, tag[0] + "/" + tag[1:], tag.replace("<|", "<|/"))
)
FIRST_KEYS = NAME_KEYS | ARGUMENT_KEYS | {"type", "id"}
"""The keys that a call object may begin with."""

_FIRST = re.compile(r"""\{\s*(?:(["'])(\w+)\1|[^\s\w"'$/#\ufeff])""")
"""The first key of an object in quotes, or what begins no key at all."""

_BARE_LIST = re.compile(r"\[\s*(?:\{|[A-Za-z_][\w.]{0,80}\()")
_MAY_BE_BARE_LIST = re.compile(r"\[\s*(?:[A-Za-z_][\w.]{0,80})?")


def past_opening_line(text: str, place: int, *, at_end: bool) -> int | None:
    """Where what stands on our own opening line ends; None while it may go on."""
    words = _WORDS.match(text, place, place + _LONGEST_LINE)
    end = words.end() if words else place
    undecided = end == len(text) and end < place + _LONGEST_LINE and not at_end
    return None if undecided else end


@lru_cache(maxsize=256)  # a few clients' keys
def tags_around(key: str) -> tuple[str, ...]:
    """The tags that stand around calls: those of vendors, and one that was given the key."""
    return (*_AROUND, f"<tool_call {key}>") if key else _AROUND


@lru_cache(maxsize=256)
def _openings(key: str) -> tuple[tuple[str, ...], int]:
    tags = (*_TAGS, *tags_around(key)[len(_AROUND) :], "<function=", "<invoke ")
    return tags, max(map(len, tags))


def is_info(info: str) -> bool:
    """Whether a fence's info string may stand before a near miss."""
    info = info.strip().lower()
    return info in _INFOS or _OWN_INFO.fullmatch(info) is not None


def named_by(info: str, key: str, tools: Tools) -> str | None:
    """The tool that stands in an info string of ours in the place of the key.

    None when it is the key, however it is spelled, or missing; raises ``ValueError`` when it is
    neither.
    """
    own = _OWN_INFO.fullmatch(info.strip())
    if own is None or re.sub(r"[^a-z]+", " ", own[1].lower()).strip() in ("", key):
        return None
    tool = resolve(_WORD.findall(own[1])[0], tools)
    if tool is None:
        raise ValueError(info)
    return tool


def begins_at(text: str, at: int, key: str, *, begins_line: bool, at_end: bool) -> bool | None:
    """Whether a near miss may begin with the bracket at ``at``; None while that cannot be told."""
    if text[at] == "{":
        first = _FIRST.match(text, at, at + UNDECIDED)
        return begins_line and (first is None or first[2] in FIRST_KEYS)
    bare_list = _BARE_LIST.match(text, at, at + UNDECIDED)
    openings, longest = _openings(key)
    there = text[at : at + longest]
    if there.startswith(openings) or (begins_line and bare_list):
        return True
    may_be = any(tag.startswith(there) for tag in openings) or (
        begins_line and len(text) - at < UNDECIDED and _MAY_BE_BARE_LIST.fullmatch(text, at)
    )
    return None if may_be and not at_end else False
