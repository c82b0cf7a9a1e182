"""Reading streams with plain sockets, and what the bytes and their times come to.

Nothing is parsed while a stream runs: each read is kept with its time and looked at afterwards.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.workload import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SILENCE = 30.0
"""Seconds without a byte on any stream after which a run has failed."""

_LAST_CHUNK = b"\r\n0\r\n\r\n"
_CONTENT = re.compile(r'"content": ?"')


class Broken(Exception):
    """A stream did not come as it should have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request's bytes, and where they go."""

    address: tuple[str, int]
    data: bytes


@dataclass(slots=True)
class Recording:
    """One answer, as read: when it was asked for, and each read with its time, in nanoseconds."""

    asked: int = 0
    reads: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether the last chunk of the body has come."""
        size = len(_LAST_CHUNK)
        return b"".join(data[-size:] for _, data in self.reads[-size:]).endswith(_LAST_CHUNK)

    @property
    def seconds(self) -> float:
        """From the request to the last byte."""
        return (self.reads[-1][0] - self.asked) / 1e9


def request(address: tuple[str, int], body: dict[str, Any], key: str) -> Asked:
    """A chat request, on a connection that is used once."""
    data = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {address[0]}:{address[1]}\r\n"
        f"content-type: application/json\r\nauthorization: Bearer {key}\r\n"
        f"content-length: {len(data)}\r\nconnection: close\r\n\r\n"
    )
    return Asked(address, head.encode() + data)


def record(asked: Sequence[Asked]) -> list[Recording]:
    """Send all requests at once, each on its own connection, and read the answers to their ends."""
    with selectors.DefaultSelector() as selector:
        recordings = [_send(one, selector) for one in asked]
        while selector.get_map():
            ready = selector.select(SILENCE)
            if not ready:
                raise Broken("a stream fell silent")
            for key, _ in ready:
                _read(selector, key)
    return recordings


def _send(asked: Asked, selector: selectors.BaseSelector) -> Recording:
    connection = socket.create_connection(asked.address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    recording = Recording(time.monotonic_ns())
    connection.sendall(asked.data)
    connection.setblocking(False)
    selector.register(connection, selectors.EVENT_READ, recording)
    return recording


def _read(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    connection, recording = key.fileobj, key.data
    assert isinstance(connection, socket.socket)
    data = connection.recv(1 << 18)
    if data:
        recording.reads.append((time.monotonic_ns(), data))
    if not data or recording.whole:
        selector.unregister(connection)
        connection.close()


def opened(asked: Asked, count: int, first: bytes) -> list[socket.socket]:
    """So many streams, each read until ``first`` has come and then left open."""
    connections = []
    for _ in range(count):
        connection = socket.create_connection(asked.address)
        connection.settimeout(SILENCE)
        connection.sendall(asked.data)
        seen = b""
        while first not in seen:
            more = connection.recv(1 << 16)
            if not more:
                raise Broken(f"a stream ended: {seen[:300]!r}")
            seen += more
        connections.append(connection)
    return connections


# Afterwards --------------------------------------------------------------------------------------


def events(reads: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, Any]]:
    """The JSON of each event of a chunked SSE answer, with the time at which it was whole."""
    buffer = b""
    in_body = False
    body = b""
    for when, data in reads:
        buffer += data
        if not in_body:
            head, found, rest = buffer.partition(b"\r\n\r\n")
            if not found:
                continue
            if not head.startswith(b"HTTP/1.1 200"):
                raise Broken(buffer.decode(errors="replace")[:500])
            in_body, buffer = True, rest
        taken, buffer = _dechunked(buffer)
        body += taken
        *whole, body = body.split(b"\n\n")
        for event in whole:
            if event.startswith(b"data:") and (text := event[5:].strip()) != b"[DONE]":
                yield when, json.loads(text)


def _dechunked(data: bytes) -> tuple[bytes, bytes]:
    """The content of the whole chunks at the start of ``data``, and the rest."""
    out = b""
    while True:
        line, found, rest = data.partition(b"\r\n")
        size = int(line, 16) if found and line else -1
        if size <= 0 or len(rest) < size + 2:
            return out, data
        out, data = out + rest[:size], rest[size + 2 :]


def said(event: Any) -> tuple[str, str]:
    """The answer text and the arguments in one chunk."""
    text = arguments = ""
    for choice in event.get("choices", ()):
        delta = choice["delta"]
        text += delta.get("content") or ""
        for call in delta.get("tool_calls") or ():
            arguments += call["function"].get("arguments") or ""
    return text, arguments


def arrivals(recording: Recording, kind: str) -> list[int]:
    """When each of the upstream's counted deltas had come whole, by the characters received.

    Text arrives as it was sent. The long argument is what follows the opening quote of
    ``content``, whether it comes in a call or, from a side that knows of no calls, in the text.
    """
    got, times, begins = "", list[int](), 0 if kind == "text" else -1
    for when, event in events(recording.reads):
        got += "".join(said(event))
        if begins < 0 and (found := _CONTENT.search(got)):
            begins = found.end()
        if begins >= 0:
            count = (len(got) - begins) // PIECE - len(times)
            times.extend([when] * count)
    return times


def first_delta(recording: Recording) -> float:
    """Seconds from the request to the first text or argument."""
    for when, event in events(recording.reads):
        if any(said(event)):
            return (when - recording.asked) / 1e9
    raise Broken("nothing was said")
