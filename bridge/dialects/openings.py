"""What near misses begin with, and what stands around them: fences and the tags of vendors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.call_members import BESIDE_KEYS
from bridge.calls import ARGUMENT_KEYS, NAME_KEYS
from bridge.dialects.vendors import LONGEST_TAG, MAY_BECOME, NAMED, WRAPPER
from bridge.tool_names import resolve

if TYPE_CHECKING:
    from bridge.tool_names import Tools

UNDECIDED = 160
"""Characters after which what is neither a call nor around one is ordinary text."""

_LONGEST_LINE = 100
_BLANK = re.compile(r"\s*")
_WORDS = re.compile(r"[^\n{\[`]*")
_INFOS = frozenset(
    {"", "json", "jsonc", "json5", "tool", "tools", "tool_use", "tool_code", "xml", "python"}
    | {"function", "functions", "function_call", "function_calls"}
)
_INNER_FENCE = re.compile(r"`{3,}[ \t]*(?:json[5c]?|tool_code)?[ \t]*\n\s*(?=[{\[])", re.IGNORECASE)
_MAY_BE_INNER_FENCE = re.compile(r"`{3,}[ \t]*[a-z5_]{0,9}[ \t]*(?:\n\s*)?", re.IGNORECASE)
_OWN_INFO = re.compile(r"tool[ _-]?calls?(?![a-z])(.*)", re.DOTALL | re.IGNORECASE)
_WORD = re.compile(r"[\w.-]+")
LIST_KEYS = frozenset({"tool_calls", "function_calls", "calls"})
"""Under one of these, an object holds all calls of a reply."""

LIST = re.compile(rf"""\{{\s*["']?(?:{"|".join(sorted(LIST_KEYS))})["']?\s*:\s*(?=\[)""")

_MAY_BE_LIST = re.compile(r"""\{\s*(?:["']?(\w*)(["']?\s*:?\s*)?)?""")

FIRST_KEYS = NAME_KEYS | ARGUMENT_KEYS | BESIDE_KEYS | LIST_KEYS
"""The keys that a call object may begin with."""

_FIRST = re.compile(r"""\{\s*(?:(["'])(\w+)\1|[^\s\w"'$/#\ufeff])""")
"""The first key of an object in quotes, or what begins no key at all."""

_MAY_BE_FOREIGN = re.compile(
    r"[A-Za-z_][\w.-]*(?:\[[ARGS]*\]?)?\s*|<(?:[\w:.-]{0,64}(?:[=\s][^>]*)?)?"
)
_MAY_BE_MARKED = re.compile(r"[\w.:=|\uff5c\u2016\u2581<>/\s\[\]-]*")
"""What may become a call behind a vendor's tag: names of channels, tools and more tags."""
_TOOL_TAG = re.compile(r"<([A-Za-z_][\w.-]*)>")
_BARE_LIST = re.compile(r"\[\s*(?:\{|[A-Za-z_][\w.]{0,80}\()")
_MAY_BE_BARE_LIST = re.compile(r"\[\s*(?:[A-Za-z_][\w.]{0,80})?")


def past_opening_line(text: str, place: int, *, at_end: bool) -> int | None:
    """Where what stands on our own opening line ends; None while it may go on."""
    words = _WORDS.match(text, place, place + _LONGEST_LINE)
    end = words.end() if words else place
    undecided = end == len(text) and end < place + _LONGEST_LINE and not at_end
    return None if undecided else end


def opens_block(text: str, place: int, *, begins_line: bool, at_end: bool) -> bool | None:
    """Whether a block opens with our marker that ends at ``place``; None while it may go on.

    Where words follow it and no object does, it was only mentioned.
    """
    end = past_opening_line(text, place, at_end=at_end)
    if end is None:
        return None
    after = _BLANK.match(text, end, end + _LONGEST_LINE)
    next_place = after.end() if after else end
    if next_place == len(text):
        return None if not at_end else begins_line and not _is_prose(text[place:end])
    if text[next_place] in "{[" or (text[next_place] == "`" and next_place > end):
        return True
    inline = text[end] == "`" and not begins_line
    return not (inline or _is_prose(text[place:end]))


def past_inner_fence(text: str, place: int, *, at_end: bool) -> int | None:
    """Where a fence ends that only stands between ours and its first object; None if it may go on.

    Some models put the objects of a block into a fence of their own.
    """
    if inner := _INNER_FENCE.match(text, place, place + UNDECIDED):
        return inner.end()
    may_be = not at_end and _MAY_BE_INNER_FENCE.fullmatch(text, place, place + UNDECIDED)
    return None if may_be and len(text) < place + UNDECIDED else place


def _is_prose(words: str) -> bool:
    """Whether more than a tool's name or the like stands there."""
    return len(words.split()) > 1


def wrapper_end(text: str, place: int, key: str) -> int | None:
    """Where the tag or token ends that stands around calls at ``place``: a vendor's, or our own.

    None if there is none. Some models put our info string and key into a tag.
    """
    own = f"<tool_call {key}>"
    if key and text.startswith(own, place):
        return place + len(own)
    found = WRAPPER.match(text, place, place + LONGEST_TAG)
    return found.end() if found else None


def may_become_wrapper(text: str, place: int, key: str) -> bool:
    """Whether one may stand at ``place`` once more of the text is there."""
    there = text[place : place + LONGEST_TAG]
    tags = ("[TOOL_CALLS]", "[/TOOL_CALLS]", f"<tool_call {key}>")
    return MAY_BECOME.fullmatch(there) is not None or any(
        tag.startswith(there) for tag in tags[: 3 if key else 2]
    )


def may_become_list(text: str) -> bool:
    """Whether an object that holds all calls under one key may begin so."""
    begun = _MAY_BE_LIST.fullmatch(text)
    if begun is None:
        return False
    key = begun[1] or ""
    return key in LIST_KEYS if begun[2] else any(name.startswith(key) for name in LIST_KEYS)


def may_become_call(text: str, *, marked: bool) -> bool:
    """Whether a call in another tongue may begin so; ``marked``: a vendor's tag stands before."""
    pattern = _MAY_BE_MARKED if marked else _MAY_BE_FOREIGN
    return pattern.fullmatch(text) is not None


def is_info(info: str) -> bool:
    """Whether a fence's info string may stand before a near miss."""
    info = info.strip().lower()
    return info in _INFOS or is_own_info(info)


def is_own_info(info: str) -> bool:
    """Whether it is ours, with the key or without."""
    return _OWN_INFO.fullmatch(info.strip()) is not None


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


def begins_at(
    text: str, at: int, key: str, tools: Tools, *, begins_line: bool, at_end: bool
) -> bool | None:
    """Whether a near miss may begin with the bracket at ``at``; None while that cannot be told."""
    if text[at] == "{":
        first = _FIRST.match(text, at, at + UNDECIDED)
        return begins_line and (first is None or first[2] in FIRST_KEYS)
    if wrapper_end(text, at, key) or NAMED.match(text, at, at + LONGEST_TAG):
        return True
    bare_list = _BARE_LIST.match(text, at, at + UNDECIDED)
    tag = _TOOL_TAG.match(text, at, at + LONGEST_TAG)
    if begins_line and (bare_list or (tag and tag[1] in tools)):
        return True
    may_be = may_become_wrapper(text, at, key) or (
        begins_line and len(text) - at < UNDECIDED and _MAY_BE_BARE_LIST.fullmatch(text, at)
    )
    return None if may_be and not at_end else False


def name_before(line: str, tools: Tools) -> str | None:
    """The name of an offered tool, as it is written, if it is all that stands on a line."""
    word = line.strip()
    return word if _WORD.fullmatch(word) and resolve(word, tools) else None


def may_become_name(line: str, tools: Tools) -> bool:
    """Whether a line so far may be the beginning of an offered tool's name."""
    word = line.strip().lower()
    return bool(word) and any(tool.lower().startswith(word) for tool in tools)
