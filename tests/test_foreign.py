"""Calls in other tongues."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.foreign import call_at
from bridge.dialects.foreign_values import NoCall
from bridge.json_grammar import JsonFault
from tests.properties.mutations import SCRAPS

TOOLS = {
    "get_weather": {
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "at": {"type": "array", "items": {"type": "number"}},
        }
    },
    "ping": None,
}

PARIS = '{"city":"Paris"}'
CALLS = [
    pytest.param(
        "<function=get_weather><parameter=city>Paris</parameter></function>", PARIS, id="function"
    ),
    pytest.param("<function=ping></function>", "{}", id="no-parameters"),
    pytest.param('<function="ping"> \n</function>', "{}", id="quoted"),
    pytest.param("<function=ping>", "{}", id="not-closed"),
    pytest.param(
        '<invoke name="get_weather">\n<parameter name="city">\nParis\n</parameter>\n</invoke>',
        PARIS,
        id="invoke",
    ),
    pytest.param(
        "<invoke name='get_weather'><parameter name='city' type='string'>Paris</parameter>\n"
        "</invoke>",
        PARIS,
        id="attributes",
    ),
    pytest.param(
        "<function=get_weather><parameter=days> 3 </parameter><parameter=at>[1, 2.50]</parameter>"
        "</function>",
        '{"days":3,"at":[1,2.50]}',
        id="types",
    ),
    pytest.param(
        '<function=get_weather><parameter=city>\n{"a": "b"}\n\n</parameter></function>',
        '{"city":"{\\"a\\": \\"b\\"}\\n"}',
        id="text-is-kept",
    ),
    pytest.param('<function=get_weather> {"city": "Paris",}</function>', PARIS, id="json-inside"),
    pytest.param('get_weather{"city": "Paris"}', PARIS, id="name-and-object"),
    pytest.param('get_weather[ARGS] {"city": "Paris"}', PARIS, id="name-args-object"),
    pytest.param('functions.get_weather{"city": "Paris"}', PARIS, id="prefix"),
    pytest.param('get_weather(city="Paris")', PARIS, id="python"),
    pytest.param("get_weather(city='Paris', )", PARIS, id="trailing-comma"),
    pytest.param("ping()", "{}", id="python-without-arguments"),
    pytest.param(
        "get_weather( city = \"a, (b)\", days = 3, at=[1,\n 2], x=True, y=None, z={'a': -1.5e3})",
        '{"city":"a, (b)","days":3,"at":[1,2],"x":true,"y":null,"z":{"a":-1.5e3}}',
        id="literals",
    ),
    pytest.param('get_weather(days="3")', '{"days":3}', id="coerced"),
]


@pytest.mark.parametrize(("text", "arguments"), CALLS)
def test_reading(text, arguments):
    for before in ("", "x "):
        call = call_at(before + text, len(before), TOOLS)
        assert call.tool in TOOLS
        assert call.arguments == arguments
        assert call.end == len(before + text)


TAGGED = (
    ']<]minimax[>[<invoke name="get_weather">]<]minimax[>[<at>{}]<]minimax[>[</at>'
    "]<]minimax[>[</invoke>"
)


@pytest.mark.parametrize(
    ("items", "arguments"),
    [
        (["1", "2.5"], '{"at":[1,2.5]}'),
        (["7"], '{"at":[7]}'),
    ],
)
def test_a_list_of_tagged_items(items, arguments):
    tags = "".join(f"]<]minimax[>[<item>{item}]<]minimax[>[</item>" for item in items)
    assert call_at(TAGGED.format(tags), 0, TOOLS).arguments == arguments


def test_tagged_items_of_text():
    schema = {"properties": {"at": {"type": "array", "items": {"type": "string"}}}}
    tags = "]<]minimax[>[<item>a b]<]minimax[>[</item>"
    assert call_at(TAGGED.format(tags), 0, {"get_weather": schema}).arguments == '{"at":["a b"]}'


def test_what_follows_is_left():
    assert call_at("ping(), ping()", 0, TOOLS).end == 6
    assert call_at("<function=ping></function>\nx", 0, TOOLS).end == 26


NO_CALLS = [
    pytest.param('get_weather({"city": "Paris"}, 3)', id="an-object-and-more"),
    pytest.param('call:get_weather{city:<|"|>Par', id="gemma-cut"),
    pytest.param('call:get_weather{city:<|"|>a<|"|> b}', id="gemma-two-values"),
    pytest.param("call:get_weather{oops}", id="gemma-no-member"),
    pytest.param("get_weather<arg_key>city</arg_key><arg_value>Par", id="glm-cut"),
    pytest.param("get_weather<|tool_call_argument_begin|>Paris", id="kimi-no-object"),
    pytest.param("x y", id="words"),
    pytest.param("pong()", id="unknown"),
    pytest.param("get_weather('Paris')", id="positional"),
    pytest.param("get_weather(city=Paris)", id="bare-word"),
    pytest.param("get_weather(days=3 4)", id="two-values"),
    pytest.param("get_weather(days=)", id="no-value"),
    pytest.param("get_weather(days=3", id="not-closed"),
    pytest.param("get_weather(city='Par", id="cut"),
    pytest.param("get_weather(city='a', city='b')", id="twice"),
    pytest.param('get_weather{"city": "Par', id="object-cut"),
    pytest.param("<function=get_weather>Paris</function>", id="words-in-a-tag"),
    pytest.param(
        "<function=get_weather><parameter=city>Paris</function>", id="parameter-not-closed"
    ),
    pytest.param("<function=ping></invoke>", id="another-closing-tag"),
    pytest.param("<function=get_weather><parameter=days>3 4</parameter></function>", id="no-json"),
    pytest.param(
        "<function=get_weather><parameter=days>x</parameter></function>", id="no-value-tag"
    ),
    pytest.param(
        "<function=get_weather><parameter=city>a</parameter><parameter=city>b</parameter>",
        id="tag-twice",
    ),
]


@pytest.mark.parametrize("text", NO_CALLS)
def test_what_is_no_call(text):
    with pytest.raises((NoCall, JsonFault)):
        call_at(text, 0, TOOLS)


OPENINGS = ["<function=ping>", '<invoke name="get_weather">', "ping(", "ping{", "get_weather(city="]
PIECES = ["<parameter=city>", "</parameter>", "</function>", "</invoke>", "city=", ")", ",", "3"]


@given(
    st.sampled_from(OPENINGS),
    st.lists(st.sampled_from([*SCRAPS, *PIECES]), max_size=8).map("".join),
)
def test_whatever_is_read_is_json(opening, rest):
    try:
        call = call_at(opening + rest, 0, TOOLS)
    except (NoCall, JsonFault):
        return
    assert isinstance(json.loads(call.arguments), dict)
    assert len(opening) - 1 <= call.end <= len(opening + rest)
