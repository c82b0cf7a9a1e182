"""The openai SDK: what every other client here is built on, in both of its live generations.

What it needs beyond the specification:

- calls of a stream are joined by ``index``, from 0 without gaps, or its helper raises
  ``IndexError``; names too, so one that comes again is doubled;
- ``pydantic_function_tool`` and a class as ``response_format`` send ``strict: true``, and ``parse``
  takes no other tools;
- ``parse`` and the helper raise ``LengthFinishReasonError`` on ``finish_reason: "length"``: a cut
  answer must not say ``stop``;
- ``error.code`` and ``error.type`` are read from the ``error`` object of the body;
- in a stream an ``error`` key in the data of any event raises ``APIError``, whatever its name;
- ``_request_id`` is the header ``x-request-id``;
- 408, 409, 429 and 5xx are asked again, after ``retry-after`` where it is given.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import openai
import pytest
from pydantic import BaseModel

from bridge.errors import (
    ContextTooLong,
    UpstreamCut,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from bridge.models import Model
from bridge.turns import Piece
from bridge.upstream.http_reply import new_client
from bridge.upstream.openai_text import OpenAIText
from tests.clients.conftest import calling, running, saying
from tests.fake_upstream import chat as chat_reply
from tests.upstream_thread import upstream as upstream_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.conftest import Served


class Weather(BaseModel):
    """The weather of a city."""

    city: str
    unit: Literal["c", "f"]


class Step(BaseModel):
    """One step of a proof."""

    why: str
    value: int


class Proof(BaseModel):
    """An answer with its steps."""

    steps: list[Step]
    answer: str | None


WEATHER = openai.pydantic_function_tool(Weather, name="get_weather")
LOOSE: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
ASK: Any = [{"role": "user", "content": "北京天气如何？"}]
PROOF = '{"steps": [{"why": "两边减一", "value": 2}], "answer": "x = 2"}'


@contextmanager
def client_of(server: Served, **options: Any) -> Iterator[openai.OpenAI]:
    given = {"base_url": server.url, "api_key": server.key, "max_retries": 0, **options}
    with openai.OpenAI(**given) as client:
        yield client


@pytest.fixture
def client(serve):
    """A client of a server with these replies."""

    @contextmanager
    def connect(*replies: Any, **options: Any) -> Iterator[tuple[openai.OpenAI, Served]]:
        server = serve(*replies)
        with client_of(server, **options) as connected:
            yield connected, server

    return connect


def arguments_of(call: Any) -> Any:
    return json.loads(call.function.arguments)


# Whole answers ------------------------------------------------------------------------------------


def test_words(client):
    with client("你好！") as (sdk, server):
        answer = sdk.chat.completions.create(model=server.model, messages=ASK)
    assert answer.choices[0].message.content == "你好！"
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.id.startswith("chatcmpl-")


def test_models(client):
    with client("Hello") as (sdk, _):
        assert [model.id for model in sdk.models.list()] == ["m", "m-thinking"]
        assert sdk.models.retrieve("m-thinking").owned_by == "toolbridge"
        with pytest.raises(openai.NotFoundError):
            sdk.models.retrieve("gpt-9")


def test_parallel_calls_and_their_results(client):
    """The message that came is sent back as it is, as the SDK's own examples do."""
    calls = calling(("get_weather", {"city": "北京"}), ("get_weather", {"city": "上海"}))
    with client(calls, "北京晴，上海雨。") as (sdk, server):
        messages = list(ASK)
        first = sdk.chat.completions.create(model="m", messages=messages, tools=[LOOSE])
        message = first.choices[0].message
        assert first.choices[0].finish_reason == "tool_calls"
        assert message.content is None
        assert [arguments_of(call) for call in message.tool_calls] == [
            {"city": "北京"},
            {"city": "上海"},
        ]
        messages.append(message)
        for call, result in zip(message.tool_calls, ("晴 21°C", "雨 18°C"), strict=True):
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        second = sdk.chat.completions.create(model="m", messages=messages, tools=[LOOSE])
    assert second.choices[0].message.content == "北京晴，上海雨。"
    assert server.prompts[1].index("晴 21°C") < server.prompts[1].index("雨 18°C")


def test_one_call_at_most(client):
    calls = calling(("get_weather", {"city": "a"}), ("get_weather", {"city": "b"}))
    with client(calls) as (sdk, _):
        answer = sdk.chat.completions.create(
            model="m", messages=ASK, tools=[LOOSE], parallel_tool_calls=False
        )
    assert len(answer.choices[0].message.tool_calls) == 1


def test_a_named_tool(client):
    """The real API says ``stop`` for a named tool, and the SDK reads the calls all the same."""
    with client("I would rather talk.", calling(("get_weather", {"city": "北京"}))) as (sdk, _):
        answer = sdk.chat.completions.create(
            model="m",
            messages=ASK,
            tools=[LOOSE],
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
        )
    assert answer.choices[0].finish_reason == "stop"
    assert arguments_of(answer.choices[0].message.tool_calls[0]) == {"city": "北京"}


def test_two_choices(client):
    with client("one", "two") as (sdk, _):
        answer = sdk.chat.completions.create(model="m", messages=ASK, n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert {choice.message.content for choice in answer.choices} == {"one", "two"}


def test_the_raw_answer_has_a_request_id(client):
    with client("Hello") as (sdk, _):
        raw = sdk.chat.completions.with_raw_response.create(model="m", messages=ASK)
        answer = raw.parse()
    assert raw.request_id.startswith("req_")
    assert raw.headers["x-request-id"] == raw.request_id
    assert answer._request_id == raw.request_id


# Streams ------------------------------------------------------------------------------------------


def test_a_stream(client):
    with client("Hello, world") as (sdk, _):
        chunks = list(
            sdk.chat.completions.create(
                model="m", messages=ASK, stream=True, stream_options={"include_usage": True}
            )
        )
    *before, last = chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in before) == "Hello, world"
    assert before[0].choices[0].delta.role == "assistant"
    assert before[-1].choices[0].finish_reason == "stop"
    assert (last.choices, last.usage.completion_tokens > 0) == ([], True)
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_that_is_left_early_frees_its_connection(client):
    with client("word " * 2000) as (sdk, _):
        with sdk.chat.completions.create(model="m", messages=ASK, stream=True) as stream:
            assert next(iter(stream)).choices[0].delta.role == "assistant"
        assert sdk.chat.completions.create(model="m", messages=ASK).choices[0].message.content


def test_the_stream_helper_with_a_pydantic_tool(client):
    calls = calling(
        ("get_weather", {"city": "北京", "unit": "c"}),
        ("get_weather", {"city": "São Paulo", "unit": "f"}),
        before="Let me look.",
    )
    with (
        client(calls) as (sdk, _),
        sdk.chat.completions.stream(
            model="m",
            messages=ASK,
            tools=[WEATHER],
            stream_options={"include_usage": True},
        ) as stream,
    ):
        events = list(stream)
        final = stream.get_final_completion()
    kinds = [event.type for event in events]
    assert kinds.count("tool_calls.function.arguments.done") == 2
    done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
    assert [event.parsed_arguments for event in done] == [
        Weather(city="北京", unit="c"),
        Weather(city="São Paulo", unit="f"),
    ]
    assert "content.done" in kinds
    message = final.choices[0].message
    assert message.content == "Let me look."
    assert message.tool_calls[1].function.parsed_arguments == Weather(city="São Paulo", unit="f")
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.usage.total_tokens > 0


def test_the_stream_helper_with_a_schema(client):
    with (
        client(f"Sure!\n```json\n{PROOF}\n```") as (sdk, _),
        sdk.chat.completions.stream(model="m", messages=ASK, response_format=Proof) as stream,
    ):
        events = list(stream)
        final = stream.get_final_completion()
    (done,) = [event for event in events if event.type == "content.done"]
    assert done.parsed == final.choices[0].message.parsed == Proof.model_validate_json(PROOF)


def test_a_long_call_streams_before_it_is_whole(serve):
    """Past ``hold`` the helper's snapshots grow; each of them is partial JSON it can read."""
    text = "文字\n" * 2000
    server = serve(calling(("get_weather", {"city": text})))
    with (
        client_of(server) as sdk,
        sdk.chat.completions.stream(model="m", messages=ASK, tools=[LOOSE]) as stream,
    ):
        deltas = [e for e in stream if e.type == "tool_calls.function.arguments.delta"]
        final = stream.get_final_completion()
    assert len(deltas) > 100
    assert all(len(delta.arguments) <= len(text) * 4 for delta in deltas)
    assert arguments_of(final.choices[0].message.tool_calls[0]) == {"city": text}


# parse: answers of a schema -----------------------------------------------------------------------


def test_parse(client):
    with client(PROOF) as (sdk, server):
        answer = sdk.chat.completions.parse(model="m", messages=ASK, response_format=Proof)
    assert answer.choices[0].message.parsed == Proof.model_validate_json(PROOF)
    assert '"additionalProperties":false' in server.prompts[0]


def test_beta_parse_is_the_same(client):
    with client(PROOF) as (sdk, _):
        answer = sdk.beta.chat.completions.parse(model="m", messages=ASK, response_format=Proof)
    assert answer.choices[0].message.parsed == Proof.model_validate_json(PROOF)


def test_parse_of_an_answer_that_is_mended_when_asked_again(client):
    with client('{"answer": "x = 2"}', PROOF) as (sdk, server):
        answer = sdk.chat.completions.parse(model="m", messages=ASK, response_format=Proof)
    assert answer.choices[0].message.parsed == Proof.model_validate_json(PROOF)
    assert len(server.prompts) == 2


def test_parse_of_tools(client):
    with client(calling(("get_weather", {"city": "北京", "unit": "c"}))) as (sdk, _):
        answer = sdk.chat.completions.parse(model="m", messages=ASK, tools=[WEATHER])
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.parsed_arguments == Weather(city="北京", unit="c")


def test_parse_never_sees_a_call_against_its_schema(client):
    wrong = calling(("get_weather", {"city": 1, "unit": "kelvin"}))
    with client(wrong) as (sdk, _), pytest.raises(openai.InternalServerError) as raised:
        sdk.chat.completions.parse(model="m", messages=ASK, tools=[WEATHER])
    assert (raised.value.status_code, raised.value.code) == (502, "tool_call_invalid")


def test_parse_of_a_cut_answer(client):
    cut = [*saying(PROOF[:30]), Piece(finish="length")]
    with client(cut) as (sdk, _), pytest.raises(openai.LengthFinishReasonError):
        sdk.chat.completions.parse(model="m", messages=ASK, response_format=Proof)


def test_parse_of_a_cut_call(client):
    whole = calling(("get_weather", {"city": "北京", "unit": "c"}))
    cut = [*whole[:7], Piece(finish="length")]
    with client(cut) as (sdk, _), pytest.raises(openai.LengthFinishReasonError) as raised:
        sdk.chat.completions.parse(model="m", messages=ASK, tools=[WEATHER])
    calls = raised.value.completion.choices[0].message.tool_calls or []
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_weather", "{")
    ]


# Images -----------------------------------------------------------------------------------------

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SHOT = [
    {"role": "user", "content": "What is on the screen?"},
    {
        "role": "assistant",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "shoot", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "Shot."}, IMAGE]},
]
"""A session that goes on behind a screenshot, as agents with a browser send it."""


def seeing(images: Any) -> Model:
    return Model(id="m", upstream="up", name="theirs", images=images)


def answered(client: openai.OpenAI, stream: bool) -> str:
    request: Any = {"model": "m", "messages": SHOT}
    if not stream:
        return str(client.chat.completions.create(**request).choices[0].message.content)
    chunks = client.chat.completions.create(**request, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_image_is_refused_and_named(serve, stream):
    server = serve("A login form.", model=seeing("refuse"))
    with client_of(server) as client, pytest.raises(openai.BadRequestError) as raised:
        answered(client, stream)
    assert raised.value.param == "messages[2].content[1]"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_note_stands_for_an_image(serve, stream):
    server = serve("A login form.", model=seeing("note"))
    with client_of(server) as client:
        assert answered(client, stream) == "A login form."
    assert "Shot.\n[image left out: this model reads text only]" in server.prompts[-1]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_image_reaches_an_upstream_that_sees(stream):
    """A chat endpoint of another server, which the bridge asks as it would Ollama's."""
    with upstream_thread([chat_reply("A login form.")]) as up:
        upstream = OpenAIText(new_client(), up.url)
        with running(upstream, model=seeing("pass")) as server, client_of(server) as client:
            assert answered(client, stream) == "A login form."
    content = up.requests[-1].json()["messages"][-1]["content"]
    assert content[1:] == [IMAGE]
    assert "Shot.\n[image 1]" in content[0]["text"]


# Errors -------------------------------------------------------------------------------------------

TOO_LONG = ContextTooLong("This model's maximum context length is 10 tokens.", param="messages")
LIMITED = UpstreamRateLimited("Slow down.", headers={"Retry-After": "1"})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("reply", "options", "raises", "status", "code", "kind"),
    [
        pytest.param(
            "x",
            {"api_key": "wrong"},
            openai.AuthenticationError,
            401,
            "invalid_api_key",
            "invalid_request_error",
            id="key",
        ),
        pytest.param(
            TOO_LONG,
            {},
            openai.BadRequestError,
            400,
            "context_length_exceeded",
            "invalid_request_error",
            id="context",
        ),
        pytest.param(
            LIMITED,
            {},
            openai.RateLimitError,
            429,
            "rate_limit_exceeded",
            "rate_limit_error",
            id="rate",
        ),
        pytest.param(
            UpstreamRefused("No."),
            {},
            openai.InternalServerError,
            502,
            "upstream_refused",
            "upstream_error",
            id="refused",
        ),
        pytest.param(
            UpstreamUnavailable("Down."),
            {},
            openai.InternalServerError,
            503,
            "upstream_unavailable",
            "upstream_error",
            id="down",
        ),
    ],
)
def test_error_classes(client, stream, reply, options, raises, status, code, kind):
    with client(reply, **options) as (sdk, _), pytest.raises(raises) as raised:
        sdk.chat.completions.create(model="m", messages=ASK, stream=stream)
    error = raised.value
    assert (error.status_code, error.code, error.type) == (status, code, kind)
    assert error.request_id.startswith("req_")
    assert error.message.startswith(f"Error code: {status}")


@pytest.mark.parametrize(
    ("fields", "raises", "code", "param"),
    [
        pytest.param(
            {"model": "gpt-9"}, openai.NotFoundError, "model_not_found", "model", id="model"
        ),
        pytest.param({"messages": []}, openai.BadRequestError, None, "messages", id="messages"),
        pytest.param(
            {"messages": [*ASK, {"role": "tool", "tool_call_id": "call_1", "content": ""}]},
            openai.BadRequestError,
            None,
            "messages[1].tool_call_id",
            id="result-of-no-call",
        ),
        pytest.param({"logprobs": True}, openai.BadRequestError, None, "logprobs", id="logprobs"),
    ],
)
def test_errors_of_requests(client, fields, raises, code, param):
    with client("x") as (sdk, _), pytest.raises(raises) as raised:
        sdk.chat.completions.create(**{"model": "m", "messages": ASK, **fields})
    assert (raised.value.code, raised.value.param) == (code, param)


def test_what_is_not_offered_is_not_found(client):
    with client("x") as (sdk, _), pytest.raises(openai.NotFoundError) as raised:
        sdk.responses.create(model="m", input="Hello")
    assert raised.value.code == "unknown_url"


def test_a_stream_that_breaks_off_raises(client):
    """Not an ending, and not a status either: the text that came has been read."""
    with client([*saying("Half of it"), UpstreamCut("It broke off.")]) as (sdk, _):
        stream = sdk.chat.completions.create(model="m", messages=ASK, stream=True)
        seen = []
        with pytest.raises(openai.APIError) as raised:
            seen.extend(chunk.choices[0] for chunk in stream)
    assert not isinstance(raised.value, openai.APIStatusError)
    assert (raised.value.code, raised.value.type) == ("upstream_cut", "upstream_error")
    assert "".join(choice.delta.content or "" for choice in seen) == "Half of it"
    assert not any(choice.finish_reason for choice in seen)


def test_its_own_retries_get_through(client):
    with client(LIMITED, "Hello", max_retries=1) as (sdk, server):
        answer = sdk.chat.completions.create(model="m", messages=ASK)
    assert answer.choices[0].message.content == "Hello"
    assert len(server.prompts) == 2


# The asynchronous client --------------------------------------------------------------------------


def test_async(serve):
    server = serve(
        calling(("get_weather", {"city": "北京", "unit": "c"})),
        "Hello",
        PROOF,
        calling(("get_weather", {"city": "北京", "unit": "c"})),
        UpstreamUnavailable("Down."),
    )

    async def scenario() -> list[Any]:
        async with openai.AsyncOpenAI(
            base_url=server.url, api_key=server.key, max_retries=0
        ) as sdk:
            chat = sdk.chat.completions
            whole = await chat.create(model="m", messages=ASK, tools=[LOOSE])
            chunks = await chat.create(model="m", messages=ASK, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
            parsed = await chat.parse(model="m", messages=ASK, response_format=Proof)
            async with chat.stream(model="m", messages=ASK, tools=[WEATHER]) as stream:
                final = await stream.get_final_completion()
            with pytest.raises(openai.InternalServerError):
                await chat.create(model="m", messages=ASK)
            return [whole, text, parsed, final]

    whole, text, parsed, final = asyncio.run(scenario())
    assert arguments_of(whole.choices[0].message.tool_calls[0]) == {"city": "北京", "unit": "c"}
    assert text == "Hello"
    assert parsed.choices[0].message.parsed == Proof.model_validate_json(PROOF)
    (call,) = final.choices[0].message.tool_calls
    assert call.function.parsed_arguments == Weather(city="北京", unit="c")


def test_async_streams_at_once_do_not_mix(serve):
    """Every conversation gets its own reply, though all run through one connection pool."""

    def script(turns, _options):
        return saying(f"{turns[-1].text} " * 50)

    server = serve(script)

    async def said(sdk: openai.AsyncOpenAI, word: str) -> str:
        ask: Any = [{"role": "user", "content": word}]
        stream = await sdk.chat.completions.create(model="m", messages=ask, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def scenario() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.url, api_key=server.key) as sdk:
            return await asyncio.gather(*(said(sdk, f"word{number}") for number in range(20)))

    for number, text in enumerate(asyncio.run(scenario())):
        assert set(text.split()) == {f"word{number}"}
