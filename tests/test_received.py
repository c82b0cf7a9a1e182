from __future__ import annotations

import pytest

from bridge.received import MAX_KEPT, MAX_QUOTED, Received, quarter_tokens
from bridge.thinking import Thoughts
from bridge.turns import Piece, TokenCounts, Turn

TURNS = [Turn("system", "s" * 40), Turn("user", "京" * 10)]


def received(*pieces: Piece, prefill="") -> Received:
    reply = Received(prefill)
    for piece in pieces:
        reply.take(piece)
    return reply


TOKENS = [
    pytest.param("", 0, id="nothing"),
    pytest.param("abcd", 4, id="ascii"),
    pytest.param("北京", 8, id="chinese"),
    pytest.param("a京", 5, id="mixed"),
    pytest.param("\ud800", 4, id="surrogate"),
]


@pytest.mark.parametrize(("text", "quarters"), TOKENS)
def test_tokens_are_guessed_by_script(text, quarters):
    assert quarter_tokens(text) == quarters


def test_the_upstreams_own_counts_are_taken_and_the_last_of_them():
    first, last = TokenCounts(1, 1), TokenCounts(10, 20, reasoning=5, cached=3)
    reply = received(Piece("a", counts=first), Piece("b", counts=last), Piece("c"))
    assert reply.counts(TURNS) == last


def test_without_them_the_tokens_are_estimated():
    reply = received(Piece("abcd"), Piece("e京"), prefill="not counted")
    assert reply.counts(TURNS) == TokenCounts(10 + 4 + 10 + 4, 3, estimated=True)


def test_what_brought_nothing_cost_nothing():
    assert received(Piece(finish="stop")).counts(TURNS) == TokenCounts()


def test_the_finish_is_kept():
    assert received(Piece("a")).finish is None
    assert received(Piece("a", finish="length"), Piece(counts=TokenCounts())).finish == "length"


QUOTES = [
    pytest.param(["a ", "b\n"], "", "a b", id="as-it-came"),
    pytest.param(["b"], "a ", "a b", id="with-what-it-was-made-to-begin-with"),
    pytest.param(["<think>so ", "so</think>\n\nwell"], "", "well", id="without-thinking"),
    pytest.param(["so</think>well"], "<think>\n", "well", id="without-prefilled-thinking"),
    pytest.param(["<think>so so"], "", "<think>so so", id="thinking-alone"),
    pytest.param([" \n"], "", "", id="white-space"),
    pytest.param([], "a ", "", id="nothing-but-its-beginning"),
]


@pytest.mark.parametrize(("texts", "prefill", "quoted"), QUOTES)
def test_the_reply_can_be_shown_again(texts, prefill, quoted):
    reply = received(*map(Piece, texts), prefill=prefill)
    assert reply.quotable(Thoughts(asked=True)) == quoted


def test_the_end_of_a_long_reply_is_shown_and_memory_is_bounded():
    reply = received(Piece("x" * MAX_QUOTED), Piece("end"))
    assert reply.quotable(Thoughts()) == "x" * (MAX_QUOTED - 3) + "end"
    endless = received(*[Piece("y" * 1000)] * (MAX_KEPT // 1000 + 10), Piece("end"))
    assert endless.quotable(Thoughts()) == "y" * MAX_QUOTED
    assert endless.counts([]).completion == (MAX_KEPT // 1000 + 10) * 250 + 1
