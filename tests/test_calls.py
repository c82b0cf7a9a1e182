"""One call object, read as it is written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.call_members import escaped
from bridge.calls import CallReader, of_object
from bridge.json_grammar import JsonFault
from bridge.parts import Fault
from bridge.tool_names import resolve
from tests.decoding import TOOLS, characters, split
from tests.properties.mutations import CUTS


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        *(("ping", "ping"), ("Ping", "ping"), (" ping\n", "ping"), ("functions.ping", "ping")),
        *(("any_thing", "any-thing"), ("ANY-THING", "any-thing"), ("tools.any-thing", "any-thing")),
        *(
            ("default_api.get-weather", "get_weather"),
            ("pong", None),
            ("", None),
            ("ping.ping", None),
        ),
    ],
)
def test_the_tool_that_a_name_means(name, tool):
    assert resolve(name, TOOLS) == tool


def test_a_name_that_may_mean_two_tools_means_none():
    tools = {"a-b": None, "a_b": None}
    assert resolve("a-b", tools) == "a-b"
    assert resolve("A-B", tools) is None


def test_parameters_are_an_object():
    assert of_object(None) == of_object({}) == {"type": "object"}
    assert of_object({"type": ["object", "null"], "required": ["a"]})["type"] == "object"


@pytest.mark.parametrize(
    ("text", "body"),
    [("a\n\t\"'\\", "a\\n\\t\\\"'\\\\"), ("北京😀", "北京😀"), ("\x00\ud83dx", "\\u0000\\ud83dx")],
)
def test_escaped(text, body):
    assert escaped(text) == body
    assert body.encode()


def read(pieces, **options):
    """The arguments and what is meant: the tool, or the kind of fault."""
    reader = CallReader(TOOLS, **options)
    out = ""
    for piece in pieces:
        reader.feed(piece)
        out += reader.take()
    assert reader.done
    reader.finish()
    meant = reader.meant()
    return out + reader.take(), meant.kind if isinstance(meant, Fault) else meant


CITY = '{"city":"Paris"}'
CASES = [
    pytest.param(
        '{"name": "get_weather", "arguments": {"city": "Paris"}}', (CITY, "get_weather"), id="plain"
    ),
    pytest.param(
        '{"arguments": {"city": "Paris"}, "name": "get_weather"}',
        (CITY, "get_weather"),
        id="arguments-first",
    ),
    pytest.param(
        '{"tool": "get_weather", "input": {"city": "Paris"}}', (CITY, "get_weather"), id="aliases"
    ),
    pytest.param(
        '{"function": {"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}}',
        (CITY, "get_weather"),
        id="one-level-down",
    ),
    pytest.param(
        '{"type": "function", "id": {"a": [1, {}]}, "name": "ping"}',
        ("{}", "ping"),
        id="keys-beside",
    ),
    pytest.param('{"name": "p\\u0069ng"}', ("{}", "ping"), id="escaped-name"),
    pytest.param('{"name": "ping", "arguments": {}}', ("{}", "ping"), id="empty"),
    pytest.param('{"name": "ping", "arguments": null}', ("{}", "ping"), id="null"),
    pytest.param('{"name": "ping", "arguments": 5}', ("5", "ping"), id="number"),
    pytest.param('{"name": "ping", "arguments": [{}]}', ("[{}]", "ping"), id="list"),
    pytest.param(
        '{"name": "ping", "arguments": {"a": {"b": [1]}, "c": "}"}}',
        ('{"a":{"b":[1]},"c":"}"}', "ping"),
        id="nested",
    ),
    pytest.param('{"arguments": "x", "name": "ping"}', ('"x"', "ping"), id="string-first"),
    pytest.param('{"name": "pong", "arguments": {"a": 1}}', ("", "name"), id="unknown"),
    pytest.param('{"arguments": {"a": 1}, "name": "pong"}', ("", "name"), id="unknown-last"),
    pytest.param('{"arguments": {"a": 1}}', ("", "shape"), id="no-name"),
    pytest.param('{"name": 5, "arguments": {"a": 1}}', ("", "shape"), id="a-number-for-a-name"),
    pytest.param('{"name": ["ping"], "arguments": {}}', ("", "shape"), id="a-list-for-a-name"),
    pytest.param('{"name": "ping", "tool": "any-thing"}', ("{}", "shape"), id="two-names"),
    pytest.param(
        '{"name": "ping", "args": {"a": 1}, "input": {"b": 2}}',
        ('{"a":1}', "shape"),
        id="two-arguments",
    ),
    pytest.param("{}", ("", "shape"), id="nothing"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_reading(text, expected):
    assert read([text]) == read(characters(text)) == expected


NAMED = [
    pytest.param(
        '{"city": "Paris", "days": "3"}', ('{"city":"Paris","days":3}', "get_weather"), id="bare"
    ),
    pytest.param(
        '{"input": 1, "args": 2}', ('{"input":1,"args":2}', "get_weather"), id="bare-aliases"
    ),
    pytest.param("{}", ("{}", "get_weather"), id="empty"),
    pytest.param('{"name": "ping"}', ("{}", "ping"), id="a-call-all-the-same"),
    pytest.param('{"city": "Paris", "name": "ping"}', ("{}", "shape"), id="a-late-name"),
    pytest.param('{"name": "pong"}', ("", "name"), id="an-unknown-one"),
]


@pytest.mark.parametrize(("text", "expected"), NAMED)
def test_where_one_tool_is_expected(text, expected):
    assert read([text], named="get_weather") == expected
    assert read(characters(text), named="get_weather") == expected


def test_what_is_known_on_the_way():
    reader = CallReader(TOOLS)
    assert (reader.others, reader.name, reader.tool) == ([], None, None)
    reader = CallReader(TOOLS)
    reader.feed('{"or": 1, "name": "Get-Weather", "arguments": {"ci')
    assert (reader.others, reader.name, reader.tool) == (["or"], "Get-Weather", "get_weather")
    assert (reader.is_object, reader.in_string, reader.done) == (True, True, False)
    assert reader.taken == 50
    assert reader.take() == "{"


def test_what_was_mended():
    for text, repaired in [
        ('{"name": "ping", "arguments": {"a": 1}}', False),
        ('{"name": "ping", "arguments": {"a": 1,}}', True),
        ('{"name": "get_weather", "arguments": {"days": "1"}}', True),
        ('{"name": "ping"}', False),
    ]:
        reader = CallReader(TOOLS)
        reader.feed(text)
        assert reader.repaired is repaired


def test_what_a_faulty_object_had_is_taken():
    reader = CallReader(TOOLS)
    with pytest.raises(JsonFault):
        reader.feed('{"name": "ping", "arguments": {"a": 1 2}}')
    assert reader.take() == '{"a":1'


def test_missing_braces_are_put_in():
    reader = CallReader(TOOLS, named="ping")
    reader.feed('{"a": [1')
    reader.close_open()
    reader.finish()
    assert (reader.take(), reader.meant(), reader.done) == ('{"a":[1]}', "ping", True)


def raw(text, *parameters):
    """The arguments of an object with raw parameters behind it."""
    reader = CallReader(TOOLS, named=None)
    reader.feed(text)
    out = reader.take() if reader.is_object else ""
    for name, body in parameters:
        if fault := reader.begin_parameter(name):
            return fault.kind
        reader.parameter_text(body)
        out += reader.take()
        reader.end_parameter()
    reader.finish()
    return out + reader.take()


@pytest.mark.parametrize(
    ("text", "parameters", "expected"),
    [
        pytest.param('{"name": "ping"}', [("a", 'x"\n')], '{"a":"x\\"\\n"}', id="none-before"),
        pytest.param('{"name": "ping", "arguments": {}}', [("a", "x")], '{"a":"x"}', id="empty"),
        pytest.param('{"name": "ping", "arguments": null}', [("a", "x")], '{"a":"x"}', id="null"),
        pytest.param(
            '{"name": "ping", "arguments": {"a": {"b": 1}}}',
            [("b", "x")],
            '{"a":{"b":1},"b":"x"}',
            id="behind-others",
        ),
        pytest.param(
            '{"name": "ping"}', [("a", ""), ("b", "\ud83d")], '{"a":"","b":"\\ud83d"}', id="two"
        ),
        pytest.param('{"name": "ping", "arguments": {"a": 1}}', [("a", "x")], "shape", id="twice"),
        pytest.param('{"name": "ping"}', [("a", "x"), ("a", "x")], "shape", id="twice-raw"),
        pytest.param('{"name": "ping", "arguments": 5}', [("a", "x")], "shape", id="number"),
        pytest.param('{"name": "ping", "arguments": "x"}', [("a", "x")], "shape", id="string"),
    ],
)
def test_raw_parameters(text, parameters, expected):
    assert raw(text, *parameters) == expected


KEYS = st.sampled_from(["name", "function", "arguments", "args", "type", "a"])
VALUES = st.recursive(
    st.sampled_from(["ping", "get_weather", "x", "", None, True, 5, '{"a": 1}']),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(
    value=st.dictionaries(KEYS, VALUES, max_size=4),
    cuts=CUTS,
    named=st.sampled_from([None, "ping"]),
)
def test_any_split_reads_the_same(value, cuts, named):
    text = json.dumps(value)
    whole = read([text], named=named)
    assert read(characters(text), named=named) == whole
    assert read(split(text, cuts), named=named) == whole
    if whole[0]:
        json.loads(whole[0])
