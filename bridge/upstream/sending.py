"""Sending a request that may be given up at any moment, without losing its connection.

A client may leave while its upstream is being connected to. httpx knows three moments at which
cancelling it leaves a connection that is neither used nor ever closed: in the TLS handshake,
between the connecting and the first byte of the request, and while the connection of an answer is
given back. So sending is a task of its own. It is cancelled only when the request is on its way;
before that it goes on until the connection is made, or cannot be made in ``Timeouts.connect``
seconds, and ends there. Not a byte is sent of a request that nobody wants. ``ReleasedBody`` sees to
the third moment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httpx

from bridge.upstream.http_errors import renamed
from bridge.upstream.release import ReleasedBody

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGINS = "http11.send_request_headers.started"
"""httpcore's name for the moment: https://www.encode.io/httpcore/extensions/#trace"""

_ending: set[asyncio.Task[None]] = set()
"""What nobody waits for; the event loop alone would not keep it."""


async def sent(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The answer, its body still to be read; raises ``UpstreamError``.

    Sends again, and at once, for every pooled connection that turns out to be dead: the other end
    may have closed an idle connection while this process was frozen. A failure on a connection made
    for this very request is a real one.
    """
    while True:
        attempt = _Attempt(request)
        with renamed():
            try:
                return await attempt.answer(client)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                if attempt.connects:
                    raise


class _Attempt:
    """``connects``: a connection is made for it."""

    def __init__(self, request: httpx.Request) -> None:
        self.connects = False
        self._begun = False
        self._given_up = False
        self._request = request
        request.extensions["trace"] = self._trace

    async def answer(self, client: httpx.AsyncClient) -> httpx.Response:
        sending = asyncio.create_task(
            client.send(self._request, stream=True, follow_redirects=False)
        )
        try:
            response = await asyncio.shield(sending)
        except asyncio.CancelledError:
            await self._give_up(sending)
            raise
        # An asynchronous client's answers have asynchronous bodies.
        response.stream = ReleasedBody(cast("httpx.AsyncByteStream", response.stream))
        return response

    async def _give_up(self, sending: asyncio.Task[httpx.Response]) -> None:
        self._given_up = True
        if self._begun:
            sending.cancel()
        ending = asyncio.create_task(_ended(sending))
        _ending.add(ending)
        ending.add_done_callback(_ending.discard)
        if self._begun:
            await asyncio.shield(ending)

    async def _trace(self, event: str, info: Mapping[str, object]) -> None:
        if event.startswith("connection.connect"):
            self.connects = True
        elif event == BEGINS and not _asks_a_proxy(info):
            self._begun = True
            if self._given_up:
                raise asyncio.CancelledError


def _asks_a_proxy(info: Mapping[str, object]) -> bool:
    """Whether this only asks a proxy for a connection, whose TLS handshake is still to come."""
    return getattr(info.get("request"), "method", None) == b"CONNECT"


async def _ended(sending: asyncio.Task[httpx.Response]) -> None:
    """Wait for the end of what was given up; close an answer that came just then."""
    await asyncio.wait((sending,))
    if not sending.cancelled() and sending.exception() is None:
        await sending.result().aclose()
