"""As much HTTP/1.1 as the Runtime API speaks, on asyncio streams.

A connection carries one request and its response. AWS asks for that on ``/response`` ("close the
underlying connection"), and on the loopback device a new one costs a fraction of a millisecond,
so there is no pool and no stale connection after a freeze. There are no timeouts either: the
process may be frozen for hours while it polls.

``http.client`` would not do: its blocking ``send`` stops the application while Lambda throttles.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_READ_LIMIT = 1 << 20
"""Bytes of a response buffered at once: an event of 6 MB takes few steps, headers always fit."""


class Address(NamedTuple):
    """Where the peer listens."""

    host: str
    port: int


class ProtocolError(ConnectionError):
    """The peer hung up before its response was whole, or what came was not HTTP."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One request, written in as many pieces as needed, and its response."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, address: Address) -> Connection:
        """Connect; raises ``OSError``."""
        return cls(*await asyncio.open_connection(*address, limit=_READ_LIMIT))

    def write(self, *pieces: bytes) -> None:
        """Hand bytes to the transport, which sends them as the peer takes them."""
        # One piece, not `writelines`: in Python 3.12.0-8 and 3.13.0-1 that never makes `drain`
        # wait (CVE-2024-12254).
        self._writer.write(b"".join(pieces))

    async def drain(self) -> None:
        """Wait until the transport may be given more; raises ``OSError`` once the peer is gone."""
        await self._writer.drain()

    async def response(self) -> Response:
        """Read the response; raises ``OSError``."""
        try:
            return await _read_response(self._reader)
        except (EOFError, ValueError, LookupError, asyncio.LimitOverrunError) as error:
            raise ProtocolError(f"no whole response: {error!r}") from error

    def close(self) -> None:
        """Drop the connection and whatever is still unsent."""
        self._writer.transport.abort()


async def request(
    address: Address, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
) -> Response:
    """Send a request whose body is at hand, return its response; raises ``OSError``."""
    if body:
        headers = {**headers, "Content-Length": str(len(body))}
    connection = await Connection.open(address)
    try:
        connection.write(head(address, method, target, headers), body)
        return await connection.response()
    finally:
        connection.close()


def head(address: Address, method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Request line and headers, up to the blank line."""
    own = {"Host": f"{address.host}:{address.port}", "Connection": "close"}
    return _lines(f"{method} {target} HTTP/1.1", {**own, **headers})


def chunk(data: bytes) -> bytes:
    """Frame ``data``, which must not be empty: an empty chunk ends the body (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Mapping[str, str]) -> bytes:
    """End a chunked body."""
    return _lines("0", trailers)


def _lines(first: str, fields: Mapping[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _read_response(reader: asyncio.StreamReader) -> Response:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = text.rstrip("\r\n").split("\r\n")
    status = int(status_line.split(" ")[1])
    fields = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    if status == 204:
        body = b""
    elif "chunked" in headers.get("transfer-encoding", "").lower():
        body = b"".join([piece async for piece in _chunks(reader)])
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    return Response(status, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        yield (await reader.readexactly(size + 2))[:-2]
