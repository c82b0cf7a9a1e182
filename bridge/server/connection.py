"""One HTTP/1.1 connection of the local server: uvicorn's, with three gaps closed.

- uvicorn waits for ever for a request's head. Silent connections, and heads that come a byte a
  minute, would pile up until the process has no file descriptor left for anyone else.
- While a request is answered, uvicorn stops reading as soon as something follows it, be it the line
  break that old clients send behind a body. Then it does not see the client leave, and the upstream
  writes on for nobody.
- On connections to a socket that was made before the event loop, asyncio leaves Nagle's algorithm
  on: each small write then waits until the client has acknowledged the one before, which takes
  Linux 40 ms.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

MAX_EARLY_BYTES = 65_536
"""Of what follows a request that is being answered; after more, reading stops after all."""


class Connection(H11Protocol):
    """What uvicorn makes of each connection that it takes."""

    head_seconds = 60.0
    """For all of a request's head, and for what an early answer left unread of the request before;
    nginx gives a head as long. Between requests ``KEEP_ALIVE_SECONDS`` hold."""

    _waiting: asyncio.TimerHandle | None = None
    _early = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        taken: socket.socket = transport.get_extra_info("socket")
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; a whole head ends the waiting for it, anything else begins it."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_head()
            return
        self._stop_waiting()
        self._read_on(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._stop_waiting()
        super().connection_lost(exc)

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

    def _read_on(self, size: int) -> None:
        # A body that is not read fast enough stops the reading as well, rightly.
        if self.conn.their_state is not h11.DONE:
            self._early = 0
            return
        self._early += size
        if self._early <= MAX_EARLY_BYTES:
            self.flow.resume_reading()
