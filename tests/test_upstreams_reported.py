"""What upstreams do in the world beside sending text, through the whole server, streamed and not.

Each kind was reported of a server, as its source says; the other cases are its siblings. The
upstream is an HTTP one, configured with nothing but its URL.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bridge.configuration import Table
from bridge.dialects.key import key_for
from bridge.directives import NO_ANSWER, NO_CALLS_NOW
from bridge.held import UNUSABLE
from bridge.keys import hashed
from bridge.models import Catalog, Model
from bridge.server.app import create_app
from bridge.server.auth import EnvironmentKeys
from bridge.server.settings import Settings
from bridge.upstream.build import build_upstreams
from tests.clock import run
from tests.fake_upstream import Answer, FakeUpstream, chat, chunk, json_answer, sse
from tests.openai_fold import folded_by_openai, parsed_by_openai
from tests.reply_cases import in_short

if TYPE_CHECKING:
    from bridge.report import RequestReport

CLIENT_KEY = "0000"
KEY = key_for(hashed(CLIENT_KEY).encode())
KEYS = EnvironmentKeys([CLIENT_KEY], {})
THOUGHT = "It is four, I think."


def tool(name: str, *required: str) -> dict[str, Any]:
    properties = {"command": {"type": "string"}, "count": {"type": "integer"}}
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = {"tools": [tool("run", "command"), tool("list_mailboxes")]}
BLOCK = f'```tool_call {KEY}\n{{"name": "run", "arguments": {{"command": "ls"}}}}\n```'
LS = ["run", '{"command":"ls"}']
CD = ["run", '{"command":"cd"}']
HALF = '{"command": "rm -rf'


def native(name: str, arguments: object = '{"command":"ls"}', **more: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def called(*calls: dict[str, Any], finish: str = "tool_calls", **before: object) -> Answer:
    """Each call in a delta of its own."""
    return sse(
        chunk(role="assistant", content=""),
        *([chunk(**before)] if before else []),
        *(chunk(tool_calls=[call]) for call in calls),
        chunk(finish=finish),
    )


def whole(**message: object) -> Answer:
    """One JSON body."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return json_answer({"object": "chat.completion", "choices": [choice]})


def ended(**message: object) -> dict[str, Any]:
    """A last chunk with a message in the place of a delta."""
    last = chunk(finish="stop")
    del last["choices"][0]["delta"]
    last["choices"][0]["message"] = {"role": "assistant", **message}
    return last


@dataclass(frozen=True, slots=True)
class Case:
    """``asked``: what the last request told the model when it was asked again."""

    answers: list[Answer]
    content: str = ""
    calls: list[list[str]] = field(default_factory=list)
    finish: str = "stop"
    request: dict[str, Any] = field(default_factory=dict)
    asked: str | None = None
    table: dict[str, Any] = field(default_factory=dict)


FOUR = chat("Four.")
AGAIN = {"content": "Four.", "asked": NO_ANSWER}
UI = {"kind": "ui_stream"}
THINKING = {
    # sgl-project/sglang#37645; earendil-works/pi#9266; esengine/DeepSeek-Reasonix#6617
    "reasoning_content": Case(
        [
            sse(
                chunk(role="assistant", content=None, reasoning_content="It is "),
                chunk(content=None, reasoning_content="four."),
                chunk(finish="stop"),
            ),
            FOUR,
        ],
        **AGAIN,
    ),
    "reasoning": Case([sse(chunk(reasoning=THOUGHT), chunk(finish="stop")), FOUR], **AGAIN),
    "reasoning-details": Case(
        [
            sse(
                chunk(reasoning_details=[{"type": "reasoning.text", "text": THOUGHT}]),
                chunk(content="", finish="stop"),
            ),
            FOUR,
        ],
        **AGAIN,
    ),
    # Magistral: BerriAI/litellm#16272
    "parts": Case(
        [
            sse(
                chunk(
                    content=[{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}]
                ),
                chunk(finish="stop"),
            ),
            FOUR,
        ],
        **AGAIN,
    ),
    "one-body": Case([whole(content=None, reasoning_content=THOUGHT), FOUR], **AGAIN),
    "with-tools": Case(
        [sse(chunk(reasoning_content=THOUGHT), chunk(finish="stop")), chat(BLOCK)],
        calls=[LS],
        finish="tool_calls",
        request=TOOLS,
        asked=NO_ANSWER,
    ),
    "in-a-ui-stream": Case(
        [
            sse({"type": "reasoning-delta", "id": "r", "delta": THOUGHT}, {"type": "finish"}),
            sse({"type": "text-delta", "id": "t", "delta": "Four."}, {"type": "finish"}),
        ],
        **AGAIN,
        table=UI,
    ),
    "as-in-a-tag": Case([chat(f"<think>{THOUGHT}</think>"), FOUR], **AGAIN),
    "a-call-in-it": Case(
        [sse(chunk(reasoning_content=f"I list it.\n{BLOCK}"), chunk(finish="stop"))],
        calls=[LS],
        finish="tool_calls",
        request=TOOLS,
    ),
    "then-the-answer": Case(
        [sse(chunk(reasoning_content=THOUGHT), chunk(content="Four."), chunk(finish="stop"))],
        content="Four.",
    ),
    "parts-then-the-answer": Case(
        [
            sse(
                chunk(content=[{"type": "thinking", "thinking": THOUGHT}]),
                chunk(content=[{"type": "text", "text": "Fo"}]),
                chunk(content="ur."),
                chunk(finish="stop"),
            )
        ],
        content="Four.",
    ),
    "cut": Case([sse(chunk(reasoning_content=THOUGHT), chunk(finish="length"))], finish="length"),
}

NOT_OFFERED = 'There is no tool named "rm"'
MADE = {"calls": [LS], "finish": "tool_calls", "request": TOOLS}
CALLS = {
    # ollama/ollama#12884; InternLM/lmdeploy#3349; raullenchai/Rapid-MLX#480
    "one-delta": Case([called(native("run", index=0, id="call_x"))], **MADE),
    "in-bits": Case(
        [
            called(
                native("run", "", index=0, id="call_x"),
                *({"index": 0, "function": {"arguments": bit}} for bit in ('{"comm', 'and":"ls"}')),
            )
        ],
        **MADE,
    ),
    "name-and-id-with-each-bit": Case(
        [
            called(
                *(native("run", bit, index=0, id="a") for bit in ('{"command"', ':"ls"}'))
            )
        ],
        **MADE,
    ),
    "two": Case(
        [called(native("run", index=0, id="a"), native("list_mailboxes", "", index=1, id="b"))],
        calls=[LS, ["list_mailboxes", "{}"]],
        finish="tool_calls",
        request=TOOLS,
    ),
    "two-of-the-same-index": Case(
        [called(native("run", index=0, id="a"), native("run", CD[1], index=0, id="b"))],
        calls=[LS, CD],
        finish="tool_calls",
        request=TOOLS,
    ),
    "two-without-index-or-id": Case(
        [called(native("run"), native("run", '{"command":"cd"}'))],
        calls=[LS, ["run", '{"command":"cd"}']],
        finish="tool_calls",
        request=TOOLS,
    ),
    "one-body": Case([whole(content=None, tool_calls=[native("run", id="a")])], **MADE),
    "arguments-as-an-object": Case([called(native("run", {"command": "ls"}, index=0))], **MADE),
    "the-older-form": Case(
        [sse(chunk(function_call=native("run")["function"]), chunk(finish="function_call"))],
        **MADE,
    ),
    "behind-words": Case(
        [called(native("run", index=0), content="Looking.")],
        content="Looking.",
        **MADE,
    ),
    "behind-thinking": Case(
        [called(native("run", index=0), reasoning=THOUGHT)], **MADE
    ),
    "name-and-json-to-be-mended": Case(
        [called(native("functions.Run", "{'command': \"ls\", 'count': '3',}", index=0))],
        calls=[["run", '{"command":"ls","count":3}']],
        finish="tool_calls",
        request=TOOLS,
    ),
    "told-in-the-text-as-well": Case(
        [called(native("run", '{ "command": "ls" }'), content=BLOCK)], **MADE
    ),
    "not-offered": Case([called(native("rm", index=0)), chat(BLOCK)], asked=NOT_OFFERED, **MADE),
    "not-offered-then-words": Case(
        [called(native("rm", index=0)), FOUR], content="Four.", asked=NOT_OFFERED, request=TOOLS
    ),
    "against-the-schema": Case(
        [called(native("run", '{"cmd":"ls"}', index=0)), chat(BLOCK)], asked="command", **MADE
    ),
    "no-json": Case(
        [called(native("run", '{"command": "say "hi" now"}', index=0)), chat(BLOCK)],
        asked="could not be used",
        **MADE,
    ),
    "not-whole": Case(
        [called(native("run", '{"command": "l', index=0)), chat(BLOCK)], asked="not whole", **MADE
    ),
    "a-list": Case(
        [called(native("run", '["ls"]', index=0)), chat(BLOCK)], asked="JSON object", **MADE
    ),
    "unknown-twice": Case(
        [called(native("rm", '{"a":1}', index=0))] * 2,
        content=UNUSABLE,
        asked=NOT_OFFERED,
        request=TOOLS,
    ),
    "no-tools": Case([called(native("run", index=0)), FOUR], content="Four.", asked=NO_CALLS_NOW),
    "none-wanted": Case(
        [called(native("run", index=0)), FOUR],
        content="Four.",
        asked=NO_CALLS_NOW,
        request={**TOOLS, "tool_choice": "none"},
    ),
    "required": Case(
        [called(native("run", index=0))],
        calls=[LS],
        finish="tool_calls",
        request={**TOOLS, "tool_choice": "required"},
    ),
    "one-at-most": Case(
        [called(native("run", index=0), native("list_mailboxes", index=1))],
        calls=[LS],
        finish="tool_calls",
        request={**TOOLS, "parallel_tool_calls": False},
    ),
    "cut": Case(
        [called(native("run", index=0), native("run", HALF, index=1), finish="length")],
        calls=[LS],
        finish="length",
        request=TOOLS,
    ),
    "quoted-from-a-page": Case(
        [called(native("run", index=0))],
        content='{"name": "run", "arguments": {"command":"ls"}}',
        request={
            **TOOLS,
            "messages": [
                {"role": "user", "content": 'See {"name": "run", "arguments": {"command": "ls"}}'}
            ],
        },
    ),
    "cut-alone": Case(
        [called(native("run", '{"command": "rm -rf', index=0), finish="length")],
        finish="length",
        request=TOOLS,
    ),
}  # fmt: skip

HELLO = [chunk(role="assistant", content=""), chunk(content="Hel"), chunk(content="lo!")]
REPEATED = {
    # abundantbeing/hermes-browser-extension#11
    "message-for-a-delta": Case([sse(*HELLO, ended(content="Hello!"))], content="Hello!"),
    "beside-an-empty-delta": Case(
        [
            sse(
                *HELLO,
                {"choices": [{"delta": {}, **ended(content="Hello!")["choices"][0]}]},
            )
        ],
        content="Hello!",
    ),
    "beside-a-delta-without-words": Case(
        [
            sse(
                *HELLO,
                {
                    "choices": [
                        {
                            "delta": {"role": "assistant", "content": ""},
                            "message": {"content": "Hello!"},
                            "finish_reason": "stop",
                        }
                    ]
                },
            )
        ],
        content="Hello!",
    ),
    "a-call": Case([sse(chunk(content=BLOCK), ended(content=BLOCK))], **MADE),
    "a-native-call": Case(
        [
            sse(
                chunk(tool_calls=[native("run", index=0, id="a")]),
                ended(content=None, tool_calls=[native("run", id="a")]),
            )
        ],
        **MADE,
    ),
    "thinking-and-words": Case(
        [
            sse(
                chunk(reasoning_content=THOUGHT),
                *HELLO,
                ended(content="Hello!", reasoning_content=THOUGHT),
            )
        ],
        content="Hello!",
    ),
    "words-that-came-in-the-message-alone": Case(
        [sse(chunk(reasoning_content=THOUGHT), ended(content="Hello!", reasoning_content=THOUGHT))],
        content="Hello!",
    ),
    "message-alone": Case([sse(ended(content="Hello!"))], content="Hello!"),
    "a-call-in-the-message-alone": Case(
        [sse(chunk(content="Looking."), ended(content="Looking.", tool_calls=[native("run")]))],
        content="Looking.",
        **MADE,
    ),
}  # fmt: skip

CASES = {
    f"{kind}-{name}": case
    for kind, cases in {"thinking": THINKING, "call": CALLS, "repeated": REPEATED}.items()
    for name, case in cases.items()
}


async def told(
    case_table: dict[str, Any],
    answers: list[Answer],
    body: dict[str, Any],
    reports: list[RequestReport],
):
    """The response, and what went up; the upstream has its URL and ``case_table``."""
    async with FakeUpstream(answers) as up:
        table = Table({"url": up.url, "attempts": 1, **case_table})
        upstreams = build_upstreams({"up": table}, KEYS, {})
        models = (Model("m", "up", "theirs"),)
        settings = Settings(models=models, upstreams={})
        app = create_app(settings, Catalog(models), upstreams, KEYS, report=reports.append)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            headers = {"Authorization": f"Bearer {CLIENT_KEY}"}
            response = await http.post("/v1/chat/completions", json=body, headers=headers)
        for upstream in upstreams.values():
            await upstream.aclose()
        return response, [request.json() for request in up.requests]


def ask(
    case_table: dict[str, Any],
    answers: list[Answer],
    *,
    stream: bool,
    reports: list[RequestReport] | None = None,
    **fields: Any,
):
    messages = [{"role": "user", "content": "What is two and two?"}]
    body = {"model": "m", "messages": messages, "stream": stream, **fields}
    return run(told(case_table, answers, body, [] if reports is None else reports))


def read(text: str, *, stream: bool) -> dict[str, Any]:
    """What openai's client makes of it."""
    if not stream:
        return in_short(parsed_by_openai(text), None)
    *datas, last = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert last == "[DONE]"
    return in_short(folded_by_openai(datas), None)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_reply(case, stream):
    response, sent = ask(case.table, case.answers, stream=stream, **case.request)
    assert response.status_code == 200, response.text
    assert read(response.text, stream=stream) == {
        "content": case.content,
        "calls": case.calls,
        "finish": case.finish,
        "error": None,
    }
    assert THOUGHT not in response.text
    assert len(sent) == len(case.answers)
    if case.asked is not None:
        assert case.asked in json.dumps(sent[-1], ensure_ascii=False).replace('\\"', '"')


# The order of roles -------------------------------------------------------------------------------

RESULT = [
    {"role": "user", "content": "List it."},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [native("run", id="call_1")],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "a.txt"},
]
HI = {"role": "user", "content": "Hi"}
HELLO_THERE = {"role": "assistant", "content": "Hello."}
BLUE = {"role": "system", "content": "From now on say BLUE."}
ORDERS = {
    # raullenchai/Rapid-MLX#1543; BerriAI/litellm#39282 (Qwen 3.5)
    "system-in-the-middle": [{"role": "system", "content": "Be terse."}, HI, HELLO_THERE, BLUE, HI],
    "developer-in-the-middle": [HI, HELLO_THERE, {**BLUE, "role": "developer"}, HI],
    "system-last": [HI, HELLO_THERE, HI, BLUE],
    "system-behind-results": [*RESULT, BLUE],
    # charmbracelet/crush#279; mistralai/mistral-vibe#1006 (Mistral, Devstral, Gemma)
    "two-users": [{"role": "system", "content": "Be terse."}, BLUE | {"role": "user"}, HI],
    "an-empty-user": [{"role": "user", "content": ""}, HI],
    "user-behind-results": [*RESULT, HI],
    "two-assistants": [HI, HELLO_THERE, {"role": "assistant", "content": "Well?"}, HI],
    # aaif-goose/goose#7425; anomalyco/opencode#18421
    "ends-with-the-assistant": [HI, HELLO_THERE],
    "begins-with-the-assistant": [HELLO_THERE, HI],
    "systems-alone": [BLUE, BLUE],
}


@pytest.mark.parametrize("kind", ["openai_text", "ui_stream"])
@pytest.mark.parametrize("messages", ORDERS.values(), ids=ORDERS)
def test_roles_alternate_behind_one_system_turn(messages, kind):
    ended_well = sse({"type": "text-delta", "delta": "BLUE"}, {"type": "finish"})
    answers = [ended_well if kind == "ui_stream" else chat("BLUE")]
    fields = TOOLS if len(messages) > 2 else {}
    response, (sent,) = ask({"kind": kind}, answers, stream=False, messages=messages, **fields)
    assert response.json()["choices"][0]["message"]["content"] == "BLUE"
    turns = sent["messages"]
    roles = [turn["role"] for turn in turns]
    roles = roles[1:] if roles[0] == "system" else roles
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    written = json.dumps(turns, ensure_ascii=False)
    assert all(each["content"] in written for each in messages if each["content"])


@pytest.mark.parametrize("messages", [ORDERS["system-in-the-middle"], ORDERS["two-users"]])
def test_roles_stay_as_they_came_where_the_operator_says_so(messages):
    _, (sent,) = ask({"alternation": False}, [FOUR], stream=False, messages=messages)
    assert [turn["role"] for turn in sent["messages"]] == [each["role"] for each in messages]


# Refusals -----------------------------------------------------------------------------------------


COPILOT = "model_max_prompt_tokens_exceeded"


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("message", "code"),
    [
        # ericc-ch/copilot-api#210; anomalyco/opencode#2464
        ("prompt token count of 91300 exceeds the limit of 90000", COPILOT),
        ("prompt token count of 93854 exceeds the limit of 90000", ""),
        ("too much", COPILOT),
        ("The input (61709 tokens) is longer than the model's context length (40960).", None),
        ("inputs tokens + max_new_tokens must be <= 2048", None),
    ],
)  # fmt: skip
def test_a_conversation_that_is_too_long(message, code, stream):
    refusal = json_answer({"error": {"message": message, "code": code}}, 400)
    response, _ = ask({}, [refusal], stream=stream)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"


REFUSED = [
    # llama.cpp, vLLM, Gemini's and FastAPI's forms
    {"error": {"message": "Conversation roles must alternate: two plus two", "code": 400}},
    {"object": "error", "message": "Conversation roles must alternate: two plus two"},
    [{"error": {"message": "Conversation roles must alternate: two plus two"}}],
    {"detail": "Conversation roles must alternate: two plus two"},
    {"error": "Conversation roles must alternate: two plus two"},
]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("body", REFUSED)
def test_why_an_upstream_refuses_is_told_in_the_log_alone(body, stream):
    reports: list[RequestReport] = []
    messages = [{"role": "user", "content": "What is two plus two?"}]
    refusal = json_answer(body, 400)
    response, _ = ask({}, [refusal], stream=stream, reports=reports, messages=messages)
    assert response.status_code == 400
    assert "alternate" not in response.text
    (report,) = reports
    assert report.upstream_said == "Conversation roles must alternate: …"


@pytest.mark.parametrize("body", [{"error": {}}, {"x": 1}, {"error": {"message": 7}}])
def test_an_upstream_that_gives_no_reason_is_not_told_of(body):
    reports: list[RequestReport] = []
    ask({}, [json_answer(body, 400)], stream=False, reports=reports)
    assert reports[0].upstream_said is None


def test_a_page_is_no_reason():
    reports: list[RequestReport] = []
    answers = [Answer([b"Bad gateway"], 502), Answer([b"<html>Bad gateway</html>"], 502)]
    for each in answers:
        ask({}, [each], stream=False, reports=reports)
    assert [report.upstream_said for report in reports] == ["Bad gateway", None]
