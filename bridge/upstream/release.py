"""The body of an answer, whose connection is released in every case.

To close an answer is to give its connection back, or to close that too. httpx notes first that it
is closed and then does it, step by step; a task that is cancelled between the steps leaves the
connection neither free nor closed, and nothing can close it any more. Here closing is a task of its
own, which the cancelling of another does not reach.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class ReleasedBody(httpx.AsyncByteStream):
    """The same body."""

    def __init__(self, body: httpx.AsyncByteStream) -> None:
        self._body = body
        self._closing: asyncio.Task[None] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Its bytes."""
        return aiter(self._body)

    async def aclose(self) -> None:
        """Close it to the end, even if whoever waits for that is cancelled."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._body.aclose())
        await asyncio.shield(self._closing)
