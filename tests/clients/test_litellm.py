"""LiteLLM as a client: an OpenAI-compatible server behind its one function.

What it needs beyond the specification:

- the model is named ``openai/<model>``; only what follows the slash is sent;
- a class as ``response_format`` is sent as ``json_schema`` with ``strict: true``;
- it asks for ``usage`` in a stream only when told to, and says 0 otherwise;
- errors become its own classes by status, with the SDK's as their bases; a 400 is a
  ``ContextWindowExceededError``, for which there may be a fallback, by the words of its message.

Of a stream's odd forms it minds none: names and ids that come again, no role, indices from 1.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import litellm
import openai
import pytest
from pydantic import BaseModel

from bridge.errors import ContextTooLong, UpstreamCut, UpstreamRateLimited, UpstreamUnavailable
from bridge.upstream.http_errors import TOO_LONG
from tests.clients.conftest import calling, saying

if TYPE_CHECKING:
    from tests.clients.conftest import Served

pytestmark = [
    # Of its own types, and of how it looks through them.
    pytest.mark.filterwarnings("ignore:.*using the `ReadOnly` qualifier:UserWarning"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211"),
]

ASK = [{"role": "user", "content": "北京天气如何？"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CALLS = calling(
    ("get_weather", {"city": "北京"}), ("get_weather", {"city": "上海"}), before="Let me look."
)


class Answer(BaseModel):
    """An answer."""

    value: int
    why: str


@pytest.fixture(autouse=True)
def _event_loop():
    """Its synchronous functions make an event loop where there is none, and leave it open."""
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        yield
        asyncio.set_event_loop(None)


def settings(server: Served, **fields: Any) -> dict[str, Any]:
    where = {"model": f"openai/{server.model}", "api_base": server.url, "api_key": server.key}
    return {**where, "messages": ASK, "num_retries": 0, "max_retries": 0, **fields}


def calls_of(message: Any) -> list[Any]:
    return [json.loads(call.function.arguments)["city"] for call in message.tool_calls]


def test_completion(serve):
    answer = litellm.completion(**settings(serve("你好！")))
    assert answer.choices[0].message.content == "你好！"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens > 0


def test_tools_and_their_results(serve):
    server = serve(CALLS, "晴，雨。")
    first = litellm.completion(**settings(server, tools=[WEATHER])).choices[0]
    assert first.finish_reason == "tool_calls"
    assert first.message.content == "Let me look."
    assert calls_of(first.message) == ["北京", "上海"]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": content}
        for call, content in zip(first.message.tool_calls, ("晴", "雨"), strict=True)
    ]
    messages = [*ASK, first.message, *results]
    second = litellm.completion(**settings(server, messages=messages, tools=[WEATHER]))
    assert second.choices[0].message.content == "晴，雨。"
    assert server.prompts[1].index("\n晴\n") < server.prompts[1].index("\n雨\n")


def test_a_stream_of_tools(serve):
    """Its own fold of the chunks, ``stream_chunk_builder``, must give the whole answer."""
    server = serve(CALLS)
    stream = litellm.completion(
        **settings(server, tools=[WEATHER], stream=True, stream_options={"include_usage": True})
    )
    whole: Any = litellm.stream_chunk_builder(list(stream), messages=ASK)
    assert whole.choices[0].message.content == "Let me look."
    assert calls_of(whole.choices[0].message) == ["北京", "上海"]
    assert whole.choices[0].finish_reason == "tool_calls"
    assert whole.usage.completion_tokens > 0


def test_async_completion_and_stream(serve):
    server = serve("Hello", CALLS)

    async def scenario() -> tuple[Any, Any]:
        whole = await litellm.acompletion(**settings(server))
        stream = await litellm.acompletion(**settings(server, tools=[WEATHER], stream=True))
        chunks = [chunk async for chunk in stream]
        await litellm.close_litellm_async_clients()
        return whole, litellm.stream_chunk_builder(chunks, messages=ASK)

    whole, streamed = asyncio.run(scenario())
    assert whole.choices[0].message.content == "Hello"
    assert calls_of(streamed.choices[0].message) == ["北京", "上海"]


@pytest.mark.parametrize(
    "wanted", [Answer, {"type": "json_object"}], ids=["pydantic", "json_object"]
)
def test_structured_output(serve, wanted):
    server = serve('Sure!\n```json\n{"value": 42, "why": "因为"}\n```')
    answer = litellm.completion(**settings(server, response_format=wanted))
    text = answer.choices[0].message.content
    assert Answer.model_validate_json(text) == Answer(value=42, why="因为")


@pytest.mark.parametrize(
    ("reply", "fields", "raises", "status"),
    [
        pytest.param("x", {"api_key": "no"}, openai.AuthenticationError, 401, id="key"),
        pytest.param("x", {"model": "openai/gpt-9"}, openai.NotFoundError, 404, id="model"),
        pytest.param(
            ContextTooLong(TOO_LONG),
            {},
            litellm.ContextWindowExceededError,
            400,
            id="context",
        ),
        pytest.param(UpstreamRateLimited("Slow."), {}, openai.RateLimitError, 429, id="rate"),
        pytest.param(
            UpstreamUnavailable("Down."), {}, litellm.ServiceUnavailableError, 503, id="down"
        ),
    ],
)
def test_errors(serve, reply, fields, raises, status):
    with pytest.raises(raises) as raised:
        litellm.completion(**settings(serve(reply), **fields))
    assert raised.value.status_code == status


def test_a_stream_that_breaks_off_raises(serve):
    stream = litellm.completion(
        **settings(serve([*saying("Half of it"), UpstreamCut("It broke off.")]), stream=True)
    )
    seen: list[Any] = []
    with pytest.raises(openai.APIError):
        seen.extend(chunk.choices[0] for chunk in stream)
    assert not any(choice.finish_reason for choice in seen)
