"""Answer text on its way to a client."""

from __future__ import annotations

import pytest

from bridge.dialects.prose import Prose
from tests.decoding import KEY


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param(["a ", "b\n"], "a b\n", id="white-space-at-the-end-stays"),
        pytest.param([" \n", "\t"], "", id="white-space-alone-is-no-text"),
        pytest.param(
            ["<\u2060", "think> amber ", "otter"], "<think> amber otter", id="joiners-and-words"
        ),
        pytest.param(["x amber"], "x amber", id="half-a-key"),
        pytest.param([], "", id="nothing"),
    ],
)
def test_to_the_end(pieces, expected):
    prose = Prose(KEY)
    assert "".join(map(prose.feed, pieces)) + prose.close() == expected


def test_up_to_a_marker():
    prose = Prose(KEY)
    assert prose.feed("x\n\namber") == "x\n\n"
    assert prose.drop(fenced=False) == "amber"
    assert prose.feed("\ny ") == "\ny"
    assert prose.drop(fenced=False) == ""


def test_white_space_behind_words_is_text():
    prose = Prose(KEY)
    assert prose.feed("x") + prose.drop(fenced=False) == "x"
    assert prose.feed("\n") + prose.close() == "\n"


def test_a_fence_right_before():
    prose = Prose(KEY)
    prose.feed("x\n```yaml\n")
    assert prose.has_fence
    assert prose.drop(fenced=True) == ""
    assert not prose.has_fence


def test_what_waits_for_a_key_leaves_before_something_else():
    prose = Prose(KEY)
    assert prose.feed("x amber") == "x "
    assert prose.pause() == "amber"
    assert prose.feed(" otter") == " otter"
