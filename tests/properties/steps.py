"""Steps counted, not timed: calls of functions, and characters copied or looked through by strings.

A regular expression's own steps are not seen; that long texts end within a test's time shows that
none of them runs away.
"""

from __future__ import annotations

import sys
from typing import Any

from tests.decoding import decoder


class Counted(str):
    """A text that counts the characters that its methods copy or look through."""

    __slots__ = ()
    looked = 0

    @classmethod
    def _count(cls, result: str) -> Counted:
        Counted.looked += len(result)
        return cls(result)

    def __getitem__(self, index: Any) -> str:
        return self._count(super().__getitem__(index))

    def __add__(self, other: str) -> str:
        return self._count(super().__add__(other))

    def __radd__(self, other: str) -> str:
        return self._count(str(other) + str(self))

    def lstrip(self, chars: str | None = None) -> str:
        return self._count(super().lstrip(chars))

    def rstrip(self, chars: str | None = None) -> str:
        return self._count(super().rstrip(chars))

    def find(self, sub: str, start: Any = 0, end: Any = None) -> int:
        found = super().find(sub, start, end)
        stop = found if found >= 0 else min(len(self), len(self) if end is None else end)
        Counted.looked += max(stop - start, 0)
        return found

    def partition(self, sep: str) -> tuple[str, str, str]:
        first, middle, last = super().partition(sep)
        return self._count(first), middle, self._count(last)


def cost(text: str, size: int, **options: object) -> tuple[int, int]:
    """Calls made and characters looked at, to decode a text in pieces of that size."""
    made = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal made
        made += int(event in ("call", "c_call"))

    reading = decoder(**options)
    pieces = [Counted(text[i : i + size]) for i in range(0, len(text), size)]
    Counted.looked = 0
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for piece in pieces:
            reading.feed(piece)
        reading.close()
    finally:
        sys.setprofile(before)
    return made, Counted.looked


def dearer_when_longer(start: str, unit: str, length: int, size: int, **options: Any) -> str | None:
    """What a third stretch of text costs more than the second did; None when it does not."""
    texts = [start + unit * (times * length // len(unit)) for times in (1, 2, 3)]
    first, second, third = (cost(text, size, **options) for text in texts)
    for what, slack, a, b, c in zip(
        ("calls", "characters"), (1000, 20_000), first, second, third, strict=True
    ):
        if c - b > 1.3 * (b - a) + slack:
            return f"{c - b} {what} after {b - a}"
    return None
