"""Requests that ended sessions elsewhere, each as a program really sent it, with where it was told.

Each is sent streamed and not, to a model that answers in one piece or in many.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bridge.models import Model
from bridge.upstream.scripted import Scripted
from tests.local_server import AUTH, an_app, written
from tests.openai_fold import folded_by_openai, parsed_by_openai

if TYPE_CHECKING:
    from bridge.report import RequestReport

USER = {"role": "user", "content": "Go"}
D2020 = "https://json-schema.org/draft/2020-12/schema"
PIECE = 5


def call(call_id: Any, name: str = "run", arguments: Any = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*made: dict[str, Any], content: Any = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(made)}


def result(call_id: Any, content: Any = "ok-1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def tool(name: str = "act", parameters: Any = None, **more: Any) -> dict[str, Any]:
    function = {"name": name, "description": "Does it.", "parameters": parameters, **more}
    return {"type": "function", "function": function}


def without(message: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in names}


@dataclass(frozen=True)
class Answered:
    """A request that is answered with "Hello!".

    ``shows`` and ``hides``: texts that the model is shown, and is not. ``mended``: places counted
    in the log.
    """

    fields: dict[str, Any]
    mended: int = 0
    shows: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()


def history(*messages: Any, mended: int = 0, shows: Any = ("ok-1",), hides: Any = ()) -> Answered:
    return Answered({"messages": [USER, *messages, USER]}, mended, tuple(shows), tuple(hides))


OPTIONAL = [
    "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format",
    "stop", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p", "presence_penalty",
    "frequency_penalty", "seed", "user", "metadata", "stream_options", "logprobs", "top_logprobs",
    "logit_bias", "store", "service_tier", "reasoning_effort", "modalities", "audio", "prediction",
    "web_search_options",
]  # fmt: skip
THOUGHT = "<think>\nsecret-one\n</think>\n\nI'll look.\n<think>secret-two</think>\nIt is blue."
SECRETS = ("secret-one", "secret-two")
ODD_NAME = f'git commit -m "fix\nit" && git push {"x" * 200}'

ANSWERED = {
    "nulls everywhere: vllm-project/vllm#19862": Answered(dict.fromkeys(OPTIONAL)),
    "stop is an empty list: ollama/ollama#3629": Answered({"stop": []}),
    # Contents that are null
    "an assistant said null: tashfeenahmed/freellmapi#165": history(
        said(None), mended=1, shows=["Go"]
    ),
    "an assistant said nothing": history({"role": "assistant"}, mended=1, shows=["Go"]),
    "empty content beside calls: NousResearch/hermes-agent#31583": history(
        calls(call("a"), content=""), result("a")
    ),
    "a result is null: run-llama/llama_index#17555": history(
        calls(call("a")), result("a", None), mended=1, shows=["result"]
    ),
    "a result is left out, as Go does with an empty one": history(
        calls(call("a")), without(result("a"), "content"), mended=1, shows=["result"]
    ),
    "a user's and a system's null": history(
        {"role": "user", "content": None}, {"role": "system", "content": None}, mended=2,
        shows=["Go"],
    ),
    "the result of a function is null": Answered(
        {
            "messages": [
                USER,
                said(None, function_call={"name": "f", "arguments": "{}"}),
                {"role": "function", "name": "f", "content": None},
            ]
        },
        mended=1,
    ),
    # Ids
    "a long id: pydantic/pydantic-ai#4389": history(
        calls(call("ws_" + "0" * 50)), result("ws_" + "0" * 50), mended=1
    ),
    "an empty id: earendil-works/pi#4854": history(calls(call("")), result(""), mended=1),
    "null ids": history(calls(call(None)), result(None), mended=1),
    "no ids at all": history(
        calls(without(call(""), "id")), without(result(""), "tool_call_id"), mended=1
    ),
    "empty ids, in their order": history(
        calls(call("", "one"), call("", "two")), result("", "1st"), result("", "2nd"),
        mended=2, shows=["1st", "2nd"],
    ),
    "a call without an id, its result with one": history(calls(call("")), result("b"), mended=1),
    "a result without an id": history(calls(call("b")), result("")),
    "an id that comes again in a later turn": history(
        calls(call("call_0")), result("call_0"), calls(call("call_0")), result("call_0", "ok-2"),
        shows=["ok-1", "ok-2"],
    ),
    # Calls and names of other agents
    "a command line as a tool's name: aaif-goose/goose#10807": history(
        calls(call("a", ODD_NAME)), result("a"), hides=["fix\nit"]
    ),
    "arguments as an object": history(
        calls(call("a", arguments={"city": "Łódź"})), result("a"), shows=["Łódź", "ok-1"]
    ),
    "arguments that are null": history(calls(call("a", arguments=None)), result("a")),
    "no arguments": history(
        calls({"id": "a", "type": "function", "function": {"name": "run"}}), result("a")
    ),
    # Parts of other APIs in what the model said
    "thinking in the text: langgenius/dify-official-plugins#3000": history(
        said(THOUGHT), shows=["I'll look.", "It is blue."], hides=SECRETS
    ),
    "thinking in text parts": history(
        said([{"type": "text", "text": THOUGHT}]), shows=["It is blue."], hides=SECRETS
    ),
    "thinking in fields": history(
        said("It is blue.", reasoning_content="secret-one", reasoning="secret-two"),
        shows=["It is blue."], hides=SECRETS,
    ),
    "thinking parts": history(
        said(
            [
                {"type": "thinking", "thinking": "secret-one", "signature": "s"},
                {"type": "reasoning", "text": "secret-two"},
                {"type": "redacted_thinking", "data": "secret-one"},
                {"type": "text", "text": "It is blue."},
            ]
        ),
        mended=1, shows=["It is blue."], hides=SECRETS,
    ),
    "nothing but thinking parts": history(
        said([{"type": "thinking", "thinking": "secret-one"}]), mended=1, shows=["Go"],
        hides=SECRETS,
    ),
    "parts of an Anthropic call": history(
        calls(call("a"), content=[{"type": "tool_use", "id": "a", "name": "run", "input": {}}]),
        result("a"), mended=1,
    ),
    "an image of the model's own": history(
        said([{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "Look"}]),
        mended=1, shows=["Look"],
    ),
    "text by the Responses API's names": history(
        {"role": "user", "content": [{"type": "input_text", "text": "Blue?"}]},
        said([{"type": "output_text", "text": "It is blue.", "annotations": []}]),
        shows=["Blue?", "It is blue."],
    ),
    "a refusal, and words": history(
        said([{"type": "refusal", "refusal": "I will not."}, {"type": "text", "text": "Sorry."}]),
        shows=["I will not.", "Sorry."],
    ),
    # The choice of a tool
    "tool_choice is an object: BerriAI/litellm#36032": Answered({"tool_choice": {"type": "auto"}}),
    "tool_choice is an object, with tools": Answered(
        {"tools": [tool()], "tool_choice": {"type": "auto"}}
    ),
    "tool_choice none as an object": Answered({"tools": [tool()], "tool_choice": {"type": "none"}}),
    "the conversation ends with the assistant: aaif-goose/goose#7425": Answered(
        {"messages": [USER, said("I'll clean this up.")]}
    ),
    "many tools": Answered({"tools": [tool(f"f{n}") for n in range(300)]}),
}  # fmt: skip


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@dataclass(frozen=True)
class Called:
    """A tool ``act`` with this schema, beside another, and arguments that the model gives."""

    schema: Any
    arguments: dict[str, Any]
    mended: int = 1
    fields: dict[str, Any] = field(default_factory=dict)


WORDS, WHOLE = {"type": "string"}, {"type": "integer"}
CALLED = {
    "exclusiveMinimum is true: Dokploy/mcp#74": Called(
        of(name=WORDS, ttl={**WHOLE, "exclusiveMinimum": True, "minimum": 0})
        | {"$schema": D2020, "required": ["name"]},
        {"name": "a.example", "ttl": 300},
        mended=0,
    ),
    "a reference without its definitions: PrefectHQ/fastmcp#2808": Called(
        of(status={"$ref": "#/$defs/Status"}, id=WHOLE) | {"required": ["status"]},
        {"status": "active", "id": 3},
    ),
    "required is null": Called(of(a=WORDS) | {"required": None}, {"a": "x"}),
    "required in the property": Called(of(a={**WORDS, "required": True}), {"a": "x"}),
    "types of Python": Called(of(a={"type": "str"}, b={"type": "dict"}), {"a": "x", "b": {}}),
    "types in capitals": Called({"type": "OBJECT", "properties": {"a": WORDS}}, {"a": "x"}),
    "a reference to another document": Called(
        of(a={"$ref": "https://example.com/s.json"}), {"a": [1]}
    ),
    "PHP's empty properties": Called({"type": "object", "properties": []}, {}),
    "PHP's empty parameters": Called([], {}, mended=0),
    "a schema of a string": Called({"type": "string"}, {"a": 1}),
    "a lost branch": Called(of(a={"oneOf": [{"$ref": "#/$defs/gone"}, WORDS]}), {"a": "x"}),
    # Right as they stand
    "a pattern of JavaScript: Dokploy/mcp#70": Called(
        of(password={**WORDS, "pattern": r"^[a-zA-Z0-9@#%^&*()_+\-=[\]{}|;:,.<>?~`]*$"}),
        {"password": "Abc-123"},  # pragma: allowlist secret
        mended=0,
    ),
    "a pattern with classes of Unicode: codefuturist/email-mcp#58": Called(
        of(label={**WORDS, "pattern": r"^(?<first>\p{L}+)[\p{L}\s]*$"}),
        {"label": "Žižka"},
        mended=0,
    ),
    "an object and nothing else: unclecode/crawl4ai#2207": Called({"type": "object"}, {}, mended=0),
    "an enumeration on the null branch: can1357/oh-my-pi#2652": Called(
        of(
            size={
                "anyOf": [
                    {"type": "string", "enum": ["A", "B"]},
                    {"type": "null", "enum": ["A", "B"]},
                ]
            },
            ids={"type": "array", "enum": [0, 1], "items": WHOLE},
        ),
        {"size": "A"},
        mended=0,
    ),
    "parameters with dashes and dollars: vllm-project/vllm-ascend#12815": Called(
        of(
            **{"pattern": WORDS, "-A": {"type": "number"}, "-n": {"type": "boolean"}, "$top": WHOLE}
        ),
        {"pattern": "x", "-A": 3, "-n": True, "$top": 5},
        mended=0,
    ),
    "references of pydantic: modelcontextprotocol/python-sdk#2586": Called(
        of(
            pagination={"$ref": "#/$defs/Page", "description": "Which page."},
            q={"anyOf": [WORDS, {"type": "null"}], "default": None, "title": "Q"},
        )
        | {
            "$defs": {"Page": of(page=WHOLE, limit={**WHOLE, "default": 20})},
            "required": ["pagination"],
        },
        {"pagination": {"page": 2}},
        mended=0,
    ),
    "tool_choice any": Called(of(a=WORDS), {"a": "x"}, 0, {"tool_choice": "any"}),
    "tool_choice any as an object": Called(
        of(a=WORDS), {"a": "x"}, 0, {"tool_choice": {"type": "any"}}
    ),
    "tool_choice required as an object": Called(
        of(a=WORDS), {"a": "x"}, 0, {"tool_choice": {"type": "required"}}
    ),
    "tool_choice as Anthropic names a tool": Called(
        of(a=WORDS), {"a": "x"}, 0, {"tool_choice": {"type": "tool", "name": "act"}}
    ),
    "tool_choice as the Responses API names a tool": Called(
        of(a=WORDS), {"a": "x"}, 0, {"tool_choice": {"type": "function", "name": "act"}}
    ),
}

REFUSED = {
    "a tool's name has a dot: github/copilot-cli#2581": (
        {"tools": [tool("calendar.list")]}, "tools[0].function.name"
    ),
    "a strict schema that is none": (
        {"tools": [tool(parameters=of(a={"type": "str"}), strict=True)]},
        "tools[0].function.parameters",
    ),
    "a strict schema of a string": (
        {"tools": [tool(parameters={"type": "string"}, strict=True)]},
        "tools[0].function.parameters",
    ),
    "a format's schema that is none": (
        {"response_format": {"type": "json_schema", "json_schema": {
            "name": "x", "schema": of(a={"$ref": "#/$defs/gone"})}}},
        "response_format.json_schema.schema",
    ),
    "an image: QwenLM/qwen-code#3616": (
        {"messages": [USER, calls(call("a")), result("a", [
            {"type": "text", "text": "Done."},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])]},
        "messages[2].content[1]",
    ),
    "a choice with two meanings": (
        {"tools": [tool()], "tool_choice": {"type": "function", "name": "act", "function": {}}},
        "tool_choice",
    ),
    "any, without tools": ({"tool_choice": "any"}, "tool_choice"),
    "two calls of one id": (
        {"messages": [USER, calls(call("a"), call("a")), result("a"), result("a")]},
        "messages[1].tool_calls[1].id",
    ),
    "a result of nothing": ({"messages": [USER, result("")]}, "messages[1].tool_call_id"),
    "a result without an id, of two calls that have one": (
        {"messages": [USER, calls(call("a"), call("b")), result(""), result("b")]},
        "messages[2].tool_call_id",
    ),
    "an id that none of two calls has": (
        {"messages": [USER, calls(call(""), call("")), result("b"), result("")]},
        "messages[2].tool_call_id",
    ),
    "one call without an id that is not answered": (
        {"messages": [USER, calls(call(""), call("")), result(""), USER]},
        "messages[1].tool_calls[1].id",
    ),
    "a function's call is answered without an id": (
        {"messages": [
            USER, said(None, function_call={"name": "f", "arguments": "{}"}), result("")]},
        "messages[2].tool_call_id",
    ),
}  # fmt: skip

WAYS = pytest.mark.parametrize(
    ("stream", "pieces"),
    [(True, True), (True, False), (False, True), (False, False)],
    ids=["stream-pieces", "stream", "whole-pieces", "whole"],
)


@dataclass(frozen=True)
class Got:
    status: int
    choice: dict[str, Any]
    error: dict[str, Any]
    prompt: str
    report: RequestReport


def got(fields: dict[str, Any], reply: str, *, stream: bool, pieces: bool) -> Got:
    upstream = Scripted(
        [[reply[at : at + PIECE] for at in range(0, len(reply), PIECE)] if pieces else [reply]]
    )
    reports: list[RequestReport] = []
    app = an_app(upstream, reports=reports, model=Model(id="m", upstream="up", name="m"))
    body = {"model": "m", "messages": [USER], **fields, "stream": stream}

    async def scenario() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
            return await http.post("/v1/chat/completions", json=body, headers=AUTH)

    response = asyncio.run(scenario())
    choice: dict[str, Any] = {}
    if response.status_code == 200 and stream:
        datas = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
        assert datas.pop() == "[DONE]"
        (choice,) = folded_by_openai(datas)
    elif response.status_code == 200:
        (choice,) = parsed_by_openai(response.text)
    error = response.json()["error"] if response.status_code != 200 else {}
    turns = upstream.requests[-1].turns if upstream.requests else ()
    prompt = "\n\n".join(turn.text for turn in turns)
    return Got(response.status_code, choice, error, prompt, reports[0])


@WAYS
@pytest.mark.parametrize("case", ANSWERED)
def test_answered(case, stream, pieces):
    wanted = ANSWERED[case]
    fields = wanted.fields if stream else without(wanted.fields, "stream_options")
    answer = got(fields, "Hello!", stream=stream, pieces=pieces)
    assert answer.error == {}
    assert answer.choice["content"] == "Hello!"
    assert answer.report.mended == wanted.mended
    assert [text for text in wanted.shows if text not in answer.prompt] == []
    assert [text for text in wanted.hides if text in answer.prompt] == []


@WAYS
@pytest.mark.parametrize("case", CALLED)
def test_called(case, stream, pieces):
    wanted = CALLED[case]
    fields = {"tools": [tool(parameters=wanted.schema), tool("other")], **wanted.fields}
    reply = written(("act", wanted.arguments))
    answer = got(fields, reply, stream=stream, pieces=pieces)
    assert answer.error == {}
    ((_, _, name, arguments),) = answer.choice["tool_calls"]
    assert (name, json.loads(arguments)) == ("act", wanted.arguments)
    assert answer.report.mended == wanted.mended
    assert answer.report.re_asks == 0


@WAYS
@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, stream, pieces):
    fields, param = REFUSED[case]
    answer = got(fields, "Hello!", stream=stream, pieces=pieces)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert answer.prompt == ""


@WAYS
@pytest.mark.parametrize(
    "earlier",
    [
        said(None, refusal='I will not run {"name": "act", "arguments": {"a": "x"}}'),
        said([{"type": "refusal", "refusal": '{"name": "act", "arguments": {"a": "x"}}'}]),
        said("", refusal='{"name": "act", "arguments": {"a": "x"}}'),
    ],
    ids=["refusal", "part", "beside-nothing"],
)
def test_a_call_that_an_earlier_refusal_quotes_is_an_echo(earlier, stream, pieces):
    echo = '{"name": "act", "arguments": {"a": "x"}}'
    fields = {"tools": [tool(parameters=of(a=WORDS))], "messages": [USER, earlier, USER]}
    answer = got(fields, echo, stream=stream, pieces=pieces)
    assert answer.choice["tool_calls"] == []
    assert answer.choice["content"] == echo


def test_results_without_ids_go_to_their_calls_in_order():
    messages = ANSWERED["empty ids, in their order"].fields["messages"]
    prompt = got({"messages": messages}, "Hello!", stream=False, pieces=False).prompt
    places = [prompt.rindex(text) for text in ("one", "1st", "two", "2nd")]
    assert places == sorted(places)


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/completions"])
def test_what_is_not_there_is_told_by_what_is(path):
    async def scenario() -> httpx.Response:
        transport = httpx.ASGITransport(an_app(Scripted(["Hello"])))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
            return await http.post(path, json={"model": "m", "input": "x"}, headers=AUTH)

    response = asyncio.run(scenario())
    assert response.status_code == 404
    message = response.json()["error"]["message"]
    assert f"POST {path}" in message
    assert "/v1/chat/completions" in message
    assert "/v1/models" in message
