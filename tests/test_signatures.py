from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import (
    Draft3Validator,
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
)

from bridge.checks import check_schema
from bridge.schema import FunctionDefinition
from bridge.signature_types import MAX_REFERENCES, MAX_SCHEMAS, Untranslatable
from bridge.signatures import describe, listed, signature
from tests.test_json_tokens import calls_in


def members(**properties):
    return {"type": "object", "properties": properties}


def shown(schema):
    """The type that one optional member ``a`` of this schema is shown with."""
    text = signature("f", None, members(a=schema))
    found = re.fullmatch(r"f\(args: \{(?:\n  )?a\?: (.*?)\n?\}\)", text, re.DOTALL)
    assert found
    return found[1]


STRING = {"type": "string"}
SAFE = 9007199254740991

TYPES = [
    pytest.param(STRING, "string", id="string"),
    pytest.param({"type": "integer"}, "integer", id="integer"),
    pytest.param({}, "any", id="any"),
    pytest.param(True, "any", id="true"),
    pytest.param({"type": ["string", "null"]}, "string | null", id="types"),
    pytest.param({"type": "string", "enum": ["a", 'b"', "北"]}, '"a" | "b\\"" | "北"', id="enum"),
    pytest.param({"enum": []}, "never", id="empty-enum"),
    pytest.param({"enum": [1, None, True]}, "1 | null | true", id="mixed-enum"),
    pytest.param({"const": {"k": [1]}}, '{"k": [1]}', id="const"),
    pytest.param({"anyOf": [STRING, {"type": "null"}]}, "string | null", id="any-of"),
    pytest.param({"anyOf": [STRING, STRING]}, "string", id="any-of-the-same"),
    pytest.param(
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "integer", "minimum": 0}]},
        "string /* format date */ | integer /* at least 0 */",
        id="notes-on-branches",
    ),
    pytest.param({"type": "array"}, "any[]", id="array"),
    pytest.param({"type": "array", "items": STRING}, "string[]", id="items"),
    pytest.param({"items": {"enum": ["a", "b"]}}, '("a" | "b")[]', id="items-of-a-union"),
    pytest.param({"items": {"type": "array", "items": STRING}}, "string[][]", id="nested-array"),
    pytest.param({"prefixItems": [STRING, {}], "items": False}, "[string, any]", id="tuple"),
    pytest.param({"prefixItems": [STRING]}, "[string, ...any[]]", id="open-tuple"),
    pytest.param({"type": "object"}, "object", id="object"),
    pytest.param({"type": "object", "additionalProperties": False}, "{}", id="no-members"),
    pytest.param(
        {"additionalProperties": {"type": "integer", "maximum": 3}, "type": "object"},
        "{[name: string]: integer /* at most 3 */}",
        id="map",
    ),
    pytest.param(members(b=STRING), "{b?: string}", id="nested"),
    pytest.param({"required": ["b"]}, "{b: any}", id="only-required"),
    pytest.param(members(**{"b-c": STRING}), '{"b-c"?: string}', id="odd-name"),
    pytest.param({"allOf": [STRING], "default": "x"}, 'string /* default "x" */', id="all-of-one"),
    pytest.param({"allOf": [STRING, {}]}, "string", id="all-of-one-and-anything"),
    pytest.param({"allOf": [{}, {}]}, "any", id="all-of-anything"),
    pytest.param(
        {"allOf": [members(a=STRING), members(b=STRING)]},
        "{a?: string} & {b?: string}",
        id="all-of-two",
    ),
    pytest.param(
        {"allOf": [{"enum": [1, 2]}, {"type": "integer", "minimum": 1}], "description": "d"},
        "(1 | 2) & integer // d; at least 1",
        id="all-of-a-union",
    ),
    pytest.param(
        {"oneOf": [{**STRING, "format": "uri"}, STRING]},
        "string /* format uri */ | string",
        id="one-of-two-strings",
    ),
    pytest.param(
        {"type": "object", "oneOf": [members(a=STRING), {"required": ["b"]}, {"$ref": "#/x"}]},
        "{a?: string} | {b: any} | any",
        id="one-of-objects",
    ),
    pytest.param(
        {"type": "string", "anyOf": [{"minLength": 1}, {"maxLength": 9}]},
        "string /* not empty */ | string /* at most 9 characters */",
        id="any-of-a-type",
    ),
    pytest.param({"nullable": True, **STRING}, "string | null", id="nullable"),
    pytest.param(
        {"nullable": True, "type": ["string", "null"]}, "string | null", id="nullable-twice"
    ),
    pytest.param({"nullable": True, "enum": ["a"]}, '"a" | null', id="nullable-enum"),
    pytest.param(
        {"items": {"nullable": True, **STRING}, "type": "array"},
        "(string | null)[]",
        id="nullable-items",
    ),
    pytest.param(False, "never", id="false"),
    pytest.param({"$ref": "#/nowhere"}, "any", id="reference-to-nothing"),
    pytest.param({"items": [STRING]}, "[string, ...any[]]", id="list-of-items"),
    pytest.param({"items": [STRING], "additionalItems": False}, "[string]", id="closed-list"),
    pytest.param(
        {"type": "array", "prefixItems": [STRING, STRING], "minItems": 2, "maxItems": 2},
        "[string, string] /* 2 items */",
        id="pair",
    ),
    pytest.param(
        {"prefixItems": [STRING], "maxItems": 3},
        "[string, ...any[]] /* at most 3 items */",
        id="list-that-goes-on",
    ),
    pytest.param(
        {"description": "One.", "minLength": 1, "default": "x"},
        'any // One. not empty; default "x"',
        id="a-sentence-and-notes",
    ),
    pytest.param(
        {"patternProperties": {"^x": {}}}, "{[name: string /* matches ^x */]: any}", id="patterns"
    ),
    pytest.param(
        {"properties": {"b": STRING}, "additionalProperties": {"type": "integer"}},
        "{b?: string, [name: string]: integer}",
        id="members-and-a-map",
    ),
    pytest.param(
        {"type": "object", "propertyNames": STRING, "additionalProperties": {}},
        "object",
        id="names-that-are-strings",
    ),
    pytest.param(
        {"type": "object", "propertyNames": {"enum": ["x", "y"]}, "additionalProperties": STRING},
        '{[name: "x" | "y"]: string}',
        id="names-of-a-few",
    ),
    pytest.param(
        {"type": "object", "propertyNames": {"maxLength": 3}},
        "{[name: string /* at most 3 characters */]: any}",
        id="names-of-a-kind",
    ),
    pytest.param({"propertyNames": False}, "{[name: never]: any}", id="no-names"),
]


@pytest.mark.parametrize(("schema", "text"), TYPES)
def test_types(schema, text):
    assert shown(schema) == text


NOTES = [
    pytest.param({"minimum": 1, "maximum": 7}, "1 to 7", id="range"),
    pytest.param({"minimum": 0}, "at least 0", id="minimum"),
    pytest.param({"maximum": 0.5}, "at most 0.5", id="maximum"),
    pytest.param({"exclusiveMinimum": 0, "exclusiveMaximum": 9}, "more than 0; less than 9",
                 id="exclusive"),
    pytest.param({"minimum": 0, "exclusiveMinimum": True}, "at least 0", id="draft-4"),
    pytest.param({"minimum": SAFE * -1, "maximum": SAFE, "exclusiveMinimum": 0}, "more than 0",
                 id="zod-positive"),
    pytest.param({"minimum": 1, "maximum": SAFE}, "at least 1", id="zod-least"),
    pytest.param({"minimum": -(2**63), "maximum": 9}, "at most 9", id="64-bits"),
    pytest.param({"minimum": 0, "exclusiveMinimum": 0}, "more than 0", id="two-lower-bounds"),
    pytest.param({"minimum": 5, "exclusiveMinimum": 0}, "at least 5", id="the-tighter-one"),
    pytest.param({"maximum": 5, "exclusiveMaximum": 9}, "at most 5", id="the-tighter-upper-one"),
    pytest.param({"minimum": 5, "maximum": 5}, "5", id="one-number"),
    pytest.param({"minimum": 0, "exclusiveMaximum": 1}, "at least 0; less than 1", id="half-open"),
    pytest.param({"multipleOf": 5}, "a multiple of 5", id="multiple"),
    pytest.param({"minLength": 1}, "not empty", id="not-empty"),
    pytest.param({"minLength": 0, "maxLength": 80}, "at most 80 characters", id="length"),
    pytest.param({"minLength": 2, "maxLength": 80}, "2 to 80 characters", id="lengths"),
    pytest.param({"minProperties": 2}, "at least 2 members", id="members"),
    pytest.param({"format": "uuid", "pattern": "^[0-9a-f]{8}-"}, "format uuid",
                 id="a-format-and-its-pattern"),
    pytest.param({"not": STRING}, 'JSON Schema {"not":{"type":"string"}}', id="not"),
    pytest.param({"if": {}, "then": {}, "contains": False}, 'JSON Schema {"if":{},"then":{}}',
                 id="condition"),
    pytest.param({"pattern": r"^\d+$"}, r"matches ^\d+$", id="pattern"),
    pytest.param({"format": "date-time"}, "format date-time", id="format"),
    pytest.param({"default": ["a"]}, 'default ["a"]', id="default"),
    pytest.param({"default": False}, "default false", id="default-false"),
    pytest.param({"examples": ["a", "b", "c"]}, 'e.g. "a", "b"', id="examples"),
    pytest.param({"deprecated": True}, "deprecated", id="deprecated"),
    pytest.param({"uniqueItems": True}, "no item twice", id="unique"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "note"), NOTES)
def test_notes(schema, note):
    assert shown(schema) == f"any /* {note} */"


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"default": None}, id="null-default"),
        pytest.param({"uniqueItems": False, "deprecated": False}, id="false"),
        pytest.param({"title": "A", "$comment": "c", "x-of-mine": 1, "examples": []}, id="unknown"),
        pytest.param({"description": " \n"}, id="blank-description"),
        pytest.param({"minimum": -SAFE, "maximum": SAFE, "exclusiveMaximum": SAFE}, id="no-bounds"),
        pytest.param({"minimum": 5, "maximum": 3}, id="contradictory"),
        pytest.param({"minLength": 5, "maxLength": 3}, id="contradictory-lengths"),
        pytest.param({"unevaluatedProperties": False}, id="closed"),
        pytest.param({"description": 7, "examples": 7}, id="annotations-of-other-types"),
    ],
)
def test_what_says_nothing_is_left_out(schema):
    assert shown(schema) == "any"


WHOLE = [
    pytest.param(None, None, "f(args: {})", id="nothing"),
    pytest.param("What it does", {}, "// What it does\nf(args: {})", id="no-arguments"),
    pytest.param(
        "One\r\n\n  two\u2028three*/",
        members(),
        "// f: One\n//\n//   two\n// three*/\nf(args: {})",
        id="lines",
    ),
    pytest.param("One\ntwo", members(), "// One\n// two\nf(args: {})", id="two-lines"),
    pytest.param("\n  One:\n    - two\n\n", {}, "// One:\n//   - two\nf(args: {})", id="margin"),
    pytest.param(
        None,
        {"$ref": "#/$defs/a", "$defs": {"a": members(b=STRING)}, "type": "object"},
        "f(args: {b?: string})",
        id="reference-beside-a-type",
    ),
    pytest.param(
        "Look",
        {
            **members(
                path={"type": "string", "description": "Where\n  - it is\n", "maxLength": 9},
                lines={"type": "array", "items": {"type": "integer", "description": "one"}},
                place={**members(lat={"type": "number"}), "description": "On earth"},
                deep=members(x={"type": "string", "description": "d"}),
                things={"type": "array", "items": members(y={"description": "e"})},
                glob={"type": "string", "default": "**/*"},
            ),
            "required": ["path"],
            "description": "All of it",
        },
        """// Look
// All of it
f(args: {
  // Where
  //   - it is
  path: string // at most 9 characters
  lines?: integer[] // each: one
  place?: {lat?: number} // On earth
  deep?: {
    x?: string // d
  }
  things?: {
    y?: any // e
  }[]
  glob?: string // default "**/*"
})""",
        id="descriptions",
    ),
    pytest.param(
        None,
        {
            **members(a={"$ref": "#/$defs/x", "description": "mine"}, b={"$ref": "#/$defs/x"}),
            "$defs": {"x": {"type": "string", "minLength": 1}},
        },
        "f(args: {\n  a?: string // mine; not empty\n  b?: string // not empty\n})",
        id="references",
    ),
    pytest.param(
        None,
        members(g={"default": "a*/b", "type": "string"}),
        'f(args: {\n  g?: string // default "a*/b"\n})',
        id="end-of-a-comment",
    ),
    pytest.param(
        None,
        members(g={"anyOf": [{"type": "string", "pattern": "*/"}, {"const": 1}]}),
        "f(args: {g?: string /* matches * / */ | 1})",
        id="end-of-a-comment-inside",
    ),
    pytest.param(
        None,
        members(**{f"member{n}": members(a=STRING) for n in range(5)}),
        """f(args: {
  member0?: {a?: string}
  member1?: {a?: string}
  member2?: {a?: string}
  member3?: {a?: string}
  member4?: {a?: string}
})""",
        id="too-long-for-a-line",
    ),
    pytest.param(None, members(g={"const": "\ud800"}), 'f(args: {g?: "\\ud800"})', id="surrogate"),
]


@pytest.mark.parametrize(("description", "schema", "text"), WHOLE)
def test_signatures(description, schema, text):
    assert signature("f", description, schema) == text


NODE = {"$ref": "#/$defs/n"}
LOOP = {"n": members(next=NODE, x={"not": {"$ref": "#/$defs/m", "x": [{}]}}), "m": STRING}
ODD = [
    pytest.param(
        members(a=STRING, b={**STRING, "not": {"const": "*/"}}),
        """f(args: {
  a?: string
  b?: string // JSON Schema {"not":{"const":"*/"}}
})""",
        id="a-member",
    ),
    pytest.param(
        {**members(a=STRING, b=STRING), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        """// JSON Schema {"anyOf":[{"required":["a"]},{"required":["b"]}]}
f(args: {a?: string, b?: string})""",
        id="the-whole",
    ),
    pytest.param(
        {**NODE, "anyOf": [{}], "$defs": {"n": members(a=STRING)}},
        """// JSON Schema {"anyOf":[{}]}
f(args: {a?: string})""",
        id="two-compositions",
    ),
    pytest.param(
        {**members(a=NODE), "$defs": LOOP},
        """f(args: {
  a?: {
    next?: any // JSON Schema {"$ref":"#/$defs/n"}
    x?: any // JSON Schema {"not":{"$ref":"#/$defs/m","x":[{}]}}
  }
})
// #/$defs/n: {"type":"object","properties":{"next":{"$ref":"#/$defs/n"},\
"x":{"not":{"$ref":"#/$defs/m","x":[{}]}}}}
// #/$defs/m: {"type":"string"}""",
        id="recursion",
    ),
    pytest.param(
        members(a={"not": {"$ref": "#/nowhere"}}),
        """f(args: {a?: any /* JSON Schema {"not":{"$ref":"#/nowhere"}} */})""",
        id="reference-to-nothing",
    ),
    pytest.param(
        members(a={"$ref": "#"}),
        """f(args: {a?: any /* JSON Schema {"$ref":"#"} */})
// #: {"type":"object","properties":{"a":{"$ref":"#"}}}""",
        id="itself",
    ),
    pytest.param(
        members(
            a={"anyOf": [{**STRING, "description": "one\ntwo"}, {"type": "null"}]},
            b={"type": ["array", "null"], "items": {**STRING, "description": "one\n  two"}},
            c={"anyOf": [{**STRING, "description": "one\ntwo"}, {"type": "integer"}]},
        ),
        """f(args: {
  // one
  // two
  a?: string | null
  // each: one
  //   two
  b?: string[] | null
  c?: string /* one two */ | integer
})""",
        id="lines-of-parts",
    ),
]


@pytest.mark.parametrize(("schema", "text"), ODD)
def test_only_what_is_odd_is_shown_as_schema(schema, text):
    assert signature("f", None, schema) == text


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": ["string", {}]}, id="type"),
        pytest.param({"type": 5}, id="number-for-a-type"),
        pytest.param({"required": True, "type": "string"}, id="draft-3-required"),
        pytest.param({"properties": []}, id="properties"),
        pytest.param({"allOf": []}, id="nothing-in-all-of"),
        pytest.param({"$ref": 5}, id="reference"),
        pytest.param({"prefixItems": [], "maxItems": "3"}, id="bound"),
    ],
)
def test_what_is_no_schema_is_shown_as_it_is(schema):
    text = json.dumps(schema, separators=(",", ":"))
    assert (
        signature("f", None, members(a=schema)) == f"f(args: {{a?: any /* JSON Schema {text} */}})"
    )


PUBLISHED = [
    *(Draft3Validator, Draft4Validator, Draft6Validator, Draft7Validator),
    *(Draft201909Validator, Draft202012Validator),
]


@pytest.mark.parametrize("draft", PUBLISHED)
def test_published_schemas_are_described(draft):
    schema = dict(draft.META_SCHEMA)
    text = signature("f", "d", schema)
    assert text.startswith("// d\n")
    assert all(f"{name}?: " in text for name in schema.get("properties", {}) if name[0] != "$")
    tool = FunctionDefinition(name="f", description="d", parameters=schema)
    assert len(describe(tool)) <= len(text)


def test_a_long_chain_of_references_is_shown_as_schema():
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(MAX_REFERENCES)}
    chain[f"d{MAX_REFERENCES}"] = STRING
    text = signature("f", None, {**members(a={"$ref": "#/$defs/d0"}), "$defs": chain})
    last = f"#/$defs/d{MAX_REFERENCES}"
    assert text.split("\n") == [
        f'f(args: {{a?: any /* JSON Schema {{"$ref":"{last}"}} */}})',
        f'// {last}: {{"type":"string"}}',
    ]


DOUBLING = {
    f"d{n}": members(a={"$ref": f"#/$defs/d{n + 1}"}, b={"$ref": f"#/$defs/d{n + 1}"})
    for n in range(30)
}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(members(a={"enum": [1] * (MAX_SCHEMAS + 1)}), id="long-enumeration"),
        pytest.param({**members(a={"$ref": "#/$defs/d0"}), "$defs": DOUBLING}, id="doubling"),
        pytest.param(members(**{f"a{n}": {} for n in range(MAX_SCHEMAS)}), id="wide"),
    ],
)
def test_what_is_too_much_is_shown_as_schema(schema):
    with pytest.raises(Untranslatable):
        signature("f", "d", schema)
    tool = FunctionDefinition(name="f", description="d", parameters=schema)
    assert describe(tool) == describe(tool, "json-schema")
    assert json.loads(describe(tool)) == {"name": "f", "description": "d", "parameters": schema}


def test_tools_of_many_lines_stand_apart():
    assert listed([]) == ""
    assert listed(["// a\na()", "b()", "// c\nc({\n})", "d()"]) == (
        "// a\na()\nb()\n\n// c\nc({\n})\n\nd()"
    )


def test_json_schema_on_request():
    tool = FunctionDefinition(name="f", parameters=members(城={"const": "\u2028\ud800"}))
    text = describe(tool, "json-schema")
    assert (
        text
        == '{"name":"f","parameters":'
        + json.dumps(tool.parameters, ensure_ascii=False, separators=(",", ":")).replace(
            "\ud800", "\\ud800"
        )
        + "}"
    )
    assert describe(FunctionDefinition(name="f"), "json-schema") == '{"name":"f"}'


def test_the_shorter_of_the_two():
    shared = {"enum": ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]}
    uses = {f"a{n}": {"$ref": "#/$defs/x"} for n in range(9)}
    tool = FunctionDefinition(name="f", parameters={**members(**uses), "$defs": {"x": shared}})
    assert describe(tool).startswith("{")
    few = {**members(a={"$ref": "#/$defs/x"}), "$defs": {"x": shared}}
    long = FunctionDefinition(name="f", description="\n" * 500 + "a\n" * 500, parameters=few)
    assert describe(long).startswith("// f: a\n// a\n")


AGENT = [
    FunctionDefinition(
        name="read_file",
        description="Read a file",
        parameters={
            **members(
                path={"type": "string"},
                offset={"type": "integer", "minimum": 0, "default": 0},
                limit={"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            ),
            "required": ["path"],
            "additionalProperties": False,
        },
    ),
    FunctionDefinition(
        name="write_file",
        description="Write a file",
        parameters={
            **members(path={"type": "string"}, content={"type": "string"}),
            "required": ["path", "content"],
            "additionalProperties": False,
        },
    ),
    FunctionDefinition(
        name="run_command",
        description="Run a shell command and return its output",
        parameters={
            **members(
                command={"type": "string", "description": "As typed into bash"},
                timeout={"type": "integer", "minimum": 1, "maximum": 600, "default": 60},
                env={"type": "object", "additionalProperties": {"type": "string"}},
            ),
            "required": ["command"],
            "additionalProperties": False,
        },
    ),
    FunctionDefinition(
        name="search",
        description="Search the code",
        parameters={
            **members(
                query={"type": "string"},
                mode={"type": "string", "enum": ["text", "regex", "symbol"], "default": "text"},
                paths={"type": "array", "items": {"type": "string"}},
                case_sensitive={"type": "boolean", "default": False},
            ),
            "required": ["query"],
            "additionalProperties": False,
        },
    ),
    FunctionDefinition(
        name="edit_file",
        description="Replace text in a file",
        parameters={
            **members(
                path={"type": "string"},
                edits={"type": "array", "items": {"$ref": "#/$defs/Edit"}},
            ),
            "required": ["path", "edits"],
            "additionalProperties": False,
            "$defs": {
                "Edit": {
                    **members(
                        old={"type": "string"},
                        new={"type": "string"},
                        all={"type": "boolean", "default": False},
                    ),
                    "required": ["old", "new"],
                    "additionalProperties": False,
                }
            },
        },
    ),
]


def test_typical_tools_cost_less_than_half_of_their_schemas():
    shown_size = sum(len(describe(tool)) for tool in AGENT)
    compact = sum(len(describe(tool, "json-schema")) for tool in AGENT)
    indented = sum(len(json.dumps(tool.model_dump(), indent=2)) for tool in AGENT)
    assert shown_size < 0.45 * compact
    assert shown_size < indented / 4


TEXTS = st.text(max_size=6) | st.sampled_from(["*/", "//", "\n", "a\u2028b", "/*"])
LEAF = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "null", ["string", "null"]]),
        "description": TEXTS,
        "enum": st.lists(TEXTS, max_size=2),
        "default": TEXTS | st.none() | st.integers(),
        "minimum": st.integers(),
        "maxLength": st.integers(0, 9),
        "pattern": TEXTS,
        "format": TEXTS,
        "const": TEXTS,
    },
)


def composed(inner):
    some = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array"]),
            "description": TEXTS,
            "properties": st.dictionaries(TEXTS, inner, max_size=3),
            "required": st.lists(TEXTS, max_size=2),
            "additionalProperties": inner | st.booleans(),
            "items": inner,
            "prefixItems": some,
            "anyOf": some,
            "allOf": some,
            "oneOf": some,
            "not": inner,
            "nullable": st.booleans(),
            "propertyNames": inner,
            "patternProperties": st.dictionaries(TEXTS, inner, max_size=2),
            "$ref": st.sampled_from(["#", "#/$defs/a"]),
        },
    )


SCHEMAS = st.recursive(LEAF | st.booleans(), composed, max_leaves=5)


@given(TEXTS, st.dictionaries(TEXTS, SCHEMAS, max_size=3), SCHEMAS)
def test_every_schema_is_described(description, properties, shared):
    schema = {**members(**properties), "$defs": {"a": shared}}
    assert check_schema(schema) is None
    tool = FunctionDefinition(name="f", description=description, parameters=schema)
    text = describe(tool)
    assert text == describe(tool.model_copy(deep=True))
    if not text.startswith('{"name"'):
        assert re.fullmatch(r"f\(args: .*\)", stripped(text))


def stripped(text):
    """A signature without its comments, however they and the literals are nested."""
    token = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*\n?|/\*.*?\*/|.', re.DOTALL)
    kept = [t for t in token.findall(text) if not t.startswith(("//", "/*"))]
    code = "".join('""' if t.startswith('"') else t for t in kept)
    return re.sub(r"\s+", " ", code).strip()


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_comments_do_not_break_out(tool_text, text, default, pattern):
    schema = members(
        a={"type": "string", "description": text, "default": default},
        b={"anyOf": [{"type": "string", "pattern": pattern}, {"type": "null"}]},
    )
    code = stripped(signature("f", tool_text, schema))
    assert re.fullmatch(r"f\(args: \{ ?a\?: string ?,? b\?: string \| null ?\}\)", code)


def test_ten_times_the_schema_costs_ten_times_the_steps():
    def steps(times):
        schema = members(**{f"a{n}": members(b={"description": "x"}) for n in range(times)})
        return calls_in(lambda: signature("f", None, schema))

    assert steps(200) < 10.5 * steps(20) + 200
