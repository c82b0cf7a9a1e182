"""How tolerant JSON's pieces are read: white space and words, string bodies, comments.

What stands whole in a text, written as JSON has it, is found by one match; everything else is read
step by step. The two that have an end of their own have ``take(text, index)``: read from there as
far as it goes and give the index behind it; ``closed`` says whether the end was among what was
read.
"""

from __future__ import annotations

import re
from typing import Final

# A run is what is kept as it stands: ordinary characters and JSON's own escapes. Lone surrogates
# are no part of it but are escaped, because the output must survive UTF-8. The possessive
# quantifiers keep a long run from piling up places to go back to.
_RUN = r"(?:[^%s\\\x00-\x1f\ud800-\udfff]++|\\(?:[\"\\/bfnrt]|u[0-9a-fA-F]{4}))*+"
_RUNS: Final = {'"': re.compile(_RUN % '"'), "'": re.compile(_RUN % "\"'")}
_STRING = re.compile(f'"({_RUN % chr(34)})"')
_MEMBER = re.compile(_STRING.pattern + r"[ \t\n\r]*+:[ \t\n\r]*+")
_ESCAPED: Final = {'"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
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
_AFTER_BACKSLASH = frozenset('"\\/bfnrtu')
_HEX = frozenset("0123456789abcdefABCDEF")


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


class StringBody:
    """What stands between two quotes, escaped as JSON demands on its way through.

    ``repaired`` once anything had to be: a raw control character, an escape JSON does not have
    (its backslash stands for itself), single quotes.
    """

    __slots__ = ("_escape", "_parts", "_quote", "closed", "repaired")

    def __init__(self) -> None:
        self.closed = False
        self.repaired = False
        self._parts: list[str] = []
        self._quote = '"'
        self._escape = ""

    def open(self, quote: str) -> None:
        """Start the body of a string after its opening ``quote``."""
        self.closed = False
        self._quote = quote
        if quote == "'":
            self.repaired = True

    def take(self, text: str, index: int) -> int:
        """Read on; gives the index behind the closing quote, or as far as this text is clear."""
        if self._escape:
            return self._take_escape(text, index)
        run = _RUNS[self._quote].match(text, index)
        end = run.end() if run else index
        if end > index:
            self._parts.append(text[index:end])
        if end == len(text):
            return end
        char = text[end]
        if char == self._quote:
            self.closed = True
        elif char == "\\":
            self._escape = char
        else:
            self._mend(_ESCAPED.get(char) or f"\\u{ord(char):04x}")
        return end + 1

    def _take_escape(self, text: str, index: int) -> int:
        """One character behind a backslash that no run could take whole."""
        char = text[index]
        first = len(self._escape) == 1
        if char in (_AFTER_BACKSLASH if first else _HEX):
            self._escape += char
            if (first and char != "u") or len(self._escape) == len("\\u0000"):
                self._parts.append(self._escape)
                self._escape = ""
            return index + 1
        literal, self._escape = "\\" + self._escape, ""
        if first and char == "'":
            self._mend(char)
            return index + 1
        self._mend(literal)
        return index

    def taken(self) -> str:
        """The clean text read since this was last asked."""
        text = "".join(self._parts)
        self._parts.clear()
        return text

    def _mend(self, escaped: str) -> None:
        self.repaired = True
        self._parts.append(escaped)


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
