"""Requests are taken or refused as decided, each with the field that is to blame."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.errors import BodyTooLarge, BridgeError, RequestError
from bridge.schema import AllowedToolsChoice, ChatCompletionRequest, NamedToolChoice, ToolMessage
from bridge.validation import Limits, parse_request

USER = {"role": "user", "content": "hi"}
LIMITS = Limits()


def tool(name: str = "f", **function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **function}}


def call(call_id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*ids: str) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [call(each) for each in ids]}


def result(call_id: str, content: Any = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER], **fields}).encode()


def parsed(**fields: Any):
    return parse_request(body(**fields), LIMITS)


def refused(data: bytes, limits: Limits = LIMITS) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse_request(data, limits)
    assert caught.value.type == "invalid_request_error"
    return caught.value


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


NOT_JSON = [
    pytest.param(b"", "empty", id="1-empty"),
    pytest.param(b" \n", "empty", id="1-blank"),
    pytest.param(b"{", "not valid JSON: Expecting property name", id="1-not-json"),
    pytest.param(b"{'model': 1}", "not valid JSON", id="1-single-quotes"),
    pytest.param(b'{"a": "\n"}', "Invalid control character", id="1-raw-newline"),
    pytest.param(b"[]", "must be a JSON object", id="1-list"),
    pytest.param(b'"text"', "must be a JSON object", id="1-string"),
    pytest.param(b"null", "must be a JSON object", id="1-null"),
    pytest.param('{"model": "北京"}'.encode("gbk"), "not valid UTF-8 (byte 12)", id="1-gbk"),
    pytest.param('{"model": "m"}'.encode("utf-16"), "not valid UTF-8", id="1-utf-16"),
    pytest.param(b"\xed\xa0\x80", "not valid UTF-8", id="32-surrogate-bytes"),
    pytest.param(b"[" * 65, "nested more than 64", id="11-nesting"),
    pytest.param(b"[" * 1_000_000, "nested more than 64", id="11-nesting-deep"),
    pytest.param(b'{"a":' * 100_000, "nested more than 64", id="11-nesting-objects"),
    pytest.param(b'{"a": NaN}', "NaN", id="31-nan"),
    pytest.param(b'{"a": [-Infinity]}', "-Infinity", id="31-infinity"),
    pytest.param(b'{"a": 1e999}', "number that is too large", id="31-too-large"),
    pytest.param(b'{"a": ' + b"1" * 5000 + b"}", "integer that is too long", id="31-digits"),
]


@pytest.mark.parametrize(("data", "words"), NOT_JSON)
def test_a_body_that_is_no_json_object(data, words):
    error = refused(data)
    assert words in error.message
    assert (error.status, error.param) == (400, None)


def messages(*items: Any) -> dict[str, Any]:
    return {"messages": list(items)}


NAMED = {"type": "function", "function": {"name": "g"}}
ALLOWED = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "g"}}]},
}
SCHEMA_PATH = "tools[0].function.parameters"

REFUSED = [
    # fields, the param to blame, words of the message
    pytest.param({"messages": None}, "messages", "expected an array, but got null", id="2-null"),
    pytest.param({"messages": []}, "messages", "at least 1 item", id="2-empty"),
    pytest.param({"messages": "hi"}, "messages", "expected an array, but got a string", id="2-str"),
    pytest.param({"messages": {}}, "messages", "but got an object", id="2-object"),
    pytest.param(messages("hi"), "messages[0]", "expected an object", id="2-text-item"),
    pytest.param({"model": 5}, "model", "expected a string, but got a number", id="2-model-number"),
    pytest.param(
        messages(USER, USER, {"role": "boss", "content": "x"}),
        "messages[2].role",
        "'system', 'developer', 'user', 'assistant', 'tool', 'function'",
        id="3-role",
    ),
    pytest.param(messages({"content": "x"}), "messages[0].role", "Missing", id="3-no-role"),
    pytest.param({"tools": [tool(), tool()]}, "tools[1].function.name", "named 'f'", id="6-twice"),
    *[
        pytest.param({"tools": [tool(name)]}, "tools[0].function.name", "{1,64}", id=f"7-{case}")
        for case, name in {"space": "a b", "dot": "a.b", "long": "a" * 65, "empty": ""}.items()
    ],
    pytest.param(
        {"tools": [tool(parameters=nested(200))]}, None, "nested more than 64", id="11-deep-schema"
    ),
    pytest.param(
        {"tools": [tool(f"f{i}") for i in range(1025)]}, "tools", "at most 1024", id="11-tools"
    ),
    pytest.param(messages(*[USER] * 10_001), "messages", "at most 10000", id="11-messages"),
    pytest.param({"tools": [{}]}, "tools[0].type", "Missing", id="11-empty-tool"),
    pytest.param({"tools": "f"}, "tools", "expected an array", id="11-tools-string"),
    pytest.param(
        {"tool_choice": "required"}, "tool_choice", "only allowed when 'tools'", id="12-required"
    ),
    pytest.param({"tool_choice": NAMED}, "tool_choice", "only allowed when", id="12-named"),
    pytest.param(
        {"tool_choice": "required", "tools": []}, "tool_choice", "only allowed", id="12-no-tools"
    ),
    pytest.param(
        {"tool_choice": "required", "functions": [{"name": "f"}]},
        "tool_choice",
        "only allowed",
        id="12-functions",
    ),
    pytest.param(
        {"tool_choice": NAMED, "tools": [tool()]}, "tool_choice", "names 'g'", id="13-unknown"
    ),
    *[
        pytest.param(
            {"tool_choice": choice, "tools": [tool()]},
            "tool_choice",
            "'none', 'auto', 'required', {",
            id=f"14-{case}",
        )
        for case, choice in {
            "validated": "validated",
            "empty": {},
            "bare-name": "f",
            "number": 1,
            "no-function": {"type": "function"},
            "no-name": {"type": "function", "function": {}},
        }.items()
    ],
    pytest.param(
        {"tool_choice": ALLOWED, "tools": [tool()]}, "tool_choice", "names 'g'", id="15-unknown"
    ),
    pytest.param(
        {
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": []},
            },
            "tools": [tool()],
        },
        "tool_choice",
        "allows no tool",
        id="15-none",
    ),
    pytest.param(
        {"tools": [tool(), {"type": "custom", "custom": {"name": "x"}}]},
        "tools[1].type",
        "'custom'",
        id="16-custom",
    ),
    pytest.param(
        {"tools": [{"type": "web_search"}]}, "tools[0].type", "'web_search'", id="16-web-search"
    ),
    *[
        pytest.param(fields, param, words, id=f"strict-{param}-{value}")
        for value in ("yes", 1, 0, 1.0, [])
        for words in ("expected a boolean",)
        for param, fields in {
            "stream": {"stream": value},
            "parallel_tool_calls": {"tools": [tool()], "parallel_tool_calls": value},
            "tools[0].function.strict": {"tools": [tool(strict=value)]},
            "stream_options.include_usage": {
                "stream": True,
                "stream_options": {"include_usage": value},
            },
            "response_format.json_schema.strict": {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {}, "strict": value},
                }
            },
        }.items()
    ],
    *[
        pytest.param({field: value}, field, "expected a", id=f"strict-{field}-{value}")
        for field in ("temperature", "top_p", "presence_penalty", "frequency_penalty")
        for value in ("1", True)
    ],
    *[
        pytest.param({field: value}, field, "expected an integer", id=f"strict-{field}-{value}")
        for field in ("n", "seed", "max_tokens", "max_completion_tokens")
        for value in ("1", 1.0, True)
    ],
    pytest.param({"logprobs": "no"}, "logprobs", "not available", id="strict-logprobs-no"),
    pytest.param({"logprobs": 0}, "logprobs", "not available", id="strict-logprobs-0"),
    pytest.param({"n": 9}, "n", "less than or equal to 8", id="18-n-9"),
    pytest.param({"n": 0}, "n", "greater than or equal to 1", id="18-n-0"),
    pytest.param({"n": "2"}, "n", "expected an integer, but got a string", id="18-n-text"),
    pytest.param({"n": True}, "n", "but got a boolean", id="18-n-true"),
    *[
        pytest.param({"stop": stop}, "stop", "1 to 4 strings", id=f"19-{case}")
        for case, stop in {
            "five": ["a"] * 5,
            "empty": "",
            "number": 5,
            "empty-item": ["a", ""],
            "long": "a" * 1001,
            "long-item": ["a", "a" * 1001],
        }.items()
    ],
    pytest.param({"stream_options": {}}, "stream_options", "'stream' is true", id="20-no-stream"),
    pytest.param(
        {"stream": False, "stream_options": {"include_usage": True}},
        "stream_options",
        "'stream' is true",
        id="20-stream-false",
    ),
    pytest.param(
        {"response_format": {"type": "yaml"}},
        "response_format.type",
        "'text', 'json_object', 'json_schema'",
        id="21-type",
    ),
    pytest.param(
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        "response_format.json_schema.schema",
        "Missing",
        id="21-no-schema",
    ),
    pytest.param(
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "Missing",
        id="21-no-json-schema",
    ),
    pytest.param(
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "strng"}},
            }
        },
        "response_format.json_schema.schema",
        "Invalid schema",
        id="21-bad-schema",
    ),
    pytest.param({"max_tokens": 0}, "max_tokens", "greater than or equal", id="22-zero"),
    pytest.param({"max_tokens": -1}, "max_tokens", "greater than or equal", id="22-negative"),
    pytest.param({"max_tokens": "100"}, "max_tokens", "expected an integer", id="22-text"),
    pytest.param({"max_completion_tokens": 1.5}, "max_completion_tokens", "int", id="22-float"),
    pytest.param(
        {"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens", "not both", id="22-both"
    ),
    pytest.param({"temperature": 3}, "temperature", "less than or equal to 2", id="23-temperature"),
    pytest.param({"temperature": "hot"}, "temperature", "expected a number", id="23-text"),
    pytest.param({"top_p": 2}, "top_p", "less than or equal to 1", id="23-top-p"),
    pytest.param({"presence_penalty": -3}, "presence_penalty", "greater", id="23-penalty"),
    pytest.param({"logprobs": True}, "logprobs", "not available", id="23-logprobs"),
    pytest.param({"top_logprobs": 5}, "top_logprobs", "not available", id="23-top-logprobs"),
    pytest.param({"modalities": ["text", "audio"]}, "modalities", "Only text", id="23-modalities"),
    pytest.param({"audio": {"voice": "a"}}, "audio", "Only text", id="23-audio"),
    pytest.param({"web_search_options": {}}, "web_search_options", "not", id="23-web-search"),
    pytest.param(
        messages({"role": "user", "content": [{"type": "text"}]}),
        "messages[0].content[0].text",
        "Missing",
        id="24-part-without-text",
    ),
    pytest.param(
        messages({"role": "user", "content": [{"text": "hi"}]}),
        "messages[0].content[0].type",
        "Missing",
        id="24-part-without-type",
    ),
    pytest.param(
        messages({"role": "user", "content": ["hi"]}),
        "messages[0].content[0]",
        "expected an object",
        id="24-part-that-is-none",
    ),
    pytest.param(
        messages({"role": "user", "content": [{"type": 5}]}),
        "messages[0].content[0].type",
        "expected 'text'",
        id="24-part-type-number",
    ),
    pytest.param(messages({"role": "user"}), "messages[0].content", "Missing", id="25-user-absent"),
    # B2: the order of a conversation
    pytest.param(
        messages(USER, result("call_1")),
        "messages[1].tool_call_id",
        "no tool call",
        id="33-no-call",
    ),
    pytest.param(
        messages(USER, calls("a"), result("b")),
        "messages[2].tool_call_id",
        "no tool call 'b'",
        id="33-other-id",
    ),
    pytest.param(
        messages(USER, calls("a"), result("a"), result("a")),
        "messages[3].tool_call_id",
        "answered already",
        id="33-answered-twice",
    ),
    pytest.param(
        messages(calls("a", "b"), result("a"), USER),
        "messages[0].tool_calls[1].id",
        "'b' is not answered",
        id="34-one-missing",
    ),
    pytest.param(
        messages(USER, calls("a")), "messages[1].tool_calls[0].id", "'a'", id="34-last-message"
    ),
    pytest.param(
        messages(calls("a", "a"), result("a")),
        "messages[0].tool_calls[1].id",
        "used twice",
        id="35-same-message",
    ),
    pytest.param(
        messages(calls("a"), USER, result("a")),
        "messages[0].tool_calls[0].id",
        "not answered",
        id="37-user-between",
    ),
    pytest.param(
        messages({"role": "assistant", "tool_calls": [{"id": "a", "type": "function"}]}),
        "messages[0].tool_calls[0].function",
        "Missing",
        id="35-no-function",
    ),
    # The deprecated forms
    pytest.param(
        {"tools": [tool()], "functions": [{"name": "f"}]}, "functions", "not both", id="17-both"
    ),
    pytest.param({"functions": [{"name": "a b"}]}, "functions[0].name", "{1,64}", id="17-name"),
    pytest.param(
        {"functions": [{"name": "f"}, {"name": "f"}]}, "functions[1].name", "two tools", id="17-dup"
    ),
    pytest.param(
        {"functions": [{"name": "f"}], "function_call": {"name": "g"}},
        "function_call",
        "names 'g'",
        id="17-unknown",
    ),
    pytest.param(
        {"functions": [{"name": "f"}], "function_call": "required"},
        "function_call",
        "'none', 'auto' or {",
        id="17-choice",
    ),
    pytest.param(
        {"function_call": {"name": "f"}}, "function_call", "only allowed when", id="17-alone"
    ),
    pytest.param(
        messages({"role": "function", "name": "f", "content": "1"}),
        "messages[0].name",
        "no call of 'f'",
        id="17-result-alone",
    ),
    pytest.param(
        messages(
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "g", "content": "1"},
        ),
        "messages[1].name",
        "no call of 'g'",
        id="17-other-result",
    ),
    pytest.param(
        messages({"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}, USER),
        "messages[0].function_call",
        "not answered",
        id="17-unanswered",
    ),
    pytest.param(
        messages({**calls("a"), "function_call": {"name": "f", "arguments": ""}}),
        "messages[0].function_call",
        "not both",
        id="17-both-calls",
    ),
]


@pytest.mark.parametrize(("fields", "param", "words"), REFUSED)
def test_refused(fields, param, words):
    error = refused(body(**fields))
    assert words in error.message
    assert (error.status, error.param) == (400, param)
    assert len(error.message) < 300


def test_model_and_messages_are_needed():
    assert refused(b"{}").param == "model"
    assert refused(b'{"model": "m"}').param == "messages"


def test_the_first_fault_is_told_first():
    """A later fault that lies deeper must not hide an earlier one."""
    error = refused(body(model=None, tools=[{"type": "function", "function": {"name": ""}}]))
    assert error.param == "model"


def test_a_body_over_the_limit_is_told_the_limit():
    limits = Limits(body_bytes=100)
    error = refused(body(user="x" * 100), limits)
    assert isinstance(error, BodyTooLarge)
    assert error.status == 413
    assert "100 bytes" in error.message


ACCEPTED = [
    pytest.param(
        {
            "store": True,
            "metadata": {"a": "b"},
            "prompt_cache_key": "k",
            "safety_identifier": "s",
            "service_tier": "auto",
            "verbosity": "low",
            "logit_bias": {"50256": -100},
            "reasoning_effort": "high",
            "not_invented_yet": [1],
        },
        id="4-extra-fields",
    ),
    pytest.param({"tool_choice": "auto"}, id="5-auto-without-tools"),
    pytest.param({"tool_choice": "none", "tools": None}, id="5-none-without-tools"),
    pytest.param({"tools": [tool(parameters=None)]}, id="8-null"),
    pytest.param({"tools": [tool(parameters={})]}, id="8-empty"),
    pytest.param({"tools": [tool()]}, id="8-missing"),
    pytest.param(
        {
            "tools": [
                tool(
                    parameters={
                        "type": "object",
                        "properties": {"tree": {"$ref": "#/$defs/node"}, "b": {"oneOf": [{}]}},
                        "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}},
                        "not": {"required": ["x"]},
                    }
                )
            ]
        },
        id="9-local-refs",
    ),
    pytest.param({"tools": [tool(parameters={"type": ["object", "null"]})]}, id="10-type-list"),
    pytest.param({"tools": [tool(f"f{i}") for i in range(1024)]}, id="11-tools"),
    pytest.param({"n": 8, "seed": 2**70}, id="18-n"),
    pytest.param({"stop": ["a", "b", "c", "d"]}, id="19-four"),
    pytest.param({"stop": []}, id="19-none"),
    pytest.param({"stream": True, "stream_options": {"include_usage": True}}, id="20-usage"),
    pytest.param({"stream_options": None}, id="20-null"),
    pytest.param(
        {
            "tools": [tool()],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True},
            },
        },
        id="21-format-and-tools",
    ),
    pytest.param({"logprobs": False, "top_logprobs": None, "modalities": ["text"]}, id="23-off"),
    pytest.param(
        messages(
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            {"role": "assistant", "content": None, "refusal": "no"},
        ),
        id="26-refusal",
    ),
    pytest.param(
        messages(calls("a", "b"), result("b"), result("a", [{"type": "text", "text": "1"}]), USER),
        id="36-any-order",
    ),
    pytest.param(
        messages(
            {"role": "assistant", "tool_calls": [call("a", arguments="not json")]},
            result("a", ""),
            {"role": "developer", "content": "now answer"},
        ),
        id="38-old-arguments",
    ),
]


@pytest.mark.parametrize("fields", ACCEPTED)
def test_accepted(fields):
    assert parsed(**fields).model == "m"


def test_empty_lists_count_as_absent():
    request = parsed(
        tools=[], functions=[], messages=[{"role": "assistant", "content": "a", "tool_calls": []}]
    )
    assert request.tools is None
    assert not request.uses_functions
    assert request.messages[0].tool_calls is None


def test_choices_of_tools_are_read():
    named = parsed(tools=[tool("g")], tool_choice=NAMED).tool_choice
    allowed = parsed(tools=[tool("g"), tool("h")], tool_choice=ALLOWED).tool_choice
    assert isinstance(named, NamedToolChoice)
    assert named.function.name == "g"
    assert isinstance(allowed, AllowedToolsChoice)


def test_of_two_equal_keys_the_last_one_counts():
    assert parse_request(b'{"model":"a","messages":[{"role":"user","content":"x"}],"model":"b"}',
                         LIMITS).model == "b"  # fmt: skip


def test_half_a_character_becomes_the_replacement_character():
    text = body(messages=[{"role": "user", "content": "a\ud83d \ude00 😀 \\ud83d"}])
    assert rb"a\ud83d \ude00 \ud83d\ude00 \\ud83d" in text
    request = parse_request(text, LIMITS)
    assert request.messages[0].content == "a\ufffd \ufffd 😀 \\ud83d"


def test_half_a_character_in_a_key():
    data = rb'{"model":"m","messages":[{"role":"user","content":"a"}],"metadata":{"\udc00":[1]}}'
    assert parse_request(data, LIMITS).metadata == {"\ufffd": [1]}


def test_a_byte_order_mark_is_skipped():
    assert parse_request(b"\xef\xbb\xbf" + body(), LIMITS).model == "m"


def test_functions_become_tools():
    request = parsed(functions=[{"name": "f", "parameters": {}}], function_call={"name": "f"})
    assert [function.name for function in request.offered] == ["f"]
    assert request.tool_choice == NamedToolChoice.model_validate(
        {"type": "function", "function": {"name": "f"}}
    )
    assert request.uses_functions
    assert request.parallel_tool_calls is False


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_a_plain_function_call_is_a_plain_tool_choice(choice):
    assert parsed(functions=[{"name": "f"}], function_call=choice).tool_choice == choice


def test_function_calls_become_tool_calls():
    asked = {"role": "assistant", "content": None}
    request = parsed(
        messages=[
            {**asked, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
            {**asked, "function_call": {"name": "f", "arguments": "[]"}},
            {"role": "function", "name": "f", "content": None},
        ]
    )
    first, one, second, two = request.messages
    assert first.function_call is None
    assert [c.id for c in first.tool_calls] == ["call_legacy_0"]
    assert second.tool_calls[0].function.arguments == "[]"
    assert one == ToolMessage(role="tool", content="1", tool_call_id="call_legacy_0")
    assert two == ToolMessage(role="tool", content="", tool_call_id="call_legacy_1")


def test_a_large_body_is_read_in_linear_time():
    """Quotes without an end made a scan start again at each of them: for these it took an hour."""
    assert "not valid JSON" in refused(b'{"a": "' + b'\\"' * 1_500_000).message


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
FIELDS = [
    "model", "messages", "tools", "tool_choice", "functions", "function_call", "stop", "n",
    "response_format", "stream", "stream_options", "max_tokens", "temperature", "metadata",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_object_is_taken_or_refused(fields):
    try:
        parse_request(body(**fields), LIMITS)
    except BridgeError as error:
        assert 400 <= error.status < 500


MESSAGE = {
    "role": st.sampled_from(["user", "assistant", "tool", "function", "system"]),
    "content": json_values,
    "tool_calls": st.lists(
        st.fixed_dictionaries({"id": st.sampled_from("ab"), "function": json_values})
    ),
    "function_call": json_values,
    "tool_call_id": st.sampled_from("ab"),
    "name": st.sampled_from("ab"),
}


@given(st.lists(st.fixed_dictionaries({}, optional=MESSAGE)))
def test_any_messages_are_taken_or_refused(items):
    try:
        parse_request(body(messages=items), LIMITS)
    except BridgeError as error:
        assert error.status == 400
        assert error.param is None or error.param.startswith("messages")


@given(st.binary())
def test_any_bytes_are_taken_or_refused(data):
    with pytest.raises(BridgeError):
        parse_request(data, LIMITS)


def schema(minimum: object = 1, **more: Any) -> dict[str, Any]:
    properties = {"a": {"type": "integer", "minimum": minimum}}
    return {"type": "object", "properties": properties, **more}


def test_requests_share_equal_tools():
    """A thousand waiting agents offer the same tools: their schemas are held once."""
    first, second = (parsed(tools=[tool(parameters=schema())]).offered[0] for _ in range(2))
    assert first is second


@pytest.mark.parametrize(
    "other",
    [
        tool("g", parameters=schema()),
        tool(parameters=schema(), strict=True),
        tool(parameters=schema(), description="d"),
        tool(parameters=schema(additionalProperties=False)),
        tool(parameters=schema(1.0)),
    ],
    ids=["name", "strict", "description", "more", "float"],
)
def test_tools_that_differ_are_not_shared(other):
    parsed(tools=[tool(parameters=schema())])
    got = parsed(tools=[other]).offered[0].model_dump(exclude_none=True)
    assert json.dumps(got, sort_keys=True) == json.dumps(other["function"], sort_keys=True)


def test_a_tool_that_equals_a_known_one_only_to_python_is_checked():
    parsed(tools=[tool(parameters=schema(1))])
    mended: list[str] = []
    parse_request(body(tools=[tool(parameters=schema(True))]), LIMITS, mended)
    assert mended == [SCHEMA_PATH]


ASSISTANT = {"role": "assistant", "content": None}
WRONG = [1, {}, [], None, "x"]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(lambda many: {"messages": many}, id="messages"),
        pytest.param(lambda many: {"messages": [{"role": "user", "content": many}]}, id="content"),
        pytest.param(lambda many: {"messages": [{**ASSISTANT, "content": many}]}, id="parts"),
        pytest.param(lambda many: {"messages": [{**ASSISTANT, "tool_calls": many}]}, id="calls"),
        pytest.param(lambda many: {"tools": many}, id="tools"),
        pytest.param(lambda many: {"functions": many}, id="functions"),
        pytest.param(lambda many: {"stop": [*many, 1]}, id="stop"),
        pytest.param(
            lambda many: {
                "tools": [tool()],
                "tool_choice": {
                    "type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": many}
                },
            },
            id="allowed",
        ),
    ],
)  # fmt: skip
def test_a_list_is_read_up_to_its_first_fault(fields, wrong):
    """3 MB of ones took 39 seconds and 2.9 GB: a path was built for the error of each."""
    with pytest.raises(ValidationError) as caught:
        ChatCompletionRequest.model_validate(
            {"model": "m", "messages": [USER], **fields([wrong] * 5000)}
        )
    assert caught.value.error_count() <= 8
