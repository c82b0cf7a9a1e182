"""What near misses begin with, and what stands around them: fences and the tags of vendors."""

from __future__ import annotations

import re

from bridge.calls import ARGUMENT_KEYS, NAME_KEYS

UNDECIDED = 160
"""Characters after which what is neither a call nor around one is ordinary text."""

_INFOS = frozenset(
    {"", "json", "jsonc", "json5", "tool", "tools", "tool_use", "tool_code", "xml", "python"}
    | {"function", "functions", "function_call", "function_calls"}
)
_OWN_INFO = re.compile(r"tool[ _-]?calls?(?![a-z])(.*)", re.DOTALL)
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
_OPENINGS = (*_TAGS, "<function=", "<invoke ")
AROUND = tuple(
    form for tag in _TAGS for form in (tag, tag[0] + "/" + tag[1:], tag.replace("<|", "<|/"))
)
"""The tags of vendors that stand around calls."""

LONGEST_TAG = max(map(len, AROUND))
FIRST_KEYS = NAME_KEYS | ARGUMENT_KEYS | {"type", "id"}
"""The keys that a call object may begin with."""

_FIRST = re.compile(r"""\{\s*(?:(["'])(\w+)\1|[^\s\w"'$/#\ufeff])""")
"""The first key of an object in quotes, or what begins no key at all."""

_BARE_LIST = re.compile(r"\[\s*(?:\{|[A-Za-z_][\w.]{0,80}\()")
_MAY_BE_BARE_LIST = re.compile(r"\[\s*(?:[A-Za-z_][\w.]{0,80})?")


def is_info(info: str, key: str) -> bool:
    """Whether a fence's info string may stand before a near miss: no key, or one misspelled."""
    info = info.strip().lower()
    own = _OWN_INFO.fullmatch(info)
    if own is None:
        return info in _INFOS
    return re.sub(r"[^a-z]+", " ", own[1]).strip() in ("", key)


def begins_at(text: str, at: int, *, begins_line: bool, at_end: bool) -> bool | None:
    """Whether a near miss may begin with the bracket at ``at``; None while that cannot be told."""
    if text[at] == "{":
        first = _FIRST.match(text, at, at + UNDECIDED)
        return begins_line and (first is None or first[2] in FIRST_KEYS)
    bare_list = _BARE_LIST.match(text, at, at + UNDECIDED)
    there = text[at : at + LONGEST_TAG]
    if there.startswith(_OPENINGS) or (begins_line and bare_list):
        return True
    may_be = any(tag.startswith(there) for tag in _OPENINGS) or (
        begins_line and len(text) - at < UNDECIDED and _MAY_BE_BARE_LIST.fullmatch(text, at)
    )
    return None if may_be and not at_end else False
