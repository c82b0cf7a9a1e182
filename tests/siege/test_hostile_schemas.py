"""Schemas that are made to take for ever, and arguments for them: all of it is over soon."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fake_upstream import chat
from tests.local_server import chat as chat_body
from tests.siege.markers import written

SECONDS = 3.0
"""Of the processor, for a request, the check of its call and one more try. The checks may take 50
ms together; the rest is reading, rendering and writing up to half a MB twice."""


def given(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = given(a=schema)
    return schema


def doubling(keyword: str, levels: int = 30) -> dict[str, Any]:
    parts = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return given(a={"$ref": "#/$defs/d0"}) | {"$defs": {**parts, f"d{levels}": {"type": "string"}}}


def many(count: int, prefix: str = "p") -> dict[str, Any]:
    return {f"{prefix}{number}": 1 for number in range(count)}


NOTHING: dict[str, Any] = {name: {} for name in many(500)}
WORDS = [f"v{number}" for number in range(20_000)]
ANSWERED = {
    # schema, what the model gives
    "remote": (given(a={"$ref": "http://127.0.0.1:1/canary"}), {"a": 1}),
    "lost": (given(a={"$ref": "#/nowhere"}), {"a": 1}),
    "thousands-lost": (given(**{name: {"$ref": f"#/{name}"} for name in many(5000)}), many(5000)),
    "as-deep-as-allowed": (nested(28), {"a": 1}),
    "wide": (given(**{name: {"type": "string"} for name in many(5000)}), many(5000)),
    "any-of-doubled": (doubling("anyOf"), {"a": 5}),
    "one-of-doubled": (doubling("oneOf"), {"a": "x"}),
    "all-of-doubled": (doubling("allOf", 18), {"a": "x"}),
    "itself": ({"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "type": "object"}, {"a": 1}),
    "all-of-thousands": (
        {"type": "object", "allOf": [given(**{name: True}) for name in many(3000)]}, many(3000)
    ),
    "unevaluated": (
        {"type": "object", "allOf": [given(**{name: True}) for name in many(1500)],
         "unevaluatedProperties": False}, many(1500, "q"),
    ),
    "patterns-for-names": (
        {"type": "object", "patternProperties": {f"^{name}$": True for name in many(2000)}},
        many(2000, "q"),
    ),
    "a-standard-class-inside": (
        given(a={"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}),
        {"a": "a" * 40 + "!"},
    ),
    "a-standard-class-for-the-root": (
        {"$schema": "http://json-schema.org/draft-07/schema#",
         **given(a={"pattern": "^(a+)+$"}, b={"items": {"$ref": "#"}})},
        {"b": [{"a": "a" * 40 + "!"}]},
    ),
    "letters": (
        {"$schema": "http://json-schema.org/draft-07/schema#",
         **given(a={"pattern": r"^\p{L}+$"}, b={"items": {"$ref": "#"}})},
        {"b": [{"a": "1"}]},
    ),
    "keywords-of-draft-3": (
        given(a={"$schema": "http://json-schema.org/draft-03/schema#",
                 "disallow": 1, "divisibleBy": 0, "extends": 1}), {"a": 1},
    ),
    "no-uri": (given(a={"$schema": "http://[bad", "$id": "http://[bad"}), {"a": 1}),
    "no-text": (given(a={"$schema": True}), {"a": 1}),
    "a-pattern-that-explodes": (given(a={"pattern": "^(a+)+$"}), {"a": "a" * 5000 + "!"}),
    "a-slow-pattern-for-many": (
        given(a={"items": {"pattern": "(.*)(.*)=|b"}}), {"a": ["a" * 100 + "b"] * 5000}
    ),
    "unique-objects": (given(a={"uniqueItems": True}), {"a": [{"b": n} for n in range(20_000)]}),
    "a-long-enumeration-for-many": (given(a={"items": {"enum": WORDS}}), {"a": ["x"] * 5000}),
    "an-enumeration-of-objects": ({"enum": [{}] * 50_000, **given(**NOTHING)}, many(500)),
    "a-multiple-of-nearly-nothing": (given(a={"multipleOf": 1e-300}), {"a": 1e300}),
    "contains": (
        given(a={"contains": {"const": 1}, "items": {"anyOf": [{"const": n} for n in range(300)]}}),
        {"a": [301] * 3000},
    ),
}  # fmt: skip


def tools(*schemas: dict[str, Any], description: str = "") -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": f"f{n}", "description": description, "parameters": schema},
        }
        for n, schema in enumerate(schemas)
    ]


@pytest.mark.parametrize("name", ANSWERED)
def test_a_hostile_schema_is_answered_soon(siege, name):
    schema, arguments = ANSWERED[name]
    siege.answers(chat(written(("f0", arguments)), framing="close"))
    before = siege.server.seconds
    response = siege.ask(chat_body(tools=tools(schema)))
    assert response.status_code == 200
    (call,) = response.json()["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]).keys() == arguments.keys()
    assert siege.server.seconds - before < SECONDS


REFUSED = {
    "too-deep": (nested(31), "nested more than 64 levels deep"),
    "deeper-than-any": (json.loads('{"a":' * 500 + "1" + "}" * 500), "nested more than 64"),
    "too-many": (given(**{name: {} for name in many(10_001)}), "more than 10000 schemas"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_impossible_schema_is_refused_by_name(siege, name):
    schema, words = REFUSED[name]
    response = siege.ask(chat_body(tools=tools(schema)))
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]
    assert siege.up.requests == []


def test_1024_tools(siege):
    offered = tools(*[given(a={"type": "string"})] * 1024)
    siege.answers(chat(written(("f1023", {"a": "x"})), framing="close"))
    response = siege.ask(chat_body(tools=offered))
    (call,) = response.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "f1023", "arguments": '{"a":"x"}'}


def test_128_tools_of_ten_kilobytes(siege):
    offered = tools(*[given(a={"type": "string"})] * 128, description="<tool_call> words " * 550)
    siege.answers(chat(written(("f127", {"a": "x"})), framing="close"))
    response = siege.ask(chat_body(tools=offered))
    (call,) = response.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "f127", "arguments": '{"a":"x"}'}
    assert siege.ask(chat_body(tools=[*offered, *tools({})])).status_code == 400


def test_64_calls_of_8_choices_with_a_schema_that_doubles(siege):
    schema, _ = ANSWERED["one-of-doubled"]
    reply = written(*[("f0", {"a": "x"})] * 64)
    siege.answers(chat(reply, framing="close"))
    before = siege.server.seconds
    response = siege.ask(chat_body(tools=tools(schema), n=8))
    assert [len(c["message"]["tool_calls"]) for c in response.json()["choices"]] == [64] * 8
    assert siege.server.seconds - before < 2 * SECONDS


@pytest.mark.parametrize("name", ["content", "tool_calls"])
def test_a_body_of_wrong_items_is_refused_soon(siege, name):
    message = {"role": "assistant", "content": None, name: [1] * 1_000_000}
    before = siege.server.seconds
    response = siege.ask({"model": "m", "messages": [message]})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == f"messages[0].{name}[0]"
    assert siege.server.seconds - before < SECONDS
