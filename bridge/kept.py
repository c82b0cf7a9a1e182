"""What is worked out from a text that comes again with every request: a tool, a schema."""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

KEPT = 256
"""Results kept of one function: for the 128 tools that a request may offer, twice."""

KEPT_TEXT = 8192
"""Characters of a text whose result is kept; with ``KEPT`` it bounds the memory."""


class Known(Generic[T]):
    """Values that never change, by the texts that say all of them.

    Requests that bring the same value share the one that came first, however long they wait.
    """

    def __init__(self) -> None:
        self._values: dict[str, T] = {}

    def get(self, text: str) -> T | None:
        """The value, if it is known."""
        return self._values.get(text)

    def add(self, text: str, value: T) -> None:
        """Keep it for later, unless it is too long."""
        if len(self._values) >= KEPT:
            self._values.clear()
        if len(text) <= KEPT_TEXT:
            self._values[text] = value


def kept(work_out: Callable[[str], T]) -> Callable[[str], T]:
    """The same function, which must be pure; equal texts are one, whoever sends them."""
    known = lru_cache(maxsize=KEPT)(work_out)

    @wraps(work_out)
    def get(text: str) -> T:
        return known(text) if len(text) <= KEPT_TEXT else work_out(text)

    return get
