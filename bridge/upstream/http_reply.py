"""The one loop that joins an HTTP connection and a ``ReplyReader``."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

from bridge.errors import (
    BridgeError,
    UpstreamCut,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from bridge.upstream.arrivals import Arrivals
from bridge.upstream.http_errors import BROKEN, REFUSED, cut, refusal, renamed
from bridge.upstream.reply import MAX_BODY_BYTES
from bridge.upstream.sending import sent
from bridge.upstream.timing import silent
from bridge.upstream.unpacking import PackingError, unpacker

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from bridge.turns import Piece
    from bridge.upstream.base import Secret
    from bridge.upstream.reply import ReplyReader
    from bridge.upstream.timing import Timeouts

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""Of the body, uncompressed: 128k tokens at some 300 bytes of event a token are 40 MB. What writes
more is a model in a loop."""

MAX_ERROR_BYTES = 64 * 1024
"""Of a refusal's body, which is only searched for its error object."""

DRAIN_SECONDS = 0.1
"""After ``[DONE]`` the end of the body follows in the same packet or the next. Reading it lets the
connection be used again; a server that keeps it open is not waited for."""

KEEPALIVE_SECONDS = 55.0
"""Just below the minute after which load balancers drop idle connections."""


def new_client(verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """A client for upstreams; it may be shared. Keeps no cookies, follows no redirect.

    It asks for bodies as they are: a stream is not worth packing, and what is packed costs memory
    that its size on the wire does not tell.
    How many requests run at once is limited elsewhere, so none waits for a connection here.
    """
    return httpx.AsyncClient(
        verify=verify,
        headers={"User-Agent": "toolbridge", "Accept-Encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        limits=httpx.Limits(
            max_connections=None,
            max_keepalive_connections=100,
            keepalive_expiry=KEEPALIVE_SECONDS,
        ),
    )


def chat_headers(configured: Mapping[str, str] | None) -> httpx.Headers:
    """The headers of a chat request; what the operator configured wins."""
    headers = httpx.Headers({"Accept": "text/event-stream", "Content-Type": "application/json"})
    headers.update(configured)
    return headers


def encoded(body: object) -> bytes:
    """A request body as JSON; what UTF-8 cannot carry is replaced."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


async def with_key(
    headers: httpx.Headers, key: Secret | None, name: str = "Authorization"
) -> httpx.Headers:
    """The headers and the operator's key of now: as a bearer token, or bare in another header.

    Raises ``UpstreamRefused`` for a key that no header can hold.
    """
    secret = (await key() or "").strip() if key is not None else ""
    if not (secret.isascii() and secret.isprintable()):
        raise UpstreamRefused(REFUSED)
    complete = headers.copy()
    if secret:
        complete[name] = f"Bearer {secret}" if name.lower() == "authorization" else secret
    return complete


async def replied(
    client: httpx.AsyncClient,
    build: Callable[[], Awaitable[httpx.Request]],
    reader: ReplyReader,
    timeouts: Timeouts,
) -> AsyncGenerator[Piece, None]:
    """Build the request, send it and yield the pieces of its reply.

    A slow consumer slows the upstream. Closing it closes the connection.
    """
    async with _answered(client, await build(), timeouts) as body:
        size = 0
        try:
            async for data in body:
                for piece in reader.feed(data):
                    yield piece
                size += len(data)
                if reader.done or size > MAX_REPLY_BYTES:
                    break
        except (UpstreamCut, UpstreamTimeout):
            if not reader.finished:
                raise
        if size > MAX_REPLY_BYTES and not reader.done:
            last = reader.limit()
        else:
            last = reader.close()
            with suppress(TimeoutError, BridgeError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    async for _ in body:
                        pass
        for piece in last:
            yield piece


async def fetched(client: httpx.AsyncClient, request: httpx.Request, timeouts: Timeouts) -> bytes:
    """Send the request and return the whole body; raises as ``replied`` does."""
    async with _answered(client, request, timeouts) as body:
        whole = bytearray()
        async for data in body:
            whole += data
            if len(whole) > MAX_BODY_BYTES:
                raise UpstreamInvalid(BROKEN)
        return bytes(whole)


@asynccontextmanager
async def _answered(
    client: httpx.AsyncClient, request: httpx.Request, timeouts: Timeouts
) -> AsyncGenerator[Arrivals, None]:
    """The uncompressed body of a 2xx answer; raises what any other answer means."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeouts.first_byte
    request.extensions["timeout"] = httpx.Timeout(
        timeouts.silence, connect=timeouts.connect, pool=timeouts.connect, read=None
    ).as_dict()
    try:
        async with asyncio.timeout_at(deadline):
            response = await sent(client, request)
    except TimeoutError as exc:
        raise silent() from exc
    try:
        first = max(deadline - clock(), 0.0)
        async with Arrivals(_body(response), first=first, silence=timeouts.silence) as body:
            if not response.is_success:
                raise refusal(response, await _head(body))
            yield body
    finally:
        await response.aclose()


async def _body(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    try:
        with renamed():
            packing = unpacker(response.headers.get("content-encoding", ""))
            async for chunk in response.aiter_raw():
                for piece in (chunk,) if packing is None else packing.feed(chunk):
                    yield piece
    except PackingError as exc:
        raise UpstreamInvalid(BROKEN) from exc
    except UpstreamUnavailable as exc:
        raise cut() from exc.__cause__


async def _head(body: Arrivals) -> bytes:
    """The beginning of a refusal's body; a torn one is as good."""
    head = b""
    with suppress(BridgeError):
        async for data in body:
            head += data
            if len(head) > MAX_ERROR_BYTES:
                break
    return head
