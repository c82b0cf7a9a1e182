"""Trying again, where nothing has been shown yet."""

from __future__ import annotations

import asyncio
import math
import random
import time
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from bridge.errors import UpstreamCut, UpstreamError, UpstreamRateLimited, UpstreamUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from bridge.turns import Capabilities, Options, Piece, Turn
    from bridge.upstream.base import Upstream

ATTEMPTS = 2
"""Tries in all. Clients' SDKs try twice more themselves: more here would multiply."""

BUDGET_SECONDS = 10.0
"""From the start of the first try to the end of the last: a caller waits, and Lambda bills it."""

BASE_SECONDS = 0.5
MAX_SECONDS = 8.0
"""The first waiting time is random up to the base, doubling with each try up to the maximum: full
jitter, as in https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/."""

RETRIED = (UpstreamUnavailable, UpstreamRateLimited, UpstreamCut)


class Retrying:
    """An upstream that repeats a request which failed before its first piece.

    Repeated: unreachable, failing, cut before a word, and rate-limited with a short waiting time.
    Never: anything after the first piece, refusals, time-outs, or when the budget would not cover
    the waiting and a try as long as the last one.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        attempts: int = ATTEMPTS,
        budget_seconds: float = BUDGET_SECONDS,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """``draw`` gives a number in [0, 1); ``clock`` and ``now`` are monotonic and Unix time."""
        self._upstream = upstream
        self._attempts = attempts
        self._budget = budget_seconds
        self._sleep = sleep
        self._draw = draw
        self._clock = clock
        self._now = now

    @property
    def capabilities(self) -> Capabilities:
        """Those of the upstream within."""
        return self._upstream.capabilities

    async def stream(self, turns: Sequence[Turn], options: Options) -> AsyncGenerator[Piece, None]:
        """Send the turns, yield the reply; see ``Upstream.stream``."""
        deadline = self._clock() + self._budget
        attempt = 0
        while True:
            attempt += 1
            began = self._clock()
            shown = False
            try:
                async with aclosing(self._upstream.stream(turns, options)) as pieces:
                    async for piece in pieces:
                        # Counts alone say what a cut reply cost: nobody has been shown anything.
                        shown = shown or bool(piece.text or piece.finish)
                        yield piece
                return
            except RETRIED as exc:
                if shown or attempt >= self._attempts:
                    raise
                pause = self._pause(exc, attempt)
                failed = self._clock()
                if failed + pause + (failed - began) > deadline:
                    raise
            await self._sleep(pause)

    async def models(self) -> list[str]:
        """Those of the upstream within."""
        return await self._upstream.models()

    async def aclose(self) -> None:
        """Close the upstream within."""
        await self._upstream.aclose()

    def _pause(self, error: UpstreamError, attempt: int) -> float:
        """Seconds to wait: what the upstream asks for, or else a random time."""
        jitter = self._draw() * min(MAX_SECONDS, math.ldexp(BASE_SECONDS, attempt - 1))
        asked = asked_seconds(error.headers.get("Retry-After"), self._now())
        if asked is None:
            # A rate limit without a time is not known to be short.
            return math.inf if isinstance(error, UpstreamRateLimited) else jitter
        return asked + jitter


def asked_seconds(value: str | None, now: float) -> float | None:
    """A ``Retry-After`` header as seconds from ``now`` (Unix time), None when it says nothing."""
    if not value:
        return None
    if value.isdecimal():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None
