from __future__ import annotations

import pytest

from bridge.schema_paths import MAX_ALTERNATIVES, MAX_CHAIN, MAX_TOGETHER, place_of

INTEGER = {"type": "integer"}
STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        pytest.param(None, None, id="none"),
        pytest.param({}, None, id="empty"),
        pytest.param(True, None, id="true"),
        pytest.param(False, None, id="false"),
        pytest.param("nonsense", None, id="no-schema"),
        pytest.param({"type": 3}, None, id="no-type"),
        pytest.param(INTEGER, {"integer"}, id="one"),
        pytest.param({"type": "number"}, {"number", "integer"}, id="number-holds-integer"),
        pytest.param({"type": ["string", "null"]}, {"string", "null"}, id="list"),
        pytest.param(
            {"enum": ["a", 1, 1.5, None, True, {}, []]},
            {"string", "integer", "number", "null", "boolean", "object", "array"},
            id="enum",
        ),
        pytest.param({"const": 1}, {"integer"}, id="const"),
        pytest.param({"type": ["string", "null"], "enum": ["a", None, 3]}, {"string", "null"},
                     id="type-and-enum"),
        pytest.param({"anyOf": [INTEGER, {"type": "null"}]}, {"integer", "null"}, id="any-of"),
        pytest.param({**INTEGER, "nullable": True}, {"integer", "null"}, id="nullable"),
        pytest.param({**INTEGER, "nullable": False}, {"integer"}, id="not-nullable"),
        pytest.param({"allOf": [INTEGER], "nullable": True}, {"integer", "null"},
                     id="nullable-all-of"),
        pytest.param({"oneOf": [INTEGER, STRING]}, {"integer", "string"}, id="one-of"),
        pytest.param({"anyOf": [INTEGER, {}]}, None, id="any-of-anything"),
        pytest.param({"allOf": [{"type": "number"}, INTEGER]}, {"integer"}, id="all-of"),
        pytest.param({"type": ["integer", "string"], "anyOf": [STRING, {"type": "null"}]},
                     {"string"}, id="siblings"),
        pytest.param({"allOf": [INTEGER, STRING]}, None, id="nothing-can-stand-here"),
        pytest.param({"$ref": "#/$defs/a", "$defs": {"a": INTEGER}}, {"integer"}, id="defs"),
        pytest.param({"$ref": "#/definitions/a~1b~0c%20d",
                      "definitions": {"a/b~c d": INTEGER}}, {"integer"}, id="escaped-pointer"),
        pytest.param({"$ref": "#/allOf/1", "allOf": [{}, INTEGER]}, {"integer"}, id="list-pointer"),
        pytest.param({"$ref": "#/allOf/7", "allOf": [{}]}, None, id="pointer-past-the-list"),
        pytest.param({"$ref": "#/a/b/c", "a": 1}, None, id="pointer-into-nothing"),
        pytest.param({"$ref": "https://example.com/x.json"}, None, id="remote"),
        pytest.param({"$ref": "#anchor"}, None, id="anchor"),
        pytest.param({"$ref": 3}, None, id="no-reference"),
        pytest.param({"$ref": "#"}, None, id="itself"),
        pytest.param({"type": "object", "$ref": "#"}, {"object"}, id="itself-with-a-type"),
        pytest.param({"anyOf": [{"$ref": "#"}, INTEGER]}, None, id="itself-or-integer"),
    ],
)  # fmt: skip
def test_types(schema, types):
    assert place_of(schema).types == types


def test_allows_and_only():
    place = place_of({"type": ["string", "null"]})
    assert place.only("string")
    assert not place.only("null")
    assert place.allows("null")
    assert not place.allows("integer")
    assert place_of(None).allows("integer")
    assert not place_of(None).only("integer")


TREE = {
    "type": "object",
    "properties": {
        "size": INTEGER,
        "left": {"$ref": "#"},
        "list": {"type": "array", "items": {"$ref": "#"}},
        "maybe": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/leaf"}]},
    },
    "$defs": {"leaf": {"type": "object", "properties": {"name": STRING}}},
}


def test_walks_a_recursive_schema_without_making_new_places():
    top = place_of(TREE)
    assert top.member("left").member("left").member("size").types == frozenset({"integer"})
    assert top.member("left").member("left") is top.member("left")
    assert top.member("list").item(10**9).member("size").types == frozenset({"integer"})
    assert top.member("list").item(0) is top.member("list").item(5)
    assert top.member("maybe").types == frozenset({"object", "null"})
    assert top.member("maybe").member("name").types == frozenset({"string"})
    assert top.member("other").member("what").types is None


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        pytest.param({"additionalProperties": INTEGER}, {"integer"}, id="additional"),
        pytest.param({"additionalProperties": INTEGER, "patternProperties": {"^x": {}}}, None,
                     id="patterns-are-not-read"),
        pytest.param({"properties": {"a": STRING}, "additionalProperties": INTEGER}, {"string"},
                     id="listed-first"),
        pytest.param({"allOf": [{"properties": {"b": STRING}}, {"properties": {"a": INTEGER}}]},
                     {"integer"}, id="all-of"),
        pytest.param({"anyOf": [{"properties": {"a": STRING}}, {"properties": {"a": INTEGER}}]},
                     {"string", "integer"}, id="any-of"),
        pytest.param({"anyOf": [{"properties": {"a": STRING}}, {"type": "null"}]}, {"string"},
                     id="only-branches-for-objects"),
        pytest.param({"anyOf": [{"properties": {"a": STRING}}, {"additionalProperties": False}]},
                     {"string"}, id="only-branches-with-that-member"),
        pytest.param({"anyOf": [{"properties": {"a": STRING}}, {"properties": {}}]}, None,
                     id="unsaid-in-one-branch"),
        pytest.param({"additionalProperties": False}, None, id="forbidden"),
        pytest.param({"type": "string", "properties": {"a": STRING}}, None, id="no-object"),
        pytest.param({"properties": 3}, None, id="no-properties"),
    ],
)  # fmt: skip
def test_members(schema, types):
    place = place_of(schema)
    assert place.member("a").types == types
    assert place.member("a") is place.member("a")


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        pytest.param({"items": INTEGER}, [{"integer"}] * 3, id="items"),
        pytest.param({"prefixItems": [STRING], "items": INTEGER},
                     [{"string"}, {"integer"}, {"integer"}], id="prefix"),
        pytest.param({"items": [STRING, {}], "additionalItems": INTEGER},
                     [{"string"}, None, {"integer"}], id="draft-7"),
        pytest.param({"items": [STRING]}, [{"string"}, None, None], id="draft-7-open"),
        pytest.param({"type": "array"}, [None] * 3, id="unsaid"),
        pytest.param({"anyOf": [{"type": "array", "items": STRING}, STRING]}, [{"string"}] * 3,
                     id="any-of"),
        pytest.param({"type": "object", "items": STRING}, [None] * 3, id="no-array"),
    ],
)  # fmt: skip
def test_items(schema, types):
    assert [place_of(schema).item(index).types for index in range(3)] == types


def test_a_product_of_unions_allows_anything():
    unions = {"allOf": [{"anyOf": [{"minimum": n}, {"type": "integer"}]} for n in range(7)]}
    assert MAX_ALTERNATIVES < 2**7
    assert place_of(unions).types is None


def test_unions_of_unions_stay_small():
    laughs: dict = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 9} for n in range(30)}
    laughs["d30"] = INTEGER
    assert place_of({"$ref": "#/$defs/d0", "$defs": laughs}).types is None


def test_a_union_that_repeats_itself_below_stays_small():
    node: dict = {"type": "object", "properties": {}}
    node["properties"]["next"] = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"type": "null"}]}
    place = place_of(node)
    for _ in range(200):
        place = place.member("next")
    assert place.types == frozenset({"object", "null"})


def test_a_long_chain_of_references_allows_anything():
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5000)}
    chain["d5000"] = INTEGER
    assert place_of({"$ref": "#/$defs/d0", "$defs": chain}).types is None
    near = 5000 - MAX_CHAIN // 2
    assert place_of({"$ref": f"#/$defs/d{near}", "$defs": chain}).types == frozenset({"integer"})


def part(number: int) -> dict:
    return {"properties": {f"p{number}": INTEGER}}


def test_many_schemas_at_one_place_allow_anything():
    """Each member looked through all of them: ten thousand of both took a minute."""
    few, many = [{"allOf": list(map(part, range(count)))} for count in (200, 10_000)]
    assert place_of(few).member("p7").types == frozenset({"integer"})
    place = place_of(many)
    assert all(place.member(f"p{number}").types is None for number in range(10_000))
    assert MAX_TOGETHER < 2 * 200
    assert place_of({**few, "anyOf": [STRING, {"type": "object"}]}).types is None


def test_many_schemas_of_many_alternatives_allow_anything():
    def way(number: int) -> dict:
        return {"properties": {"a": {"allOf": [{"maximum": n, **INTEGER} for n in range(number)]}}}

    assert place_of({"anyOf": [way(100), way(101)]}).member("a").types == frozenset({"integer"})
    assert place_of({"anyOf": [way(100), way(101), way(102)]}).member("a").types is None


def test_a_long_enumeration_is_read_once():
    listed = {f"p{n}": INTEGER for n in range(3000)}
    place = place_of({"enum": [{}] * 200_000, "properties": listed})
    for number in range(3000):
        assert place.member(f"p{number}").types == frozenset({"integer"})
