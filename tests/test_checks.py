from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bridge.checks import SchemaChecks, check_schema, fault_of
from bridge.patterns import KEPT
from bridge.validators import CHARACTERS_PER_STEP, MAX_STEPS, Budget

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 2},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "unit": {"enum": ["c", "f"]},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"price": {"type": "number"}},
                "required": ["price"],
                "additionalProperties": False,
            },
        },
        "note": {"type": ["string", "null"], "pattern": "^[a-z]+$"},
        "shape": {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": "circle"}, "r": {"type": "number"}},
                    "required": ["kind", "r"],
                },
                {
                    "type": "object",
                    "properties": {"kind": {"const": "square"}, "a": {"type": "number"}},
                    "required": ["kind", "a"],
                },
                {"type": "null"},
            ]
        },
    },
    "required": ["city"],
    "additionalProperties": False,
}

TOLD = [
    pytest.param([], "arguments: expected object, found []", id="top"),
    pytest.param({}, 'arguments: "city" missing', id="required"),
    pytest.param({"city": 5}, "arguments.city: expected string, found 5", id="type"),
    pytest.param(
        {"city": "x"}, 'arguments.city: expected at least 2 characters, found "x"', id="bound"
    ),
    pytest.param(
        {"city": "xy", "unit": "k"},
        'arguments.unit: expected one of "c", "f", found "k"',
        id="enum",
    ),
    pytest.param(
        {"city": "xy", "items": [{"price": 1}, {"price": 1}, {"price": "cheap"}]},
        'arguments.items[2].price: expected number, found "cheap"',
        id="path",
    ),
    pytest.param(
        {"city": "xy", "items": [{"price": 1, "prise": 2, "x": 3}]},
        'arguments.items[0]: expected only "price", found "prise", "x"',
        id="additional",
    ),
    pytest.param(
        {"city": "xy", "note": "A"},
        'arguments.note: expected text that matches "^[a-z]+$", found "A"',
        id="pattern",
    ),
    pytest.param(
        {"city": "xy", "note": []}, "arguments.note: expected string or null, found []", id="types"
    ),
    pytest.param(
        {"city": "xy", "shape": {"kind": "square"}}, 'arguments.shape: "a" missing', id="branch"
    ),
    pytest.param(
        {"city": "xy", "shape": {"kind": "circle", "r": "1"}},
        'arguments.shape.r: expected number, found "1"',
        id="inside-a-branch",
    ),
    pytest.param(
        {"city": "xy", "shape": 1},
        'arguments.shape: expected object with "kind", "r" or object with "kind", "a" or null,'
        " found 1",
        id="no-branch",
    ),
    pytest.param(
        {"city": "x", "days": 0, "unit": 1, "note": 1, "extra": 1},
        'arguments.city: expected at least 2 characters, found "x"; '
        "arguments.days: expected at least 1, found 0; "
        'arguments.unit: expected one of "c", "f", found 1',
        id="three-of-five",
    ),
    pytest.param(
        {"city": ["x" * 100]},
        'arguments.city: expected string, found ["' + "x" * 58 + "…",
        id="long",
    ),
]


@pytest.mark.parametrize(("value", "message"), TOLD)
def test_faults_of_arguments(value, message):
    fault = fault_of(json.dumps(value), WEATHER)
    assert fault is not None
    assert (fault.kind, fault.message) == ("schema", message + ".")


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        pytest.param({"const": 1}, 2, "it: expected 1, found 2", id="const"),
        pytest.param({"maximum": 1}, 2, "it: expected at most 1, found 2", id="maximum"),
        pytest.param({"exclusiveMinimum": 2}, 2, "it: expected more than 2, found 2", id="over"),
        pytest.param({"exclusiveMaximum": 2}, 2, "it: expected less than 2, found 2", id="under"),
        pytest.param({"multipleOf": 2}, 3, "it: expected a multiple of 2, found 3", id="multiple"),
        pytest.param({"maxItems": 0}, [1], "it: expected at most 0 items, found [1]", id="items"),
        pytest.param(
            {"uniqueItems": True}, [1, 1.0], "it: expected no item twice, found [1, 1.0]",
            id="twice",
        ),
        pytest.param(
            {"minProperties": 1}, {}, "it: expected at least 1 members, found {}", id="members"
        ),
        pytest.param(
            {"anyOf": [False, False]}, 5, "it: expected nothing, found 5", id="no-kinds"
        ),
        pytest.param(
            {"properties": {"a b": {"type": "null"}}}, {"a b": 1},
            'it["a b"]: expected null, found 1', id="odd-name",
        ),
        pytest.param({"not": {}}, 1, 'it: "not" does not hold for 1', id="not"),
        pytest.param(
            {"properties": {"a": False}}, {"a": 1},
            "it.a: expected nothing, found 1", id="false",
        ),
        pytest.param(
            {"additionalProperties": False}, {"a": 1}, 'it: expected no members, found "a"',
            id="no-members",
        ),
        pytest.param(
            {"additionalProperties": {"type": "string"}}, {"a": 1},
            "it.a: expected string, found 1", id="additional-schema",
        ),
        pytest.param(
            {"patternProperties": {"^x": {"type": "string"}}, "additionalProperties": False},
            {"x": 1, "y": 2}, 'it.x: expected string, found 1; it: expected no members, found "y"',
            id="pattern-properties",
        ),
        pytest.param(
            {"oneOf": [{"type": "integer"}, {"type": "number"}]}, 1,
            "it: expected what fits exactly one alternative, found 1", id="one-of-two",
        ),
        pytest.param(
            {"anyOf": [{"const": 1}, {"enum": ["a", "b"]}, {"$ref": "#/$defs/thing"},
                       {"items": {}, "minimum": 9}, False],
             "$defs": {"thing": {"type": "null"}}},
            5, 'it: expected at least 9, found 5', id="kinds-with-one-near",
        ),
        pytest.param(
            {"anyOf": [{"const": 1}, {"enum": ["a", "b"]}, {"$ref": "#/$defs/thing"}],
             "$defs": {"thing": {"type": "null"}}},
            5, 'it: expected 1 or "a" or "b" or thing, found 5', id="kinds",
        ),
        pytest.param(
            {"anyOf": [False, {"minimum": 9}, {"minimum": 8}]}, 5,
            "it: expected something else, found 5", id="vague-kinds",
        ),
        pytest.param(
            {"enum": list(range(20))}, 50,
            "it: expected one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …, found 50", id="many",
        ),
        pytest.param(
            {"type": "integer"}, "\ud800", 'it: expected integer, found "\\ud800"', id="surrogate"
        ),
        pytest.param(None, [], "it: expected object, found []", id="no-schema"),
    ],
)  # fmt: skip
def test_faults_of_other_values(schema, value, message):
    fault = fault_of(json.dumps(value), schema, root="it")
    assert fault is not None
    assert fault.message.encode().decode() == message + "."


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param(None, {"a": 1}, id="no-schema"),
        pytest.param(WEATHER, {"city": "北京", "shape": None}, id="weather"),
        pytest.param({"type": "integer"}, 1.0, id="whole-fraction"),
        pytest.param({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}, {"a": True}],
                     id="unlike"),
        pytest.param({"pattern": "^(?<!a)b$"}, "1", id="unreadable-pattern"),
        pytest.param(
            {"patternProperties": {"(?<!a)b": False}, "additionalProperties": False}, {"b": 1},
            id="unreadable-property-pattern",
        ),
        pytest.param(
            {"patternProperties": {"(?<!a)b": {}}, "unevaluatedProperties": False}, {"b": 1},
            id="unreadable-and-unevaluated",
        ),
        pytest.param({"multipleOf": 0.01}, 19.99, id="multiple-as-written"),
        pytest.param({"patternProperties": {"a": False}}, ["a"], id="patterns-for-objects-only"),
        pytest.param({"additionalProperties": False}, ["a"], id="members-for-objects-only"),
        pytest.param({"uniqueItems": True}, "aa", id="unique-for-arrays-only"),
        pytest.param({"uniqueItems": False}, [1, 1], id="not-unique"),
        pytest.param({"pattern": "b"}, 1, id="pattern-for-strings-only"),
        pytest.param({"format": "date"}, "tomorrow", id="format-is-an-annotation"),
        pytest.param({"items": [{"type": "string"}, {"type": "integer"}]}, ["a", 1], id="draft-7"),
        pytest.param({"minimum": 1, "exclusiveMinimum": True}, 2, id="draft-4"),
        pytest.param({"type": "string", "nullable": True}, None, id="nullable"),
        pytest.param({"enum": ["a"], "nullable": True}, None, id="nullable-enum"),
        pytest.param({"allOf": [{"type": "object"}], "nullable": True}, None, id="nullable-all-of"),
    ],
)  # fmt: skip
def test_values_without_fault(schema, value):
    assert check_schema(schema or {}) is None
    assert fault_of(json.dumps(value), schema) is None


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param({"anyOf": [3, {"minimum": "x", "items": 7, "type": {}}]}, 1, id="unexamined"),
        pytest.param({"contains": {"const": 1}, "minContains": "x", "maxContains": "x"}, [],
                     id="unexamined-counts"),
        pytest.param({"$ref": "#/nowhere"}, 1, id="unexamined-reference"),
    ],
)  # fmt: skip
def test_what_is_no_schema_is_not_applied(schema, value):
    """Whatever was never examined, or stands where no one looked."""
    assert check_schema(schema) is not None
    assert fault_of(json.dumps(value), schema) is None


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param({"items": [{"type": "string"}]}, [1], id="draft-7-items"),
        pytest.param({"minimum": 1, "exclusiveMinimum": True}, 1, id="draft-4-bound"),
        pytest.param({"unevaluatedProperties": False}, {"b": 1}, id="unevaluated"),
        pytest.param({"patternProperties": {"^a": False}}, {"ab": 1}, id="pattern-properties"),
        pytest.param({"pattern": "^[0-9]+$"}, "a" * 100, id="pattern"),
        pytest.param({"type": "string", "nullable": False}, None, id="not-nullable"),
        pytest.param({"type": "string", "nullable": True}, 5, id="nullable-and-a-number"),
        pytest.param({"pattern": "^(a+)+$"}, "a" * 5000 + "!", id="pattern-that-explodes"),
        pytest.param({"pattern": r"^\p{L}$"}, "1", id="letters"),
        pytest.param({"additionalItems": False, "items": [{}]}, [1, 2], id="additional-items"),
        pytest.param({"multipleOf": 0.01}, 19.999, id="fraction"),
    ],
)
def test_values_with_fault(schema, value):
    assert fault_of(json.dumps(value), schema) is not None


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("1" * 5000, id="long"),
        pytest.param("-" + "1" * 5000, id="long-negative"),
        pytest.param("1e999", id="infinite"),
        pytest.param("-1e999", id="infinite-negative"),
        pytest.param("1" * 700 + ".5", id="long-fraction"),
    ],
)
@pytest.mark.parametrize("keyword", ["multipleOf", "minimum", "maximum"])
@pytest.mark.parametrize("bound", [3, 0.01, 1e-300, pytest.param(10**400, id="10**400")])
def test_huge_numbers_are_checked(number, keyword, bound):
    schema = {"type": "string", keyword: bound}
    fault = fault_of(number, schema)
    assert fault is not None
    assert "expected string" in fault.message


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": 1} x', "nope"])
def test_what_is_no_json_is_told(text):
    fault = fault_of(text, {})
    assert fault is not None
    assert (fault.kind, fault.message) == ("json", "arguments: this is no JSON.")


def doubling(levels, keyword="anyOf", of=None):
    parts = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{levels}": of or {"type": "integer"}}}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
@pytest.mark.parametrize("extra", [{}, {"unevaluatedProperties": False}], ids=["", "unevaluated"])
def test_a_schema_that_doubles_is_checked(keyword, extra):
    for value, of in (({}, None), ({}, {"type": "object"})):
        schema = {**doubling(40, keyword, of), **extra}
        checks = SchemaChecks(Budget(2000))
        checks.fault_of(json.dumps(value), schema)
        fault = checks.fault_of(json.dumps(value), schema)
        assert fault is None or fault.kind == "schema"
        fits = of is not None and keyword != "oneOf"
        assert (fault is None) is fits


ENDLESS = [
    pytest.param({"$ref": "#"}, {}, id="itself"),
    pytest.param({"anyOf": [{"$ref": "#"}, {"type": "string"}]}, {}, id="itself-among-others"),
    pytest.param({"patternProperties": {f"^x{n}$": {} for n in range(2000)}},
                 dict.fromkeys(map(str, range(2000))), id="patterns-for-names"),
    pytest.param({"patternProperties": {f"^x{n}$": {} for n in range(900)},
                  "additionalProperties": False},
                 dict.fromkeys(map(str, range(900))), id="names-outside-of-patterns"),
    pytest.param({"patternProperties": {f"^x{n}$": {} for n in range(1100)}}, {"a": 1},
                 id="more-patterns-than-are-kept"),
    pytest.param({"patternProperties": {f"(?<!x{n})$": {} for n in range(1100)}}, {"a": 1},
                 id="more-patterns-than-are-kept-that-are-not-applied"),
    pytest.param({"items": {"pattern": r"^\p{L}+$"}}, ["é" * 500] * 20,
                 id="a-large-pattern-for-many"),
    pytest.param({"items": {"anyOf": [{"const": n} for n in range(300)]}}, [299] * 3000,
                 id="alternatives-for-many"),
    pytest.param({"allOf": [{"uniqueItems": True}] * 99},
                 list(range(5000)), id="unique-many-times"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value"), ENDLESS)
def test_endless_checks_are_given_up(schema, value):
    fault = fault_of(json.dumps(value), schema)
    assert fault is not None
    assert fault.kind == "unchecked"
    assert fault.message == "arguments: cannot be checked against the schema."


def test_faults_found_before_a_check_is_given_up_are_told():
    schema = {"type": "object", "allOf": [{"items": {"const": n}} for n in range(300)]}
    fault = fault_of(json.dumps([[299] * 3000]), schema)
    assert fault is not None
    assert fault.message.startswith("arguments: expected object, found [[299")

    schema = {"type": "object", "allOf": [{"$ref": "#/allOf/0"}]}
    fault = fault_of("[]", schema)
    assert fault is not None
    assert (fault.kind, fault.message) == ("schema", "arguments: expected object, found [].")


def test_more_patterns_than_are_kept_are_too_many():
    schema = {"patternProperties": {f"^x{n}$": {} for n in range(KEPT + 1)}}
    fault = SchemaChecks(Budget(10**9)).fault_of('{"a": 1}', schema)
    assert fault is not None
    assert fault.kind == "unchecked"


def test_the_checks_of_a_request_share_a_budget():
    schema, value = {"items": {"anyOf": [{"const": n} for n in range(9)]}}, json.dumps([8] * 1000)
    checks = SchemaChecks(Budget(100_000))
    faults = [checks.fault_of(value, schema) for _ in range(10)]
    assert faults[0] is None
    assert faults[-1] is not None
    assert faults[-1].kind == "unchecked"
    unchecked = [fault is not None for fault in faults]
    assert unchecked == sorted(unchecked)


def test_longer_values_may_take_more_steps():
    text = json.dumps({"a": "x" * 10 * MAX_STEPS * CHARACTERS_PER_STEP})
    checks = SchemaChecks(Budget(0))
    assert checks.fault_of(text, {}) is None
    assert checks.fault_of(json.dumps([1] * 1000), {"items": {"type": "integer"}}) is None


DRAFTS = [
    *(f"http://json-schema.org/draft-0{number}/schema#" for number in (3, 4, 6, 7)),
    *(f"https://json-schema.org/draft/{name}/schema" for name in ("2019-09", "2020-12")),
    *("https://example.com/own", "http://[bad", True, 7, None),
]
EVIL = {"pattern": "^(a+)+$", "uniqueItems": True, "minimum": 1}
"""A standard validator applies it in time that doubles with each character, or squares."""


def recursive(part):
    return {
        "properties": {"below": {"type": "array", "items": {"$ref": "#"}}, "a": part},
        "required": ["a"],
    }


PLACES = {
    "property": lambda part: {"properties": {"a": part}},
    "root": lambda part: {"$schema": part["$schema"], "properties": {"a": EVIL}},
    "defs": lambda part: {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": part}},
    "unknown-keyword": lambda part: {"properties": {"a": {"$ref": "#/x/y"}}, "x": {"y": part}},
    "in-a-constant": lambda part: {
        "properties": {"a": {"$ref": "#/$defs/b/const"}},
        "$defs": {"b": {"const": part}},
    },
    "with-an-id": lambda part: {"properties": {"a": {"$id": "x:y", **part}}},
    "by-id": lambda part: {
        "properties": {"a": {"$ref": "x:y"}},
        "$defs": {"b": {"$id": "x:y", **part}},
    },
    "by-anchor": lambda part: {
        "properties": {"a": {"$ref": "#b"}},
        "$defs": {"b": {"$anchor": "b", **part}},
    },
    "dynamic": lambda part: {
        "properties": {"a": {"$dynamicRef": "#b"}},
        "$defs": {"b": {"$dynamicAnchor": "b", **part}},
    },
    "recursive": recursive,
    "recursive-of-2019": lambda part: {
        "properties": {"below": {"$recursiveRef": "#"}, "a": part},
        "$recursiveAnchor": True,
    },
    "all-of": lambda part: {"allOf": [{"properties": {"a": {"allOf": [part]}}}]},
    "if": lambda part: {"if": {"properties": {"a": part}}, "else": False},
    "contains": lambda part: {"properties": {"a": {"not": {"not": part}}}},
    "dependent": lambda part: {"dependentSchemas": {"a": {"properties": {"a": part}}}},
    "dependencies": lambda part: {"dependencies": {"a": {"properties": {"a": part}}}},
    "names": lambda part: {"patternProperties": {"^a": part}},
    "additional": lambda part: {"additionalProperties": part},
    "unevaluated": lambda part: {"unevaluatedProperties": part},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("draft", DRAFTS, ids=str)
def test_the_guards_hold_whatever_draft_is_named_where(place, draft):
    schema = PLACES[place]({"$schema": draft, **EVIL})
    assert check_schema({"type": "object", **schema}) is None
    checks = SchemaChecks(Budget(5000))
    for value in ("a" * 5000 + "!", [[n] for n in range(200)] + [[0]], 0):
        assert checks.fault_of(json.dumps({"a": value}), schema) is not None
    assert checks.fault_of(json.dumps({"a": "a" * 500}), schema) is None


def test_a_recursive_schema_is_checked_at_every_level():
    schema = {"$schema": DRAFTS[3], "type": "object", **recursive({"pattern": r"^\p{L}+$"})}
    right = {"a": "é", "below": [{"a": "b", "below": []}, {"a": "c"}]}
    assert fault_of(json.dumps(right), schema) is None
    fault = fault_of(json.dumps({"a": "é", "below": [{"a": "x", "below": [{"a": "1"}]}]}), schema)
    assert fault is not None
    assert fault.message.startswith("arguments.below[0].below[0].a: expected text that matches")


def test_many_patterns_are_applied():
    schema = {
        "properties": {f"p{n}": {"pattern": f"^[a-z]{{2}}-{n}$"} for n in range(300)},
        "patternProperties": {"^x-": {"type": "string"}},
    }
    value = {f"p{n}": f"ab-{n}" for n in range(300)}
    assert fault_of(json.dumps(value), schema) is None
    assert fault_of(json.dumps({**value, "p7": "ab-8"}), schema) is not None
    assert fault_of(json.dumps({**value, "x-1": 1}), schema) is not None
    words = {"items": {"pattern": "^[a-z]+(-[a-z]+)*$"}}
    assert fault_of(json.dumps(["some-words-with-dashes"] * 2000), words) is None


def test_a_deep_value_is_checked_or_given_up():
    tree = {"type": "array", "items": {"$ref": "#"}}
    assert fault_of("[" * 50 + "]" * 50, tree) is None
    fault = fault_of("[" * 900 + "]" * 900, tree)
    assert fault is not None


def test_the_validator_is_loaded_when_it_is_needed():
    code = "import sys, bridge.checks as c; c.check_schema({}); print('re2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "False"


NAMES = st.sampled_from(["a", "b", "ab"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "", "a", "ab"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def schemas(inner):
    lists = st.lists(inner, min_size=1, max_size=3)
    maps = st.dictionaries(NAMES, inner, max_size=3)
    small = st.integers(0, 3)
    names = st.lists(NAMES, max_size=2, unique=True)
    types = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
    keywords: dict = {
        "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "required": names,
        "uniqueItems": st.booleans(),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "pattern": st.sampled_from(["a", "^b?$", "."]),
        "patternProperties": st.dictionaries(st.sampled_from(["a", "^b", "b$"]), inner, max_size=2),
        "dependentRequired": st.dictionaries(NAMES, names, max_size=2),
        "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b"]),
        **dict.fromkeys(
            ["minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength"], small
        ),
        **dict.fromkeys(["minItems", "maxItems", "minProperties", "maxProperties"], small),
        **dict.fromkeys(["items", "contains", "additionalProperties", "not", "if", "then"], inner),
        **dict.fromkeys(["else", "propertyNames", "unevaluatedItems"], inner),
        **dict.fromkeys(["allOf", "anyOf", "oneOf", "prefixItems"], lists),
        **dict.fromkeys(["properties", "dependentSchemas"], maps),
    }
    return st.lists(st.sampled_from(sorted(keywords)), max_size=4, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: keywords[name] for name in chosen})
    )


SCHEMAS = st.recursive(st.just({}) | st.booleans(), schemas, max_leaves=8)
LEAVES = st.fixed_dictionaries({}, optional={"type": st.just("string"), "minimum": st.just(1)})


@given(schemas(SCHEMAS), LEAVES, LEAVES, VALUES)
def test_finds_fault_where_the_plain_validator_does(schema, a, b, value):
    schema = {**schema, "$defs": {"a": a, "b": b}}
    assert check_schema(schema) is None
    fault = fault_of(json.dumps(value), schema)
    assert (fault is None) == Draft202012Validator(schema).is_valid(value)
    if fault is not None:
        assert fault == fault_of(json.dumps(value), schema)
        assert fault.message.startswith("arguments")
