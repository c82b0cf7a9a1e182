"""What is worked out from a text that comes again with every request: a tool, a schema."""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

KEPT = 256
"""Results kept of one function: for the 128 tools that a request may offer, twice."""

KEPT_TEXT = 8192
"""Characters of a text whose result is kept; with ``KEPT`` it bounds the memory."""


def kept(work_out: Callable[[str], T]) -> Callable[[str], T]:
    """The same function, which must be pure; equal texts are one, whoever sends them."""
    known = lru_cache(maxsize=KEPT)(work_out)

    @wraps(work_out)
    def get(text: str) -> T:
        return known(text) if len(text) <= KEPT_TEXT else work_out(text)

    return get
