"""What the log tells of an exchange."""

from __future__ import annotations

import msgspec


class Figures(msgspec.Struct):
    """Counts, no content."""

    calls: int = 0
    re_asks: int = 0
    repairs: int = 0
    near_misses: int = 0
    malformed: int = 0
    cut: int = 0
    cut_calls: int = 0
    finish_reason: str | None = None
