"""Text as a client may see it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.shown import MAX_HELD, Shown, overlap, shown
from tests.decoding import KEY, characters, split
from tests.properties.mutations import CUTS


@pytest.mark.parametrize(
    ("text", "literal", "length"),
    [
        pytest.param("ab``", "```", 2, id="tail"),
        pytest.param("ab```", "```", 2, id="all-of-it-is-more-than-a-beginning"),
        pytest.param("ab", "```", 0, id="none"),
        pytest.param("", "```", 0, id="empty"),
        pytest.param("aab", "aabaac", 3, id="all"),
        pytest.param("aabaa", "aabaac", 5, id="longest"),
        pytest.param("xaaba", "aabaac", 4, id="not-from-the-first-try"),
        pytest.param("ax", "ab", 0, id="begun-and-broken-off"),
    ],
)
def test_overlap(text, literal, length):
    assert overlap(text, literal) == length


def streamed(pieces, key):
    stage = Shown(key)
    return "".join(map(stage.feed, pieces)) + stage.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("the amber otter's", "the 's", id="key"),
        pytest.param("amber otteramber otter", "", id="twice"),
        pytest.param("amber ott", "amber ott", id="half"),
        pytest.param("amber amber otter", "amber ", id="begun-twice"),
        pytest.param("amber oamber ottertter", "", id="joined-where-one-was"),
        pytest.param("aamber otterx amberamber otter otter", "ax ", id="in-another"),
        pytest.param("amber o" * 9 + KEY + "tter" * 9, "", id="nine-deep"),
        pytest.param("amber otteamber otter", "amber otte", id="begun-then-whole"),
        pytest.param("<\u2060think> amber otter", "<think> ", id="joiner"),
        pytest.param("<\u2060thi", "<\u2060thi", id="joiner-before-half"),
    ],
)
def test_shown(text, expected):
    assert shown(text, KEY) == expected
    assert streamed(characters(text), KEY) == expected


def test_without_a_key_only_joiners_go():
    assert shown("amber otter <\u2060think>", "") == "amber otter <think>"


def test_it_goes_on_after_the_end_of_a_text():
    stage = Shown(KEY)
    assert stage.feed("an amber") == "an "
    assert stage.close() == "amber"
    assert stage.feed(" otter") == " otter"


def test_beginnings_of_the_key_are_held_up_to_a_bound():
    stage = Shown(KEY)
    given = stage.feed("a" * MAX_HELD * 10)
    assert len(given) > MAX_HELD * 9
    assert stage.feed("mber otter") == ""
    assert given + stage.close() == "a" * (MAX_HELD * 10 - 1)


PIECES = st.lists(
    st.sampled_from(["amber", " ", "otter", KEY, "a", "o", "<\u2060", "think>", "\u2060", "x"])
)


@given(text=PIECES.map("".join), cuts=CUTS, key=st.sampled_from([KEY, "", "table stable"]))
def test_any_split_shows_the_same(text, cuts, key):
    assert streamed(characters(text), key) == streamed(split(text, cuts), key) == shown(text, key)
    assert not key or key not in shown(text, key)
