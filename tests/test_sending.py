"""Requests that are given up at every moment, and connections that are all closed then."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing, suppress

import pytest

from bridge.turns import Options, Turn
from bridge.upstream.http_reply import new_client
from bridge.upstream.openai_text import OpenAIText
from bridge.upstream.timing import Timeouts
from tests.clock import run
from tests.fake_upstream import Answer, FakeUpstream, Hang, chunk, sse

STEPS = 150
"""Turns of the event loop: more than a whole reply takes here."""

HELLO = sse(chunk(content="Hello"), chunk(content="!"), chunk(finish="stop"), framing="close")
HALF = sse(chunk(content="Hello"), Hang())
ANSWERS = [
    pytest.param(HELLO, id="a-reply"),
    pytest.param(HALF, id="half-a-reply"),
    pytest.param(Answer([Hang()], framing="none"), id="nothing"),
]


async def replied(upstream: OpenAIText) -> None:
    async with aclosing(upstream.stream([Turn("user", "hi")], Options("m"))) as pieces:
        async for _ in pieces:
            pass


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def given_up_after(upstream: OpenAIText, steps: int, *, again: int | None = None) -> bool:
    """Whether it had not ended by then; ``again``: turns after which it is given up once more."""
    asking = asyncio.create_task(replied(upstream))
    await turns(steps)
    asking.cancel()
    if again is not None:
        await turns(again)
        asking.cancel()
    await asyncio.wait((asking,))
    return asking.cancelled()


async def nothing_left(up: FakeUpstream, tasks: int) -> None:
    async with asyncio.timeout(2):
        while up.open or len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_request_is_given_up_at_every_moment(answer):
    """A connection that was made for it stayed open for ever, as new as it was."""

    async def scenario():
        async with FakeUpstream([answer]) as up:
            upstream = OpenAIText(new_client(), up.url)
            tasks = len(asyncio.all_tasks())
            given_up = [await given_up_after(upstream, steps) for steps in range(STEPS)]
            await nothing_left(up, tasks)
            used = up.connections
            await upstream.aclose()
            return given_up, used

    given_up, used = run(scenario())
    assert given_up[0]
    assert given_up[-1] == (answer is not HELLO)
    assert used > STEPS // 2


@pytest.mark.parametrize("again", range(9))
def test_a_request_is_given_up_twice(again):
    """The client leaves, and before all is tidied up the time is over as well: the second of these
    cut the returning of the connection, which stayed in use for ever."""

    async def scenario():
        async with FakeUpstream([HALF]) as up:
            upstream = OpenAIText(new_client(), up.url)
            tasks = len(asyncio.all_tasks())
            for steps in range(0, STEPS, 2):
                await given_up_after(upstream, steps, again=again)
            await nothing_left(up, tasks)
            await upstream.aclose()

    run(scenario())


def test_many_requests_are_given_up_at_once():
    async def scenario():
        async with FakeUpstream([HELLO]) as up:
            upstream = OpenAIText(new_client(), up.url)
            tasks = len(asyncio.all_tasks())
            for _ in range(3):
                await asyncio.gather(*[given_up_after(upstream, steps) for steps in range(60)])
            await nothing_left(up, tasks)
            await upstream.aclose()

    run(scenario())


def test_nothing_is_sent_for_who_has_left():
    async def scenario():
        async with FakeUpstream([HELLO]) as up:
            upstream = OpenAIText(new_client(), up.url)
            asking = asyncio.create_task(replied(upstream))
            while not up.connections:
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait((asking,))
            await asyncio.sleep(0.1)
            sent, opened = len(up.requests), up.open
            await upstream.aclose()
            return sent, opened

    assert run(scenario()) == (0, 0)


@pytest.mark.parametrize("behind_a_proxy", [False, True], ids=["direct", "behind-a-proxy"])
def test_a_handshake_that_nobody_waits_for_ends_with_its_time(behind_a_proxy, monkeypatch):
    """What a proxy is asked counted as the request itself: the handshake after it was cut, and its
    socket stayed open."""

    async def scenario():
        ended = asyncio.Event()

        async def silent(reader, writer) -> None:
            if behind_a_proxy:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with suppress(ConnectionError):
                while await reader.read(1000):
                    pass
            ended.set()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        if behind_a_proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://{host}")
            monkeypatch.setenv("NO_PROXY", "")
            host = "upstream.example"
        upstream = OpenAIText(new_client(), f"https://{host}", timeouts=Timeouts(connect=0.3))
        asking = asyncio.create_task(replied(upstream))
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.wait((asking,), timeout=0.1)
        assert asking.cancelled()
        await asyncio.wait_for(ended.wait(), 2)
        server.close()
        await upstream.aclose()

    gc.disable()  # it would close a lost socket, sooner or later
    try:
        run(scenario())
    finally:
        gc.enable()
