"""What is told of a finished request: numbers and names, never content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bridge.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LOGGED = 200
"""Characters of what a caller wrote."""


def loggable(text: str) -> str:
    """What a caller wrote, fit for one line of a log: printable, and not too long."""
    if len(text) > MAX_LOGGED:
        text = text[: MAX_LOGGED - 1] + "…"
    return "".join(char if char.isprintable() else "?" for char in text)


COUNTED = tuple(name for name in Figures.__struct_fields__ if name != "finish_reason")
"""What is counted of each exchange, and added up for a request of several."""


class RequestReport(msgspec.Struct):
    """One request, as one log line. Times are in seconds.

    ``upstream_said``: why the upstream refused it, without what may be secret.
    """

    request_id: str = ""
    method: str = ""
    path: str = ""
    client: str | None = None
    model: str | None = None
    stream: bool = False
    status: int = 0
    error: str | None = None
    upstream_said: str | None = None
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
    cut_calls: int = 0
    mended: int = 0
    """Places of the request that had to be mended: schemas, contents, ids."""
    function_request_id: str | None = None
    """The platform's own id, beside one that the client gave."""


if TYPE_CHECKING:
    Reporter = Callable[[RequestReport], None]
