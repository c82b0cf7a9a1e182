"""Text on its way to a client: joiners taken out again, and the key of a marker's remains."""

from __future__ import annotations

import re

from bridge.dialects.neutral import Restorer, neutral_for


def overlap(text: str, literal: str) -> int:
    """The length of the longest tail of ``text`` that begins ``literal`` but is not all of it."""
    start = max(len(text) - len(literal) + 1, 0)
    while (start := text.find(literal[0], start)) >= 0:
        if literal.startswith(text[start:]):
            return len(text) - start
        start += 1
    return 0


MARKER_BEFORE_KEY = r"(?:(?:tool[ _-]?(?:call|result)s?|@[\w-]{1,64})[^\w\n]{0,8}|`{3}[^\w\n]{0,8})"
"""What stands before the key in a marker, however a model spells it; a pattern without case."""

_MARKER = re.compile(MARKER_BEFORE_KEY + r"\Z", re.IGNORECASE)

_LONGEST_MARKER = 80


class KeyFilter:
    """``feed`` and ``close`` give text without the key wherever it follows the word of a marker.

    Anywhere else the key's two words are ordinary words, and stay.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._before = ""
        """The last characters given."""
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next characters, give what is certain."""
        text = self._held + text
        end = len(text) - overlap(text[-len(self._key) :], self._key)
        text, self._held = text[:end], text[end:]
        return self._filtered(text)

    def close(self) -> str:
        """The text has ended here: give what was held back. More text may be fed after it."""
        text, self._held = self._held, ""
        self._before += text
        return text

    def _filtered(self, text: str) -> str:
        out: list[str] = []
        place = 0
        while (found := text.find(self._key, place)) >= 0:
            self._give(text[place:found], out)
            place = found + len(self._key)
            if not _MARKER.search(self._before):
                self._give(self._key, out)
        self._give(text[place:], out)
        return "".join(out)

    def _give(self, text: str, out: list[str]) -> None:
        out.append(text)
        self._before = (self._before + text[-_LONGEST_MARKER:])[-_LONGEST_MARKER:]


class Shown:
    """``feed`` and ``close`` give text as a client may see it.

    What is left of a marker, where a block could not be read, loses its key.
    """

    def __init__(self, key: str, *, json: bool = False) -> None:
        self._restorer = Restorer(neutral_for(key), json=json)
        self._filter = KeyFilter(key) if key else None

    def feed(self, text: str) -> str:
        """Take the next characters, give what is certain."""
        text = self._restorer.feed(text)
        return self._filter.feed(text) if self._filter else text

    def close(self) -> str:
        """The text has ended: give what was held back."""
        text = self._restorer.close()
        return self._filter.feed(text) + self._filter.close() if self._filter else text


def shown(text: str, key: str, *, json: bool = False) -> str:
    """A whole text as a client may see it."""
    stage = Shown(key, json=json)
    return stage.feed(text) + stage.close()
