"""Finds literal tags in text that arrives in pieces, whatever their case.

A ``*`` in a tag stands for a few words of a header, such as the ``to=python code`` of a channel.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

MAX_WORDS = 60
"""Characters that may stand for a ``*``."""

_WORDS = rf"[A-Za-z0-9_ .=:/-]{{0,{MAX_WORDS}}}"


class Tags(Generic[T]):
    """Tags, each with what it means.

    ``pattern`` finds them, ``meaning`` tells what one means, ``begins`` and ``held_from`` what may
    become one. ``firsts`` are the characters that they begin with.
    """

    def __init__(self, meanings: Mapping[str, T]) -> None:
        tags = sorted((tag.lower() for tag in meanings), key=lambda tag: (tag[0], -len(tag)))
        lowered = {tag.lower(): meaning for tag, meaning in meanings.items()}
        self._meanings = [lowered[tag] for tag in tags]
        self.pattern = re.compile(_alternatives(tags), re.IGNORECASE)
        self.longest = max(len(tag) + MAX_WORDS * tag.count("*") for tag in tags)
        heads = [tag.partition("*")[0] for tag in tags]
        self._begun = {head[:length] for head in heads for length in range(len(head))}
        self._begun |= {head for head in heads if head not in lowered}
        worded = "|".join(_begun(tag) for tag in tags if "*" in tag)
        self._worded = re.compile(worded or "(?!)", re.IGNORECASE)
        self.firsts = frozenset(_firsts(tags))
        self._firsts = re.compile(f"[{re.escape(_firsts(tags))}]", re.IGNORECASE)

    def meaning(self, tag: re.Match[str]) -> T:
        """What the tag that was found means."""
        return self._meanings[(tag.lastindex or 1) - 1]

    def begins(self, text: str, at: int) -> bool:
        """Whether what stands from ``at`` to the end may become a tag, or a longer one."""
        if len(text) - at > self.longest:
            return False
        there = text[at:].lower()
        return there in self._begun or self._worded.fullmatch(there) is not None

    def held_from(self, text: str, place: int) -> int:
        """Where the tail of ``text`` begins, from ``place`` on, that may become a tag."""
        for first in self._firsts.finditer(text, max(len(text) - self.longest, place)):
            if self.begins(text, first.start()):
                return first.start()
        return len(text)


def _firsts(tags: list[str]) -> str:
    return "".join(sorted({tag[0] for tag in tags}))


def _alternatives(tags: list[str]) -> str:
    """The tags, a group each; apart by their first character, by which they are looked for."""
    return "|".join(
        re.escape(first)
        + "(?:"
        + "|".join(f"({_whole(tag[1:])})" for tag in tags if tag[0] == first)
        + ")"
        for first in _firsts(tags)
    )


def _whole(tag: str) -> str:
    return _WORDS.join(map(re.escape, tag.split("*")))


def _begun(tag: str) -> str:
    """The beginnings of a tag from its first ``*`` on, but for the whole of it."""
    head, _, rest = tag.partition("*")
    begun = ""
    for character in reversed(rest[:-1]):
        begun = f"(?:{_WORDS if character == '*' else re.escape(character)}{begun})?"
    return re.escape(head) + _WORDS + begun
