"""Servers that repeat an unfinished assistant message before they continue it."""

from __future__ import annotations


class EchoDropper:
    """Drops a repetition of ``prefill`` from the start of a reply; the rest comes out unchanged."""

    def __init__(self, prefill: str) -> None:
        self._expected = prefill
        self._held = ""

    def feed(self, text: str) -> str:
        """The text, less what is or may become the repetition."""
        if not self._expected:
            return text
        self._held += text
        if self._expected.startswith(self._held) and self._held != self._expected:
            return ""
        text = self._held.removeprefix(self._expected)
        self._expected = self._held = ""
        return text

    def close(self) -> str:
        """What was held and turned out to be the reply itself."""
        held, self._held = self._held, ""
        return held
