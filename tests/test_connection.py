"""What the local server does with a connection before, between and behind requests."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from bridge.server.connection import MAX_EARLY_BYTES, Connection
from bridge.server.local import server_of
from bridge.upstream.scripted import Delay, Scripted
from tests.local_server import an_app, chat
from tests.siege.wire import HEAD, connected, request

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"
CHAT = request(chat())


class Hurried(Connection):
    head_seconds = 0.2


@asynccontextmanager
async def hurried(*reply, script=None, reports=None, protocol=Hurried):
    """A connection to a server that does not wait long for a head."""
    upstream = Scripted(script or [reply or "Hello"])
    server = server_of(an_app(upstream, reports=reports), drain=1)
    server.config.http = protocol
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.005)
        async with connected(listening.getsockname()[1]) as wire:
            yield wire
        server.should_exit = True
        await running


async def dripped(wire, data: bytes) -> None:
    for place in range(len(data)):
        await wire.send(data[place : place + 1])
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("sent", [b"", HEAD[:50], HEAD], ids=["nothing", "half", "all-but-an-end"])
def test_a_head_that_does_not_come_is_not_waited_for(sent):
    async def scenario():
        async with hurried() as wire:
            await dripped(wire, sent)
            return await wire.closed(2)

    assert asyncio.run(scenario()) == b""


def test_half_a_second_head_is_not_waited_for():
    async def scenario():
        async with hurried() as wire:
            await wire.send(HEALTH)
            await wire.until(b'{"status":"ok"}')
            await wire.send(HEALTH[:-2])
            return await wire.closed(2)

    assert asyncio.run(scenario()).count(b"HTTP/1.1") == 1


def test_what_an_answer_left_unread_is_not_read_for_ever():
    async def scenario():
        async with hurried() as wire:
            await wire.send(HEAD.replace(b"Bearer", b"Basic") + b"Content-Length: 9999\r\n\r\n")
            await wire.until(b"invalid_api_key")
            await dripped(wire, b"x" * 100)
            return await wire.closed(2)

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 401 ")


def test_a_slow_answer_is_no_slow_head():
    async def scenario():
        async with hurried(Delay(0.5), "Hello") as wire:
            await wire.send(CHAT)
            await wire.until(b"Hello")
            return wire.status

    assert asyncio.run(scenario()) == 200


@pytest.mark.parametrize(
    ("extra", "seen"), [(b"\r\n", True), (HEALTH * 9, True), (b"x" * 300_000, False)]
)
def test_a_client_is_seen_to_leave_behind_a_little_more_than_its_request(extra, seen):
    """A line break behind the body, as old clients send it, hid that the client had left."""

    async def scenario():
        reports = []
        async with hurried(Delay(0.6), "late", reports=reports) as wire:
            await wire.send(CHAT)
            await asyncio.sleep(0.1)
            wire.writer.write(extra)
            await asyncio.sleep(0.1)
            wire.writer.transport.abort()
            await asyncio.sleep(0.2)
            return bool(reports)

    assert len(HEALTH) * 9 < MAX_EARLY_BYTES
    assert asyncio.run(scenario()) == seen


def test_requests_are_not_what_follows_them():
    """After 64 kB of requests on one connection, nobody was seen to leave any more."""
    large = request(chat("x" * 8000))
    quick = 1 + MAX_EARLY_BYTES // 8000

    async def scenario():
        reports = []
        script = [*["Hello"] * quick, [Delay(0.6), "late"]]
        async with hurried(script=script, reports=reports) as wire:
            for number in range(1, quick + 1):
                await wire.send(large)
                while len(reports) < number:
                    await asyncio.sleep(0.005)
            await wire.send(CHAT)
            await asyncio.sleep(0.1)
            await wire.send(b"\r\n")
            await asyncio.sleep(0.1)
            wire.writer.transport.abort()
            await asyncio.sleep(0.2)
            return len(reports)

    assert asyncio.run(scenario()) == quick + 1


def test_small_writes_do_not_wait_for_each_other():
    """Nagle's algorithm was on: each answer came 40 ms late, and so did the pieces of a stream."""
    delays = []

    class Noting(Connection):
        def connection_made(self, transport):
            super().connection_made(transport)
            own = transport.get_extra_info("socket")
            delays.append(not own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async def scenario():
        async with hurried(protocol=Noting) as wire:
            await wire.send(HEALTH)
            await wire.until(b"ok")

    asyncio.run(scenario())
    assert delays == [False]


def test_requests_behind_each_other_are_answered_in_turn():
    async def scenario():
        async with hurried() as wire:
            for data in (CHAT, HEALTH * 2, CHAT, HEALTH.replace(b"healthz", b"last")):
                await wire.send(data)
                await asyncio.sleep(0.01)
            await wire.until(b"/last")
            return wire.seen

    seen = asyncio.run(scenario())
    assert seen.count(b"HTTP/1.1 200 ") == 4
    assert seen.index(b"Hello") < seen.index(b'"ok"') < seen.rindex(b"Hello")
