"""A streamed answer: OpenAI's events, written as they come, and kept alive while nothing does.

Nothing is sent before the first ``write``: until then a failure can still be an HTTP status. Then
a comment goes first, because a Lambda Function URL may hold a small first chunk back until the
second one. A failure after that is one error event: no ``finish_reason``, no ``[DONE]``, so that a
cut stream does not look complete.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.answers import encoded
from bridge.server.errors import error_json
from bridge.server.tracking import ClientGone
from bridge.sse import COMMENT, DONE, comment, event

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from starlette.types import Send

    from bridge.answers import ChatCompletionChunk
    from bridge.errors import BridgeError
    from bridge.server.pace import Pace

OPENING = comment("ok")
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # nginx gathers an answer before it passes it on, unless told not to.
    (b"x-accel-buffering", b"no"),
]
LINE_BREAKS = {char.encode(): b"\\u%04x" % ord(char) for char in "\u0085\u2028\u2029"}
"""No line breaks in SSE or JSON, but readers built on ``splitlines`` cut an event there."""


class EventStream:
    """The answer to one request, as a context: its keep-alive ends with it.

    ``begun``: the status line has been sent.
    """

    def __init__(self, send: Send, pace: Pace) -> None:
        self._send = send
        self._quiet = pace.quiet
        self._farewell = pace.farewell
        self._loop = asyncio.get_running_loop()
        self._last = 0.0
        self._ended = False
        self._sending = asyncio.Lock()
        """Exchanges and the keep-alive write to one connection."""
        self._alarm: asyncio.TimerHandle | None = None
        self._keeping: asyncio.Task[None] | None = None
        self.begun = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def write(self, chunks: Iterable[ChatCompletionChunk]) -> None:
        """Send these chunks as one message; raises ``ClientGone``."""
        data = b"".join(map(event_of, chunks))
        async with self._sending:
            if not self.begun:
                await self._begin()
            if data:
                await self._put(data)

    async def finish(self, last: Iterable[ChatCompletionChunk] = ()) -> None:
        """Send the last chunks and say that the stream is complete."""
        async with self._sending:
            await self._put(b"".join(map(event_of, last)) + DONE, more=False)

    async def fail(self, error: BridgeError) -> None:
        """Send the error event and end the stream, unless it has ended."""
        if self._ended:
            return
        with suppress(TimeoutError, ClientGone):
            async with asyncio.timeout(self._farewell), self._sending:
                await self._put(event(error_json(error)), more=False)

    async def _begin(self) -> None:
        self.begun = True
        self._alarm = self._loop.call_later(self._quiet, self._listen)
        await self._passed({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await self._put(OPENING)

    def _listen(self) -> None:
        """Look how long it has been quiet; a timer costs less than a task that waits."""
        left = self._last + self._quiet - self._loop.time()
        if left > 0:
            self._alarm = self._loop.call_later(left, self._listen)
        else:
            self._keeping = asyncio.create_task(self._keep_alive())

    async def _keep_alive(self) -> None:
        # While a send waits for a slow client, the silence is not ours.
        async with self._sending:
            if self._loop.time() - self._last >= self._quiet:
                await self._put(COMMENT)
        self._listen()

    async def _put(self, data: bytes, *, more: bool = True) -> None:
        self._ended = not more
        await self._passed({"type": "http.response.body", "body": data, "more_body": more})
        self._last = self._loop.time()

    async def _passed(self, message: dict[str, object]) -> None:
        try:
            await self._send(message)
        except OSError as error:
            raise ClientGone from error


def event_of(chunk: ChatCompletionChunk) -> bytes:
    """The bytes of a chunk's event."""
    data = encoded(chunk)
    if not data.isascii():
        for line_break, escape in LINE_BREAKS.items():
            data = data.replace(line_break, escape)
    return event(data)
