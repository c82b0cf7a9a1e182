"""Text on its way to a client: joiners taken out again, the dialect's key left out."""

from __future__ import annotations

from bridge.dialects.neutral import Restorer, neutral_for


def overlap(text: str, literal: str) -> int:
    """The length of the longest tail of ``text`` that begins ``literal`` but is not all of it."""
    start = max(len(text) - len(literal) + 1, 0)
    while (start := text.find(literal[0], start)) >= 0:
        if literal.startswith(text[start:]):
            return len(text) - start
        start += 1
    return 0


class Shown:
    """``feed`` and ``close`` give text as a client may see it.

    The key is two words that no one but the model should know; where a reply spells it out, it is
    left out like any other marker.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._restorer = Restorer(neutral_for(key))
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next characters, give what is certain."""
        text = self._restorer.feed(text)
        return self._without_key(text) if self._key else text

    def close(self) -> str:
        """The text has ended: give what was held back."""
        text = self._restorer.close()
        if not self._key:
            return text
        text, self._held = self._without_key(text) + self._held, ""
        return text

    def _without_key(self, text: str) -> str:
        # What stands before a key is given as it is: what is joined where one was left out is
        # not looked at again, so that the same comes out however the text was split.
        *before, last = (self._held + text).split(self._key)
        certain = len(last) - overlap(last, self._key)
        self._held = last[certain:]
        return "".join(before) + last[:certain]


def shown(text: str, key: str) -> str:
    """A whole text as a client may see it."""
    stage = Shown(key)
    return stage.feed(text) + stage.close()
