"""Stop strings: they end the text and never stand in it.

Each is searched for in time linear in the text, however the text is cut, by the automaton of Knuth,
Morris and Pratt; where a piece is longer than the stop string, Python's own search does most of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class StopFilter:
    """``feed`` and ``close`` give the text before the first stop string; ``hit`` once it came.

    The first is the one that is whole first, as if the text came character by character; of two
    that end together, the longer.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._searches = [_Search(stop) for stop in stops]
        self._held = ""
        self.hit = False

    def feed(self, text: str) -> str:
        """Take the next characters, give what is certain."""
        if not self._searches:
            return text
        if self.hit:
            return ""
        before = len(self._held)
        ends = [
            (end, search) for search in self._searches if (end := search.feed(text)) is not None
        ]
        text = self._held + text
        if ends:
            self.hit, self._held = True, ""
            first = min(end for end, _ in ends)
            return text[: min(before + end - search.length for end, search in ends if end == first)]
        certain = len(text) - max(search.matched for search in self._searches)
        self._held = text[certain:]
        return text[:certain]

    def close(self) -> str:
        """The text has ended here: give what was held back. More text may be fed after it."""
        held, self._held = self._held, ""
        for search in self._searches:
            search.matched = 0
        return held


class _Search:
    """The search for one stop string; ``matched``: how much of it ends the text so far."""

    def __init__(self, stop: str) -> None:
        self._stop = stop
        self._shorter = _borders(stop)
        self.length = len(stop)
        self.matched = 0

    def feed(self, text: str) -> int | None:
        """Take the next characters; gives where in them it is whole for the first time."""
        # What has matched so far can only go on in as many characters as the stop string has.
        end = self._step(text, 0, min(self.length, len(text)))
        if end is not None or len(text) <= self.length:
            return end
        place = text.find(self._stop)
        if place >= 0:
            return place + self.length
        self.matched = 0
        return self._step(text, len(text) - self.length + 1, len(text))

    def _step(self, text: str, place: int, end: int) -> int | None:
        stop, matched = self._stop, self.matched
        while place < end:
            if not matched:
                place = text.find(stop[0], place, end)
                if place < 0:
                    break
            while matched and stop[matched] != text[place]:
                matched = self._shorter[matched - 1]
            matched += stop[matched] == text[place]
            place += 1
            if matched == self.length:
                return place
        self.matched = matched
        return None


def _borders(text: str) -> list[int]:
    """For each beginning of a text, the length of the longest shorter one that ends it."""
    borders = [0] * len(text)
    for place in range(1, len(text)):
        length = borders[place - 1]
        while length and text[length] != text[place]:
            length = borders[length - 1]
        borders[place] = length + (text[length] == text[place])
    return borders
