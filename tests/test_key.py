"""The two words that only the bridge and the model know."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.key import WORDS, key_for


def test_it_is_the_same_on_every_instance():
    assert key_for(b"a client") == "green lotus"


@given(st.binary())
def test_it_is_two_different_common_words(seed):
    first, second = key_for(seed).split(" ")
    assert first != second
    assert {first, second} <= set(WORDS)


def test_the_words_are_plain():
    """Models spell them as they are, and a near miss is told by letters alone."""
    assert len(set(WORDS)) == len(WORDS) > 200
    assert all(word.isascii() and word.isalpha() and word.islower() for word in WORDS)
    assert all(3 <= len(word) <= 8 for word in WORDS)


def test_seeds_are_told_apart():
    keys = {key_for(str(number).encode()) for number in range(2000)}
    assert len(keys) > 1900
