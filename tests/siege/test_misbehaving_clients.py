"""Clients that leave, or read slowly or not at all: each costs no more than itself."""

from __future__ import annotations

import asyncio

import pytest

from tests.fake_upstream import Answer, Hang, chat, chunk, frames, json_answer, sse
from tests.local_server import chat as chat_body
from tests.siege.markers import written
from tests.siege.wire import HEAD, PATH, connected, request, until
from tests.test_streaming import content_of, events_of

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
HALF_A_CALL = written(("f", {"a": "b" * 200}))[:100]
"""Of a call that is held until it is whole."""


# Leaving ------------------------------------------------------------------------------------------

HELLO_AND_NO_MORE = sse(chunk(content="Hello"), Hang())
MOMENTS = {
    # what the upstream does; the request; what the client waits for; upstream requests by then
    "before-the-upstream-answers": (Answer([Hang()], framing="none"), {"stream": True}, b"", 1),
    "before-the-first-piece": (Answer([Hang()]), {"stream": True}, b"", 1),
    "in-a-stream": (HELLO_AND_NO_MORE, {"stream": True}, b"Hello", 1),
    "in-a-whole-answer": (HELLO_AND_NO_MORE, {}, b"", 1),
    "while-a-call-is-held": (
        sse(chunk(content=HALF_A_CALL), Hang()), {"stream": True, "tools": TOOLS}, b": ok", 1,
    ),
    "while-a-call-is-promised": (
        sse(chunk(content="Well"), Hang()),
        {"stream": True, "tools": TOOLS, "tool_choice": "required"}, b": ok", 1,
    ),
    "in-one-of-eight-choices": (HELLO_AND_NO_MORE, {"stream": True, "n": 8}, b"Hello", 8),
    "in-eight-whole-choices": (HELLO_AND_NO_MORE, {"n": 8}, b"", 8),
}  # fmt: skip


@pytest.mark.parametrize("rudely", [False, True], ids=["closing", "resetting"])
@pytest.mark.parametrize("name", MOMENTS)
def test_a_client_that_leaves_closes_the_upstream_at_once(siege, name, rudely):
    answer, fields, seen, asked = MOMENTS[name]
    siege.answers(answer)

    async def leaving() -> float:
        siege.up.early = 0
        async with connected(siege.server.port) as wire:
            await wire.send(request(chat_body(**fields)))
            await until(lambda: len(siege.up.requests) == asked)
            await wire.until(seen) if seen else await asyncio.sleep(0.05)
            assert siege.up.early == 0
            await wire.leave(rudely=rudely)
        return await until(lambda: siege.up.early == asked)

    assert siege.run(leaving()) < 1.0


@pytest.mark.parametrize("fields", [{}, {"stream": True}], ids=["whole", "stream"])
@pytest.mark.parametrize("extra", [b"\r\n", HEAD, b"\0garbage"], ids=["line-break", "head", "junk"])
def test_bytes_behind_a_request_do_not_hide_that_its_client_leaves(siege, extra, fields):
    """uvicorn stops reading there, and the upstream wrote on for nobody."""
    siege.answers(HELLO_AND_NO_MORE)

    async def leaving() -> float:
        siege.up.early = 0
        async with connected(siege.server.port) as wire:
            await wire.send(request(chat_body(**fields)))
            await until(lambda: siege.up.requests)
            await wire.send(extra)
            await asyncio.sleep(0.05)
        return await until(lambda: siege.up.early == 1)

    assert siege.run(leaving()) < 1.0


def test_a_client_that_leaves_between_two_tries_ends_them(siege):
    siege.answers(json_answer({}, 503, {"Retry-After": "2"}))

    async def leaving() -> None:
        async with connected(siege.server.port) as wire:
            await wire.send(request(chat_body()))
            await until(lambda: siege.up.requests)
            await asyncio.sleep(0.1)
        await asyncio.sleep(2.6)

    siege.run(leaving())
    assert len(siege.up.requests) == 1


def test_a_client_that_leaves_while_the_model_is_asked_again(siege):
    siege.answers(chat("no call"), Answer([Hang()]))

    async def leaving() -> float:
        siege.up.early = 0
        async with connected(siege.server.port) as wire:
            await wire.send(request(chat_body(tools=TOOLS, tool_choice="required")))
            await until(lambda: len(siege.up.requests) == 2)
        return await until(lambda: siege.up.early == 1)

    assert siege.run(leaving()) < 1.0


# Reading slowly -----------------------------------------------------------------------------------

KILOBYTE = "0123456789abcdef" * 64
MEGABYTES = 40


class Counted:
    """Forty megabytes of reply; ``given`` says how many kilobytes of it the upstream has sent."""

    def __init__(self) -> None:
        self.given = 0

    def __iter__(self):
        for _ in range(MEGABYTES * 1024):
            self.given += 1
            yield from frames(chunk(content=KILOBYTE), done=False)
        yield from frames(chunk(finish="stop"))

    async def stalled(self) -> int:
        """What has been sent when no more is."""
        before = -1
        while before != self.given:
            before = self.given
            await asyncio.sleep(0.5)
        return before


def test_a_client_that_reads_nothing_slows_the_upstream(siege):
    reply = Counted()
    siege.answers(Answer(reply, framing="close"))

    async def reading() -> tuple[int, int]:
        before = siege.server.memory
        async with connected(siege.server.port, window=4096) as wire:
            await wire.send(request(chat_body(stream=True)))
            await wire.until(b"0123")
            given = await reply.stalled()
            return given, siege.server.memory - before

    given, grown = siege.run(reading())
    # What fits into the kernel's buffers of two connections, which it sizes as it likes.
    assert given < MEGABYTES / 2 * 1024
    assert grown < 8_000_000


def test_a_client_that_reads_late_gets_everything(siege):
    reply = Counted()
    siege.answers(Answer(reply, framing="close"))

    async def reading() -> str:
        before = siege.server.memory
        text = ""
        async with (
            siege.client() as http,
            http.stream("POST", PATH, json=chat_body(stream=True)) as response,
        ):
            await reply.stalled()
            async for part in response.aiter_text():
                text += part
        assert siege.server.memory - before < 8_000_000
        return text

    events = events_of(siege.run(reading()))
    assert events[-1] == "[DONE]"
    assert content_of(events) == KILOBYTE * MEGABYTES * 1024
