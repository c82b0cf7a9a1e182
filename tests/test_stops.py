from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.schema import MAX_STOP
from bridge.stops import StopFilter
from tests.test_json_tokens import SPLITS, split


def filtered(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    stage = StopFilter(stops)
    text = "".join(map(stage.feed, pieces))
    return text + stage.close(), stage.hit


CASES = [
    pytest.param([], "any text", "any text", id="no-stops"),
    pytest.param(["zz"], "any text", "any text", id="none-of-them"),
    pytest.param(["END"], "beforeENDafter", "before", id="one"),
    pytest.param(["END"], "ENDafter", "", id="at-the-start"),
    pytest.param(["END"], "beforeEN", "beforeEN", id="only-its-beginning"),
    pytest.param(["END"], "EENDx", "E", id="after-a-false-start"),
    pytest.param(["aab"], "xaaab", "xa", id="that-overlaps-itself"),
    pytest.param(["two", "one"], "1 one 2 two", "1 ", id="the-first-of-two"),
    pytest.param(["abc", "b"], "xabcx", "xa", id="inside-another"),
    pytest.param(["bc", "abc"], "xabcx", "x", id="the-longer-of-two-that-end-together"),
    pytest.param(["\n\n"], "a\n\nb", "a", id="line-breaks"),
    pytest.param(["。"], "你好。世界", "你好", id="not-ascii"),
]


@pytest.mark.parametrize(("stops", "text", "expected"), CASES)
def test_text_ends_before_the_first_stop_string(stops, text, expected):
    for pieces in ([text], list(text)):
        assert filtered(pieces, stops) == (expected, expected != text)


def test_only_what_may_begin_a_stop_string_is_held():
    stage = StopFilter(["</s>"])
    assert stage.feed("a < b </") == "a < b "
    assert stage.feed("p>") == "</p>"
    assert stage.feed("</s") == ""
    assert stage.close() == "</s"
    assert stage.feed("> goes on") == "> goes on"
    assert not stage.hit


def test_nothing_follows_a_stop_string():
    stage = StopFilter(["x"])
    assert stage.feed("axb") == "a"
    assert stage.feed("c") == ""
    assert stage.close() == ""


STOPS = st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=4)


@given(text=st.text("ab\nc", max_size=60), stops=STOPS, cuts=SPLITS)
def test_a_split_changes_nothing(text, stops, cuts):
    assert filtered(split(text, cuts), stops) == filtered(list(text), stops)


@given(text=st.text("ab\nc", max_size=60), stops=STOPS)
def test_no_stop_string_stands_in_what_is_left(text, stops):
    left, hit = filtered([text], stops)
    assert text.startswith(left)
    assert not any(stop in left for stop in stops)
    assert hit == any(stop in text for stop in stops) == (left != text)


@pytest.mark.parametrize("stop", ["a" * MAX_STOP, "a" * 499 + "b" + "a" * 500, "ab" * 500])
@pytest.mark.parametrize("size", [1, 7, MAX_STOP - 1, MAX_STOP, MAX_STOP + 1, 50_000])
def test_a_long_stop_string_is_searched_for_in_linear_time(stop, size):
    """Each character is looked at a few times, whatever nearly matches, and however it is cut."""

    def steps(length: int) -> int:
        stage = StopFilter([stop])
        text = ("a" * 499 + "b" + "a" * 300) * (length // 800)
        made = 0

        def count(_frame: object, event: str, _arg: object) -> object:
            nonlocal made
            made += event == "line"
            return count

        before = sys.gettrace()
        sys.settrace(count)
        try:
            for place in range(0, len(text), size):
                stage.feed(text[place : place + size])
        finally:
            sys.settrace(before)
        return made

    short, long = steps(8_000), steps(24_000)
    assert long <= 3.3 * short + 20 * MAX_STOP


@pytest.mark.parametrize("stop", ["a" * MAX_STOP, "b" + "a" * 999])
def test_a_long_stop_string_is_found_however_it_is_cut(stop):
    text = "b" * 5 + "a" * 998 + "c" + "ba" * 30 + stop + "after"
    for size in (1, 999, 1000, 1001, 3000):
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        assert filtered(pieces, [stop, "never"]) == (text[: text.index(stop)], True)
