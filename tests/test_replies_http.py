"""The table of replies over sockets: an HTTP upstream, the application, and an HTTP client.

One server for all; each case has models of its own. A reply comes from the upstream as a stream or
as one JSON body, whole or cut between any two bytes, those of one character included. ``make
test-replies`` tries each case in every way with every delivery, or in ``EACH=`` so many of them;
without it, a few are tried.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from contextlib import AsyncExitStack
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import pytest

from bridge.models import Catalog, Model
from bridge.server.app import create_app
from bridge.server.auth import EnvironmentKeys
from bridge.server.settings import Settings
from bridge.upstream.http_reply import new_client
from bridge.upstream.openai_text import OpenAIText
from tests.conversing import API_KEY, PLAIN, PREFILLS, pieces_of
from tests.fake_upstream import Answer, FakeUpstream, chunk, frames, json_answer
from tests.local_server import serving
from tests.openai_fold import folded_by_openai, parsed_by_openai
from tests.properties.wire import check_written
from tests.reply_cases import AS_IT_IS, CASES, THOUGHT, WAYS, Way, each_case, in_short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.conversing import Reply
    from tests.reply_cases import Case

EACH = os.environ.get("REPLIES_EACH")
PATH = "/v1/chat/completions"
STREAM_HEADERS = {"Content-Type": "text/event-stream"}
THINKS = next(way for way in WAYS if way.name == "thinks")
REASONS = Way("native reasoning", "", {"think": True}, apart=True)
"""The upstream sends the thinking apart, in a field of its own."""


# What the upstream sends --------------------------------------------------------------------------


def events(pieces: Sequence[str], finish: str, *, reasons: bool) -> list[bytes]:
    """A chat reply as server-sent events, its text in these pieces and in UTF-8."""
    chunks = [chunk(reasoning_content=THOUGHT)] if reasons else []
    chunks += [chunk(content=piece) for piece in pieces]
    chunks.append(chunk(finish=finish))
    return frames(*(json.dumps(each, ensure_ascii=False) for each in chunks))


def streamed(steps: list[bytes]) -> Answer:
    return Answer(steps, headers=STREAM_HEADERS)


def whole(reply: Reply, *, reasons: bool) -> Answer:
    """One event for all of the text."""
    return streamed([b"".join(events([reply.text], reply.finish, reasons=reasons))])


def as_json(reply: Reply, *, reasons: bool) -> Answer:
    """One JSON body, which servers send although they were asked for a stream."""
    message = {"role": "assistant", "content": reply.text}
    if reasons:
        message["reasoning_content"] = THOUGHT
    choice = {"index": 0, "message": message, "finish_reason": reply.finish}
    return json_answer({"object": "chat.completion", "choices": [choice]})


def in_pieces(seed: int) -> Callable[..., Answer]:
    """Text in random pieces; bytes in others, cut inside of every character that has several."""

    def answer(reply: Reply, *, reasons: bool) -> Answer:
        dice = random.Random(seed)
        sizes = iter(lambda: dice.choice((1, 2, 3, 5, 8, 40)), None)
        texts = [piece.text for piece in pieces_of(reply, sizes)][:-1]
        body = b"".join(events(texts, reply.finish, reasons=reasons))
        inside = [at for at, byte in enumerate(body) if byte & 0xC0 == 0x80]
        places = sorted({0, len(body), *inside, *dice.choices(range(len(body)), k=12)})
        return streamed([body[a:b] for a, b in pairwise(places)])

    return answer


def by_character(reply: Reply, *, reasons: bool) -> Answer:
    """An event for each character, each in a packet of its own."""
    return streamed(events(list(reply.text), reply.finish, reasons=reasons))


def by_byte(reply: Reply, *, reasons: bool) -> Answer:
    """A packet for each byte."""
    body = b"".join(events([reply.text], reply.finish, reasons=reasons))
    return streamed([bytes([byte]) for byte in body])


DELIVERIES = [whole, as_json, *map(in_pieces, range(3)), by_character, by_byte]
STREAMED, UNSTREAMED = (AS_IT_IS, True, in_pieces(0)), (AS_IT_IS, False, as_json)
SOME = [
    [STREAMED, UNSTREAMED, (THINKS, True, whole)],
    [STREAMED, (THINKS, False, in_pieces(1))],
    [STREAMED, UNSTREAMED, (REASONS, True, in_pieces(2))],
]
"""The way, whether the answer is streamed, and the delivery; a case gets one row, by turns."""


def tried(case: Case) -> Iterable[tuple[Way, bool, Callable[..., Answer]]]:
    """All that a case is tried with."""
    ways = case.ways if case.thinks else [*case.ways, REASONS]
    every = list(product(ways, (True, False), DELIVERIES))
    if EACH == "every":
        return every
    if EACH:
        return random.Random(case.name).sample(every, min(int(EACH), len(every)))
    return SOME[0][:2] if case.thinks else SOME[CASES.index(case) % len(SOME)]


# The server ---------------------------------------------------------------------------------------


def name_of(case: Case, way: Way) -> str:
    """The model that a client asks for."""
    opened = ".opened" * way.model.get("opens_thinking", False)
    return f"{case.name}{opened}{'-thinking' * (case.model | way.model)['think']}"


def models() -> Iterator[Model]:
    """One for each case, and one whose template opens thinking."""
    for case in CASES:
        settings = {**case.model, "think": False}
        up = "prefills" if case.capabilities.prefill else "plain"
        yield Model(case.name, up, "theirs", **settings)
        yield Model(f"{case.name}.opened", up, "theirs", **settings | {"opens_thinking": True})


class Bridge:
    """The application between an upstream and a client, in an event loop of its own."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._upstream = FakeUpstream(lambda _: self._answers.pop(0))
        self._answers: list[Answer] = []
        self._runner.run(self._start())

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _start(self) -> None:
        up = await self._stack.enter_async_context(self._upstream)
        upstreams = {
            name: OpenAIText(new_client(), up.url, capabilities=capabilities)
            for name, capabilities in {"plain": PLAIN, "prefills": PREFILLS}.items()
        }
        catalog = Catalog(models())
        settings = Settings(models=tuple(catalog.models.values()), upstreams={})
        app = create_app(settings, catalog, upstreams, EnvironmentKeys([API_KEY], {}))
        server = await self._stack.enter_async_context(serving(app))
        self._http = server.http
        self._http.headers["Authorization"] = f"Bearer {API_KEY}"

    def told(self, body: dict[str, Any], answers: list[Answer]) -> tuple[str, dict[str, Any]]:
        """The body of the response, and what a client makes of it."""
        self._answers = [*answers, *answers[-1:] * 2]
        response = self._runner.run(self._http.post(PATH, json=body))
        read = read_stream if response.headers["content-type"].startswith("text") else read_whole
        told = read(response.text)
        told["asked_again"] = len(answers) + 1 - len(self._answers)
        return response.text, told


def read_whole(body: str) -> dict[str, Any]:
    error = json.loads(body).get("error")
    return in_short([], error["code"]) if error else in_short(parsed_by_openai(body), None)


def read_stream(body: str) -> dict[str, Any]:
    """The stream as the SDK folds it: it ends with ``[DONE]``, or with an error and without."""
    opening, *rest = body.removesuffix("\n\n").split("\n\n")
    assert opening == ": ok"
    datas = [event.removeprefix("data: ") for event in rest]
    *datas, last = datas
    failed = None if last == "[DONE]" else json.loads(last)["error"]["code"]
    check_written(list(map(json.loads, datas)), whole=failed is None, fields={})
    return in_short(folded_by_openai(datas) if datas else [], failed)


@pytest.fixture(scope="module")
def bridge():
    bridge = Bridge()
    yield bridge
    bridge.close()


@each_case()
def test_reply(case: Case, bridge: Bridge):
    for way, stream, delivery in tried(case):
        reasons = way is REASONS
        body = {"model": name_of(case, way), "stream": stream, **case.fields}
        answers = [delivery(reply, reasons=reasons) for reply in case.replies_in(way)]
        written, told = bridge.told(body, answers)
        assert (way.name, stream, told) == (way.name, stream, case.answer(way, streamed=stream))
        assert not case.shows_secrets(written)
