"""A client that speaks HTTP/1.1 byte by byte, and does with it what no library would.

async with connected(port) as wire:
    await wire.send(request(chat("hi", stream=True)))
    await wire.until(b"Hello")
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from tests.local_server import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

PATH = "/v1/chat/completions"
HEAD = (
    f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
    "Content-Type: application/json\r\n"
).encode()


def request(body: object) -> bytes:
    """A whole chat request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(data) + data


ANSWER = re.compile(rb"HTTP/1\.1 [2-5]\d\d .*?\r\n\r\n", re.DOTALL)


class Wire:
    """One connection: what was sent back so far is in ``seen``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.seen = b""

    async def send(self, data: bytes) -> None:
        """Send these bytes; a server that has gone is seen when it is read from."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def until(self, wanted: bytes, seconds: float = 5.0) -> None:
        """Read until these bytes have come."""
        async with asyncio.timeout(seconds):
            while wanted not in self.seen:
                data = await self.reader.read(65536)
                assert data, self.seen
                self.seen += data

    async def answers(self, count: int, seconds: float = 5.0) -> None:
        """Read until so many answers have come, each whole or without a body."""
        async with asyncio.timeout(seconds):
            while len(ANSWER.findall(self.seen)) < count:
                data = await self.reader.read(65536)
                assert data, self.seen
                self.seen += data

    async def closed(self, seconds: float = 5.0) -> bytes:
        """All that comes until the server closes the connection."""
        async with asyncio.timeout(seconds):
            with suppress(ConnectionError):
                while data := await self.reader.read(65536):
                    self.seen += data
        return self.seen

    @property
    def status(self) -> int:
        """That of the first answer."""
        return int(self.seen.split(b" ", 2)[1])

    async def leave(self, *, rudely: bool = False) -> None:
        """Close: in good order, or ``rudely`` by breaking the connection off."""
        if rudely:
            linger = struct.pack("ii", 1, 0)
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connected(port: int, *, window: int | None = None) -> AsyncGenerator[Wire]:
    """A connection, closed at the end; ``window`` keeps the kernel from reading ahead."""
    connection = socket.socket()
    if window is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    wire = Wire(*await asyncio.open_connection(sock=connection, limit=window or 65536))
    try:
        yield wire
    finally:
        await wire.leave()


async def until(condition: Callable[[], object], seconds: float = 3.0) -> float:
    """Wait for it; the seconds that it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
    return loop.time() - began
