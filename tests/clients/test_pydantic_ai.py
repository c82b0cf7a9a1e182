"""Pydantic AI: agents with tools over several turns, streamed, and its modes of structured output.

What it needs beyond the specification:

- ``tool_choice: "required"`` wherever the output is a tool (``final_result``), with every tool of
  the agent offered beside it: required must not mean one call alone;
- a call's parts are joined by ``index``; a name that comes again is added to the name;
- tools are sent with ``strict: true`` wherever their schemas allow it, so a call that stays against
  its schema is a 502 and never reaches the agent;
- after ``ModelRetry`` the fault comes as the result of the call, and the next reply may be the very
  same call corrected;
- ``PromptedOutput`` puts the schema into the system prompt and asks for ``json_object``;
- errors are told apart by ``code``, and too long a conversation by the words of its message, too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import openai
import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.exceptions import (
    ModelContextWindowExceededError,
    ModelHTTPError,
    UnexpectedModelBehavior,
)
from pydantic_ai.messages import ModelResponse, ThinkingPart, ToolCallPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from bridge.errors import ContextTooLong, UpstreamRateLimited
from bridge.held import UNUSABLE
from bridge.upstream.http_errors import TOO_LONG
from tests.clients.conftest import calling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.clients.conftest import Served


class Trip(BaseModel):
    """A trip that was planned."""

    city: str
    days: int
    packing: list[str]


TRIP = Trip(city="北京", days=3, packing=["umbrella"])
WHOLE = '{"city": "北京", "days": 3, "packing": ["umbrella"]}'


def with_agent(
    server: Served, work: Callable[[Any], Awaitable[Any]], *, model: str = "m", **options: Any
) -> Any:
    """What ``work`` makes of an agent with two tools; its client is closed at the end."""

    async def scenario() -> Any:
        async with openai.AsyncOpenAI(
            base_url=server.url, api_key=server.key, max_retries=0
        ) as sdk:
            provider = OpenAIProvider(openai_client=sdk)
            agent = Agent(OpenAIChatModel(model, provider=provider), **options)
            return await work(with_tools(agent))

    return asyncio.run(scenario())


def result_of(server: Served, prompt: str, **options: Any) -> Any:
    return with_agent(server, lambda agent: agent.run(prompt), **options)


def with_tools(agent: Any) -> Any:
    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather of a city."""
        if city == "Pekin":
            raise ModelRetry("Spell it in Chinese.")
        return f"{city}: rain"

    @agent.tool_plain
    def nights(start: int, end: int) -> int:
        """The nights between two days."""
        return end - start

    return agent


def called(messages: Any) -> list[str]:
    return [
        part.tool_name
        for message in messages
        if isinstance(message, ModelResponse)
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]


TURNS = [
    calling(("weather", {"city": "Pekin"}), before="Let me look."),
    calling(("weather", {"city": "北京"}), ("nights", {"start": 4, "end": 7})),
    "Three nights of rain in 北京.",
]


def test_an_agent_over_several_turns(serve):
    server = serve(*TURNS, calling(("nights", {"start": 1, "end": 2})), "One more.")

    async def work(agent: Any) -> tuple[Any, Any]:
        first = await agent.run("Weather in Beijing, and the nights from the 4th to the 7th?")
        second = await agent.run("And one more?", message_history=first.all_messages())
        return first, second

    first, second = with_agent(server, work, system_prompt="You plan trips.")
    assert first.output == "Three nights of rain in 北京."
    assert called(first.all_messages()) == ["weather", "weather", "nights"]
    assert first.usage.requests == 3
    assert "Spell it in Chinese." in server.prompts[1]
    assert server.prompts[2].index("\n北京: rain\n") < server.prompts[2].index("\n3\n```")
    assert second.output == "One more."
    assert server.prompts[-1].startswith("You plan trips.")
    assert "\n北京: rain\n" in server.prompts[-1]


def test_an_agent_streamed(serve):
    """The words before a call stream too; they do not end the run."""

    async def work(agent: Any) -> tuple[list[str], list[str]]:
        said: list[str] = []
        async with agent.iter("Weather in Beijing?") as run:
            async for node in run:
                if Agent.is_model_request_node(node):
                    async with node.stream(run.ctx) as stream:
                        async for _ in stream:
                            pass
                        said.append(stream.response.text or "")
        return said, called(run.all_messages())

    said, calls = with_agent(serve(*TURNS), work)
    assert said == ["Let me look.", "", "Three nights of rain in 北京."]
    assert calls == ["weather", "weather", "nights"]


def test_run_stream_gives_the_text_as_it_comes(serve):
    async def work(agent: Any) -> list[str]:
        async with agent.run_stream("Weather in Beijing?") as run:
            return [text async for text in run.stream_text(delta=True, debounce_by=None)]

    pieces = with_agent(serve(*TURNS[1:]), work)
    assert "".join(pieces) == "Three nights of rain in 北京."
    assert len(pieces) > 1


OUTPUTS = [
    pytest.param(ToolOutput(Trip), calling(("final_result", TRIP.model_dump())), id="tool"),
    pytest.param(NativeOutput(Trip), f"```json\n{WHOLE}\n```", id="native"),
    pytest.param(PromptedOutput(Trip), f"Here you are:\n{WHOLE}", id="prompted"),
]


@pytest.mark.parametrize(("output", "reply"), OUTPUTS)
def test_structured_output_after_a_tool(serve, output, reply):
    server = serve(calling(("weather", {"city": "北京"})), reply)
    result = result_of(server, "Plan three days in Beijing.", output_type=output)
    assert result.output == TRIP
    assert len(server.prompts) == 2


@pytest.mark.parametrize(("output", "reply"), OUTPUTS)
def test_structured_output_streamed(serve, output, reply):
    async def work(agent: Any) -> list[Trip]:
        async with agent.run_stream("Plan three days in Beijing.") as run:
            return [trip async for trip in run.stream_output(debounce_by=None)]

    server = serve(calling(("weather", {"city": "北京"})), reply)
    assert with_agent(server, work, output_type=output)[-1] == TRIP


def test_an_output_tool_beside_other_calls(serve):
    """Several output types are several tools; the first one called ends the run."""
    reply = calling(("trip", TRIP.model_dump()), ("weather", {"city": "上海"}))
    types = [ToolOutput(Trip, name="trip"), ToolOutput(int, name="budget")]
    result = result_of(serve(reply), "Plan three days in Beijing.", output_type=types)
    assert result.output == TRIP


def test_an_output_against_its_schema_is_asked_again_by_the_bridge(serve):
    server = serve(
        calling(("final_result", {"city": "北京"})), calling(("final_result", TRIP.model_dump()))
    )
    result = result_of(server, "Plan.", output_type=ToolOutput(Trip))
    assert result.output == TRIP
    assert result.usage.requests == 1
    assert len(server.prompts) == 2


def test_thinking_reaches_no_one(serve):
    server = serve("<think>The user wants words.</think>Words.")
    result = result_of(server, "Say words.", model="m-thinking")
    assert result.output == "Words."
    assert not any(isinstance(p, ThinkingPart) for m in result.all_messages() for p in m.parts)


def test_errors_have_their_status(serve):
    server = serve(UpstreamRateLimited("Slow down.", headers={"Retry-After": "0"}))
    with pytest.raises(ModelHTTPError) as raised:
        result_of(server, "Hello")
    assert raised.value.status_code == 429
    assert raised.value.body["code"] == "rate_limit_exceeded"


def test_too_long_a_conversation_is_known_as_such(serve):
    with pytest.raises(ModelContextWindowExceededError):
        result_of(serve(ContextTooLong(TOO_LONG)), "Hello")


def test_a_call_that_stays_against_its_schema_is_an_error(serve):
    server = serve(calling(("nights", {"start": "the 4th", "end": 7})))
    with pytest.raises(ModelHTTPError) as raised:
        result_of(server, "How many nights?")
    assert raised.value.status_code == 502
    assert raised.value.body["code"] == "tool_call_invalid"
    assert len(server.prompts) == 2


def test_a_tool_that_is_not_there_is_text(serve):
    """An unknown name is asked about by the bridge, and then it is only what the model said."""
    reply = calling(("teleport", {"city": "北京"}))
    result = result_of(serve(reply), "Go.")
    assert called(result.all_messages()) == []
    assert result.output == UNUSABLE


def test_an_empty_answer_is_noticed(serve):
    with pytest.raises(UnexpectedModelBehavior):
        result_of(serve(""), "Hello")
