"""What of an earlier answer goes up again: all but its thinking.

Other servers leave thinking in the text of an answer, and clients send it back as it came. Models
are trained to see their earlier answers without it. A tag in code, or in the middle of a line, is
one that the answer speaks of.
"""

from __future__ import annotations

import re

FAMILIES = (
    *((rf"<{name}>", rf"</{name}>") for name in ("think", "thinking", "thought", "thoughts")),
    *((rf"<{name}>", rf"</{name}>") for name in ("reason", "reasoning", "antml:thinking")),
    *((rf"<{name}>", rf"</{name}>") for name in ("seed:think", "mm:think")),
    (r"\[think\]", r"\[/think\]"),
    ("◁think▷", "◁/think▷"),
)
"""Patterns of what opens thinking and of what closes it, in the spellings that models have."""


def _unquoted(tags: str) -> str:
    """A tag with a backtick on both sides is quoted."""
    return rf"(?:(?<!`)(?:{tags})|(?:{tags})(?!`))"


_TAGS = re.compile(
    "|".join(
        [
            r"^[ \t]*(?P<fence>`{3,}|~{3,})",
            *(rf"(?P<o{at}>{_unquoted(opener)})" for at, (opener, _) in enumerate(FAMILIES)),
            rf"(?P<closer>{_unquoted('|'.join(closer for _, closer in FAMILIES))})",
        ]
    ),
    re.IGNORECASE | re.MULTILINE,
)
_OWN = [re.compile(rf"(?P<opens>{opener})|{closer}", re.IGNORECASE) for opener, closer in FAMILIES]
INDENT = 64
"""White space that may stand before a tag on its line."""


def without_thinking(text: str) -> str:
    """An earlier answer's text without its thinking, the same text if it holds none."""
    kept: list[str] = []
    place = start = 0
    never_closed: set[str] = set()
    while (tag := _TAGS.search(text, place)) is not None:
        if tag["fence"]:
            place = _behind_fence(text, tag)
            continue
        place, family = tag.end(), str(tag.lastgroup)
        if tag["closer"]:
            if kept or not _stands_alone(text, tag):
                continue
            kept, start = [""], place  # a template opened what it closes
        elif family in never_closed or not _begins_line(text, tag.start(), start):
            continue
        elif (end := _end(text, tag)) is not None:
            kept.append(text[start : tag.start()])
            start = place = end
        elif not "".join([*kept, text[start : tag.start()]]).strip():
            return ""  # it was cut while it thought
        else:
            never_closed.add(family)
    if not kept:
        return text
    pieces = [*kept, text[start:]]
    return "\n\n".join(stripped for piece in pieces if (stripped := piece.strip()))


def _behind_fence(text: str, fence: re.Match[str]) -> int:
    mark = fence["fence"]
    closing = re.compile(rf"^[ \t]*{mark}{mark[0]}*[ \t]*$", re.MULTILINE)
    end = closing.search(text, fence.end())
    return len(text) if end is None else end.end()


def _stands_alone(text: str, tag: re.Match[str]) -> bool:
    """Whether a line ends in the tag, or begins with it, and the answer follows.

    Prose that names one does neither.
    """
    at_edge = text[tag.end() : tag.end() + 1] in ("\n", "\r") or _begins_line(text, tag.start(), 0)
    return at_edge and bool(text[tag.end() :].strip())


def _begins_line(text: str, place: int, start: int) -> bool:
    """Whether there is nothing but white space before a place, in its line or from ``start`` on."""
    before = text[max(place - INDENT, start) : place].rstrip(" \t")
    return before[-1:] in ("", "\n")


def _end(text: str, opener: re.Match[str]) -> int | None:
    """Where the answer goes on behind thinking; None if it does not."""
    depth, end = 0, None
    own = _OWN[int(str(opener.lastgroup)[1:])]
    for tag in own.finditer(text, opener.start()):
        depth += 1 if tag["opens"] else -1
        end = end if tag["opens"] else tag.end()
        if depth == 0:
            break
    return end
