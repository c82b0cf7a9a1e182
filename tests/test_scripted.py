"""An upstream that replays a script."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import pytest

from bridge.errors import (
    BridgeError,
    ContextTooLong,
    UpstreamCut,
    UpstreamRateLimited,
)
from bridge.turns import Capabilities, Options, Piece, TokenCounts, Turn
from bridge.upstream.scripted import MAX_RECORDED, Delay, Recorded, Scripted
from tests.clock import run

TURNS = [Turn("user", "hi")]
OPTIONS = Options("m")
STOP = Piece(finish="stop")


def replayed(upstream, turns=TURNS, options=OPTIONS):
    async def go():
        pieces = []
        try:
            async with aclosing(upstream.stream(turns, options)) as stream:
                async for piece in stream:
                    pieces.append(piece)
        except BridgeError as exc:
            return [*pieces, exc]
        return pieces

    return run(go())


CUT = UpstreamCut("cut")
COUNTED = Piece("b", "length", TokenCounts(1, 2))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param("a", [Piece("a"), STOP], id="text"),
        pytest.param(["a", "b"], [Piece("a"), Piece("b"), STOP], id="texts"),
        pytest.param(["a", COUNTED], [Piece("a"), COUNTED], id="own-finish"),
        pytest.param([COUNTED, "c"], [COUNTED, Piece("c")], id="text-after-the-finish"),
        pytest.param([], [STOP], id="nothing"),
        pytest.param(CUT, [CUT], id="error"),
        pytest.param(["a", CUT, "b"], [Piece("a"), CUT], id="error-after-text"),
    ],
)
def test_replies(reply, expected):
    assert replayed(Scripted([reply])) == expected


@pytest.mark.parametrize(("cycle", "texts"), [(False, "abbb"), (True, "abab")])
def test_beyond_the_script(cycle, texts):
    upstream = Scripted(["a", "b"], cycle=cycle)
    assert "".join(replayed(upstream)[0].text for _ in range(4)) == texts


def test_a_function():
    upstream = Scripted(lambda turns, options: [turns[-1].text, options.model])
    assert replayed(upstream) == [Piece("hi"), Piece("m"), STOP]


def test_delays():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    assert replayed(Scripted([[Delay(0.5), "a", Delay(2)]], sleep=sleep)) == [Piece("a"), STOP]
    assert slept == [0.5, 2]


def test_what_it_keeps():
    upstream = Scripted(["a"])
    turns = list(TURNS)
    replayed(upstream, turns)
    turns.append(Turn("assistant", "later"))
    assert list(upstream.requests) == [Recorded((TURNS[0],), OPTIONS)]
    for _ in range(MAX_RECORDED):
        replayed(upstream)
    assert len(upstream.requests) == MAX_RECORDED
    assert upstream.closed == 0


def test_replies_left_early_are_counted():
    upstream = Scripted([["a", Delay(9), "b"]])

    async def go():
        stream = upstream.stream(TURNS, OPTIONS)
        await anext(stream)
        await stream.aclose()
        stream = upstream.stream(TURNS, OPTIONS)
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(go())
    assert upstream.closed == 2


def test_the_rest():
    upstream = Scripted(["a"], capabilities=Capabilities(prefill=True), names=["x", "y"])
    assert upstream.capabilities == Capabilities(prefill=True)
    assert run(upstream.models()) == ["x", "y"]
    run(upstream.aclose())
    assert Scripted(["a"]).capabilities == Capabilities()


def test_an_empty_script_is_refused():
    with pytest.raises(ValueError, match="at least one reply"):
        Scripted([])


# --- files --------------------------------------------------------------------------------------

TOML = """
cycle = true
replies = [
    "Hello!",
    ["Well", {delay = 0, text = ", hello.", finish = "length"}],
    [{text = "a"}, {error = "rate_limit_exceeded"}],
    [{error = "context_length_exceeded"}],
]
"""


@pytest.mark.parametrize("form", ["toml", "json"])
def test_from_a_file(tmp_path, form):
    path = tmp_path / f"script.{form}"
    if form == "json":
        replies = [
            "Hello!",
            ["Well", {"text": ", hello.", "finish": "length"}],
            [{"text": "a"}, {"error": "rate_limit_exceeded"}],
            [{"error": "context_length_exceeded"}],
        ]
        path.write_text(json.dumps({"cycle": True, "replies": replies}))
    else:
        path.write_text(TOML)
    upstream = Scripted.from_file(path)
    assert replayed(upstream) == [Piece("Hello!"), STOP]
    assert replayed(upstream) == [Piece("Well"), Piece(", hello.", "length")]
    assert [type(step) for step in replayed(upstream)] == [Piece, UpstreamRateLimited]
    assert [type(step) for step in replayed(upstream)] == [ContextTooLong]
    assert replayed(upstream) == [Piece("Hello!"), STOP]


def test_a_delay_in_a_file_comes_first(tmp_path):
    path = tmp_path / "script.json"
    path.write_text('{"replies": [[{"delay": 0.05, "text": "a"}]]}')

    async def go():
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with aclosing(Scripted.from_file(str(path)).stream(TURNS, OPTIONS)) as stream:
            assert await anext(stream) == Piece("a")
        return loop.time() - began

    assert run(go()) > 0.04


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("replies = []", "replies"),
        ("replies = [7]", "replies"),
        ('replies = [[{error = "what"}]]', "not one of"),
        ("replies = [[{delay = -1}]]", "delay"),
        ('replies = [[{finish = "tool_calls"}]]', "finish"),
        ('replies = [[{txet = "a"}]]', "txet"),
        ('answers = ["a"]', "answers"),
        ("replies = [", "script.toml"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(tmp_path, text, said):
    path = tmp_path / "script.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as caught:
        Scripted.from_file(path)
    assert "script.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        Scripted.from_file(tmp_path / "nowhere.toml")
