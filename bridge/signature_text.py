"""Types and notes as the text of a signature. See ``signatures``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from bridge.signature_notes import flat, literal

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENDS = frozenset(".!?:…。！？：")
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")


class Type(msgspec.Struct, frozen=True):
    """A type's text and what is noted about it; ``union`` when the text needs brackets.

    ``described``: someone wrote a note in words, so it gets a line of its own.
    """

    text: str
    notes: tuple[str, ...] = ()
    described: bool = False
    union: bool = False


ANY: Final = Type("any")
NOTHING: Final = Type("never")


def name_of(name: str) -> str:
    """A member's name as it is written in front of its type."""
    return name if _IDENTIFIER.fullmatch(name) else literal(name)


def member_lines(indent: str, head: str, found: Type) -> list[str]:
    """A member on lines of its own: what takes several above it, the rest behind its first one."""
    long = [note for note in found.notes if "\n" in note]
    short = joined(note for note in found.notes if "\n" not in note)
    first, newline, rest = found.text.partition("\n")
    member = f"{indent}{head}: {first}{f' // {short}' if short else ''}{newline}{rest}"
    return [*comments("\n".join(long), indent), member]


def comments(text: str, indent: str = "") -> list[str]:
    """Text as lines of comment."""
    return [f"{indent}// {line}".rstrip() for line in text.split("\n")] if text else []


def comment(notes: Iterable[str]) -> str:
    """Notes as a comment inside a line."""
    text = flat(joined(notes)).replace("*/", "* /")
    return f" /* {text} */" if text else ""


def joined(notes: Iterable[str]) -> str:
    """Notes one after the other; a sentence has an end of its own."""
    text = ""
    for note in notes:
        text += f"{'' if not text else ' ' if text[-1] in _ENDS else '; '}{note}"
    return text
