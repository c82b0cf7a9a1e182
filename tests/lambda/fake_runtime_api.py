"""A server that speaks Lambda's Runtime API, and records what comes when.

It does what the real one cannot be asked for: several polls at once, empty polls, a slow reader,
a connection that breaks, any status. It runs on a thread of its own, so that a test may block.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
import uuid
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

RECEIVE_BUFFER = 1 << 16
"""Bytes that the kernel takes ahead of a slow reader."""


PATIENCE = 20.0
"""Seconds that a test waits for what should come at once: more only shows a busy machine."""


class Arrival(NamedTuple):
    """A chunk, and when it came on the monotonic clock."""

    at: float
    data: bytes


@dataclass
class Invocation:
    """One event, how the API shall treat its answer, and the answer as far as it came."""

    id: str
    payload: bytes
    deadline_ms: int
    headers: Mapping[str, str]
    cut_after: int | None
    """Hang up after so many bytes of the answer."""
    bytes_per_second: float | None
    """Read no faster."""
    status: int
    """The status for the answer, or for the error."""
    refuse_after: int | None
    """Answer with the status after so many bytes, and read no more."""
    chunked: bool
    """Hand the event out in a chunked body, as Go does with a large one."""

    answer_headers: dict[str, str] = field(default_factory=dict)
    chunks: list[Arrival] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    """Whether the last chunk came."""
    error: dict[str, Any] | None = None
    """What was posted to ``/error`` instead of an answer."""
    began: float = 0.0
    """When ``/next`` handed it out."""
    over: Future[None] = field(default_factory=Future)

    def wait(self, seconds: float = PATIENCE) -> Self:
        """Wait until the answer, the error or the end of the connection has come."""
        self.over.result(seconds)
        return self

    def first_chunk(self, seconds: float = PATIENCE) -> None:
        """Wait until something has come."""
        until(lambda: bool(self.chunks), seconds)

    @property
    def raw(self) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks)

    @property
    def prelude(self) -> dict[str, Any]:
        prelude: dict[str, Any] = json.loads(self.raw.partition(bytes(8))[0])
        return prelude

    @property
    def body(self) -> bytes:
        return self.raw.partition(bytes(8))[2]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def fault(self) -> dict[str, Any]:
        """The error that the trailers tell."""
        body = json.loads(base64.b64decode(self.trailers["lambda-runtime-function-error-body"]))
        assert body["errorType"] == self.trailers["lambda-runtime-function-error-type"]
        return dict(body)


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until ``condition()`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


class FakeRuntimeAPI:
    """The API at ``address``; a context manager."""

    def __init__(self) -> None:
        self.polls: list[float] = []
        """When each ``GET /next`` came."""
        self.waiting = 0
        """How many of them have no answer yet."""
        self.connections = 0
        self.init_errors: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.init_error_status = 202
        self.restore_errors: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.frozen = 0
        """How many processes wait for their restore."""
        self.restore_status = 200
        self._restored = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._events: asyncio.Queue[Invocation | int] = asyncio.Queue()
        self._failing: int | None = None
        self._invocations: dict[str, Invocation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        listener.bind(("127.0.0.1", 0))
        self.address = "{}:{}".format(*listener.getsockname())
        self._thread.start()
        self._server = self._call(
            asyncio.start_server(self._accept, sock=listener, limit=RECEIVE_BUFFER, backlog=512)
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def invoke(
        self,
        event: object,
        *,
        seconds: float = 30,
        headers: Mapping[str, str] | None = None,
        cut_after: int | None = None,
        bytes_per_second: float | None = None,
        status: int = 202,
        refuse_after: int | None = None,
        chunked: bool = False,
    ) -> Invocation:
        """Queue an event: any JSON value, or bytes as they are. It may take ``seconds``."""
        invocation = Invocation(
            id=str(uuid.uuid4()),
            payload=event if isinstance(event, bytes) else json.dumps(event).encode(),
            deadline_ms=int((time.time() + seconds) * 1000),
            headers=headers or {},
            cut_after=cut_after,
            bytes_per_second=bytes_per_second,
            status=status,
            refuse_after=refuse_after,
            chunked=chunked,
        )
        self._invocations[invocation.id] = invocation
        self._loop.call_soon_threadsafe(self._events.put_nowait, invocation)
        return invocation

    def answer_poll(self, status: int) -> None:
        """Answer one ``/next`` with a bare status."""
        self._loop.call_soon_threadsafe(self._events.put_nowait, status)

    def fail_polls(self, status: int) -> None:
        """Answer every ``/next`` from now on with this status; those that wait, too."""
        self._failing = status
        for _ in range(self.waiting):
            self.answer_poll(status)

    def restore(self) -> None:
        """Answer every ``/restore/next``: those that wait and those that come."""
        self._loop.call_soon_threadsafe(self._restored.set)

    def stop_listening(self) -> None:
        """Refuse new connections; those that stand go on."""
        self._loop.call_soon_threadsafe(self._server.close)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _close(self) -> None:
        self._server.close()
        await asyncio.sleep(0.01)  # connections that were accepted just now have their tasks then
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0.01)  # closed transports have let go of their sockets then

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # Cancelled: asyncio's own callback cannot bear a connection's task that was.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = _fields(lines)
        _method, target, _version = request_line.split(" ")
        match target.split("/")[1:]:
            case ["2018-06-01", "runtime", "invocation", "next"]:
                await self._next(reader, writer)
            case ["2018-06-01", "runtime", "invocation", request_id, "response"]:
                await self._response(self._invocations[request_id], headers, reader, writer)
            case ["2018-06-01", "runtime", "invocation", request_id, "error"]:
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                invocation = self._invocations[request_id]
                invocation.answer_headers, invocation.error = headers, body
                _reply(writer, invocation.status)
                invocation.over.set_result(None)
            case ["2018-06-01", "runtime", "init", "error"]:
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.init_errors.append((headers, body))
                _reply(writer, self.init_error_status)
            case ["2018-06-01", "runtime", "restore", "next"]:
                self.frozen += 1
                await self._restored.wait()
                self.frozen -= 1
                _reply(writer, self.restore_status)
            case ["2018-06-01", "runtime", "restore", "error"]:
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.restore_errors.append((headers, body))
                _reply(writer, 202)
            case _:
                _reply(writer, 404)

    async def _next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.polls.append(time.monotonic())
        if self._failing is not None:
            _reply(writer, self._failing)
            return
        self.waiting += 1
        event = asyncio.ensure_future(self._events.get())
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({event, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiting -= 1
            gone.cancel()
            event.cancel()
        if event.cancelled() or not event.done():
            return
        given = event.result()
        if isinstance(given, int):
            _reply(writer, given)
            return
        given.began = time.monotonic()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": given.id,
            "Lambda-Runtime-Deadline-Ms": str(given.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:1:function:probe",
            **given.headers,
        }
        _reply(writer, 200, given.payload, headers, chunked=given.chunked)

    async def _response(
        self,
        invocation: Invocation,
        headers: dict[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        invocation.answer_headers = headers
        try:
            if "content-length" in headers:
                data = await reader.readexactly(int(headers["content-length"]))
                invocation.chunks.append(Arrival(time.monotonic(), data))
                invocation.whole = True
            else:
                await _read_chunks(invocation, reader)
            if invocation.whole or invocation.refuse_after is not None:
                _reply(writer, invocation.status)
            else:
                writer.transport.abort()
        finally:
            invocation.over.set_result(None)


async def _read_chunks(invocation: Invocation, reader: asyncio.StreamReader) -> None:
    received = 0
    while size := int(await reader.readuntil(b"\r\n"), 16):
        data = await reader.readexactly(size + 2)
        assert data.endswith(b"\r\n")
        invocation.chunks.append(Arrival(time.monotonic(), data[:-2]))
        received += size
        for enough in (invocation.cut_after, invocation.refuse_after):
            if enough is not None and received >= enough:
                return
        if invocation.bytes_per_second:
            await asyncio.sleep(size / invocation.bytes_per_second)
    rest = b""
    while not rest.endswith(b"\r\n\r\n") and rest != b"\r\n":
        rest += await reader.readuntil(b"\r\n")
    invocation.trailers = _fields(rest.decode().split("\r\n"))
    invocation.whole = True


def _fields(lines: list[str]) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in lines if line)
    return {name.lower(): value for name, value in pairs}


def _reply(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    chunked: bool = False,
) -> None:
    if chunked:
        framing = "Transfer-Encoding: chunked"
        middle = len(body) // 2
        body = b"%x\r\n%b\r\n%x;x=y\r\n%b\r\n0\r\n\r\n" % (
            *(middle, body[:middle]),
            *(len(body) - middle, body[middle:]),
        )
    else:
        framing = f"Content-Length: {len(body)}"
    fields = (f"{name}: {value}" for name, value in (headers or {}).items())
    head = "\r\n".join([f"HTTP/1.1 {status} Some reason", framing, *fields, "", ""])
    # In one write: a second one would wait for the peer's delayed acknowledgement.
    writer.write(head.encode() + body)
