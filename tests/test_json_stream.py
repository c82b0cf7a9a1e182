from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.json_grammar import JsonFault
from bridge.json_stream import ArgumentsWriter, read_value
from bridge.json_tokens import JsonTokens
from tests.test_json_tokens import JSON_VALUES, SCRAPS, SPLITS, calls_in, split

INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
STRING = {"type": "string"}
BOOLEAN = {"type": "boolean"}


def stream(pieces, schema=None):
    """The output, whether anything was mended, and the fault's words ("" for none)."""
    reader, writer = JsonTokens(), ArgumentsWriter(schema)
    out = ""
    try:
        for piece in pieces:
            out += writer.write(reader.feed(piece)[0])
        if not reader.done:
            out += writer.write(reader.close())
    except JsonFault as fault:
        return out + writer.write(fault.tokens), reader.repaired or writer.repaired, str(fault)
    return out, reader.repaired or writer.repaired, ""


def array(items):
    return {"type": "array", "items": items}


def nullable(schema):
    return {"anyOf": [schema, {"type": "null"}]}


THING = {"type": "object", "properties": {"n": INTEGER, "s": STRING, "l": array(INTEGER)}}

COERCED = [
    pytest.param('"5"', INTEGER, "5", id="string-to-integer"),
    pytest.param('"-12345678901234567890"', INTEGER, "-12345678901234567890", id="big"),
    pytest.param('"5.0"', INTEGER, "5", id="string-to-integer-by-a-fraction"),
    pytest.param('"1.50"', NUMBER, "1.50", id="string-to-number"),
    pytest.param('"7"', NUMBER, "7", id="string-to-whole-number"),
    pytest.param('"true"', BOOLEAN, "true", id="string-to-true"),
    pytest.param('"False"', BOOLEAN, "false", id="string-to-false"),
    pytest.param('"null"', nullable(INTEGER), "null", id="string-to-null"),
    pytest.param('"None"', {"type": ["boolean", "null"]}, "null", id="string-to-none"),
    pytest.param('"5"', {"enum": [1, 5]}, "5", id="string-to-an-enum-of-integers"),
    pytest.param('"5"', {"const": 5}, "5", id="string-to-a-constant"),
    pytest.param('"5"', nullable(INTEGER), "5", id="string-to-nullable-integer"),
    pytest.param('"5"', {"type": ["integer", "boolean"]}, "5", id="string-to-integer-or-boolean"),
    pytest.param("1.0", INTEGER, "1", id="fraction-to-integer"),
    pytest.param("-0.0", INTEGER, "-0", id="minus-zero"),
    pytest.param("1.25e2", INTEGER, "125", id="exponent-to-integer"),
    pytest.param("5", STRING, '"5"', id="integer-to-string"),
    pytest.param("1.50", STRING, '"1.50"', id="number-to-string"),
    pytest.param("True", STRING, '"true"', id="boolean-to-string"),
    pytest.param("5", nullable(STRING), '"5"', id="integer-to-nullable-string"),
    pytest.param("5", array(INTEGER), "[5]", id="one-integer"),
    pytest.param('"a b"', array(STRING), '["a b"]', id="one-string"),
    pytest.param('"a"', {"type": "array"}, '["a"]', id="one-string-of-anything"),
    pytest.param("true", nullable(array(BOOLEAN)), "[true]", id="one-boolean"),
    pytest.param('"[1, 2,]"', array(INTEGER), "[1,2]", id="text-to-array"),
    pytest.param('"[\'a,b\']"', array(STRING), '["a,b"]', id="text-to-array-of-strings"),
    pytest.param('" {\\"n\\": \\"5\\"}\\n"', THING, '{"n":5}', id="text-to-object"),
    pytest.param('"{\\"s\\": \\"\\\\u0001\\\\ud800\\"}"', THING, '{"s":"\\u0001\\ud800"}',
                 id="text-with-escapes"),
    pytest.param('"{}"', {"anyOf": [THING, array(STRING)]}, "{}", id="text-to-object-or-array"),
    pytest.param("null", THING, "{}", id="null-for-the-top-object"),
    pytest.param('""', THING, "{}", id="empty-for-the-top-object"),
    pytest.param('{"n": "5", "s": 5, "l": 3, "x": "5"}', THING, '{"n":5,"s":"5","l":[3],"x":"5"}',
                 id="members"),
    pytest.param('[1, "2", 3.0]', array(INTEGER), "[1,2,3]", id="items"),
    pytest.param('["1", "2", "3"]', {"prefixItems": [STRING, INTEGER], "items": BOOLEAN},
                 '["1",2,"3"]', id="items-by-place"),
    pytest.param('{"\\u006e": "5"}', THING, '{"\\u006e":5}', id="escaped-key"),
]  # fmt: skip

LEFT = [
    pytest.param('"5"', STRING, id="string"),
    pytest.param('"5"', {"type": ["string", "integer"]}, id="string-or-integer"),
    pytest.param('"5"', None, id="no-schema"),
    pytest.param('"five"', INTEGER, id="word"),
    pytest.param('"1.5"', INTEGER, id="fraction-string"),
    pytest.param('"05"', INTEGER, id="leading-zero"),
    pytest.param('" 5"', INTEGER, id="space"),
    pytest.param('"5"', BOOLEAN, id="number-for-boolean"),
    pytest.param('"NaN"', NUMBER, id="nan"),
    pytest.param('"true"', INTEGER, id="boolean-for-integer"),
    pytest.param('"TRUE"', BOOLEAN, id="shouted"),
    pytest.param('"null"', nullable(STRING), id="null-string"),
    pytest.param('"null"', INTEGER, id="null-not-allowed"),
    pytest.param("1.5", INTEGER, id="fraction"),
    pytest.param("1.0", NUMBER, id="spelling"),
    pytest.param("1e999", INTEGER, id="huge-exponent"),
    pytest.param("1e-5", INTEGER, id="small"),
    pytest.param("null", STRING, id="null-for-string"),
    pytest.param("5", {"type": ["string", "array"]}, id="two-readings"),
    pytest.param("5", BOOLEAN, id="number-as-boolean"),
    pytest.param("true", INTEGER, id="boolean-as-integer"),
    pytest.param("5", array(STRING), id="item-of-another-type"),
    pytest.param('"5"', array(INTEGER), id="string-item-of-another-type"),
    pytest.param('"1,2,3"', array(INTEGER), id="list-in-words"),
    pytest.param('"a, b"', array(STRING), id="string-list-in-words"),
    pytest.param('"a\\nb"', array(STRING), id="list-in-lines"),
    pytest.param('""', array(STRING), id="none-or-one-empty"),
    pytest.param('"null"', array(STRING), id="none-or-one-null"),
    pytest.param("null", array({}), id="null-is-no-item"),
    pytest.param('"[see below]"', array(STRING), id="bracketed-words"),
    pytest.param('"{\\"s\\":\\"x\\"}"', array(STRING), id="object-text-for-an-array"),
    pytest.param('{"n":1}', array(THING), id="lone-object"),
    pytest.param('{"n":1}', STRING, id="object-for-string"),
    pytest.param("[1]", STRING, id="array-for-string"),
    pytest.param("[1]", INTEGER, id="array-for-integer"),
    pytest.param('"{\\"n\\":1} or so"', THING, id="text-with-a-tail"),
    pytest.param('"{\\"n\\":1"', THING, id="text-cut"),
    pytest.param('"\\"{}\\""', THING, id="text-wrapped-twice"),
    pytest.param('"[1]"', THING, id="array-text-for-an-object"),
    pytest.param('"{}"', {"type": ["string", "object"]}, id="string-allowed"),
    pytest.param("null", {"type": ["object", "null"]}, id="null-allowed"),
    pytest.param("null", array(THING), id="null-for-array"),
    pytest.param('[null,""]', array(THING), id="nothing-below-the-top"),
]


@pytest.mark.parametrize(("text", "schema", "expected"), COERCED)
def test_coerces_what_has_one_lossless_reading(text, schema, expected):
    for pieces in ([text], list(text)):
        assert stream(pieces, schema) == (expected, True, "")
    assert read_value(text, schema) == (expected, len(text), True)


@pytest.mark.parametrize(("text", "schema"), LEFT)
def test_leaves_what_it_would_have_to_guess(text, schema):
    for pieces in ([text], list(text)):
        assert stream(pieces, schema) == (text, False, "")


def test_json_text_is_unwrapped_once():
    text = json.dumps({"l": json.dumps([1]), "n": "5"})
    assert stream([text], THING)[0] == '{"l":[1],"n":5}'
    wrapped = json.dumps(text)
    assert stream([wrapped], THING)[0] == '{"l":"[1]","n":5}'


def test_output_is_compact():
    assert read_value(' { "a" : [ 1 , { } , [ ] ] , "b" : "c d" } tail') == (
        '{"a":[1,{},[]],"b":"c d"}',
        42,
        False,
    )


def test_read_value_raises_the_fault():
    with pytest.raises(JsonFault, match="inside a string"):
        read_value('{"a": "cut')


def test_only_a_forbidden_string_is_held():
    schema = {"properties": {"s": STRING, "n": INTEGER}}
    reader, writer = JsonTokens(), ArgumentsWriter(schema)
    steps = ['{"s": "on', 'e", "n": "', "4", '2"', ', "x": "a', "b", '"}']
    outputs = [writer.write(reader.feed(step)[0]) for step in steps]
    assert outputs == ['{"s":"on', 'e","n":', "", "42", ',"x":"a', "b", '"}']


TREE = {
    "type": "object",
    "properties": {
        "a": INTEGER,
        "b": STRING,
        "k": array({"$ref": "#"}),
        "": nullable({"$ref": "#"}),
        "u0": {"type": ["boolean", "array"]},
    },
    "additionalProperties": NUMBER,
}
SCHEMAS = st.sampled_from([None, {}, TREE, array(TREE), array(STRING), INTEGER, STRING, BOOLEAN])


@given(JSON_VALUES, st.booleans(), SPLITS)
def test_without_a_schema_the_value_is_the_same(value, ascii_only, cuts):
    text = json.dumps(value, ensure_ascii=ascii_only)
    out, repaired, fault = stream(split(text, cuts))
    assert out == json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    assert (repaired, fault) == (False, "")


@given(SCRAPS | JSON_VALUES.map(json.dumps), SCHEMAS, SPLITS)
def test_splits_make_no_difference(text, schema, cuts):
    whole = stream([text], schema)
    assert stream(split(text, cuts), schema) == whole
    assert stream(list(text), schema) == whole


@given(SCRAPS | JSON_VALUES.map(json.dumps), SCHEMAS)
def test_output_is_valid_json_and_at_rest(text, schema):
    out, _, fault = stream([text], schema)
    if not fault:
        json.loads(out)
        assert stream([out], schema) == (out, False, "")


@pytest.mark.parametrize(
    ("opening", "body"),
    [
        pytest.param('{"k":[', '{"a":"1","b":2,"zz":"3.5"},', id="coerced-members"),
        pytest.param('{"b":"', "x\\n", id="streamed-string"),
        pytest.param('{"a":"', "x\\n", id="held-string"),
        pytest.param('"{', "\\n", id="wrapped-text"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10**9])
def test_ten_times_the_text_costs_ten_times_the_steps(opening, body, size):
    def steps(times: int) -> int:
        text = opening + body * times
        return calls_in(
            lambda: stream([text[at : at + size] for at in range(0, len(text), size)], TREE)
        )

    steps(1)
    assert steps(1000) < 10.5 * steps(100) + 500
