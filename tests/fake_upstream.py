"""An HTTP/1.1 server on 127.0.0.1 that replays scripted bytes, for what no fake client can show.

    async with FakeUpstream([chat("Hello", " you"), json_answer({}, status=429)]) as up:
        ...                     # up.url is http://127.0.0.1:<port>
        up.requests[0].json()   # what came in
        up.connections          # TCP connections accepted so far
        await up.left()         # returns when a client has closed before its answer was whole

Answers are served in order; the last one repeats. A function from the request to an answer may
stand in place of the list. Connections are kept alive.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds before going on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Wait until the client leaves."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Break the connection off here."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection here, in good order but without the rest of the framing."""


Step = bytes | Pause | Hang | Reset | Close


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``framing``: how the end of the body is told.

    ``chunked`` sends each bytes step as a chunk of its own, ``length`` sends a Content-Length,
    ``close`` ends the body by closing the connection, ``none`` sends the steps as they are, without
    any HTTP head. ``steps`` is iterated over as they are sent.
    """

    steps: Iterable[Step] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    framing: str = "chunked"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``headers`` have lower-case names; ``connection`` counts from 1."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    def json(self) -> Any:
        return json.loads(self.body)


Answers = Sequence[Answer] | Callable[[Request], Answer]

DROP = Answer([Reset()], framing="none")
"""Take the request and break the connection off without a byte, as a stale pooled one does."""


def frames(*data: object, done: bool = True) -> list[Any]:
    """Each value as one SSE event: a string as it is, anything else as JSON."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in data]
    return [f"data: {text}\n\n".encode() for text in [*texts, *(["[DONE]"] if done else [])]]


def sse(*steps: object, done: bool = True, **answer: Any) -> Answer:
    """An event stream; Pause, Hang, Reset, Close and bytes among the events stay as they are."""
    made: list[Step] = []
    for step in steps:
        raw = isinstance(step, bytes | Pause | Hang | Reset | Close)
        made += [step] if raw else frames(step, done=False)  # type: ignore[list-item]
    if done:
        made += frames()
    return Answer(made, headers={"Content-Type": "text/event-stream"}, **answer)


def chat(*texts: str, finish: str = "stop", usage: object = None, **answer: Any) -> Answer:
    """A whole OpenAI chat reply as an event stream, one text a chunk."""
    chunks = [chunk(content=text) for text in texts]
    return sse(*chunks, {**chunk(finish=finish), "usage": usage}, **answer)


def chunk(*, finish: str | None = None, **delta: object) -> dict[str, Any]:
    """One OpenAI chunk."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """One JSON body."""
    return Answer(
        [json.dumps(value).encode()],
        status,
        {"Content-Type": "application/json", **(headers or {})},
        framing="length",
    )


class FakeUpstream:
    """The server; an async context manager."""

    def __init__(self, answers: Answers) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.early = 0
        """Answers that a client left before they were whole."""
        self.port = 0
        self._answers = answers
        self._served = 0
        self._left = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        """TCP connections that are open now."""
        return len(self._tasks)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0.01)  # closed transports have let go of their sockets then

    async def left(self, seconds: float = 2.0) -> None:
        """Wait for a client that leaves early; TimeoutError when none does."""
        async with asyncio.timeout(seconds):
            await self._left.wait()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                request = await _read_request(reader, number)
                self.requests.append(request)
                if not await self._serve(self._next(request), reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            # The server is going down; asyncio's streams would log a cancelled handler.
            writer.transport.abort()
        finally:
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            self._tasks.discard(task)

    def _next(self, request: Request) -> Answer:
        if callable(self._answers):
            return self._answers(request)
        served, self._served = self._served, self._served + 1
        return self._answers[min(served, len(self._answers) - 1)]

    async def _serve(
        self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Send the answer; whether the connection may be used again."""
        sending = asyncio.create_task(_send(answer, writer))
        # No client speaks while it is being answered, so anything read is its leaving.
        leaving = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done() or isinstance(sending.exception(), ConnectionError):
                self.early += 1
                self._left.set()
                return False
            return sending.result()
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body, connection)


async def _send(answer: Answer, writer: asyncio.StreamWriter) -> bool:
    if answer.framing != "none":
        writer.write(_head(answer))
    for step in answer.steps:
        match step:
            case Pause():
                await writer.drain()
                await asyncio.sleep(step.seconds)
            case Hang():
                await writer.drain()
                await asyncio.get_running_loop().create_future()
            case Reset():
                await writer.drain()
                writer.transport.abort()
                return False
            case Close():
                await writer.drain()
                return False
            case bytes():
                framed = answer.framing == "chunked"
                writer.write(b"%x\r\n%b\r\n" % (len(step), step) if framed else step)
                await writer.drain()
    if answer.framing == "chunked":
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return answer.framing in ("chunked", "length")


def _head(answer: Answer) -> bytes:
    headers = dict(answer.headers)
    if answer.framing == "chunked":
        headers["Transfer-Encoding"] = "chunked"
    elif answer.framing == "length":
        headers["Content-Length"] = str(sum(len(s) for s in answer.steps if isinstance(s, bytes)))
    else:
        headers["Connection"] = "close"
    lines = [
        f"HTTP/1.1 {answer.status} -",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
