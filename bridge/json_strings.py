"""How what stands between two quotes is read, piece by piece, and escaped as JSON demands."""

from __future__ import annotations

import re
from typing import Final

from bridge.json_backslashes import Backslashes
from bridge.json_lexemes import RUN

_PLAIN_RUN = RUN.partition("|")[0] + ")++"
_NOT_IN_RUN: Final = {'"': '"', "'": "\"'"}
_RUNS: Final = {quote: re.compile(RUN % ends) for quote, ends in _NOT_IN_RUN.items()}
_PLAIN_RUNS: Final = {quote: re.compile(_PLAIN_RUN % ends) for quote, ends in _NOT_IN_RUN.items()}
_ESCAPED: Final = {'"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_AFTER_BACKSLASH = frozenset('"\\/bfnrtu')
_HEX = frozenset("0123456789abcdefABCDEF")


class StringBody:
    """One string after another: ``open``, ``take`` until ``closed``, ``taken`` in between.

    ``repaired`` once anything had to be: a raw control character, an escape JSON does not have,
    single quotes. ``ambiguous``: the string that closed has two readings.
    """

    __slots__ = ("_backslashes", "_escape", "_quote", "closed", "repaired")

    def __init__(self) -> None:
        self.closed = False
        self.repaired = False
        self._backslashes = Backslashes()
        self._quote = '"'
        self._escape = ""

    @property
    def ambiguous(self) -> bool:
        """Whether the backslashes of the string can be read in two ways."""
        return self._backslashes.fault

    def open(self, quote: str) -> None:
        """Start the body of a string after its opening ``quote``."""
        self.closed = False
        self._backslashes = Backslashes()
        self._quote = quote
        if quote == "'":
            self.repaired = True

    def take(self, text: str, index: int) -> int:
        """Read on; gives the index behind the closing quote, or as far as this text is clear."""
        if self._escape:
            return self._take_escape(text, index)
        runs = _PLAIN_RUNS if self._backslashes.slow else _RUNS
        run = runs[self._quote].match(text, index)
        end = run.end() if run else index
        if end > index:
            self._backslashes.text(text[index:end])
        if end == len(text):
            return end
        char = text[end]
        if char == self._quote:
            self.closed = True
            self._backslashes.close()
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
                self._backslashes.known(self._escape)
                self._escape = ""
            return index + 1
        begun, self._escape = self._escape[1:], ""
        if first and char == "'":
            self._mend(char)
            return index + 1
        self.repaired = True
        self._backslashes.unknown()
        if begun:
            self._backslashes.text(begun)
        return index

    def taken(self) -> str:
        """The clean text that is certain since this was last asked."""
        text = "".join(self._backslashes.out)
        self._backslashes.out.clear()
        return text

    def _mend(self, escaped: str) -> None:
        self.repaired = True
        self._backslashes.mended(escaped)
