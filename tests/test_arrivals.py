"""What arrives of a body: together, in time, and no more than there is room for."""

from __future__ import annotations

import asyncio

import pytest

from bridge.errors import UpstreamCut, UpstreamTimeout
from bridge.upstream.arrivals import ROOM, Arrivals
from tests.clock import run


class Source:
    """Yields its items; a number is slept for, an exception raised."""

    def __init__(self, *items: bytes | float | Exception) -> None:
        self.items = items
        self.given = 0
        self.asked = 0
        """How often more was asked for after an item."""
        self.closed = False

    async def read(self):
        try:
            for item in self.items:
                if isinstance(item, bytes):
                    self.given += 1
                    yield item
                    self.asked += 1
                elif isinstance(item, Exception):
                    raise item
                else:
                    await asyncio.sleep(item)
        finally:
            self.closed = True


async def gathered(source: Source, *, first: float = 1, silence: float = 1, busy: float = 0):
    """What comes, each time, and what it ended with."""
    seen: list[bytes] = []
    try:
        async with Arrivals(source.read(), first=first, silence=silence) as arrivals:
            async for data in arrivals:
                seen.append(data)
                await asyncio.sleep(busy)
    except Exception as error:
        return seen, type(error)
    return seen, None


@pytest.mark.parametrize(
    ("items", "expected", "error"),
    [
        pytest.param([], [], None, id="nothing"),
        pytest.param([b"a"], [b"a"], None, id="one"),
        pytest.param([b"a", b"b", 0.02, b"c"], [b"ab", b"c"], None, id="what-came-together"),
        pytest.param([0.15, b"a"], [b"a"], None, id="the-first-may-take-longer"),
        pytest.param([0.5, b"a"], [], UpstreamTimeout, id="first-too-late"),
        pytest.param([b"a", 0.15, b"b"], [b"a"], UpstreamTimeout, id="silence"),
        pytest.param([b"a", *[0.03, b"b"] * 6], [b"a", *[b"b"] * 6], None, id="many-short-waits"),
        pytest.param([b"a", UpstreamCut("cut")], [b"a"], UpstreamCut, id="before-the-failure"),
        pytest.param([UpstreamCut("cut")], [], UpstreamCut, id="failure-alone"),
        pytest.param([b"a", 0.02, UpstreamCut("cut")], [b"a"], UpstreamCut, id="a-late-failure"),
    ],
)
def test_what_arrives(items, expected, error):
    source = Source(*items)
    assert run(gathered(source, first=0.3, silence=0.1)) == (expected, error)
    assert source.closed


@pytest.mark.parametrize(
    ("items", "asked"),
    [
        pytest.param([0.01, b"a"] * 3, [0, 1, 2], id="singly"),
        pytest.param([0.01, b"a", b"b"] * 2, [0, 2, 4], id="by-twos"),
        pytest.param([0.01, b"a", b"b", 0.01, b"c", 0.01, b"d"], [0, 2, 3, 3], id="singly-again"),
    ],
)
def test_single_chunks_are_handed_over_before_more_is_asked_for(items, asked):
    """To ask for more begins a wait of the socket, for which the client would wait as well."""

    async def go():
        source = Source(*items)
        async with Arrivals(source.read(), first=1, silence=1) as arrivals:
            return [source.asked async for _ in arrivals]

    assert run(go()) == asked


def test_the_clock_stands_while_the_consumer_is_busy():
    source = Source(b"a", 0.02, b"b", 0.02, b"c")
    seen, error = run(gathered(source, first=0.05, silence=0.05, busy=0.1))
    assert (b"".join(seen), error) == (b"abc", None)


def test_a_busy_consumer_stops_the_reading():
    """Or a client that reads slowly would fill the memory with its reply."""

    async def go():
        source = Source(*[b"x" * 1024] * 1000)
        async with Arrivals(source.read(), first=1, silence=1) as arrivals:
            taken = 0
            async for data in arrivals:
                taken += len(data)
                await asyncio.sleep(0)
                assert source.given * 1024 <= taken + ROOM
        assert taken == 1000 * 1024
        assert source.closed

    run(go())


@pytest.mark.parametrize("items", [[b"a", 5.0], [b"x" * ROOM] * 3, [b"a"]], ids=str)
def test_leaving_ends_the_reading(items):
    async def go():
        source = Source(*items)
        async with Arrivals(source.read(), first=9, silence=9) as arrivals:
            await anext(arrivals)
            await asyncio.sleep(0.01)
        return source.closed and len(asyncio.all_tasks()) == 1

    assert run(go())


def test_a_cancelled_consumer_is_not_a_timeout():
    async def go():
        source = Source(5.0)
        task = asyncio.create_task(gathered(source, first=9, silence=9))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return source.closed

    assert run(go())
