"""One HTTP/1.1 connection of the local server: uvicorn's, with five gaps closed.

- uvicorn waits for ever for a request's head. Silent connections, and heads that come a byte a
  minute, would pile up until the process has no file descriptor left for anyone else.
- When no file descriptor is left, no upstream can be asked either, and asyncio writes thousands of
  tracebacks a second into the log until there is one.
- While a request is answered, uvicorn stops reading as soon as something follows it, be it the line
  break that old clients send behind a body. Then it does not see the client leave, and the upstream
  writes on for nobody.
- A request that says its length twice over, as a number and in chunks, may be one smuggled past a
  proxy: RFC 9112, 6.1, has the connection end with the answer.
- On connections to a socket that was made before the event loop, asyncio leaves Nagle's algorithm
  on: each small write then waits until the client has acknowledged the one before, which takes
  Linux 40 ms.
"""

from __future__ import annotations

import logging
import math
import socket
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

logger = logging.getLogger("toolbridge")

QUIET_SECONDS = 60.0
"""Between two lines that tell of connections that were refused."""

MAX_EARLY_BYTES = 65_536
"""Kept of what follows a request that is being answered. More is read and thrown away, so that the
client is seen to leave, and the connection ends with the answer."""

CLOSE = (b"connection", b"close")
"""In a request's headers, uvicorn answers it with the same and ends the connection."""


def raise_descriptor_limit() -> None:
    """Let this process have as many file descriptors as the system allows it, as Go does."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # macOS calls its limit infinite, and takes no such
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@cache
def most_connections() -> float:
    """Half of the file descriptors: most clients need one more, for their upstream."""
    if sys.platform == "win32":
        return math.inf
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if soft == resource.RLIM_INFINITY else soft // 2


class Connection(H11Protocol):
    """What uvicorn makes of each connection that it takes."""

    head_seconds = 60.0
    """For all of a request's head, and for what an early answer left unread of the request before;
    nginx gives a head as long. Between requests ``KEEP_ALIVE_SECONDS`` hold."""

    _told = -math.inf
    """When it was last told that connections are refused."""
    _waiting: asyncio.TimerHandle | None = None
    _answered: RequestResponseCycle | None = None
    """The request that ``_early`` counts for."""
    _early = 0
    _begun: RequestResponseCycle | None = None
    """The latest request that was looked at."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        taken: socket.socket = transport.get_extra_info("socket")
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > most_connections():
            self._refuse(transport)
        else:
            self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; a whole head ends the waiting for it, anything else begins it."""
        if self._overrun:
            return
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_head()
            return
        self._stop_waiting()
        if self.cycle is self._answered:
            self._read_on(len(data))
        else:
            self._answered, self._early = self.cycle, 0
            self._read_on(0)  # what came is the request itself

    def handle_events(self) -> None:
        """Read what came; a request that begins in it is looked at before it is answered."""
        super().handle_events()
        if self.cycle is not self._begun:
            self._begun = self.cycle
            headers = self.cycle.scope["headers"]
            names = {name for name, _ in headers}
            if b"content-length" in names and b"transfer-encoding" in names:
                # Chunks are what was read, so no length was given.
                kept = [header for header in headers if header[0] != b"content-length"]
                self.cycle.scope["headers"] = kept
                self._end_with_answer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _refuse(self, transport: asyncio.Transport) -> None:
        transport.abort()
        now = self.loop.time()
        if now - Connection._told > QUIET_SECONDS:
            Connection._told = now
            logger.warning("more than %d connections: others are refused", most_connections())

    def _wait_for_head(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    @property
    def _overrun(self) -> bool:
        """Whether more has followed the request that is being answered than is kept."""
        answering = self.cycle is not None and not self.cycle.response_complete
        return answering and self.cycle is self._answered and self._early > MAX_EARLY_BYTES

    def _read_on(self, size: int) -> None:
        # A body that is not read fast enough stops the reading as well, rightly.
        if self.conn.their_state is not h11.DONE:
            self._early = 0
            return
        self._early += size
        if self._overrun:
            self._end_with_answer()
        self.flow.resume_reading()

    def _end_with_answer(self) -> None:
        self.cycle.keep_alive = False
        self.cycle.scope["headers"] = [*self.cycle.scope["headers"], CLOSE]
