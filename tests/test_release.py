"""No connection is lost between two steps of its release."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx
import pytest

from bridge.errors import BridgeError
from bridge.turns import Options, Turn
from bridge.upstream.http_reply import new_client
from bridge.upstream.openai_text import OpenAIText
from bridge.upstream.release import ReleasedBody
from tests.clock import run
from tests.fake_upstream import Answer, FakeUpstream, chunk, sse


class Slow(httpx.AsyncByteStream):
    """A body that takes a few steps to close."""

    def __init__(self) -> None:
        self.begun = 0
        self.closed = 0

    async def __aiter__(self):
        yield b"a"
        yield b"b"

    async def aclose(self) -> None:
        self.begun += 1
        await asyncio.sleep(0.05)
        self.closed += 1


def test_the_bytes_are_the_same():
    async def scenario():
        return [data async for data in ReleasedBody(Slow())]

    assert run(scenario()) == [b"a", b"b"]


def test_who_closes_may_be_cancelled_and_who_closes_again_waits():
    async def scenario():
        slow = Slow()
        body = ReleasedBody(slow)
        closing = asyncio.create_task(body.aclose())
        await asyncio.sleep(0.01)
        closing.cancel()
        await asyncio.wait((closing,))
        before = (slow.begun, slow.closed)
        await body.aclose()
        return closing.cancelled(), before, (slow.begun, slow.closed)

    assert run(scenario()) == (True, (1, 0), (1, 1))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer([b"<html>"]), id="no-reply"),
        pytest.param(sse({"error": {"message": "x"}}), id="error"),
        pytest.param(sse(chunk(content="Hi"), "{nonsense"), id="after-a-piece"),
    ],
)
def test_a_fault_that_came_with_the_end_of_the_body_keeps_no_connection(answer):
    """The reading task was cancelled as it gave the connection back: one was lost each time."""

    async def scenario():
        async with FakeUpstream([answer]) as up:
            upstream = OpenAIText(new_client(), up.url)
            for _ in range(5):
                with suppress(BridgeError):
                    async for _ in upstream.stream([Turn("user", "hi")], Options("m")):
                        pass
            used = up.connections
            await upstream.aclose()
            return used

    assert run(scenario()) < 5
