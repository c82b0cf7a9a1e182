r"""Regular expressions out of a request, applied with RE2: linear in the text by construction.

Patterns are ECMA 262's by JSON Schema. RE2 reads nearly all that schema libraries write, ``\p{L}``
included; spellings of its own for the rest (``\u00e9``, ``(?=…)`` at the start) are put in place
here. What it does not know (back-references, looking around elsewhere) is not applied, and what is
not applied is not checked: the text passes.

The package takes as much room in the function's archive (570 kB) as ``jsonschema`` and what that
needs, and 6 ms to load.

Linear still leaves a factor, the size of the compiled pattern: both are counted, as ``cost``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec
import re2

MAX_PATTERN = 1000
"""Characters. The longest that schema libraries write (dates, addresses) have about 400."""

MAX_MEMORY = 128 * 1024
"""Bytes for one compiled pattern and what RE2 remembers of texts; larger ones are not applied."""

KEPT = 1024
"""Patterns kept compiled: those of 128 tools, OpenAI's limit in a request, with eight each."""

MAX_COST = 5_000_000
"""Parts of a pattern times bytes of a text, of one search: RE2 takes 3 ns for each at the worst.
A slower search is not made."""

_ESCAPE = r"""\\u(?P<four>[0-9a-fA-F]{4})|\\u\{(?P<many>[0-9a-fA-F]{1,6})\}
    |\\c(?P<control>[A-Za-z])|\\(?P<space>[sS])
    |\\(?P<kind>[pP])\{(?:Script|sc|General_Category|gc)=(?P<name>\w+)\}|\\."""
_IN_CLASS = re.compile(_ESCAPE, re.VERBOSE | re.DOTALL)
_TOKEN = re.compile(
    rf"(?P<all>\[\^\])|(?P<class>\[(?:[^\]\\]|\\.)*\])|{_ESCAPE}", re.VERBOSE | re.DOTALL
)
_SPACES = r"\s\v\pZ\x{feff}"
"""ECMA's; of these RE2 takes only the first six for white space."""
_LOOKING = {"(?=": True, "(?!": False}


class Matcher(msgspec.Struct, frozen=True):
    """A compiled pattern: every one of ``wanted`` must be found in a text, none of ``unwanted``.

    ``size``: its parts.
    """

    wanted: tuple[Any, ...]
    unwanted: tuple[Any, ...]
    size: int

    def cost(self, text: str) -> int:
        """At most what looking for it in ``text`` takes."""
        length = len(text) if text.isascii() else 4 * len(text)
        return self.size * (length + 1)

    def found(self, text: str) -> bool | None:
        """Whether it is found in ``text``; None when that would take too long."""
        if self.cost(text) > MAX_COST:
            return None
        there = text.encode("utf-8", "replace")
        return all(pattern.search(there) for pattern in self.wanted) and not any(
            pattern.search(there) for pattern in self.unwanted
        )


def matcher(pattern: str) -> Matcher | None:
    """The compiled pattern; None when it is not applied."""
    # Of a longer one not even the text is to be kept.
    return _compiled(pattern) if len(pattern) <= MAX_PATTERN else None


@lru_cache(maxsize=KEPT)
def _compiled(pattern: str) -> Matcher | None:
    wanted, unwanted = _conditions(_translated(pattern))
    try:
        found = tuple(map(_regexp, wanted)), tuple(map(_regexp, unwanted))
    except re2.error:
        return None
    return Matcher(*found, sum(part.programsize for part in (*found[0], *found[1])))


def _regexp(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    options.never_capture = True
    return re2.compile(pattern.encode("utf-8", "replace"), options)


def _translated(pattern: str) -> str:
    r"""The pattern with RE2's spellings; what stands in both is left as it is."""
    return _TOKEN.sub(_respelled, pattern)


def _respelled(token: re.Match[str]) -> str:
    if token["all"]:
        return r"(?s:.)"
    if token["class"]:
        return _IN_CLASS.sub(_respelled_in_class, token["class"])
    if token["space"]:
        return f"[{'^' * (token['space'] == 'S')}{_SPACES}]"
    return _escape(token)


def _respelled_in_class(token: re.Match[str]) -> str:
    return _SPACES if token["space"] == "s" else _escape(token)


def _escape(token: re.Match[str]) -> str:
    if digits := token["four"] or token["many"]:
        return rf"\x{{{digits}}}"
    if token["control"]:
        return rf"\x{{{ord(token['control']) % 32:02x}}}"
    return rf"\{token['kind']}{{{token['name']}}}" if token["name"] else token[0]


def _conditions(pattern: str) -> tuple[list[str], list[str]]:
    """The pattern in parts that need no looking ahead: ``^(?!a)(?=b)c`` is no ^a, but ^b and ^c."""
    conditions: dict[bool, list[str]] = {True: [], False: []}
    rest = pattern.removeprefix("^")
    while pattern.startswith("^") and (wanted := _LOOKING.get(rest[:3])) is not None:
        end = _closing(rest)
        if not end or _repeats_or_alternates(rest, end):
            return [pattern], []
        conditions[wanted].append(f"^(?:{rest[3 : end - 1]})")
        rest = rest[end:]
    conditions[True].append(f"^{rest}" if pattern.startswith("^") else rest)
    return conditions[True], conditions[False]


_BRACKETS = re.compile(
    r"\\.|\[(?:[^\]\\]|\\.)*\]|(?P<open>\()|(?P<close>\))|(?P<either>\|)", re.DOTALL
)


def _closing(text: str) -> int:
    """Behind the bracket that closes the one at the start of ``text``; 0 when none does."""
    depth = 0
    for token in _BRACKETS.finditer(text):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if not depth:
            return token.end()
    return 0


def _repeats_or_alternates(text: str, end: int) -> bool:
    """Whether what looks ahead is repeated, or stands in one of several alternatives."""
    if text[end : end + 1] in {*"*+?{"} - {""}:
        return True
    depth = 0
    for token in _BRACKETS.finditer(text, end):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if token.lastgroup == "either" and not depth:
            return True
    return False
