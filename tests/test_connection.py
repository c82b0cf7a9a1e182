"""What the local server does with a connection before, between and behind requests."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from bridge.server.connection import MAX_EARLY_BYTES, Connection
from bridge.server.local import server_of
from bridge.upstream.scripted import Delay, Scripted
from tests.clock import run
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
    """Over twice the time that a head has."""
    size = len(data) // 20 + 1
    for place in range(0, len(data), size):
        await wire.send(data[place : place + size])
        await asyncio.sleep(Hurried.head_seconds / 10)


@pytest.mark.parametrize("sent", [b"", HEAD[:50], HEAD], ids=["nothing", "half", "all-but-an-end"])
def test_a_head_that_does_not_come_is_not_waited_for(sent):
    async def scenario():
        async with hurried() as wire:
            await dripped(wire, sent)
            return await wire.closed(2)

    assert run(scenario()) == b""


def test_half_a_second_head_is_not_waited_for():
    async def scenario():
        async with hurried() as wire:
            await wire.send(HEALTH)
            await wire.until(b'{"status":"ok"}')
            await wire.send(HEALTH[:-2])
            return await wire.closed(2)

    assert run(scenario()).count(b"HTTP/1.1") == 1


def test_what_an_answer_left_unread_is_not_read_for_ever():
    async def scenario():
        async with hurried() as wire:
            await wire.send(HEAD.replace(b"Bearer", b"Basic") + b"Content-Length: 9999\r\n\r\n")
            await wire.until(b"invalid_api_key")
            await dripped(wire, b"x" * 100)
            return await wire.closed(2)

    assert run(scenario()).startswith(b"HTTP/1.1 401 ")


def test_a_slow_answer_is_no_slow_head():
    async def scenario():
        async with hurried(Delay(0.5), "Hello") as wire:
            await wire.send(CHAT)
            await wire.until(b"Hello")
            return wire.status

    assert run(scenario()) == 200


@pytest.mark.parametrize(
    "extra", [b"\r\n", HEALTH * 9, b"x" * 300_000, b"\r\n" * 100_000, CHAT * 2000]
)
def test_a_client_is_seen_to_leave_behind_more_than_its_request(extra):
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

    assert len(HEALTH) * 9 < MAX_EARLY_BYTES < 200_000
    assert run(scenario())


def test_far_too_much_behind_a_request_is_not_kept_and_ends_with_the_answer():
    kept = []

    class Noting(Hurried):
        def data_received(self, data):
            super().data_received(data)
            kept.append(len(self.conn.trailing_data[0]))

    async def scenario():
        async with hurried(Delay(0.5), "late", protocol=Noting) as wire:
            await wire.send(CHAT)
            await asyncio.sleep(0.05)
            await wire.send(HEALTH * 40_000)
            return await wire.closed()

    seen = run(scenario())
    assert seen.count(b"HTTP/1.1") == 1
    assert b"late" in seen
    assert b"connection: close" in seen.lower()
    # One read may come on top.
    assert max(kept) < MAX_EARLY_BYTES + 512 * 1024 < len(HEALTH) * 40_000


CHUNKED = CHAT.split(b"\r\n\r\n")[1]
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(CHUNKED), CHUNKED)
TWO_LENGTHS = {
    "length-first": HEAD + b"Content-Length: 5\r\n" + CHUNKED,
    "length-last": HEAD + CHUNKED.replace(b"\r\n", b"\r\nContent-Length: 5\r\n", 1),
    "too-long": HEAD + b"Content-Length: 999999999\r\n" + CHUNKED,
    "the-same": HEAD + b"Content-Length: %d\r\n" % len(CHUNKED) + CHUNKED,
}


@pytest.mark.parametrize("before", [b"", CHAT], ids=["first", "behind-another"])
@pytest.mark.parametrize("sent", TWO_LENGTHS.values(), ids=TWO_LENGTHS)
def test_a_request_with_two_kinds_of_length_is_the_last_of_its_connection(sent, before):
    """RFC 9112, 6.1: chunks count, and the connection is closed after the answer."""

    async def scenario():
        async with hurried() as wire:
            await wire.send(before + sent + HEALTH)
            return await wire.closed()

    *_, last = seen = run(scenario()).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in seen] == [b"200"] * (2 if before else 1)
    assert b"connection: close" in last.lower()
    assert b"Hello" in last


def test_one_kind_of_length_keeps_the_connection():
    async def scenario():
        async with hurried() as wire:
            await wire.send(HEAD + CHUNKED + CHAT + HEALTH)
            await wire.until(b'{"status":"ok"}')
            return wire.seen

    seen = run(scenario())
    assert seen.count(b"HTTP/1.1 200") == 3
    assert b"connection: close" not in seen.lower()


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

    assert run(scenario()) == quick + 1


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

    run(scenario())
    assert delays == [False]


def test_requests_behind_each_other_are_answered_in_turn():
    async def scenario():
        async with hurried() as wire:
            for data in (CHAT, HEALTH * 2, CHAT, HEALTH.replace(b"healthz", b"last")):
                await wire.send(data)
                await asyncio.sleep(0.01)
            await wire.until(b"/last")
            return wire.seen

    seen = run(scenario())
    assert seen.count(b"HTTP/1.1 200 ") == 4
    assert seen.index(b"Hello") < seen.index(b'"ok"') < seen.rindex(b"Hello")
