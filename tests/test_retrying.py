"""Trying again, where nothing has been shown yet."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from bridge.errors import (
    BridgeError,
    ContextTooLong,
    UpstreamCut,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from bridge.turns import Capabilities, Options, Piece, TokenCounts, Turn
from bridge.upstream.http_reply import new_client
from bridge.upstream.openai_text import OpenAIText
from bridge.upstream.retrying import Retrying, asked_seconds
from bridge.upstream.scripted import Delay, Scripted
from tests.fake_upstream import DROP, Answer, FakeUpstream, chat

TURNS = [Turn("user", "hi")]
OPTIONS = Options("m")
NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


class Clock:
    """A time that only passes when someone sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def tried(*replies, **settings):
    """Text, error, and what was slept between the tries; and how many there were."""
    clock = Clock()
    script = Scripted(replies, sleep=lambda seconds: pass_time(clock, seconds))
    upstream = Retrying(
        script,
        **{
            "sleep": clock.sleep,
            "draw": lambda: 0.5,
            "clock": clock,
            "now": lambda: NOW,
            **settings,
        },
    )

    async def go():
        pieces: list[Piece] = []
        try:
            async with aclosing(upstream.stream(TURNS, OPTIONS)) as stream:
                async for piece in stream:
                    pieces.append(piece)
        except BridgeError as exc:
            return pieces, exc
        return pieces, None

    pieces, error = asyncio.run(go())
    return "".join(p.text for p in pieces), error, clock.slept, len(script.requests)


async def pass_time(clock, seconds):
    clock.seconds += seconds


DOWN = UpstreamUnavailable("down")


def limited(retry_after):
    return UpstreamRateLimited("slow", headers={"Retry-After": retry_after})


@pytest.mark.parametrize(
    ("first", "slept"),
    [
        pytest.param(DOWN, 0.25, id="unavailable"),
        pytest.param(UpstreamCut("cut"), 0.25, id="cut-before-a-word"),
        pytest.param(limited("3"), 3.25, id="rate-limited-shortly"),
        pytest.param(limited("Tue, 14 Nov 2023 22:13:25 GMT"), 5.25, id="rate-limited-to-a-date"),
        pytest.param(
            UpstreamUnavailable("down", headers={"Retry-After": "2"}), 2.25, id="503-with-a-time"
        ),
    ],
)
def test_a_second_try(first, slept):
    assert tried([first], "ok") == ("ok", None, [slept], 2)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param([limited("60")], id="rate-limited-for-long"),
        pytest.param([UpstreamRateLimited("slow")], id="rate-limited-without-a-time"),
        pytest.param([UpstreamRefused("no")], id="refused"),
        pytest.param([UpstreamInvalid("what")], id="invalid"),
        pytest.param([UpstreamTimeout("late")], id="timeout"),
        pytest.param([ContextTooLong("long")], id="request-error"),
        pytest.param(["a", DOWN], id="after-the-first-piece"),
        pytest.param([Delay(9.9), DOWN], id="no-time-left-for-a-try-as-long"),
        pytest.param([Delay(4.9), DOWN], id="no-time-left-for-the-pause"),
    ],
)
def test_no_second_try(first):
    text, error, slept, tries = tried(first, "ok")
    assert error is first[-1]
    assert (slept, tries) == ([], 1)
    assert text == ("a" if first[0] == "a" else "")


def test_counts_alone_are_nothing_that_was_shown():
    counts = TokenCounts(prompt=3)
    cut = UpstreamCut("cut")
    assert tried([Piece(counts=counts), cut], "ok") == ("ok", None, [0.25], 2)
    assert tried([Piece(finish="stop"), cut], "ok") == ("", cut, [], 1)


def test_so_many_tries():
    assert tried([DOWN]) == ("", DOWN, [0.25], 2)
    assert tried([DOWN], attempts=1) == ("", DOWN, [], 1)
    assert tried([DOWN], attempts=6, budget_seconds=100.0)[2] == [0.25, 0.5, 1.0, 2.0, 4.0]
    assert tried([DOWN], attempts=8, budget_seconds=100.0)[2][-2:] == [4.0, 4.0]


def test_the_budget_covers_all_tries():
    text, error, slept, tries = tried([DOWN], attempts=9, budget_seconds=2.0)
    assert (text, error) == ("", DOWN)
    assert (slept, tries) == ([0.25, 0.5, 1.0], 4)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("soon", None),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
    ],
)
def test_asked_seconds(value, seconds):
    assert asked_seconds(value, NOW) == seconds


def test_the_rest_is_the_upstreams():
    capabilities = Capabilities(prefill=True)
    upstream = Retrying(Scripted(["x"], capabilities=capabilities, names=["a"]))
    assert upstream.capabilities == capabilities
    assert asyncio.run(upstream.models()) == ["a"]


def test_leaving_closes_the_upstream():
    async def go():
        script = Scripted([["a", "b"]])
        stream = Retrying(script).stream(TURNS, OPTIONS)
        await anext(stream)
        await stream.aclose()
        return script.closed

    assert asyncio.run(go()) == 1


@pytest.mark.parametrize("failure", [DROP, Answer([], 503)], ids=["dropped", "503"])
def test_over_real_sockets(failure):
    async def go():
        async with FakeUpstream([failure, chat("ok")]) as up:
            upstream = Retrying(OpenAIText(new_client(verify=False), up.url), draw=lambda: 0.01)
            pieces = [piece async for piece in upstream.stream(TURNS, OPTIONS)]
            await upstream.aclose()
            return "".join(piece.text for piece in pieces), len(up.requests)

    assert asyncio.run(go()) == ("ok", 2)
