"""What near misses begin with."""

from __future__ import annotations

import pytest

from bridge.dialects.openings import (
    UNDECIDED,
    begins_at,
    is_info,
    named_by,
    past_opening_line,
    tags_around,
)
from tests.decoding import KEY, TOOLS


@pytest.mark.parametrize(
    "info",
    ["", "json", " JSON ", "tool_code", "python", "tool_call", "tool_calls x", "Tool-Call: y"],
)
def test_infos_that_may_stand_before_a_near_miss(info):
    assert is_info(info)


@pytest.mark.parametrize("info", ["yaml", "json x", "bash", "tool_callback", "tool_result"])
def test_other_infos(info):
    assert not is_info(info)


@pytest.mark.parametrize(
    ("info", "tool"),
    [
        *(("json", None), ("tool_call", None), ("tool_call …", None), (f"tool_call {KEY}", None)),
        *(("tool_call AMBER-Otter!", None), ("tool_calls: amber_otter", None)),
        *(("tool_call ping", "ping"), ("tool_call Get-Weather {city: x}", "get_weather")),
    ],
)
def test_the_tool_in_place_of_the_key(info, tool):
    assert named_by(info, KEY, TOOLS) == tool


@pytest.mark.parametrize("info", ["tool_call copper otter", "tool_call ping-pong", "tool_call x"])
def test_neither_the_key_nor_a_tool(info):
    with pytest.raises(ValueError, match="tool_call"):
        named_by(info, KEY, TOOLS)


def test_no_key_is_no_key():
    assert named_by("tool_call", "", TOOLS) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("{", True), ('{"name": ', True), ("{'args': ", True), ("{name", True), ("{ /*", True)),
        *(('{"age": 3', False), ("{}", False), ("{ {", False), ("{%", False), ('{ "na', True)),
        *(("[{", True), ("[ \n{", True), ("[ping(", True), ("[1", False), ("[x]", False)),
        *(("[", None), ("[ ", None), ("[pin", None), ("[TOOL_CA", None), ("[TOOL_CALLS]", True)),
        *(("<tool_call>", True), ("<tool_call", None), ("<tool_call x", False), ("<b>", False)),
        *((f"<tool_call {KEY}>", True), ("<tool_call amb", None), ("<function=x", True)),
        *(
            ("<invoke name", True),
            ("<inv", None),
            ("<|tool_call|>", True),
            ("<|tool_response", False),
        ),
        ("[" + " " * UNDECIDED, False),
    ],
)
def test_what_begins_a_near_miss(text, expected):
    for before in ("", "xyz"):
        given = before + text
        at = len(before)
        assert begins_at(given, at, KEY, begins_line=True, at_end=False) is expected
        at_end = begins_at(given, at, KEY, begins_line=True, at_end=True)
        assert at_end is bool(expected)


@pytest.mark.parametrize(("text", "expected"), [("{", False), ("[{", False), ("<tool_call>", True)])
def test_brackets_must_begin_a_line(text, expected):
    assert begins_at(text, 0, KEY, begins_line=False, at_end=False) is expected


def test_the_tags_around_calls():
    assert f"<tool_call {KEY}>" in tags_around(KEY)
    assert {"</tool_call>", "[/TOOL_CALLS]", "<|/tool_call|>"} <= set(tags_around(""))
    assert not any(" " in tag for tag in tags_around(""))


@pytest.mark.parametrize(
    ("text", "at_end", "expected"),
    [
        *(("\nx", False, 0), (" block\n", False, 6), (' {"a"', False, 1), (" [", False, 1)),
        *(("```", False, 0), (" bl", False, None), (" bl", True, 3), ("x" * 120, False, 100)),
    ],
)
def test_what_stands_on_our_own_opening_line(text, at_end, expected):
    assert past_opening_line(text, 0, at_end=at_end) == expected
