"""Stop strings: they end the text and never stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.dialects.shown import overlap

if TYPE_CHECKING:
    from collections.abc import Sequence


class StopFilter:
    """``feed`` and ``close`` give the text before the first stop string; ``hit`` once it came.

    The first is the one that is whole first, as if the text came character by character; of two
    that end together, the longer.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.hit = False

    def feed(self, text: str) -> str:
        """Take the next characters, give what is certain."""
        if not self._stops:
            return text
        if self.hit:
            return ""
        text = self._held + text
        found = [
            (place + len(stop), place) for stop in self._stops if (place := text.find(stop)) >= 0
        ]
        if found:
            self.hit, self._held = True, ""
            return text[: min(found)[1]]
        certain = len(text) - max(overlap(text, stop) for stop in self._stops)
        self._held = text[certain:]
        return text[:certain]

    def close(self) -> str:
        """The text has ended here: give what was held back. More text may be fed after it."""
        held, self._held = self._held, ""
        return held
