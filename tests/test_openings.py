"""What near misses begin with."""

from __future__ import annotations

import pytest

from bridge.dialects.openings import (
    UNDECIDED,
    begins_at,
    is_info,
    may_become_name,
    name_before,
    named_by,
    opens_block,
    past_inner_fence,
    past_opening_line,
    wrapper_end,
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
        *((f"<tool_call {KEY}>", True), ("<tool_call amb", None), ("<function=x>", True)),
        *(
            ("<invoke name", None),
            ("<inv", None),
            ("<|tool_call|>", True),
            ("<|tool_response", None),
            ("<|tool_response|>", False),
        ),
        ("[" + " " * UNDECIDED, False),
    ],
)
def test_what_begins_a_near_miss(text, expected):
    for before in ("", "xyz"):
        given = before + text
        at = len(before)
        assert begins_at(given, at, KEY, TOOLS, begins_line=True, at_end=False) is expected
        at_end = begins_at(given, at, KEY, TOOLS, begins_line=True, at_end=True)
        assert at_end is bool(expected)


@pytest.mark.parametrize(("text", "expected"), [("{", False), ("[{", False), ("<tool_call>", True)])
def test_brackets_must_begin_a_line(text, expected):
    assert begins_at(text, 0, KEY, TOOLS, begins_line=False, at_end=False) is expected


@pytest.mark.parametrize(
    "tag",
    [
        "<tool_call>",
        "</tool_call>",
        "[TOOL_CALLS]",
        "[/TOOL_CALLS]",
        "<|tool_call|>",
        "<|/tool_call|>",
    ],
)
def test_the_tags_around_calls(tag):
    assert wrapper_end(f"x{tag}y", 1, "") == 1 + len(tag)


def test_our_info_string_and_key_in_a_tag():
    tag = f"<tool_call {KEY}>"
    assert wrapper_end(tag, 0, KEY) == len(tag)
    assert wrapper_end(tag, 0, "") is None


@pytest.mark.parametrize(
    ("line", "whole", "may_be"),
    [
        *(("ping", "ping", True), ("  get-weather", "get-weather", False), ("pi", None, True)),
        *(("a ping", None, False), ("", None, False), ("pong", None, False)),
    ],
)
def test_a_tools_name_on_a_line_of_its_own(line, whole, may_be):
    assert name_before(line, TOOLS) == whole
    assert may_become_name(line, TOOLS) is may_be


@pytest.mark.parametrize(
    ("text", "inline", "at_end", "expected"),
    [
        *(("\n{", False, False, True), ("\nwords", False, False, True), (" ", False, False, None)),
        *((" ping\n{", True, False, True), (" to call it.\nx", False, False, False)),
        *((" to call it", False, False, None), (" to call it", False, True, False)),
        *((" with two words\n\n{", True, False, True), ("``` x", True, False, False)),
        *(("``` x", False, False, True), ("\n```json\n{", False, False, True)),
        *(
            ("", False, True, True),
            ("", True, True, False),
            (" in words ```tool_call", False, False, False),
        ),
    ],
)
def test_a_marker_that_opens_a_block_and_one_that_is_mentioned(text, inline, at_end, expected):
    assert opens_block(text, 0, begins_line=not inline, at_end=at_end) is expected


@pytest.mark.parametrize(
    ("text", "at_end", "expected"),
    [
        *(("```json\n{", False, 8), ("```\n\n[", False, 5), ("```JSON5 \n {", False, 11)),
        *(("```", False, None), ("```js", False, None), ("```json\n", False, None)),
        *(("```json\n", True, 0), ("```\nwords", False, 0), ("```sh x\n", False, 0)),
    ],
)
def test_a_fence_between_ours_and_the_first_object(text, at_end, expected):
    assert past_inner_fence(text, 0, at_end=at_end) == expected


@pytest.mark.parametrize(
    ("text", "at_end", "expected"),
    [
        *(("\nx", False, 0), (" block\n", False, 6), (' {"a"', False, 1), (" [", False, 1)),
        *(("```", False, 0), (" bl", False, None), (" bl", True, 3), ("x" * 120, False, 100)),
    ],
)
def test_what_stands_on_our_own_opening_line(text, at_end, expected):
    assert past_opening_line(text, 0, at_end=at_end) == expected
