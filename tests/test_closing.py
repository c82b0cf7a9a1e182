"""What closes calls and blocks."""

from __future__ import annotations

import pytest

from bridge.calls import CallReader
from bridge.dialects.closing import ClosingMarker, ClosingMarks
from bridge.json_grammar import JsonFault

TICKS = ClosingMarks("```", "</")


def read(text, *, at_end=False):
    reader = CallReader({"ping": None})
    place = TICKS.read(reader, text, 0, len(text), at_end=at_end)
    return reader.done, text[place:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"a": 1} x', (True, " x"), id="whole"),
        pytest.param('{"a": 1}``` x', (True, "``` x"), id="whole-before-a-mark"),
        pytest.param('{"a": 1 ``` x', (True, "``` x"), id="missing-brace"),
        pytest.param('{"a": [{"b": 1</x', (True, "</x"), id="missing-braces"),
        pytest.param('{"a": "```</" ', (False, ""), id="marks-in-a-string"),
        pytest.param('{"a": "x``', (False, "``"), id="half-a-mark"),
        pytest.param('{"a": 1<', (False, "<"), id="half-the-other"),
    ],
)
def test_reading_up_to_a_mark(text, expected):
    assert read(text) == expected


def test_at_the_end_half_a_mark_is_none():
    assert read('{"a": "x``', at_end=True) == (False, "")


def test_what_may_not_be_closed():
    with pytest.raises(JsonFault):
        read('{"a": ```')


def test_nothing_is_read_beyond_the_end():
    reader = CallReader({})
    assert TICKS.read(reader, '{"a": 1```', 0, 5) == 5


@pytest.mark.parametrize(
    ("opener", "text", "at_end", "expected"),
    [
        pytest.param("```x", "```", False, 3, id="as-long-as-the-opener"),
        pytest.param("```x", "`````", False, 3, id="no-longer-than-the-opener"),
        pytest.param("````x", "````", False, 4, id="a-longer-fence"),
        pytest.param("````x", "```", False, None, id="it-may-go-on"),
        pytest.param("````x", "```", True, 3, id="it-does-not-go-on"),
        pytest.param("````x", "``` ", False, 3, id="shorter-than-the-opener"),
    ],
)
def test_where_a_fence_ends(opener, text, at_end, expected):
    assert ClosingMarker("```", opener, "").end_at(text, 0, at_end=at_end) == expected


def test_a_tag_ends_where_it_ends():
    assert ClosingMarker("</x>", "`x", "<x>").end_at("</x>```", 0, at_end=False) == 4


@pytest.mark.parametrize(
    ("text", "limit", "at_end", "expected"),
    [
        pytest.param("ab```c", 9, False, (5, True), id="found"),
        pytest.param("ab```c", 2, False, (2, True), id="beyond-the-limit"),
        pytest.param("ab```c", 3, False, (5, True), id="right-before-the-limit"),
        pytest.param("ab``", 9, False, (2, False), id="half"),
        pytest.param("ab``", 9, True, (4, True), id="half-at-the-end"),
        pytest.param("ab", 9, False, (2, False), id="none"),
        pytest.param("abcd", 3, False, (3, True), id="limit"),
    ],
)
def test_where_what_cannot_be_read_ends(text, limit, at_end, expected):
    assert ClosingMarker("```", "```", "").end_after(text, 0, limit, at_end=at_end) == expected


def test_a_longer_fence_may_go_on():
    closing = ClosingMarker("```", "````", "")
    assert closing.end_after("ab```", 0, 9, at_end=False) == (2, False)
    assert closing.end_after("ab````", 0, 9, at_end=False) == (6, True)


@pytest.mark.parametrize(
    ("text", "at_end", "expected"),
    [
        ("```tool a b\n", False, True),
        ("`````tool a b\n", False, True),
        ("```tool a b", True, True),
        ("```tool a b", False, None),
        ("```tool", False, None),
        ("```", False, None),
        ("```", True, False),
        ("```\n", False, False),
        ("```tool a bc\n", False, False),
        ("```tool a b_", True, False),
        ("```tools", False, False),
        ("`" * 100, False, False),
    ],
)
def test_a_fence_that_opens_the_next_block_closes_nothing(text, at_end, expected):
    closing = ClosingMarker("```", "```", "```tool a b")
    assert closing.opens(text, 0, at_end=at_end) is expected
    if expected:
        assert closing.end_after(f"x {text}", 0, 9, at_end=at_end) == (2, True)


def test_a_marker_that_opens_otherwise_closes_always():
    assert ClosingMarker("</x>", "<x>", "<x>").opens("</x>", 0, at_end=False) is False
