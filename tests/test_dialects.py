"""What dialects write."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects import DIALECTS
from bridge.dialects.base import (
    EMPTY_RESULT,
    EXAMPLE_TOOL,
    Dialect,
    WrittenCall,
    call_object,
    fenced,
    spaced,
)
from bridge.dialects.raw import LONG_NAMES
from tests.decoding import KEY, calls, parts_of

EACH = pytest.mark.parametrize("name", DIALECTS)
CALL = WrittenCall("get_weather", '{"city":"北京"}')


def dialect(name) -> Dialect:
    return DIALECTS[name](KEY)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        *(("", "{}"), (" \n", "{}"), ("{}", "{}"), ('{"a":1}', '{"a": 1}')),
        ('{"a":[1,"b",{"c":null}],"d":-1.50e3}', '{"a": [1, "b", {"c": null}], "d": -1.50e3}'),
        ('{ "a" :\n[ ] , "b" : { } }', '{"a": [], "b": {}}'),
        ('{"a":["x","y"],"b":"z"}', '{"a": ["x", "y"], "b": "z"}'),
        ('"a\\u00e9\\n"', '"a\\u00e9\\n"'),
        ("[[],[[]],{}]", "[[], [[]], {}]"),
        *(("5", "5"), ("true", "true"), ("{a: 'b',}", '{"a": "b"}')),
        ("not JSON", '"not JSON"'),
        ('{"a":1} x', '"{\\"a\\":1} x"'),
        ('{"a":', '"{\\"a\\":"'),
    ],
)
def test_arguments_are_written_as_models_write_them(arguments, expected):
    assert spaced(arguments) == expected
    assert call_object(WrittenCall('a"b', arguments)) == (
        f'{{"name": "a\\"b", "arguments": {expected}}}'
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=10,
    )
)
def test_json_is_spaced_as_pythons_is(value):
    for text in (
        json.dumps(value),
        json.dumps(value, indent=1),
        json.dumps(value, separators=(",", ":")),
    ):
        assert spaced(text) == json.dumps(value)


@pytest.mark.parametrize(
    ("content", "fence"), [("a", "```"), ("``", "```"), ("```", "````"), ("`````\n```", "``````")]
)
def test_a_fence_is_longer_than_any_inside(content, fence):
    assert fenced("x", content) == f"{fence}x\n{content}\n{fence}"


@EACH
def test_a_written_call_is_read(name):
    text = dialect(name).calls([CALL, CALL])
    assert calls(parts_of([text], dialect=name)) == [("get_weather", '{"city":"北京"}')] * 2


@EACH
def test_the_example_calls_a_tool_that_is_never_offered(name):
    head = dialect(name).protocol(["tool one", "tool two"])
    assert f'"{EXAMPLE_TOOL}"' in head
    assert dialect(name).grammar.open in head
    assert "tool one\ntool two" in head
    assert "{" + "tools}" not in head


@EACH
@pytest.mark.parametrize("tool", [None, "get_weather"])
def test_the_opening_of_a_block_can_be_continued(name, tool):
    writing = dialect(name)
    opening = writing.opening(tool)
    whole = writing.calls([CALL])
    assert whole.startswith(opening)
    assert opening.startswith(writing.grammar.open)


@EACH
def test_a_result_opens_with_its_marker(name):
    writing = dialect(name)
    result = writing.result(2, "get_weather", "22 °C\n")
    assert result.startswith(writing.grammar.result)
    assert "22 °C\n" in result
    assert EMPTY_RESULT in writing.result(1, "ping", "")


def test_results_are_numbered_and_named():
    assert dialect("fence").result(2, "ping", "```\nx\n```") == (
        "````tool_result amber otter 2 ping\n```\nx\n```\n````"
    )


@EACH
def test_a_block_is_called_by_its_opening(name):
    assert dialect(name).block == dialect(name).grammar.open


def test_only_hermes_has_no_key():
    assert [name for name in DIALECTS if KEY not in dialect(name).grammar.open] == ["hermes"]
    assert dialect("hermes").grammar.key == ""


RAW = [
    pytest.param(
        '{"path": "a", "content": "x\\ny"}',
        '{"path": "a"}}\n@content amber otter\nx\ny\n@end amber otter\n',
        id="long",
    ),
    pytest.param(
        '{"content": "x\\ny", "code": "z\\n", "n": 1}',
        '{"n": 1}}\n@content amber otter\nx\ny\n@end amber otter\n'
        "@code amber otter\nz\n\n@end amber otter\n",
        id="two",
    ),
    pytest.param('{"content": "x"}', '{"content": "x"}}\n', id="one-line"),
    pytest.param('{"content": "x\\r\\ny"}', '{"content": "x\\r\\ny"}}\n', id="returns"),
    pytest.param('{"path": "x\\ny"}', '{"path": "x\\ny"}}\n', id="another-name"),
    pytest.param('{"content": ["x\\ny"]}', '{"content": ["x\\ny"]}}\n', id="no-string"),
    pytest.param('["x\\ny"]', '["x\\ny"]}\n', id="no-object"),
    pytest.param("x\ny", '"x\\ny"}\n', id="no-json"),
    pytest.param("[" * 5000, '"' + "[" * 5000 + '"}\n', id="too-deep"),
]


@pytest.mark.parametrize(("arguments", "rest"), RAW)
def test_long_texts_follow_their_object(arguments, rest):
    text = dialect("raw").calls([WrittenCall("write_file", arguments)])
    start = '```tool_call amber otter\n{"name": "write_file", "arguments": '
    assert text == f"{start}{rest}```"


def test_long_names_can_be_the_names_of_raw_parameters():
    assert all(name.replace("_", "").isalnum() for name in LONG_NAMES)


def test_a_dialect_says_all_that_is_needed():
    bare = Dialect()
    for unsaid in (
        lambda: bare.protocol([]),
        lambda: bare.calls([]),
        lambda: bare.result(1, "", ""),
        lambda: bare.opening(),
        lambda: bare.block,
    ):
        with pytest.raises(NotImplementedError):
            unsaid()
