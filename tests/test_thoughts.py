"""The table of families: what stands between the tags of a row reaches no client."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.thought_tags import tags_in_answers
from bridge.dialects.thoughts import FAMILIES
from bridge.parts import Thinking
from tests.conversing import Reply, opened
from tests.decoding import characters, content, parts_of, split
from tests.properties.mutations import CUTS
from tests.properties.of_exchanges import outcome

THOUGHT = "They want `it` <b>.\n\nSo [1]: hidden."
ANSWER = "Here it *is*: `x` < 3."

WAYS = [
    (family, opener, closer)
    for family in FAMILIES
    for opener in family.openers
    for closer in (*family.closers, *family.ends, *family.headers)
]
ROWS = [pytest.param(*way, id=" ".join((way[0].name, *way[1:]))) for way in WAYS]


def written(tag):
    """A tag as a model writes it; its header is told more."""
    return tag.replace("*", " to=python code")


@pytest.mark.parametrize(("family", "opener", "closer"), ROWS)
@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("dialect", [None, "fence", "hermes"])
def test_thinking_is_taken_out(family, opener, closer, asked, dialect):
    for before, between in (("", ""), ("\n ", "\n")):
        text = before + written(opener) + THOUGHT + between + written(closer) + between + ANSWER
        for pieces in ([text], characters(text)):
            parts = parts_of(pieces, asked=asked, dialect=dialect)
            assert content(parts) == ANSWER
            thought = "".join(part.text for part in parts if isinstance(part, Thinking))
            assert THOUGHT in thought


@given(way=st.sampled_from(WAYS), cuts=CUTS, asked=st.booleans(), stream=st.booleans())
def test_thinking_reaches_no_client(way, cuts, asked, stream):
    _, opener, closer = way
    text = written(opener) + THOUGHT + written(closer) + ANSWER
    (exchange,) = opened(model={"think": asked, "prefill": False}, stream=stream)
    sizes = [len(piece) for piece in split(text, cuts)]
    told = outcome(exchange, [Reply(text)], sizes)
    assert told.error is None
    assert told.choice.message.content == ANSWER


@pytest.mark.parametrize(("family", "opener", "closer"), ROWS)
def test_thinking_that_nothing_opened_is_taken_out_where_it_was_asked_for(family, opener, closer):
    if closer in family.ends or family.words:
        return  # such a tag ends other things, too
    text = "So. " * 700 + written(closer) + ANSWER
    for size in (7, 1000):
        pieces = [text[place : place + size] for place in range(0, len(text), size)]
        assert content(parts_of(pieces, asked=True)) == ANSWER
        assert content(parts_of(pieces, opened=True)) == ANSWER


@pytest.mark.parametrize(("family", "opener", "closer"), ROWS)
def test_thinking_in_the_middle_of_an_answer(family, opener, closer):
    def told(between, **options):
        text = f"One.{between}{written(opener)}{THOUGHT}{written(closer)}Two."
        answers = {content(parts_of(pieces, **options)) for pieces in ([text], characters(text))}
        (answer,) = answers
        return answer.replace("\n", "")

    for asked in (False, True):
        if family.control or (asked and not family.words):
            assert told("\n\n", asked=asked, dialect=None) == "One.Two."
        else:
            assert "hidden" in told("\n\n", asked=asked, dialect=None)
    if family.control:
        assert told(" ") == "One. Two."


def test_words_about_tags_stay():
    for tag in ("<|channel|>analysis<|message|>", "<|START_THINKING|>", "◁think▷", "[THINK]"):
        for text in (f"It writes `{tag}` first.", f"So:\n```\n{tag}\n```\nThat is it."):
            for dialect in (None, "fence"):
                assert content(parts_of([text], dialect=dialect)) == text
                assert content(parts_of(characters(text), dialect=dialect)) == text


def test_each_opener_belongs_to_one_family():
    openers = [opener.lower() for family in FAMILIES for opener in family.openers]
    assert len(openers) == len(set(openers))
    assert all(family.source and (family.closers or family.ends) for family in FAMILIES)


def test_no_ordinary_text_is_looked_at_twice():
    """What opens thinking in an answer begins with no character of ordinary words."""
    for any_tag in (False, True):
        assert not any(
            first.isalnum() or first.isspace() for first in tags_in_answers(any_tag=any_tag).firsts
        )
