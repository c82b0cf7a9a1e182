"""`toolbridge serve` on the embedded model, spoken to as its users do."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from openai import OpenAI

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
MODEL = "claude-sonnet-4.6"

KEY = "0000"
SALT = (19283).to_bytes(32, "big")
"""Gives the markers that the recorded replies of the model have, so that it says the same here."""


def tool(name, description, **properties):
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


WEATHER = tool("get_weather", "Get current weather", city={"type": "string"})
CALCULATOR = tool("calculator", "Evaluate an arithmetic expression", expression={"type": "string"})


@contextmanager
def running(port, environ):
    command = [sys.executable, "-c", "import sys; from bridge.cli import main; sys.exit(main())"]
    with subprocess.Popen([*command, "serve", "--port", str(port)], env=environ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def url(model_path, tmp_path_factory):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    state = tmp_path_factory.mktemp("state")  # the same markers at each run
    (state / "toolbridge").mkdir()
    (state / "toolbridge" / "salt").write_bytes(SALT)
    environ = {
        **os.environ,
        "XDG_STATE_HOME": str(state),
        "TOOLBRIDGE_API_KEYS": KEY,
        "TOOLBRIDGE_MODEL": MODEL,
        "TOOLBRIDGE_MODEL_PATH": str(model_path),
    }
    with running(port, environ) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            assert process.poll() is None
            try:
                httpx.get(f"{url}/healthz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url


@pytest.fixture
def client(url):
    with OpenAI(base_url=f"{url}/v1", api_key=KEY, timeout=300, max_retries=0) as client:
        yield client


def curl(url, place):
    """The README's curl command at that place, run as it stands but for the port."""
    command = re.findall(r"^curl -X POST .*$", README, re.M)[place]
    command = command.replace("http://127.0.0.1:8002", url)
    run = subprocess.run(["sh", "-c", f"{command} -sN"], capture_output=True, check=True)
    return run.stdout.decode()


def test_the_first_request_of_the_readme_calls_the_tool_with_a_city(url):
    choice = json.loads(curl(url, 0))["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"])["city"] in ("北京", "Beijing")


def test_the_second_request_streams_and_shows_no_thinking(url):
    events = curl(url, 1).split("\n\n")
    data = [event.removeprefix("data: ") for event in events if event.startswith("data: ")]
    assert data.pop() == "[DONE]"
    choices = [json.loads(line)["choices"][0] for line in data]
    assert choices[0]["delta"]["role"] == "assistant"
    assert choices[-1]["finish_reason"] in ("stop", "tool_calls")
    content = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert "think>" not in content


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_question_call_result_answer(client, stream):
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    asked = ask(client, messages, [WEATHER], stream=stream)
    (call,) = asked.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)["city"]) == (
        "get_weather",
        "Paris",
    )
    messages += [
        asked.model_dump(exclude_unset=True),
        {"role": "tool", "tool_call_id": call.id, "content": "18 °C, light rain"},
    ]
    answered = ask(client, messages, [WEATHER], stream=stream)
    assert not answered.tool_calls
    assert "18" in answered.content


def test_the_right_one_of_two_tools(client):
    messages = [{"role": "user", "content": "What is 1234 * 5678? Use the calculator."}]
    (call,) = ask(client, messages, [WEATHER, CALCULATOR]).tool_calls
    assert call.function.name == "calculator"
    assert "1234" in call.function.arguments


def test_a_question_that_needs_no_tool_is_answered_in_words(client):
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    answered = ask(client, messages, [WEATHER, CALCULATOR])
    assert not answered.tool_calls
    assert "Paris" in answered.content


def test_a_required_call_comes_even_where_none_is_needed(client):
    messages = [{"role": "user", "content": "I am in Lisbon."}]
    choice = {"type": "function", "function": {"name": "get_weather"}}
    (call,) = ask(client, messages, [WEATHER, CALCULATOR], tool_choice=choice).tool_calls
    assert json.loads(call.function.arguments) == {"city": "Lisbon"}


def test_structured_output_follows_its_schema(client):
    properties = {name: {"type": "string"} for name in ("name", "city")}
    properties["age"] = {"type": "integer"}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    wanted = {"name": "person", "strict": True, "schema": schema}
    answered = ask(
        client,
        [{"role": "user", "content": "Anna is 31 and lives in Graz."}],
        response_format={"type": "json_schema", "json_schema": wanted},
    )
    assert json.loads(answered.content) == {"name": "Anna", "age": 31, "city": "Graz"}


def ask(client, messages, tools=None, *, stream=False, **options):
    """The answer's message; a streamed one put together by the SDK itself."""
    options |= {"model": MODEL, "messages": messages, "max_tokens": 200, "temperature": 0}
    if tools:
        options["tools"] = tools
    if not stream:
        return client.chat.completions.create(**options).choices[0].message
    with client.chat.completions.stream(**options) as events:
        for _ in events:
            pass
        return events.get_final_completion().choices[0].message
