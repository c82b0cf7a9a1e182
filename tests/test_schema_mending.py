"""Schemas that are not quite JSON Schema can be applied, and refuse nothing that they allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.checks import check_schema, fault_of
from bridge.schema_mending import MANY, NAMED, ONE, mended_parameters

D2020 = "https://json-schema.org/draft/2020-12/schema"
D4 = "http://json-schema.org/draft-04/schema#"
D3 = "http://json-schema.org/draft-03/schema#"


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


WORDS = {"type": "string"}
MENDED = [
    # what a server sends, what it means
    pytest.param(of(a=WORDS) | {"required": None}, of(a=WORDS), id="required-null"),
    pytest.param(of(a=WORDS) | {"required": True}, of(a=WORDS), id="required-true"),
    pytest.param(
        of(a=WORDS) | {"required": "a"}, of(a=WORDS) | {"required": ["a"]}, id="required-name"
    ),
    pytest.param(
        of(a=WORDS) | {"required": ["a", None, 1]},
        of(a=WORDS) | {"required": ["a"]},
        id="required-more-than-names",
    ),
    pytest.param(
        of(a={"type": "string", "required": True}, b={"required": False}),
        of(a=WORDS, b={}) | {"required": ["a"]},
        id="draft-3-required",
    ),
    pytest.param(
        of(a={"type": "string", "required": True}, b={}) | {"required": ["b"]},
        of(a=WORDS, b={}) | {"required": ["b", "a"]},
        id="draft-3-and-4-required",
    ),
    pytest.param(
        of(a={"$ref": "#/gone", "divisibleBy": 5}) | {"$schema": D3},
        of(a={"multipleOf": 5}),
        id="draft-3-divisible",
    ),
    pytest.param(
        of(a={"minimum": 0, "exclusiveMinimum": True}) | {"$schema": D2020},
        of(a={"exclusiveMinimum": 0}) | {"$schema": D2020},
        id="exclusive-minimum",
    ),
    pytest.param(
        of(a={"maximum": 9, "exclusiveMaximum": True}) | {"$schema": D2020},
        of(a={"exclusiveMaximum": 9}) | {"$schema": D2020},
        id="exclusive-maximum",
    ),
    pytest.param(
        of(a={"maximum": 9, "exclusiveMaximum": False, "exclusiveMinimum": True})
        | {"$schema": D2020},
        of(a={"maximum": 9}) | {"$schema": D2020},
        id="exclusive-of-nothing",
    ),
    pytest.param(
        of(a={"minimum": 0, "exclusiveMinimum": True}, b=None) | {"$schema": D4},
        of(a={"exclusiveMinimum": 0}, b={}),
        id="draft-4",
    ),
    pytest.param(
        of(a={"items": [WORDS], "additionalItems": False}) | {"$schema": D2020},
        of(a={"prefixItems": [WORDS], "items": False}) | {"$schema": D2020},
        id="items-list",
    ),
    pytest.param(
        of(a={"items": [WORDS]}) | {"$schema": D2020},
        of(a={"prefixItems": [WORDS]}) | {"$schema": D2020},
        id="items-list-alone",
    ),
    pytest.param(of(a={"items": []}, b=None), of(a={"items": []}, b={}), id="items-none"),
    pytest.param(of(a={"$ref": "#/$defs/S"}), of(a={}), id="reference-lost"),
    pytest.param(of(a={"$ref": "#S"}), of(a={}), id="anchor-lost"),
    pytest.param(of(a={"$ref": 5}), of(a={}), id="reference-number"),
    pytest.param(of(a={"$ref": "https://x.example/s.json"}), of(a={}), id="reference-remote"),
    pytest.param(of(a={"$ref": "common.json#/a"}), of(a={}), id="reference-file"),
    pytest.param(
        of(a={"$ref": "#/$defs/S", "description": "Which."}) | {"$defs": None},
        of(a={"description": "Which."}),
        id="definitions-null",
    ),
    pytest.param(
        of(a={"$ref": "#/shapes/s"}) | {"shapes": {"s": {"type": "str"}}},
        of(a={"$ref": "#/shapes/s"}) | {"shapes": {"s": WORDS}},
        id="reference-to-what-is-no-keyword",
    ),
    pytest.param(
        of(a={"$ref": "#here"}, b={"$anchor": "here", "type": "Str"}, c={"$ref": "#"}),
        of(a={"$ref": "#here"}, b={"$anchor": "here", "type": "string"}, c={"$ref": "#"}),
        id="references-that-lead",
    ),
    pytest.param(
        of(a={"type": "str"}, b={"type": ["Int", "NoneType"]}, c={"type": "OBJECT"}),
        of(a=WORDS, b={"type": ["integer", "null"]}, c={"type": "object"}),
        id="types-of-languages",
    ),
    pytest.param(
        of(a={"type": "any"}, b={"type": []}, c={"type": [{}]}, d={"type": None}),
        of(a={}, b={}, c={}, d={}),
        id="types-of-nothing",
    ),
    pytest.param({"type": "object", "properties": []}, of(), id="php"),
    pytest.param(
        of(a=[], b={"additionalProperties": []}, c={"anyOf": []}),
        of(a={}, b={"additionalProperties": {}}, c={}),
        id="php-below",
    ),
    pytest.param(of(a="string", b=5, c=True), of(a={}, b={}, c=True), id="no-schemas"),
    pytest.param(
        of(a={"minLength": "5", "pattern": 5, "enum": "x", "multipleOf": 0, "minimum": None}),
        of(a={}),
        id="values",
    ),
    pytest.param(
        of(a={"enum": "x", "const": None, "default": None}),
        of(a={"const": None, "default": None}),
        id="null-that-is-a-value",
    ),
    pytest.param(
        of(a={"type": "object", "additionalProperties": "false"}),
        of(a={"type": "object"}),
        id="additional",
    ),
    pytest.param(
        {"properties": [{"name": "a"}], "additionalProperties": False}, {}, id="properties-list"
    ),
    pytest.param(
        of(a=5) | {"dependencies": {"a": ["b"], "b": {"required": ["c"]}, "c": []}},
        of(a={}) | {"dependencies": {"a": ["b"], "b": {"required": ["c"]}, "c": {}}},
        id="dependencies",
    ),
    pytest.param(of(a={}) | {"$schema": 5}, of(a={}), id="draft-number"),
    pytest.param({"type": "string"}, {"type": "object"}, id="root-string"),
    pytest.param({"type": ["array", "null"]}, {"type": "object"}, id="root-list"),
    pytest.param({"type": {}}, {}, id="root-nothing"),
    # What was left out makes nothing refuse more than before.
    pytest.param(
        of(a={"oneOf": [{"$ref": "#/gone"}, WORDS]}), of(a={"anyOf": [{}, WORDS]}), id="one-of"
    ),
    pytest.param(
        of(a={"oneOf": [{"$ref": "#/gone"}], "anyOf": [WORDS]}),
        of(a={"anyOf": [WORDS]}),
        id="one-of-and-any-of",
    ),
    pytest.param(of(a={"not": {"$ref": "#/gone"}}), of(a={}), id="not"),
    pytest.param(of(a={"not": None}), of(a={}), id="not-null"),
    pytest.param(
        of(a={"if": {"$ref": "#/gone"}, "then": False}), of(a={"then": False}), id="if"
    ),
    pytest.param(
        of(a={"oneOf": [WORDS]}, b={"$ref": "#/properties/a/oneOf/0"}, c=5),
        of(a={"anyOf": [WORDS]}, b={}, c={}),
        id="reference-to-what-was-renamed",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "meant"), MENDED)
def test_mended(sent, meant):
    before = json.dumps(sent)
    mended = mended_parameters(sent)
    assert mended == meant
    assert check_schema(mended) is None
    assert json.dumps(sent) == before


def test_a_branch_that_cannot_be_read_allows_what_another_does():
    """With ``oneOf`` as it was, the value would fit two branches, which is one too many."""
    schema = mended_parameters(of(a={"oneOf": [{"$ref": "#/gone"}, WORDS]}))
    assert fault_of('{"a": "x"}', schema) is None


def test_what_can_be_read_is_still_checked():
    schema = mended_parameters(of(a={"$ref": "#/gone"}, n={"type": "int"}) | {"required": ["n"]})
    assert fault_of('{"a": [1], "n": 2}', schema) is None
    assert fault_of('{"a": [1]}', schema) is not None
    assert fault_of('{"n": "two"}', schema) is not None


def test_what_is_too_large_stays_so():
    schema = {
        "type": "object",
        "required": None,
        "properties": {f"p{n}": {} for n in range(10_001)},
    }
    assert "more than 10000" in str(check_schema(mended_parameters(schema)))


KEYWORDS = [
    *ONE, *MANY, *NAMED, "type", "required", "enum", "$ref", "$anchor", "minimum", "minLength",
    "exclusiveMinimum", "pattern", "uniqueItems", "const", "$schema", "divisibleBy", "dependencies",
]  # fmt: skip
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 2)
    | st.sampled_from(["#", "#/properties/a", "#/$defs/a", "#a", "a", "string", "Int", D4, D2020]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYWORDS, "a"]), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(KEYWORDS), anything, max_size=6))
def test_any_object_becomes_the_schema_of_an_object(schema):
    mended = mended_parameters(schema)
    assert check_schema(mended) is None
    assert "object" in mended.get("type", "object")
