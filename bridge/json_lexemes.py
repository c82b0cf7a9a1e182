"""How tolerant JSON's pieces are read: white space and words, whole strings, comments.

What stands whole in a text, written as JSON has it, is found by one match; everything else is read
step by step: ``take(text, index)`` reads from there as far as it goes and gives the index behind
it; ``closed`` says whether the end was among what was read. String bodies are read so by
``json_strings``.
"""

from __future__ import annotations

import re
from typing import Final

# A run is what is kept as it stands: ordinary characters and JSON's own escapes. Lone surrogates
# are no part of it but are escaped, because the output must survive UTF-8. The possessive
# quantifiers keep a long run from piling up places to go back to.
RUN: Final = r"(?:[^%s\\\x00-\x1f\ud800-\udfff]++|\\(?:[\"\\/bfnrt]|u[0-9a-fA-F]{4}))*+"
_STRING = re.compile(f'"({RUN % chr(34)})"')
_MEMBER = re.compile(_STRING.pattern + r"[ \t\n\r]*+:[ \t\n\r]*+")
_SPACE = re.compile(r"[ \t\n\r]*+")
_ODD_SPACE = re.compile(r"[\s\ufeff]*+")
_WORD = re.compile(r"""[^\s\ufeff,:\[\]{}"'/#]*+""")
_IDENTIFIER = re.compile(r"(?:[^\W\d]|\$)[\w$]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SCALAR = re.compile(rf"(?:{_NUMBER.pattern}|true|false|null)(?=[,\]}} \t\n\r])")
_LITERALS: Final = {
    "true": "true",
    "false": "false",
    "null": "null",
    "True": "true",
    "False": "false",
    "None": "null",
}


def whole_string(text: str, index: int) -> re.Match[str] | None:
    """A string from quote to quote, its body as group 1, if all of it is there and plain."""
    return _STRING.match(text, index)


def whole_member(text: str, index: int) -> re.Match[str] | None:
    """A key as ``whole_string``, with the colon and the white space behind it."""
    return _MEMBER.match(text, index)


def whole_scalar(text: str, index: int) -> re.Match[str] | None:
    """A number, true, false or null that is surely over."""
    return _SCALAR.match(text, index)


def past_space(text: str, index: int) -> int:
    """The index behind JSON's white space at ``index``."""
    return _past(_SPACE, text, index)


def past_odd_space(text: str, index: int) -> int:
    """The index behind white space of any kind, and byte order marks."""
    return _past(_ODD_SPACE, text, index)


def past_word(text: str, index: int) -> int:
    """The index behind what stands up to the next white space, punctuation or quote of JSON."""
    return _past(_WORD, text, index)


def _past(pattern: re.Pattern[str], text: str, index: int) -> int:
    found = pattern.match(text, index)
    return found.end() if found else index


def word_as_scalar(word: str) -> str | None:
    """A number as it is spelled, JSON's spelling of a literal of JSON or Python; else None."""
    return _LITERALS.get(word) or (word if _NUMBER.fullmatch(word) else None)


def word_as_key(word: str) -> str | None:
    """A word that may be a key without quotes: an identifier of JavaScript or Python."""
    return word if _IDENTIFIER.fullmatch(word) else None


class Comment:
    """``// …``, ``# …`` to the end of the line, or ``/* … */``, from its second character on."""

    __slots__ = ("_end", "_star", "closed")

    def __init__(self, first: str) -> None:
        self.closed = False
        self._end = "\n" if first == "#" else ""
        self._star = False

    @property
    def may_end(self) -> bool:
        """Whether the input may end here: a line comment needs no line end."""
        return self._end == "\n"

    def take(self, text: str, index: int) -> int:
        """Read on; gives ``index`` itself when a lone slash turns out to open no comment."""
        if not self._end:
            self._end = {"/": "\n", "*": "*/"}.get(text[index], "")
            return index + bool(self._end)
        if self._star:
            self.closed = text[index] == "/"
            self._star = text[index] == "*"
            return index + 1
        found = text.find(self._end[0], index)
        if found < 0:
            return len(text)
        self.closed = self.may_end
        self._star = not self.closed
        return found + 1
