"""What arrives of a body, given all together.

A read of the socket often brings many small chunks at once, and httpx gives them one by one:
whoever handles each as it comes pays for it as if it had come alone. Here a task of its own reads
on until it has to wait, and the consumer, which runs then, gets all of it as one. Only where chunks
come singly, each is handed over before the next is asked for: to begin a wait takes httpx about as
long as the consumer takes for all that it does.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from bridge.upstream.timing import silent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import Self

ROOM = 64 * 1024
"""Bytes that are read ahead of a consumer that is busy, about one read of httpx; the rest stays in
the socket, so that a slow consumer slows the upstream."""

WAITED_SECONDS = 0.0002
"""A chunk that took longer had to be waited for; one that is already there takes a tenth of it."""


class Arrivals:
    """Reads ``source`` as a context; an iteration gives all that has arrived, and waits if needed.

    It waits ``first`` seconds at most for the first bytes, ``silence`` for more. Only the source's
    time counts: the clock stands while the consumer is busy. Raises ``UpstreamTimeout``, and what
    the source raises once everything before has been given.
    """

    def __init__(
        self, source: AsyncGenerator[bytes, None], *, first: float, silence: float
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._limit = first
        self._silence = silence
        self._arrived: list[bytes] = []
        self._size = 0
        self._reading: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._ended = False
        self._wanted: asyncio.Future[None] | None = None
        """Done when something has arrived that the consumer waits for."""
        self._room: asyncio.Future[None] | None = None
        """Done when the consumer has taken what was too much to read on."""
        self._due = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._reading is not None:
            self._reading.cancel()
            # Whoever waits here may be cancelled once more, which must not reach the reading: it
            # is giving the connection back.
            await asyncio.wait((self._reading,))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not (self._arrived or self._ended):
            await self._wait()
        if not self._arrived:
            raise self._error or StopAsyncIteration
        data = self._arrived[0] if len(self._arrived) == 1 else b"".join(self._arrived)
        self._arrived.clear()
        self._size = 0
        _tell(self._room)
        return data

    async def _read(self) -> None:
        try:
            async with aclosing(self._source):
                waited, asked = True, self._loop.time()
                async for data in self._source:
                    waited_before, waited = waited, self._loop.time() - asked > WAITED_SECONDS
                    self._arrived.append(data)
                    self._size += len(data)
                    self._limit = self._silence
                    if _tell(self._wanted) and waited and waited_before:
                        await asyncio.sleep(0)
                    if self._size >= ROOM:
                        self._room = self._loop.create_future()
                        await self._room
                    asked = self._loop.time()
        except Exception as error:  # whatever it is, the reader of the pieces gets it
            self._error = error
        finally:
            self._ended = True
            _tell(self._wanted)

    async def _wait(self) -> None:
        self._due = self._loop.time() + self._limit
        # One alarm serves many waits: it is set anew when it rings, or for a shorter limit.
        if self._alarm is None:
            self._alarm = self._loop.call_at(self._due, self._ring)
        elif self._due < self._alarm.when():
            self._alarm.cancel()
            self._alarm = self._loop.call_at(self._due, self._ring)
        self._wanted = self._loop.create_future()
        await self._wanted

    def _ring(self) -> None:
        self._alarm = None
        if self._wanted is None or self._wanted.done():
            return
        if self._loop.time() < self._due:
            self._alarm = self._loop.call_at(self._due, self._ring)
        else:
            self._wanted.set_exception(silent())


def _tell(waiting: asyncio.Future[None] | None) -> bool:
    """Wake whoever waits; False if nobody does."""
    if waiting is None or waiting.done():
        return False
    waiting.set_result(None)
    return True
