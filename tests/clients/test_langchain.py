"""LangChain: its standard suite for chat models, and what agents are built from.

What it needs beyond the specification:

- chunks of a call are joined by ``index``, their names too: one that comes again is doubled;
- half a JSON text is completed while a stream runs (``tool_calls`` of a chunk), so half a call can
  be run: none may come unless it is whole, or the stream must end in an error;
- usage comes only when asked for (``stream_usage``), and then on one chunk alone;
- ``tool_choice="any"`` is sent as ``required``; a tool's name as the named form;
- ``with_structured_output`` sends ``json_schema`` with ``strict: true`` for classes, and
  ``parallel_tool_calls: false`` with the function-calling method;
- the model's name in ``response_metadata`` is the ``model`` of the answer: the one asked for;
- a 400 is a ``ContextOverflowError``, which agents answer with a summary, by the words of its
  message.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import openai
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from pydantic import BaseModel, ValidationError

from bridge.errors import ContextTooLong, UpstreamCut
from bridge.turns import Piece
from bridge.upstream.http_errors import TOO_LONG
from bridge.upstream.scripted import Scripted
from tests.clients.conftest import calling, running, saying

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.turns import Options, Turn
    from tests.clients.conftest import Served

pytestmark = [
    # Its own: a class it does not know is serialised as None, a v1 model is sent as a function.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema:UserWarning"),
]

JOKE = '{"setup": "Why do cats purr?", "punchline": "They are content: null."}'
CUSTOMER = re.compile(r"customer named '([^']+)'")


def model_of_the_suite(turns: Sequence[Turn], _options: Options) -> list[str]:
    """What a well-behaved model would reply to the prompts of the standard suite."""
    asked = turns[-1].text
    if "tool_result" in asked:
        return saying("The tool says that all is well.")
    if "magic_function_no_args" in asked:
        return calling(("magic_function_no_args", {}))
    if "magic_function" in asked or "Hello!" in asked:
        return calling(("magic_function", {"input": 3}))
    if "greeting" in asked:
        return calling(("greeting_generator", {"answer_style": "pirate"}))
    if "weather in San Francisco" in asked:
        return calling(("get_weather", {"location": "San Francisco, CA"}))
    if customer := CUSTOMER.search(asked):
        given = {"customer_name": customer[1], "description": "A company."}
        return calling(("unicode_customer", given))
    if "3 + 4" in asked:
        return calling(("my_adder_tool", {"a": 3, "b": 4}))
    if "Call the tool Joke now" in asked:
        return calling(("Joke", json.loads(JOKE)))
    if "joke" in asked:
        return saying(f"Here it is:\n```json\n{JOKE}\n```")
    return saying("Hello to you, too.")


class TestUnit(ChatModelUnitTests):
    """Nothing of the bridge, but the same settings as below must make a model."""

    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {"model": "m", "base_url": "http://127.0.0.1:9/v1", "api_key": "0000"}

    @pytest.mark.xfail(
        strict=True,
        raises=AssertionError,
        reason="compares ChatOpenAI with a snapshot that LangChain keeps in its own repository",
    )
    def test_serdes(self, model, snapshot):
        super().test_serdes(model, snapshot)


class TestIntegration(ChatModelIntegrationTests):
    """The suite that every chat model of LangChain has to pass; the model reads text alone."""

    server: Served
    http: Any
    """The suite leaves ChatOpenAI's own asynchronous client open."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    async def _served(cls):
        async with openai.DefaultAsyncHttpxClient() as cls.http:
            with running(Scripted(model_of_the_suite)) as cls.server:
                yield

    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {
            "model": "m",
            "base_url": self.server.url,
            "api_key": self.server.key,
            "stream_usage": True,
            "http_async_client": self.http,
            "max_retries": 0,
        }

    @property
    def supports_json_mode(self):
        return True

    @property
    def supports_anthropic_inputs(self):
        return True

    @property
    def model_override_value(self):
        return "m-thinking"


# Beyond the suite ---------------------------------------------------------------------------------


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return {"北京": "晴", "上海": "雨"}[city]


@tool
def multiply(a: int, b: int) -> int:
    """The product of two numbers."""
    return a * b


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: str


def chat_of(server: Served, **options: Any) -> Any:
    given = {"model": server.model, "base_url": server.url, "api_key": server.key}
    return ChatOpenAI(**given, max_retries=0, **options)


def answered(server: Served, *, stream: bool) -> tuple[Any, list[Any]]:
    """An agent's loop: run what is called until nothing is; the answer and all messages."""
    tools = {each.name: each for each in (get_weather, multiply)}

    async def said(model: Any, messages: list[Any]) -> Any:
        if not stream:
            return await model.ainvoke(messages)
        message: Any = None
        async for chunk in model.astream(messages):
            message = chunk if message is None else message + chunk
        return message

    async def loop() -> tuple[Any, list[Any]]:
        messages: list[Any] = [HumanMessage("Weather of 北京 and 上海, and 6 times 7?")]
        async with openai.DefaultAsyncHttpxClient() as http:
            model = chat_of(server, http_async_client=http).bind_tools(list(tools.values()))
            while (answer := await said(model, messages)).tool_calls:
                results = [tools[call["name"]].invoke(call) for call in answer.tool_calls]
                messages += [answer, *results]
        return answer, messages

    return asyncio.run(loop())


@pytest.mark.parametrize("stream", [False, True], ids=["ainvoke", "astream"])
def test_an_agent_with_parallel_calls(serve, stream):
    server = serve(
        calling(("get_weather", {"city": "北京"}), ("get_weather", {"city": "上海"}), before="Hm."),
        calling(("multiply", {"a": "6", "b": 7})),
        "北京 is sunny, 上海 rainy; 42.",
    )
    answer, messages = answered(server, stream=stream)
    assert answer.content == "北京 is sunny, 上海 rainy; 42."
    assert [message.type.removesuffix("MessageChunk") for message in messages] == [
        *("human", "AI" if stream else "ai", "tool", "tool", "AI" if stream else "ai", "tool")
    ]
    assert [message.content for message in messages if message.type == "tool"] == ["晴", "雨", "42"]
    assert "6 times 7" in server.prompts[-1]
    assert [server.prompts[-1].count(f"\n{result}\n```") for result in ("晴", "雨", "42")] == [
        1
    ] * 3


def test_chunks_of_calls_add_up(serve):
    """A long call streams in pieces; LangChain completes each prefix, and the sum is the call."""
    city = "Llanfair" * 500
    server = serve(calling(("get_weather", {"city": city}), before="Let me see."))
    chunks = list(chat_of(server).bind_tools([get_weather]).stream("Weather?"))
    total = sum(chunks[1:], start=chunks[0])
    assert isinstance(total, AIMessageChunk)
    assert total.content == "Let me see."
    assert [(call["name"], call["args"]) for call in total.tool_calls] == [
        ("get_weather", {"city": city})
    ]
    assert not total.invalid_tool_calls
    assert total.response_metadata["finish_reason"] == "tool_calls"
    assert total.response_metadata["model_name"] == "m"
    assert len([chunk for chunk in chunks if chunk.tool_call_chunks]) > 50


@pytest.mark.parametrize(
    "end", [Piece(finish="length"), UpstreamCut("Broke.")], ids=["cut", "lost"]
)
def test_half_a_call_is_never_run(serve, end):
    """Elsewhere the half JSON text was completed and the agent ran ``rm`` on half a path."""
    server = serve([*calling(("get_weather", {"city": "北京市海淀区中关村大街"}))[:-3], end])
    model = chat_of(server).bind_tools([get_weather])
    seen = []
    if isinstance(end, Piece):
        seen.extend(model.stream("Weather?"))
        assert seen[-1].response_metadata or seen[-2].response_metadata["finish_reason"] == "length"
    else:
        with pytest.raises(openai.APIError):
            seen.extend(model.stream("Weather?"))
    for call in (call for chunk in seen for call in chunk.tool_calls):
        with pytest.raises(ValidationError):  # LangChain completes it, and no tool takes that
            get_weather.invoke(call["args"])


@pytest.mark.parametrize("stream", [False, True], ids=["invoke", "stream"])
@pytest.mark.parametrize(
    ("method", "reply"),
    [
        pytest.param("function_calling", calling(("Joke", {"setup": "a", "punchline": "b"}))),
        pytest.param("json_schema", '```json\n{"setup": "a", "punchline": "b"}\n```'),
        pytest.param("json_mode", 'Sure:\n{"setup": "a", "punchline": "b"}\nHa!'),
    ],
)
def test_structured_output(serve, method, reply, stream):
    model = chat_of(serve(reply)).with_structured_output(Joke, method=method)
    got = list(model.stream("A joke as JSON"))[-1] if stream else model.invoke("A joke as JSON")
    assert got == Joke(setup="a", punchline="b")


def test_structured_output_that_is_mended_when_asked_again(serve):
    server = serve('{"setup": "a"}', '{"setup": "a", "punchline": "b"}')
    model = chat_of(server).with_structured_output(Joke, method="json_schema", include_raw=True)
    got = model.invoke("A joke")
    assert (got["parsed"], got["parsing_error"]) == (Joke(setup="a", punchline="b"), None)
    assert len(server.prompts) == 2


def test_a_call_against_its_schema_reaches_the_agent_under_auto(serve):
    """Twice wrong: LangChain's own tool node shows the model the fault, as with OpenAI."""
    server = serve(calling(("multiply", {"a": "six", "b": 7})))
    (call,) = chat_of(server).bind_tools([multiply]).invoke("6 times 7?").tool_calls
    assert call["args"] == {"a": "six", "b": 7}
    assert len(server.prompts) == 2


def test_an_image_is_refused_and_named(serve):
    message = HumanMessage(
        [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]
    )
    with pytest.raises(openai.BadRequestError) as raised:
        chat_of(serve("x")).invoke([message])
    assert raised.value.param == "messages[0].content[1]"


def test_too_long_a_conversation_is_known_as_such(serve):
    with pytest.raises(ContextOverflowError):
        chat_of(serve(ContextTooLong(TOO_LONG))).invoke("Hello")


def test_errors_are_those_of_the_sdk(serve):
    with pytest.raises(openai.AuthenticationError):
        ChatOpenAI(model="m", base_url=serve("x").url, api_key="wrong").invoke("Hello")
