from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.references import MAX_SCHEMAS
from bridge.schema_shape import MAX_NESTING, fault_in


def nested(levels):
    schema: dict = {}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


SOUND = [
    pytest.param({}, id="empty"),
    pytest.param({"properties": {"a": True, "b": False, "c": {"type": "string"}}}, id="booleans"),
    pytest.param({"type": ["string", "null"], "enum": ["a", None]}, id="types"),
    pytest.param({"minItems": 1, "maxLength": 2.0, "minimum": -1.5, "multipleOf": 0.1},
                 id="numbers"),
    pytest.param({"required": [], "dependentRequired": {"a": ["b"]}}, id="names"),
    pytest.param({"dependencies": {"a": ["b"], "c": {"type": "object"}}}, id="dependencies"),
    pytest.param({"title": 3, "format": [], "x-of-mine": {"type": 7}, "default": {"$ref": 1}},
                 id="annotations"),
    pytest.param({"properties": {"$ref": {"type": "string"}, "required": {}}}, id="odd-names"),
    pytest.param({"const": {"$ref": "http://example.com"}, "enum": [{"type": 3}]}, id="data"),
    pytest.param({"$ref": "#"}, id="itself"),
    pytest.param({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, id="cycle"),
    pytest.param({"$ref": "#here", "$defs": {"a": {"$anchor": "here"}}}, id="anchor"),
    pytest.param({"$ref": "#/x-mine/a", "x-mine": {"a": {}}}, id="pointer-into-the-unknown"),
    pytest.param({"patternProperties": {"(": {}}}, id="unreadable-pattern"),
    *(pytest.param({"$schema": draft, "items": [{"$schema": draft}]}, id=f"draft-{draft}")
      for draft in ["https://example.com/own", "http://[bad", True, 4, None]),
    pytest.param({"items": [{}], "exclusiveMinimum": True}, id="of-several-drafts"),
    pytest.param({"disallow": 1, "divisibleBy": 0, "extends": 1}, id="of-draft-3"),
    pytest.param({"$ref": "a#/$defs/b", "$defs": {"x": {"$id": "a", "$defs": {"b": {}}}}}, id="id"),
    pytest.param({"$ref": "a#b", "$defs": {"x": {"$id": "a", "$anchor": "b"}}}, id="id-anchor"),
    pytest.param({"$id": "http://[bad", "$defs": {"x": {"$id": "http://[bad"}}}, id="bad-id"),
    pytest.param(nested(MAX_NESTING), id="deep"),
    pytest.param({"anyOf": [{} for _ in range(MAX_SCHEMAS - 1)]}, id="wide"),
]  # fmt: skip


@pytest.mark.parametrize("schema", SOUND)
def test_sound_schemas(schema):
    assert fault_in(schema) is None


UNSOUND = [
    pytest.param("x", "a schema must be a JSON object, not a string.", id="string"),
    pytest.param([], "a schema must be a JSON object, not a list.", id="list"),
    pytest.param(None, "a schema must be a JSON object, not null.", id="null"),
    pytest.param(True, "a schema must be a JSON object, not a boolean.", id="boolean"),
    pytest.param(1, "a schema must be a JSON object, not a number.", id="number"),
    pytest.param(
        {"properties": {"a": {"type": "strng"}}},
        "'properties.a.type' must be one of the types array, boolean, integer, null, number, "
        "object, string, or a list of them.",
        id="type",
    ),
    pytest.param({"type": []}, "'type' must be one of the types", id="no-type"),
    pytest.param({"type": [{}]}, "'type' must be one of the types", id="schema-as-type"),
    pytest.param({"properties": []}, "'properties' must be an object of schemas.", id="map"),
    pytest.param(
        {"items": {"anyOf": [{}, 3]}},
        "'items.anyOf[1]' must be a schema (an object or a boolean), not a number.",
        id="schema",
    ),
    pytest.param({"additionalProperties": None}, "'additionalProperties' must be a", id="null-one"),
    pytest.param({"allOf": []}, "'allOf' must be a list of schemas.", id="empty-list"),
    pytest.param({"anyOf": {}}, "'anyOf' must be a list of schemas.", id="no-list"),
    pytest.param({"required": True}, "'required' must be a list of property names.", id="required"),
    pytest.param({"required": [1]}, "'required' must be a list of property names.", id="names"),
    pytest.param({"enum": "a"}, "'enum' must be a list of values.", id="enum"),
    pytest.param({"minimum": "1"}, "'minimum' must be a number.", id="minimum"),
    pytest.param({"maximum": True}, "'maximum' must be a number.", id="maximum"),
    pytest.param({"minLength": -1}, "'minLength' must be a whole number", id="negative"),
    pytest.param({"maxItems": 1.5}, "'maxItems' must be a whole number", id="fraction"),
    pytest.param({"minContains": True}, "'minContains' must be a whole number", id="true-count"),
    pytest.param({"multipleOf": 0}, "'multipleOf' must be a number over 0.", id="multiple"),
    pytest.param({"uniqueItems": "yes"}, "'uniqueItems' must be true or false.", id="unique"),
    pytest.param({"pattern": 1}, "'pattern' must be a string.", id="pattern"),
    pytest.param({"dependencies": {"a": [1]}}, "'dependencies' must be", id="dependency-names"),
    pytest.param({"dependencies": {"a": 1}}, "'dependencies.a' must be a", id="dependency"),
    pytest.param({"dependentRequired": {"a": "b"}}, "'dependentRequired' must be", id="dependent"),
    pytest.param({"$ref": 4}, "'$ref' must be a string.", id="reference"),
    pytest.param(
        {"properties": {"a": {"$ref": "https://example.com/a.json"}}},
        "'properties.a.$ref' refers to another document (\"https://example.com/a.json\"); only",
        id="remote",
    ),
    pytest.param(
        {"$dynamicRef": "other#a"}, "'$dynamicRef' refers to another", id="dynamic-remote"
    ),
    pytest.param(
        {"$ref": "#/$defs/a"}, "'$ref' refers to \"#/$defs/a\", which is not", id="nowhere"
    ),
    *(
        pytest.param({**root, "$ref": uri}, "'$ref' refers to another document", id=f"uri-{case}")
        for case, root, uri in [
            ("bad", {}, "http://[bad"),
            ("long", {}, "x" * 2000),
            ("bad-with-an-id", {"$id": "a:b"}, "http://[bad"),
        ]
    ),
    pytest.param({"$ref": "#a", "properties": []}, "'$ref' refers to", id="map-behind-an-anchor"),
    pytest.param({"items": 1}, "'items' must be a schema.", id="items"),
    pytest.param({"$ref": "#here"}, "'$ref' refers to \"#here\", which is not there.", id="anchor"),
    pytest.param(
        {"$ref": "#/x-mine", "x-mine": {"type": 7}}, "'#/x-mine.type' must be", id="target"
    ),
    pytest.param(nested(MAX_NESTING + 1), "it is nested more than 64 levels deep.", id="deep"),
    pytest.param(
        {"anyOf": [{} for _ in range(MAX_SCHEMAS)]}, "it holds more than 10000 schemas.", id="wide"
    ),
]


@pytest.mark.parametrize(("schema", "fault"), UNSOUND)
def test_unsound_schemas(schema, fault):
    assert (fault_in(schema) or "").startswith(fault)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "$ref", "anyOf", "required", "enum", "a", "#/a"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_never_raises(schema):
    fault_in(schema)
