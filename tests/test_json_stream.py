from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.checks import fault_of
from bridge.json_grammar import JsonFault
from bridge.json_stream import MAX_ADDED, ArgumentsWriter, read_value
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
        out += writer.finish()
    except JsonFault as fault:
        return out + writer.write(fault.tokens), reader.repaired or writer.repaired, str(fault)
    return out, reader.repaired or writer.repaired, ""


def array(items):
    return {"type": "array", "items": items}


def nullable(schema):
    return {"anyOf": [schema, {"type": "null"}]}


def thing(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required)}


UNIT = {"type": "string", "enum": ["celsius", "kelvin", "None", "K", "k"]}
PLACE = {"$ref": "#/$defs/place"}
DEFS = {
    "place": thing(["lat", "datum"], lat=NUMBER, datum={"type": "string", "default": "WGS84"},
                   name=STRING),
}  # fmt: skip
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
    pytest.param('{"a": null, "b": 1}', thing(a=STRING, b=INTEGER), '{"b":1}', id="optional-null"),
    pytest.param('{"b": 1, "a": null}', thing(a=STRING, b=INTEGER), '{"b":1}', id="last-null"),
    pytest.param('{"a": null}', thing(a=STRING), "{}", id="only-null"),
    pytest.param('{"a": None, "b": null}', thing(a=UNIT, b=array({})), "{}", id="all-null"),
    pytest.param('{"a": "None", "b": "null"}', thing(a=INTEGER, b=array({})), "{}",
                 id="null-in-words"),
    pytest.param('{"u": "null"}', thing(u=UNIT), "{}", id="null-in-words-for-one-of-a-few"),
    pytest.param('{"p": [{"lat": 1, "name": null}]}', {**thing(p=array(PLACE)), "$defs": DEFS},
                 '{"p":[{"lat":1,"datum":"WGS84"}]}', id="below-a-reference"),
    pytest.param('{"a": 1}', thing(["a", "b", "c"], a=INTEGER, b={"default": [1, "京"]}, c=STRING),
                 '{"a":1,"b":[1,"京"]}', id="default"),
    pytest.param("{}", thing(["b"], b={"type": "boolean", "default": False}), '{"b":false}',
                 id="only-a-default"),
    pytest.param('{"b": null}', thing(["b"], b={**INTEGER, "default": 7}), '{"b":7}',
                 id="null-for-a-default"),
    pytest.param("null", thing(["b"], b={**INTEGER, "default": 7}), '{"b":7}',
                 id="null-for-all-of-the-defaults"),
    pytest.param("{}", thing(["q"], q={"default": '"\ud800'}), '{"q":"\\"\\ud800"}',
                 id="odd-default"),
    pytest.param("{}", thing(['"'], **{'"': nullable(STRING)}), '{"\\"":null}', id="odd-name"),
    pytest.param("{}", thing(["a"], a={"type": ["string", "null"]}), '{"a":null}',
                 id="required-and-null"),
    pytest.param("{}", thing(["a"], a={**STRING, "nullable": True}), '{"a":null}',
                 id="required-and-nullable"),
    pytest.param("{}", thing(["a"], a={"nullable": True, "allOf": [STRING]}), '{"a":null}',
                 id="nullable-beside-all-of"),
    pytest.param("{}", thing(["a"], a={**nullable(STRING), "default": "x"}), '{"a":"x"}',
                 id="a-default-before-null"),
    pytest.param('"{\\"lat\\": 1}"', DEFS["place"], '{"lat":1,"datum":"WGS84"}',
                 id="default-in-text"),
    pytest.param('{"x": {"k": "a"}}', thing(x={"anyOf": [
                     thing(["k", "n"], k={"const": "a"}, n=nullable(INTEGER)),
                     thing(["n"], n=nullable(STRING))]}),
                 '{"x":{"k":"a","n":null}}', id="required-in-every-branch"),
    pytest.param('"Celsius"', UNIT, '"celsius"', id="case"),
    pytest.param('["KELVIN", "none"]', array(nullable(UNIT)), '["kelvin","None"]', id="cases"),
    pytest.param('"ON"', {"anyOf": [{"const": "on"}, {"enum": ["off", 1]}]}, '"on"',
                 id="case-of-branches"),
    pytest.param('"null"', {"enum": ["a", None]}, "null", id="null-in-words-among-a-few"),
    pytest.param('"5"', {"enum": ["a", 5]}, "5", id="a-number-among-a-few"),
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
    pytest.param('{"a":null}', thing(["a"], a=STRING), id="null-for-a-required-member"),
    pytest.param('{"a":null}', thing(a=nullable(STRING)), id="null-allowed-in-a-member"),
    pytest.param('{"a":null}', thing(a={**STRING, "nullable": True}), id="nullable"),
    pytest.param(
        '{"a":null}',
        thing(a={"nullable": True, "$ref": "#/$defs/x"}) | {"$defs": {"x": STRING}},
        id="nullable-beside-a-reference",
    ),
    pytest.param('{"a":null}', thing(b=STRING), id="null-for-an-unknown-member"),
    pytest.param(
        '{"a":null}', {"type": "object", "additionalProperties": STRING}, id="null-in-a-map"
    ),
    pytest.param(
        '{"a":null}',
        {"anyOf": [thing(["a"], a=STRING), thing(a=STRING)]},
        id="null-that-only-one-branch-does-without",
    ),
    pytest.param('{"a":""}', thing(a=INTEGER), id="an-empty-string-for-a-number"),
    pytest.param("{}", thing(a={"default": 1}), id="optional-default"),
    pytest.param("{}", thing(["a"], a={**INTEGER, "default": "x"}), id="default-of-another-type"),
    pytest.param("{}", thing(["a"], a={**UNIT, "default": "x"}), id="default-not-among-a-few"),
    pytest.param("{}", thing(["a"], a={**STRING, "default": None}), id="null-default"),
    pytest.param(
        "{}", thing(["a"], a={"anyOf": [{"default": 1}, {"default": 2}]}), id="two-defaults"
    ),
    pytest.param("{}", thing(["a"], a={"default": float("nan")}), id="no-json-default"),
    pytest.param("{}", thing(["a"], a={}), id="required-anything"),
    pytest.param("{}", {**thing(["a"]), "additionalProperties": False}, id="required-nothing"),
    pytest.param(
        "{}",
        {"anyOf": [thing(["a"], a=nullable(STRING)), thing(a=nullable(STRING))]},
        id="required-in-one-branch",
    ),
    pytest.param("{}", {"required": [5, "a"], "properties": 5}, id="odd-required"),
    pytest.param('"celsius"', UNIT, id="one-of-a-few"),
    pytest.param('"AB"', {"enum": ["Ab", "aB"]}, id="either-case"),
    pytest.param('"Rankine"', UNIT, id="none-of-a-few"),
    pytest.param('"null"', {"enum": ["null", None]}, id="null-as-a-word"),
    pytest.param('"A"', {"anyOf": [{"enum": ["a"]}, STRING]}, id="a-few-or-any"),
    pytest.param('"A"', {"enum": ["a"], "const": "b"}, id="no-string-at-all"),
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
    assert outputs == ['{"s":"on', 'e"', "", ',"n":42', ',"x":"a', "b", '"']
    assert writer.finish() == "}"


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


MEMBER = st.sampled_from(
    [
        STRING, INTEGER, NUMBER, BOOLEAN, UNIT, {}, {"type": "null"}, {"enum": ["A", "a", 1, None]},
        nullable(STRING), {**INTEGER, "nullable": True}, {**STRING, "default": "d"},
        {"anyOf": [INTEGER, {"const": "One"}], "default": 1}, {**UNIT, "nullable": True},
        {"type": ["array", "null"], "items": {"$ref": "#"}, "default": []}, {"$ref": "#"},
        {"oneOf": [thing(["x"], x=nullable(INTEGER)), thing(["y"], y={"default": "z"})]},
    ]
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "c"])
OBJECT_SCHEMAS = st.builds(
    lambda properties, required, extra: {
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": extra,
    },
    st.dictionaries(NAMES, MEMBER, max_size=3),
    st.lists(NAMES, max_size=3, unique=True),
    st.sampled_from([True, False, STRING, nullable(INTEGER)]),
)  # fmt: skip
WORDS = st.sampled_from(["A", "One", "K", "celsius", "null", "None", "", "5", "true", "d"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(NAMES | st.sampled_from(["x", "y"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(OBJECT_SCHEMAS, st.dictionaries(NAMES, VALUES, max_size=3), SPLITS)
@settings(max_examples=400)
def test_what_fits_its_schema_is_not_changed(schema, value, cuts):
    text = json.dumps(value)
    out, repaired, fault = stream(split(text, cuts), schema)
    assert not fault
    if fault_of(text, schema) is None:
        assert (json.loads(out), list(json.loads(out)), repaired) == (value, list(value), False)
    elif fault_of(out, schema) is None:
        assert repaired
        assert stream([out], schema) == (out, False, "")


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


@pytest.mark.parametrize("wrap", [str, json.dumps], ids=["objects", "texts"])
def test_members_left_out_are_written_up_to_a_bound(wrap):
    long = thing(["a", "b"], a={**STRING, "default": "x" * 5000}, b={**STRING, "default": "y"})
    count = MAX_ADDED // 5000
    text = f"[{', '.join([wrap('{}')] * 1000)}]"
    value = json.loads(stream([text], array(long))[0])
    assert [len(item) for item in value[:count]] == [2] * count
    assert value[count + 1] == {}
    assert len(json.dumps(value)) < len(text) + 2 * MAX_ADDED


def test_members_left_out_come_last():
    schema = thing(["a", "b"], a=STRING, b={**INTEGER, "default": 3})
    reader, writer = JsonTokens(), ArgumentsWriter(schema)
    steps = ['{"a": "on', 'e", "b": nu', "ll", "}"]
    assert [writer.write(reader.feed(step)[0]) for step in steps] == ['{"a":"on', 'e"', "", ""]
    assert writer.finish() == ',"b":3}'
