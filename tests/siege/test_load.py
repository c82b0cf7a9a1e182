"""Two hundred streams at once for LOAD_SECONDS: each exact, memory flat, and all end at the end."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.local_server import chat as chat_body
from tests.siege import load_upstream
from tests.siege.load_upstream import DELTAS, arguments, words
from tests.siege.process import INNER_FAULTS, ROOT, ServerProcess
from tests.siege.wire import connected, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STREAMS = 200
SECONDS = float(os.environ.get("LOAD_SECONDS", "60"))
MAX_GROWTH = 20_000_000
"""Bytes, from the warm-up on: what its garbage comes to until Python collects it, when it has grown
to a quarter of what lives. A stream holds some 60 kB."""

KEEP = {"type": "function", "function": {"name": "keep", "parameters": {"type": "object"}}}
CONFIG = """
[upstreams.up]
url = "http://127.0.0.1:{port}/v1"
[models.m]
upstream = "up"
[limits]
concurrency = 250
"""


@contextmanager
def scripted() -> Iterator[int]:
    """The upstream's port, while its process runs."""
    command = [sys.executable, "-m", load_upstream.__name__]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        assert process.wait(10) == 0


@dataclass
class Seen:
    """What all streams came to."""

    ended: int = 0
    begun: int = 0
    answered: int = 0
    events: int = 0
    ids: set[str] = field(default_factory=set)
    memory: list[int] = field(default_factory=list)


def body_of(answer: bytes) -> bytes:
    """The chunks of a chunked answer, joined."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), answer[:500]
    parts: list[bytes] = []
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if (length := int(size, 16)) == 0:
            return b"".join(parts)
        parts.append(rest[:length])
        rest = rest[length + 2 :]


def check(name: str, answer: bytes, seen: Seen) -> None:
    """Hold a stream against its name: its words, its call, its end, and nobody else's."""
    *datas, done = [
        line.removeprefix(b"data: ")
        for line in body_of(answer).split(b"\n\n")
        if line.startswith(b"data: ")
    ]
    assert done == b"[DONE]"
    events = [json.loads(data) for data in datas]
    choices = [event["choices"][0] for event in events]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert text == "".join(words(name)).rstrip()
    calls = [c for choice in choices for c in choice["delta"].get("tool_calls", ())]
    assert [call["function"].get("name") for call in calls if "id" in call] == ["keep"]
    assert json.loads("".join(c["function"]["arguments"] for c in calls)) == arguments(name)
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == [
        "tool_calls"
    ]
    (own,) = {event["id"] for event in events}
    assert own not in seen.ids
    seen.ids.add(own)
    seen.ended += 1
    seen.events += len(events)


async def one_after_another(port: int, name: str, until: float, seen: Seen) -> None:
    """Streams on one connection, as long as there is time for another."""
    loop = asyncio.get_running_loop()
    turn = 0
    async with connected(port) as wire:
        while turn == 0 or loop.time() < until:
            own = f"{name}-{turn}"
            await wire.send(request(chat_body(own, stream=True, tools=[KEEP])))
            seen.begun += 1
            wire.seen = b""
            await wire.until(b"HTTP/1.1 200 ", seconds=120)
            seen.answered += 1
            await wire.until(b"\r\n0\r\n\r\n", seconds=120)
            check(own, wire.seen, seen)
            turn += 1


async def load(
    server: ServerProcess, letter: str, seconds: float = 0.0, seen: Seen | None = None
) -> Seen:
    """As many streams at once, each again and again until the time is up."""
    seen = seen or Seen()
    until = asyncio.get_running_loop().time() + seconds
    async with asyncio.TaskGroup() as group:
        for number in range(STREAMS):
            name = f"{letter}{number}"
            group.create_task(one_after_another(server.port, name, until, seen))
        while seen.ended < STREAMS or asyncio.get_running_loop().time() < until:
            seen.memory.append(server.memory)
            await asyncio.sleep(0.25)
    return seen


async def stopped_in_the_middle(server: ServerProcess) -> Seen:
    """The last streams, and SIGTERM when they have begun."""
    seen = Seen()
    streams = asyncio.create_task(load(server, "w", seen=seen))
    async with asyncio.timeout(20):
        while seen.answered < STREAMS:
            await asyncio.sleep(0.05)
    server.process.terminate()
    await asyncio.sleep(0.3)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)
    assert server.process.poll() is None
    assert not streams.done()
    return await streams


async def besieged(server: ServerProcess, told: Callable[[str], object]) -> int:
    """Warm up, bear the load, rest, stop; how many streams there were."""
    idle = server.footprint().tasks
    warm = await load(server, "w")
    await server.settles(tasks=idle)
    objects, memory = server.objects, server.memory
    seen = await load(server, "s", SECONDS)
    assert seen.ended == seen.begun >= STREAMS
    await server.settles(tasks=idle)
    kept, peak = server.objects - objects, max(seen.memory) - memory
    told(
        f"{seen.ended} streams, {seen.ended * DELTAS} deltas in {seen.events} events;"
        f" memory {memory / 1e6:.1f} MB, at most {peak / 1e6:.1f} MB more; {kept} objects kept"
    )
    assert peak < MAX_GROWTH
    assert kept < STREAMS
    last = await stopped_in_the_middle(server)
    return warm.ended + seen.ended + last.ended


@pytest.mark.timeout(SECONDS * 2 + 180)
def test_two_hundred_streams_at_once(tmp_path, capsys):
    def told(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    with scripted() as port, ServerProcess(tmp_path, CONFIG.format(port=port)) as server:
        ended = asyncio.run(besieged(server, told))
        assert server.process.wait(5) == 0
        log = server.log
    assert log.count(" 200 ") == ended
    assert not INNER_FAULTS.search(log)
