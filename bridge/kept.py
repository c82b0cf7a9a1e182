"""What is worked out from a text that comes again with every request: a tool, a schema."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

KEPT_TEXT = 8192
"""Characters of a text whose value is kept."""

KEPT_TEXTS = 512 * 1024
"""Characters of all texts. The values may take twenty times as much: 128 MB have room for that."""


class Known(Generic[T]):
    """Values that never change, by the texts that say all of them; those not used for longest go.

    Requests that bring the same value share the one that came first, however long they wait. Two
    threads may use it at once: each step is one that Python does not interrupt.
    """

    def __init__(self) -> None:
        self._values: OrderedDict[str, T] = OrderedDict()
        self._room = KEPT_TEXTS

    def __len__(self) -> int:
        return len(self._values)

    def get(self, text: str) -> T | None:
        """The value, if it is known."""
        value = self._values.get(text)
        if value is not None:
            with suppress(KeyError):  # another thread has dropped it
                self._values.move_to_end(text)
        return value

    def add(self, text: str, value: T) -> None:
        """Keep a value that is not known, unless its text is too long."""
        size = len(text)
        if size > KEPT_TEXT or text in self._values:
            return
        self._values[text] = value
        self._room -= size
        while self._room < 0 and self._values:
            oldest, _ = self._values.popitem(last=False)
            size = len(oldest)
            self._room += size


def kept(work_out: Callable[[str], T]) -> Callable[[str], T]:
    """The same function, which must be pure; equal texts are one, whoever sends them."""
    known: Known[T] = Known()

    @wraps(work_out)
    def get(text: str) -> T:
        value = known.get(text)
        if value is None:
            value = work_out(text)
            known.add(text, value)
        return value

    return get
