from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.schema import ChatCompletionRequest
from bridge.structured import JsonAnswer, JsonFormat, json_format_of
from tests.test_json_tokens import JSON_VALUES, SPLITS, split

THING = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "below": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name"],
        }
    },
}
LIST = {"type": "array", "items": {"type": "integer"}}
COLOUR = {"enum": ["red", "green"]}
NUMBER = {"type": "number"}


def answer(pieces: list[str], schema) -> tuple[str, str]:
    """The JSON that leaves, and what is wrong with it ("" for nothing)."""
    stage = JsonAnswer(schema)
    text = "".join(map(stage.feed, pieces)) + stage.close()
    return text, stage.fault.message if stage.fault else ""


CLEAN = [
    pytest.param('{"a": 1}', None, '{"a":1}', id="bare"),
    pytest.param('```json\n{"a": 1}\n```', None, '{"a":1}', id="fenced"),
    pytest.param('Here it is:\n\n{"a": 1}\n\nAnything else?', None, '{"a":1}', id="in-prose"),
    pytest.param('{"a": 1} {"a": 2}', None, '{"a":1}', id="two-of-them"),
    pytest.param("{'a': True,}", None, '{"a":true}', id="mended"),
    pytest.param('{"a": "5"}', THING, '{"a":5}', id="coerced"),
    pytest.param('The list [1] says {"a": 5}', THING, '{"a":5}', id="brackets-before-an-object"),
    pytest.param('{"name": "x", "below": [{"name": "y"}]}', TREE,
                 '{"name":"x","below":[{"name":"y"}]}', id="references"),
    pytest.param("Sure: [1, 2]", LIST, "[1,2]", id="array"),
    pytest.param('{"x": [1]}', {}, '{"x":[1]}', id="any-schema"),
    pytest.param('"red"', COLOUR, '"red"', id="string"),
    pytest.param('```json\n"red"\n```', COLOUR, '"red"', id="fenced-string"),
    pytest.param('"see {1}"', {"type": "string"}, '"see {1}"', id="string-with-a-bracket"),
    pytest.param(" 1.50\n", NUMBER, "1.50", id="number"),
    pytest.param("null", {"type": ["object", "null"]}, "null", id="null-or-an-object"),
    pytest.param(f"{'1' * 5000}", NUMBER, "1" * 5000, id="huge-number"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "schema", "expected"), CLEAN)
def test_the_json_alone_leaves(text, schema, expected):
    for pieces in ([text], list(text)):
        assert answer(pieces, schema) == (expected, "")


FAULTY = [
    pytest.param("No, I will not.", None, "no JSON", id="words"),
    pytest.param("", None, "no JSON", id="nothing"),
    pytest.param(" \n", NUMBER, "ends too early", id="no-scalar"),
    pytest.param("[1]", None, "no JSON", id="array-for-an-object"),
    pytest.param('{"a": 1', None, "ends too early", id="cut"),
    pytest.param('{"a": say "x"}', None, '"say" is no JSON value', id="unreadable"),
    pytest.param('{"b": 1}', THING, "answer: ", id="against-the-schema"),
    pytest.param('{"name": "x", "below": [{}]}', TREE, "answer.below[0]", id="below-a-reference"),
    pytest.param("blue", COLOUR, '"blue" is no JSON value', id="bare-word"),
    pytest.param('"blue"', COLOUR, "answer: ", id="not-of-the-enum"),
    pytest.param("[1, 2.5]", LIST, "answer[1]", id="item"),
]


@pytest.mark.parametrize(("text", "schema", "fault"), FAULTY)
def test_what_is_wrong_is_told(text, schema, fault):
    for pieces in ([text], list(text)):
        assert fault in answer(pieces, schema)[1]


def test_json_leaves_as_it_is_written():
    stage = JsonAnswer(None)
    assert stage.feed("```json\n{") == "{"
    assert stage.feed('"a": "some te') == '"a":"some te'
    assert stage.feed('xt"}') == 'xt"}'
    assert stage.feed("\n``` and more {") == ""
    assert stage.close() == ""
    assert stage.fault is None


def test_nothing_follows_a_fault():
    stage = JsonAnswer(None)
    assert stage.feed('{"a": 1, oops} {"b": 2}') == '{"a":1'
    assert stage.feed('{"c": 3}') == ""
    assert stage.close() == ""
    assert stage.fault is not None
    assert stage.fault.kind == "json"


@given(value=st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4), cuts=SPLITS)
def test_valid_json_keeps_its_value(value, cuts):
    text = f"Here:\n```json\n{json.dumps(value, ensure_ascii=False, indent=1)}\n```\nDone."
    left, fault = answer(split(text, cuts), None)
    assert not fault
    assert json.loads(left) == value


TEXTS = st.lists(
    st.sampled_from(
        ['{"a"', ":", "1", ",", "}", "[", "]", '"', "x", "```json\n", "\n", "{", "null"]
    ),
    max_size=12,
).map("".join) | st.text(max_size=40)


@given(text=TEXTS, schema=st.sampled_from([None, {}, THING, LIST, COLOUR, NUMBER]), cuts=SPLITS)
def test_any_text_is_json_or_has_a_fault_however_it_is_split(text, schema, cuts):
    left, fault = answer([text], schema)
    assert answer(split(text, cuts), schema) == (left, fault)
    if not fault:
        json.loads(left)


SCHEMA = {"name": "thing", "schema": THING}
FORMATS = [
    pytest.param(None, None, id="absent"),
    pytest.param({"type": "text"}, None, id="text"),
    pytest.param({"type": "json_object"}, JsonFormat(None), id="object"),
    pytest.param(
        {"type": "json_schema", "json_schema": SCHEMA}, JsonFormat(THING), id="schema"
    ),
    pytest.param(
        {"type": "json_schema", "json_schema": {**SCHEMA, "strict": True}},
        JsonFormat(THING, strict=True),
        id="strict-schema",
    ),
    pytest.param(
        {"type": "json_schema", "json_schema": {"name": "any"}}, JsonFormat({}), id="no-schema"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "expected"), FORMATS)
def test_what_a_request_asks_for(asked, expected):
    request = ChatCompletionRequest.model_validate(
        {
            "model": "m",
            "messages": [{"role": "user", "content": "x"}],
            "response_format": asked,
        }
    )
    assert json_format_of(request) == expected
