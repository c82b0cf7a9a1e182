"""Text as a client may see it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.shown import Shown, overlap, shown
from tests.decoding import KEY, characters, marked, split
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
        pytest.param("the amber otter's", "the amber otter's", id="ordinary-words"),
        pytest.param("--accent: amber otter;", "--accent: amber otter;", id="a-value"),
        pytest.param("`amber otter` it is", "`amber otter` it is", id="a-code-span"),
        pytest.param("```tool_call amber otter\n{", "```tool_call \n{", id="marker"),
        pytest.param("TOOL CALL: amber otter.", "TOOL CALL: .", id="marker-spelled-otherwise"),
        pytest.param("<tool_result amber otter>", "<tool_result >", id="in-a-tag"),
        pytest.param("@end amber otter", "@end ", id="line-of-raw-text"),
        pytest.param("```amber otter\n", "```\n", id="bare-fence"),
        pytest.param("tool_call amber otteramber otter", "tool_call ", id="twice"),
        pytest.param("tool_call amber ott", "tool_call amber ott", id="half"),
        pytest.param("tool_call amber amber otter", "tool_call amber amber otter", id="begun"),
        pytest.param("a tool_call\namber otter", "a tool_call\namber otter", id="another-line"),
        pytest.param("tool_callamber otter", "tool_call", id="one-word"),
        pytest.param("<\u2060think> amber otter", "<think> amber otter", id="joiner"),
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
    assert stage.feed("a tool_call amber") == "a tool_call "
    assert stage.close() == "amber"
    assert stage.feed(" otter") == " otter"


def test_no_more_is_held_than_may_begin_the_key():
    stage = Shown(KEY)
    given = stage.feed("a" * 10_000)
    assert len(given) >= 10_000 - len(KEY)
    assert given + stage.close() == "a" * 10_000


PIECES = st.lists(
    st.sampled_from(
        [
            "amber",
            "otter",
            KEY,
            " ",
            "o",
            "<\u2060",
            "think>",
            "x",
            "\n",
            "```",
            "tool_call",
            "@end",
        ]
    )
)


@given(text=PIECES.map("".join), cuts=CUTS, key=st.sampled_from([KEY, "", "table stable"]))
def test_any_split_shows_the_same(text, cuts, key):
    assert streamed(characters(text), key) == streamed(split(text, cuts), key) == shown(text, key)
    assert not key or not marked(key).search(shown(text, key))


WORDS = st.lists(st.sampled_from([*KEY.split(), KEY, "the", "paint", "it", ";", "--accent:", "\n"]))


@given(words=WORDS)
def test_no_ordinary_text_loses_a_word(words):
    text = " ".join(words)
    assert shown(text, KEY) == text
