"""Clients on node: the AI SDK through both of its OpenAI providers, and the openai SDK.

What the AI SDK needs beyond the specification:

- a call's name comes once, on its first piece, and is not blank: pieces without are kept back for
  it, and a call with a blank one is lost;
- all calls are run when the stream ends, with the arguments as they are then, whatever
  ``finish_reason`` says; arguments that do not parse go back to the model as an error;
- the next step follows when all calls have results, under ``stop`` as well as ``tool_calls``;
- an error in a stream is any event that has ``error.message``, a string;
- ``isRetryable`` is 408, 409, 429 and 5xx;
- ``@ai-sdk/openai-compatible`` asks for usage in streams, and sends a schema, only when told to.
  Otherwise it sends ``json_object`` and tells the model nothing of the schema.

It minds no names and ids that come again, and no indices from 1. The openai SDK for node does: its
helper raises without a role on the first chunk, and with indices from 1. ``runTools`` sends the
assistant message back with its ``parsed`` fields, which are to be ignored.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import ContextTooLong, UpstreamCut, UpstreamRateLimited
from bridge.turns import Piece
from tests.clients.conftest import calling, saying

if TYPE_CHECKING:
    from tests.clients.conftest import Served

SCRIPTS = Path(__file__).parent / "node"
SECONDS = 50
RECIPE = {"name": "西红柿炒鸡蛋", "minutes": 10, "steps": [{"what": "crack"}, {"what": "stir"}]}
RECIPE_TEXT = json.dumps(RECIPE, ensure_ascii=False)
TURNS = [
    calling(("weather", {"city": "北京"}), ("weather", {"city": "上海"}), before="Let me look."),
    calling(("multiply", {"a": "6", "b": 7})),
    "北京 is sunny, 上海 rainy; 42.",
]
both = pytest.mark.parametrize("provider", ["openai", "compatible"])


def came_of(server: Served, script: str, *arguments: str) -> Any:
    """What a script printed."""
    done = subprocess.run(
        ["node", SCRIPTS / script, *arguments],
        env={**os.environ, "BASE_URL": server.url, "API_KEY": server.key},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ai(server: Served, scenario: str, provider: str = "compatible") -> Any:
    return came_of(server, "ai_sdk.mjs", scenario, provider)


# The AI SDK ---------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("scenario", ["generateText", "streamText"])
def test_tools_over_several_steps(serve, scenario, provider):
    server = serve(*TURNS)
    got = ai(server, scenario, provider)
    assert got["text"] == "北京 is sunny, 上海 rainy; 42."
    assert got["ran"] == ["北京", "上海"]
    first, second, third = got["steps"]
    assert first["text"] == "Let me look."
    assert first["calls"] == [["weather", {"city": "北京"}], ["weather", {"city": "上海"}]]
    assert second["calls"] == [["multiply", {"a": 6, "b": 7}]]
    assert second["results"] == [42]
    assert [step["finish"] for step in (first, second, third)] == [
        *("tool-calls", "tool-calls", "stop"),
    ]
    assert all(step["tokens"] > 0 for step in got["steps"])
    assert '{"city":"上海","sky":"雨"}' in server.prompts[1]


def test_a_stream_says_what_it_does(serve):
    got = ai(serve(*TURNS), "streamText")
    counts = Counter(got["kinds"])
    assert counts["text-delta"] > 3
    assert [counts[f"tool-{kind}"] for kind in ("input-start", "input-end", "call", "result")] == [
        *(3, 3, 3, 3)
    ]
    assert (counts["finish-step"], counts["finish"], counts["error"]) == (3, 1, 0)


def test_a_long_call_streams_and_is_run_once(serve):
    city = "Llanfair {} " * 400
    got = ai(serve(calling(("weather", {"city": city})), "Done."), "streamText")
    assert got["ran"] == [city]
    assert got["text"] == "Done."


@pytest.mark.parametrize("size", [10, 2000], ids=["held", "streaming"])
def test_a_cut_call_is_not_run(serve, size):
    """Past ``hold`` its beginning has left; the rest never comes, so it does not parse."""
    cut = calling(("weather", {"city": "北京" * size}))[:-2]
    got = ai(serve([*cut, Piece(finish="length")], "It was cut."), "streamText")
    assert got["ran"] == []
    assert got["steps"][0]["finish"] == "length"


@both
@pytest.mark.parametrize("scenario", ["generateObject", "streamObject", "streamedOutput"])
def test_objects(serve, scenario, provider):
    got = ai(serve(f"Here you are:\n```json\n{RECIPE_TEXT}\n```\nEnjoy!"), scenario, provider)
    assert got["object"] == RECIPE


def test_objects_without_schemas(serve):
    """``json_object`` streams as it is written, unfenced; what it holds is the prompt's affair."""
    server = serve(f"```json\n{RECIPE_TEXT}\n```")
    got = ai(server, "streamObject", "plain")
    assert got["object"] == RECIPE
    assert got["partial"] > 2
    assert "minutes" not in server.prompts[0]


@both
def test_an_object_after_tools(serve, provider):
    """Schema and tools in one request: until the tools are done, an answer may be a call."""
    got = ai(serve(*TURNS[:2], RECIPE_TEXT), "outputAfterTools", provider)
    assert got["object"] == RECIPE
    assert len(got["steps"]) == 3


@both
def test_a_named_tool(serve, provider):
    got = ai(serve(calling(("weather", {"city": "北京"}))), "named", provider)
    assert got["calls"] == [["weather", {"city": "北京"}]]
    assert got["results"] == [{"city": "北京", "sky": "晴"}]


@both
@pytest.mark.parametrize("scenario", ["generateText", "streamText"])
@pytest.mark.parametrize(
    ("reply", "status", "retry"),
    [
        pytest.param(ContextTooLong("Too long."), 400, False, id="context"),
        pytest.param(UpstreamRateLimited("Slow down."), 429, True, id="rate"),
    ],
)
def test_errors(serve, scenario, provider, reply, status, retry):
    error = ai(serve(reply), scenario, provider)["error"]
    assert error["name"] == "AI_APICallError"
    assert (error["message"], error["status"], error["retry"]) == (reply.message, status, retry)
    assert error["code"] == reply.code


@both
def test_a_stream_that_breaks_off_is_an_error(serve, provider):
    got = ai(serve([*saying("Half of it"), UpstreamCut("It broke off.")]), "streamText", provider)
    assert "It broke off." in got["error"]["message"]
    assert "error" in got["kinds"]


# The openai SDK -----------------------------------------------------------------------------------

CALLS = calling(("weather", {"city": "北京"}), ("weather", {"city": "上海"}), before="Hm.")


def test_run_tools(serve):
    got = came_of(serve(CALLS, "Sun and rain."), "openai_sdk.mjs", "runTools")
    assert got["text"] == "Sun and rain."
    assert got["ran"] == ["北京", "上海"]
    assert got["roles"] == ["user", "assistant", "tool", "tool", "assistant"]


def test_the_stream_helper(serve):
    got = came_of(serve(CALLS), "openai_sdk.mjs", "stream")
    assert got == {"done": [{"city": "北京"}, {"city": "上海"}], "content": "Hm.", "calls": 2}


def test_parse(serve):
    got = came_of(serve('```json\n{"value": 42, "why": "因为"}\n```'), "openai_sdk.mjs", "parse")
    assert got == {"value": 42, "why": "因为"}


def test_error_classes(serve):
    error = came_of(serve(UpstreamRateLimited("Slow down.")), "openai_sdk.mjs", "error")["error"]
    assert error.pop("requestID").startswith("req_")
    assert error == {
        "name": "RateLimitError",
        "status": 429,
        "code": "rate_limit_exceeded",
        "type": "rate_limit_error",
    }
