"""How long an upstream may keep us waiting."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from bridge.errors import UpstreamTimeout
from bridge.upstream.timing import paced
from tests.clock import run


class Source:
    """Yields each number after as many seconds."""

    def __init__(self, *delays: float) -> None:
        self.delays = delays
        self.closed = False

    async def items(self):
        try:
            for delay in self.delays:
                await asyncio.sleep(delay)
                yield delay
        finally:
            self.closed = True


@pytest.mark.parametrize(
    ("delays", "expected", "late"),
    [
        pytest.param([0.0, 0.0], [0.0, 0.0], False, id="in-time"),
        pytest.param([0.15, 0.0], [0.15, 0.0], False, id="the-first-may-take-longer"),
        pytest.param([0.5], [], True, id="first-too-late"),
        pytest.param([0.0, 0.15], [0.0], True, id="silence"),
        pytest.param([], [], False, id="empty"),
    ],
)
def test_waiting(delays, expected, late):
    source = Source(*delays)
    seen = []

    async def go():
        async with aclosing(paced(source.items(), first=0.3, silence=0.1)) as items:
            async for item in items:
                seen.append(item)

    if late:
        with pytest.raises(UpstreamTimeout):
            run(go())
    else:
        run(go())
    assert seen == expected
    assert source.closed


def test_the_clock_stands_while_the_consumer_is_busy():
    async def go():
        async with aclosing(paced(Source(0, 0).items(), first=0.05, silence=0.05)) as items:
            async for _ in items:
                await asyncio.sleep(0.1)

    run(go())


def test_closing_closes_the_source():
    async def go():
        source = Source(0, 0)
        items = paced(source.items(), first=1, silence=1)
        await anext(items)
        await items.aclose()
        return source.closed

    assert run(go())


def test_a_cancelled_consumer_is_not_a_timeout():
    async def go():
        source = Source(5)
        task = asyncio.ensure_future(anext(paced(source.items(), first=9, silence=9)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return source.closed

    assert run(go())
