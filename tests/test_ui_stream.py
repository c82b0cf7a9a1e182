"""``ui_stream`` over real sockets."""

from __future__ import annotations

import uuid
from contextlib import aclosing

import pytest

from bridge.errors import (
    BridgeError,
    ContextTooLong,
    UpstreamCut,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
)
from bridge.turns import Capabilities, Options, TokenCounts, Turn
from bridge.upstream.http_reply import new_client
from bridge.upstream.timing import Timeouts
from bridge.upstream.ui_stream import UIStream
from tests.clock import run
from tests.fake_upstream import Answer, FakeUpstream, Hang, Reset, json_answer, sse

TURNS = [
    Turn("system", "Be brief."),
    Turn("user", "你好"),
    Turn("assistant", "Hi."),
    Turn("user", "?"),
]
OPTIONS = Options("their-model")


async def operator_key():
    return "sk-operator"


def exchanged(*answers, turns=TURNS, options=OPTIONS, **settings):
    """One request: text, the last piece, the error, the requests that came in."""
    settings = {"timeouts": Timeouts(1.0, 2.0, 0.2), "key": operator_key, **settings}

    async def go():
        pieces, error = [], None
        async with FakeUpstream(answers) as up:
            upstream = UIStream(new_client(verify=False), up.url + "/api/chat", **settings)
            try:
                async with aclosing(upstream.stream(turns, options)) as stream:
                    async for piece in stream:
                        pieces.append(piece)
            except BridgeError as exc:
                error = exc
            await upstream.aclose()
            return pieces, error, up.requests

    pieces, error, requests = run(go())
    return "".join(p.text for p in pieces), pieces[-1] if pieces else None, error, requests


def part(kind, **fields):
    return {"type": kind, **fields}


START = part("start", messageId="msg-1")
STEP, STEP_END = part("start-step"), part("finish-step")
TEXT_START, TEXT_END = part("text-start", id="t"), part("text-end", id="t")
HEL, LO = part("text-delta", id="t", delta="Hel"), part("text-delta", id="t", delta="lo")
FINISH = part("finish")
REASONING = [
    part("reasoning-start", id="r"),
    part("reasoning-delta", id="r", delta="secret"),
    part("reasoning-end", id="r"),
]
USAGE = {"inputTokens": 10, "outputTokens": 3, "reasoningTokens": 2, "cachedInputTokens": 8}
COUNTS = TokenCounts(10, 3, 2, 8)

REPLIES = [
    pytest.param(
        sse(START, STEP, TEXT_START, HEL, LO, TEXT_END, STEP_END, FINISH), "stop", None, id="whole"
    ),
    pytest.param(
        sse(START, *REASONING, HEL, part("data-weather", data={"delta": "x"}), LO, FINISH),
        "stop",
        None,
        id="reasoning-and-data-are-left-out",
    ),
    pytest.param(
        sse(
            part("tool-input-available", toolCallId="1", toolName="f", input={}),
            part("tool-output-available", toolCallId="1", output="x"),
            part("source-url", sourceId="1", url="https://a.example"),
            HEL,
            LO,
            FINISH,
        ),
        "stop",
        None,
        id="its-own-tools-and-sources-are-left-out",
    ),
    pytest.param(
        sse(part("text-delta", textDelta="Hel"), part("text-delta", textDelta="lo"), FINISH),
        "stop",
        None,
        id="older-shape",
    ),
    pytest.param(sse(HEL, LO, FINISH, done=False), "stop", None, id="no-done"),
    pytest.param(sse(HEL, LO), "stop", None, id="done-without-finish"),
    pytest.param(sse(HEL, LO, FINISH, Reset()), "stop", None, id="reset-after-finish"),
    pytest.param(sse(HEL, LO, part("finish", finishReason="length")), "length", None, id="length"),
    pytest.param(
        sse(HEL, LO, part("finish", finishReason="content-filter")),
        "content_filter",
        None,
        id="content-filter",
    ),
    pytest.param(
        sse(HEL, LO, part("finish", finishReason="tool-calls")), "stop", None, id="tool-calls"
    ),
    pytest.param(
        sse(HEL, LO, part("finish", messageMetadata={"usage": USAGE})), "stop", COUNTS, id="usage"
    ),
    pytest.param(
        sse(HEL, LO, part("finish", messageMetadata={"totalUsage": USAGE})),
        "stop",
        COUNTS,
        id="total-usage",
    ),
    pytest.param(
        sse(HEL, LO, part("finish", usage={"inputTokens": None})), "stop", None, id="usage-empty"
    ),
    pytest.param(sse(HEL, part("text-delta", id="t"), LO, FINISH), "stop", None, id="no-delta"),
]


@pytest.mark.parametrize(("answer", "finish", "counts"), REPLIES)
def test_a_reply(answer, finish, counts):
    text, last, error, _ = exchanged(answer)
    assert (text, error) == ("Hello", None)
    assert (last.finish, last.counts) == (finish, counts)


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        pytest.param(sse(HEL, part("error", errorText="at db.internal")), UpstreamError, "Hel",
                     id="error"),
        pytest.param(sse(part("error", errorText="prompt is too long: 9 > 8")), ContextTooLong, "",
                     id="too-long"),
        pytest.param(sse(HEL, part("abort")), UpstreamCut, "Hel", id="abort"),
        pytest.param(sse(HEL, part("finish", finishReason="error")), UpstreamCut, "Hel",
                     id="finish-error"),
        pytest.param(sse(HEL, done=False), UpstreamCut, "Hel", id="ended"),
        pytest.param(sse(HEL, Reset()), UpstreamCut, "Hel", id="reset"),
        pytest.param(sse(HEL, Hang()), UpstreamTimeout, "Hel", id="silence"),
        pytest.param(Answer([b"<html>db.internal"]), UpstreamInvalid, "", id="html"),
        pytest.param(json_answer({"text": "hi"}), UpstreamInvalid, "", id="json"),
        pytest.param(json_answer({"error": "db.internal"}, 401), UpstreamRefused, "", id="401"),
    ],
)  # fmt: skip
def test_a_failure(answer, kind, text):
    came, _, error, _ = exchanged(answer)
    assert (came, type(error)) == (text, kind)
    assert "db.internal" not in error.message


def message(position, role, text):
    return {"id": f"c-{position}", "role": role, "parts": [{"type": "text", "text": text}]}


MESSAGES = [message(i, turn.role, turn.text) for i, turn in enumerate(TURNS)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(
            {}, {"id": "c", "messages": MESSAGES, "trigger": "submit-message"}, id="default"
        ),
        pytest.param(
            {
                "template": {
                    "chat": {"list": ["{messages}", 1], "model": "{model}"},
                    "text": "the {model}",
                    "limit": "{max_tokens}",
                    "options": ["{temperature}", "{seed}"],
                    "on": True,
                }
            },
            {
                "chat": {"list": [MESSAGES, 1], "model": "their-model"},
                "text": "the {model}",
                "options": [0.0],
                "on": True,
            },
            id="own-template",
        ),
        pytest.param(
            {"template": {"m": "{messages}"}, "system": "merge"},
            {
                "m": [
                    message(0, "user", "Be brief.\n\n你好"),
                    message(1, "assistant", "Hi."),
                    message(2, "user", "?"),
                ]
            },
            id="system-merged",
        ),
    ],
)
def test_the_body(settings, expected):
    options = Options("their-model", temperature=0.0)
    *_, error, (request,) = exchanged(sse(FINISH), options=options, conversation="c", **settings)
    assert error is None
    assert request.json() == expected


@pytest.mark.parametrize(
    ("turns", "texts"),
    [
        ([Turn("user", "a")], [("user", "a")]),
        ([Turn("system", "s")], [("user", "s")]),
        ([Turn("system", "s"), Turn("assistant", "b")], [("user", "s"), ("assistant", "b")]),
        (
            [Turn("system", "s"), Turn("assistant", "b"), Turn("user", "a"), Turn("system", "t")],
            [("assistant", "b"), ("user", "s\n\nt\n\na")],
        ),
    ],
)
def test_merging_system_turns(turns, texts):
    *_, (request,) = exchanged(sse(FINISH), turns=turns, system="merge")
    sent = request.json()["messages"]
    assert [(m["role"], m["parts"][0]["text"]) for m in sent] == texts


def test_conversation_ids_depend_on_the_whole_conversation():
    def sent_id(*turns):
        *_, (request,) = exchanged(sse(FINISH), turns=turns)
        return request.json()["id"]

    hi, there, swapped = Turn("user", "hi"), Turn("user", "there"), Turn("assistant", "hi")
    ids = [sent_id(hi), sent_id(there), sent_id(swapped), sent_id(hi, there), sent_id(there, hi)]
    assert len(set(ids)) == 5
    assert sent_id(hi) == ids[0]
    assert str(uuid.UUID(ids[0])) == ids[0]


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        ({}, "authorization", "Bearer sk-operator"),
        ({"key_header": "X-Api-Key"}, "x-api-key", "sk-operator"),
        ({"key": None}, "authorization", None),
        ({"headers": {"X-Tenant": "a"}}, "x-tenant", "a"),
    ],
)
def test_headers(settings, name, value):
    *_, (request,) = exchanged(sse(FINISH), **settings)
    assert request.headers.get(name) == value
    assert (request.method, request.path) == ("POST", "/api/chat")
    assert request.headers["user-agent"] == "toolbridge"


def test_the_rest():
    async def go():
        upstream = UIStream(new_client(verify=False), "http://127.0.0.1:1", names=["a"])
        await upstream.aclose()
        return await upstream.models(), upstream.capabilities

    assert run(go()) == (["a"], Capabilities(alternation=True))


def test_closing_the_stream_closes_the_connection():
    async def go():
        async with FakeUpstream([sse(HEL, Hang())]) as up:
            upstream = UIStream(new_client(verify=False), up.url)
            stream = upstream.stream(TURNS, OPTIONS)
            await anext(stream)
            await stream.aclose()
            await up.left()
            await upstream.aclose()

    run(go())
