r"""Halves of characters that came in different pieces.

Servers that cut text by UTF-16 units send an emoji as ``"\ud83d"`` in one piece and ``"\ude00"``
in the next. Python reads each as a lone surrogate, which no UTF-8 can carry.
"""

from __future__ import annotations

import re

SURROGATE = re.compile("[\ud800-\udfff]")
HIGH = range(0xD800, 0xDC00)


class SurrogateJoiner:
    """``feed`` and ``close`` give text without surrogates: pairs joined, lone ones replaced."""

    def __init__(self) -> None:
        self._high = ""

    def feed(self, text: str) -> str:
        """The text, less a first half at its end, which is held for the next one."""
        if not self._high and SURROGATE.search(text) is None:
            return text
        text = self._high + text
        self._high = ""
        if text and ord(text[-1]) in HIGH:
            text, self._high = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def close(self) -> str:
        """What stands for a half whose other half never came."""
        return "\ufffd" if self._high else ""
