"""Answer text on its way to a client: without what belongs to a marker, the key and joiners."""

from __future__ import annotations

from bridge.dialects.margin import Margin
from bridge.dialects.shown import Shown


class Prose:
    """``feed`` gives what is certain; then ``drop`` or ``close`` gives what was held back."""

    def __init__(self, key: str) -> None:
        self._margin = Margin()
        self._shown = Shown(key)
        self._said = False

    @property
    def has_fence(self) -> bool:
        """Whether a fence opens right before what follows."""
        return self._margin.has_fence

    def feed(self, text: str) -> str:
        """Take the next characters of text."""
        return self._say(self._margin.feed(text))

    def pause(self) -> str:
        """Something that no client sees follows, and then more text."""
        return self._say(self._margin.settle()) + self._shown.close()

    def drop(self, *, fenced: bool) -> str:
        """A marker follows, in an open fence if ``fenced``: what stands around it is no text."""
        return self._say(self._margin.drop(fenced=fenced)) + self._shown.close()

    def close(self) -> str:
        """The text has ended. White space alone is no text."""
        rest = self._margin.close()
        text = self._say(rest) if self._said or rest.strip() else ""
        return text + self._shown.close()

    def _say(self, text: str) -> str:
        self._said = self._said or bool(text)
        return self._shown.feed(text) if text else ""
