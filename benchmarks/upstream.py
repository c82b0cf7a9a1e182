"""A scripted chat upstream on plain asyncio streams, to be run as a process of its own.

    python -m benchmarks.upstream       prints its base URL, serves until it is killed

It writes chunks that were encoded beforehand, so what it adds to a delta is one ``write``. The
model's name says what it answers: ``<kind>-<count>-<milliseconds>-<mark>``, as in ``text-300-5-a``:
300 deltas, one every 5 ms (0: as fast as they are taken), marked ``a``. Kinds:

    text        answer text
    arguments   a call of ``write_file``, its long argument in ``count`` deltas
    wait        one delta of text, and then nothing until the client leaves

A model finds the key of its dialect in the prompt; so does this one. When each delta was handed to
the system is remembered: ``GET /sent`` tells, once, for the latest stream of each mark, in
nanoseconds of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from functools import cache

from benchmarks.workload import CALL_HEAD, CALL_TAIL, opening, words

_MODEL = re.compile(rb'"model":\s*"([^"]+)"')
_KEY = re.compile(rb"tool_call ([a-z]+ [a-z]+)")
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.I)

DEFAULT = "text-1-0-x"
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
END = b"0\r\n\r\n"

sent: dict[str, list[int]] = {}
"""By mark: when the counted deltas left."""


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-upstream",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "upstream",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }
    return _chunked(b"data: %s\n\n" % json.dumps(chunk, separators=(",", ":")).encode())


ROLE = _event({"role": "assistant", "content": ""})
FINISH = _event({}, "stop") + _chunked(b"data: [DONE]\n\n") + END


@cache
def _deltas(count: int) -> list[bytes]:
    return [_event({"content": text}) for text in words(count)]


async def _written(
    writer: asyncio.StreamWriter, deltas: list[bytes], gap: float, times: list[int]
) -> None:
    """Write each delta at its time, on a fixed schedule: a late one does not delay the next."""
    clock = asyncio.get_running_loop().time
    start = clock()
    for number, delta in enumerate(deltas):
        wait = start + number * gap - clock() if gap else 0
        await asyncio.sleep(max(wait, 0))
        times.append(time.monotonic_ns())
        writer.write(delta)
        await writer.drain()


async def _answer(body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    model, key = _MODEL.search(body), _KEY.search(body)
    kind, count, milliseconds, mark = (model[1].decode() if model else DEFAULT).split("-")
    times = sent[mark] = []
    writer.write(HEAD + ROLE)
    if kind == "arguments":
        marker = opening(key[1].decode() if key else "some key")
        writer.write(_event({"content": marker + CALL_HEAD}))
    deltas = _deltas(int(count))
    if kind == "wait":
        await _written(writer, deltas[:1], 0, times)
        await reader.read(1)
        return
    await _written(writer, deltas, int(milliseconds) / 1000, times)
    if kind == "arguments":
        writer.write(_event({"content": CALL_TAIL}))
    writer.write(FINISH)
    await writer.drain()


def _told(value: object) -> bytes:
    body = json.dumps(value).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, kept for as many requests as come."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            path = head.split(b" ", 2)[1]
            if path.endswith(b"/sent"):
                writer.write(_told(sent))
                sent.clear()
            elif path.endswith(b"/models"):
                writer.write(_told({"object": "list", "data": [{"id": DEFAULT}]}))
            else:
                await _answer(body, reader, writer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
