"""What stands before a marker and goes with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.margin import MAX_SPACE, Margin
from tests.decoding import split
from tests.properties.mutations import CUTS

MUCH = " " * MAX_SPACE


def read(pieces, fenced=None):
    """All that is text: to the end, or up to a marker."""
    margin = Margin()
    text = "".join(map(margin.feed, pieces))
    return text + (margin.close() if fenced is None else margin.drop(fenced=fenced))


def lines(text):
    """A text in pieces as the scanner gives them: the line of a fence is never divided."""
    pieces: list[str] = []
    for line in text.splitlines(keepends=True):
        pieces += [line] if line.lstrip(" \t").startswith("```") else list(line)
    return pieces


DROPPED = [
    pytest.param("a", "a", id="text"),
    pytest.param("a \n\n", "a", id="white-space"),
    pytest.param("a\u2003\x85\n", "a", id="odd-white-space"),
    pytest.param("", "", id="nothing"),
    pytest.param("\ufeff", "", id="byte-order-mark"),
    pytest.param("a\n- ", "a", id="list-mark"),
    pytest.param("a\n  12. ", "a", id="number"),
    pytest.param("- ", "", id="mark-at-the-start"),
    pytest.param("a\n> > 1) ", "a", id="three-marks"),
    pytest.param("a\n> > > > ", "a\n> > > >", id="four-marks"),
    pytest.param("a\n42 ", "a\n42", id="a-number-is-no-mark"),
    pytest.param("a - ", "a -", id="a-mark-begins-a-line"),
    pytest.param("a\n- b\n", "a\n- b", id="a-mark-with-words"),
    pytest.param("a\n" + "-" * 17, "a\n" + "-" * 17, id="a-long-line-of-marks"),
    pytest.param("a" + MUCH, "a", id="much-white-space"),
    pytest.param("a" + MUCH + " ", "a" + MUCH + " ", id="too-much"),
    pytest.param("a" + MUCH + " \n- ", "a" + MUCH + " \n", id="marks-after-too-much"),
    pytest.param(MUCH + " - ", MUCH + " -", id="too-much-before-a-mark"),
    pytest.param("a" + MUCH + " - ", "a" + MUCH + " -", id="too-much-inside-a-line"),
    pytest.param("a" + MUCH * 3 + "b \n", "a" + MUCH * 3 + "b", id="words-after-too-much"),
]


@pytest.mark.parametrize(("text", "expected"), DROPPED)
def test_what_goes_with_a_marker(text, expected):
    for pieces in ([text], list(text)):
        assert read(pieces, fenced=False) == expected
        assert read(pieces) == text


FENCED = [
    pytest.param("a\n```\n", "a", id="fence"),
    pytest.param("a\n\n  ````text\n \n> ", "a", id="fence-with-info-and-marks"),
    pytest.param("```yaml\n", "", id="fence-at-the-start"),
    pytest.param("a\n```\nb\n", "a\n```\nb", id="words-in-the-fence"),
    pytest.param("a ```\n", "a ```", id="no-fence-inside-a-line"),
    pytest.param("a\n``` b c\n", "a\n``` b c", id="no-fence-with-words"),
    pytest.param("a\n```x\n```y\n", "a\n```x", id="the-last-of-two"),
    pytest.param("a\n```x\n12 ", "a\n```x\n12", id="a-number-in-the-fence"),
    pytest.param("a" + MUCH + "\n```x\n", "a" + MUCH + "\n", id="too-much-before-the-fence"),
    pytest.param("a\n```x\n" + MUCH, "a\n```x\n" + MUCH, id="too-much-behind-it"),
    pytest.param("a\n" + " " * 21 + "```x\n", "a\n" + " " * 21 + "```x", id="far-in"),
    pytest.param("a\n```" + "x" * 98 + "\n", "a\n```" + "x" * 98, id="a-long-info"),
]


@pytest.mark.parametrize(("text", "expected"), FENCED)
def test_an_open_fence_goes_with_a_marker(text, expected):
    for pieces in ([text], lines(text)):
        assert read(pieces, fenced=True) == expected
        assert read(pieces) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\n```\n\n", "a\n```", id="closing"),
        pytest.param("```\n", "```", id="closing-at-the-start"),
        pytest.param("a\n\n ```\n- ", "a\n\n ```", id="closing-before-a-mark"),
    ],
)
def test_a_fence_that_is_closed_stays(text, expected):
    for pieces in ([text], lines(text)):
        assert read(pieces, fenced=False) == expected


@pytest.mark.parametrize(
    ("text", "has_fence"),
    [
        ("a\n```x\n", True),
        ("a\n```x\n- ", True),
        ("a\n```x\n4 ", False),
        ("a\n", False),
        ("", False),
    ],
)
def test_whether_a_fence_opens_before_what_follows(text, has_fence):
    margin = Margin()
    margin.feed(text)
    assert margin.has_fence is has_fence


@pytest.mark.parametrize(
    ("text", "expected"), [("a\n```\n\n", "\n```"), ("a\n- ", "\n-"), ("a \n", ""), ("", "")]
)
def test_without_a_marker_only_white_space_waits(text, expected):
    margin = Margin()
    margin.feed(text)
    assert margin.settle() == expected
    assert not margin.has_fence
    assert margin.drop(fenced=False) == ""


def test_after_a_marker_no_line_begins():
    margin = Margin()
    margin.drop(fenced=False)
    assert margin.feed("- ") == "-"
    assert margin.feed("\n- ") == ""


def test_after_the_end_a_line_begins():
    margin = Margin()
    margin.feed("a\n")
    margin.close()
    assert margin.feed("- ") == ""


PIECES = st.sampled_from(
    [" ", "\n", "\n\n", "- ", "> ", "1", ". ", "a", "\ufeff", "\t", " " * 600, "\n" * 700]
)
TEXTS = st.lists(st.sampled_from(["```x\n", "  ```\n"]).map(lambda line: "\n" + line) | PIECES)


@given(texts=TEXTS, cuts=CUTS, fenced=st.sampled_from([None, False, True]))
def test_any_split_gives_the_same(texts, cuts, fenced):
    text = "".join(texts)
    whole = read([text], fenced)
    assert read(lines(text), fenced) == whole
    if "`" not in text:
        assert read(split(text, cuts), fenced) == whole
    assert text.startswith(whole)
