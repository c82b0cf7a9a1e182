"""What is told of a finished request: numbers and names, never content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


class RequestReport(msgspec.Struct):
    """One request, as one log line. Times are in seconds."""

    request_id: str = ""
    method: str = ""
    path: str = ""
    client: str | None = None
    model: str | None = None
    stream: bool = False
    status: int = 0
    error: str | None = None
    finish_reason: str | None = None
    first_text: float | None = None
    total: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated_tokens: bool = False
    calls: int = 0
    re_asks: int = 0
    repairs: int = 0
    near_misses: int = 0
    malformed: int = 0
    cut: int = 0
    function_request_id: str | None = None
    """The platform's own id, beside one that the client gave."""


if TYPE_CHECKING:
    Reporter = Callable[[RequestReport], None]
