"""From the bytes of a reply to pieces: what holds for every reply."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import BridgeError
from bridge.turns import Piece
from bridge.upstream.openai_text import read_chunk
from bridge.upstream.prefill import EchoDropper
from bridge.upstream.reply import ReplyReader
from bridge.upstream.surrogates import SurrogateJoiner
from bridge.upstream.ui_stream import read_part
from tests.fake_upstream import chunk, frames

PROTOCOLS = pytest.mark.parametrize("read_event", [read_chunk, read_part])


def read(read_event, pieces, prefill=""):
    """Text, finish, counts and the error's class, however many pieces they came in."""
    reader = ReplyReader(read_event, prefill=prefill)
    out: list[Piece] = []
    error = None
    try:
        for piece in pieces:
            out.extend(reader.feed(piece))
            if reader.done:
                break
        out.extend(reader.close())
    except BridgeError as exc:
        error = type(exc)
    text = "".join(piece.text for piece in out)
    finishes = [piece.finish for piece in out if piece.finish]
    counts = [piece.counts for piece in out if piece.counts]
    return text, finishes, counts, error


def split(data, cuts):
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


CUTS = st.lists(st.integers(0, 3000), max_size=20)
TEXT = st.text(max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXT, v, max_size=3), max_leaves=5
)
KEYS = st.sampled_from(
    [
        "choices",
        "delta",
        "message",
        "content",
        "finish_reason",
        "index",
        "usage",
        "error",
        "type",
        "text",
        "code",
        "status",
        "object",
        "prompt_tokens",
        "completion_tokens",
        "prompt_tokens_details",
        "finishReason",
        "textDelta",
        "errorText",
        "messageMetadata",
        "inputTokens",
    ]
)
WORDS = st.sampled_from(
    ["text-delta", "finish", "abort", "error", "stop", "length", "429", "text", "tool-calls"]
)
KNOWN_SHAPES = st.recursive(
    SCALARS | WORDS | st.just(0),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=4),
    max_leaves=12,
)
GOOD = TEXT.map(lambda text: chunk(content=text))
EVENTS = st.lists(
    st.one_of(
        GOOD,
        GOOD,
        KNOWN_SHAPES,
        VALUES,
        st.just("[DONE]"),
        st.just(chunk(finish="length")),
        TEXT.map(lambda text: {"type": "text-delta", "id": "1", "delta": text}),
        st.just({"type": "finish", "finishReason": "length"}),
    ),
    max_size=8,
)


@PROTOCOLS
@given(events=EVENTS, cuts=CUTS, tail=st.binary(max_size=8))
def test_any_split_reads_the_same(read_event, events, cuts, tail):
    data = b"".join(frames(*events, done=False)) + tail
    assert read(read_event, split(data, cuts)) == read(read_event, [data])


@PROTOCOLS
@given(value=KNOWN_SHAPES | VALUES, cuts=CUTS)
def test_any_split_of_a_json_body_reads_the_same(read_event, value, cuts):
    data = json.dumps(value).encode()
    assert read(read_event, split(data, cuts)) == read(read_event, [data])


@PROTOCOLS
@given(data=st.binary(max_size=200))
def test_no_bytes_raise_anything_else(read_event, data):
    read(read_event, [data])
    read(read_event, [b"data: " + data + b"\n\n"])


@settings(max_examples=200)
@given(texts=st.lists(TEXT, max_size=8), ascii_only=st.booleans())
def test_every_text_comes_out_once(texts, ascii_only):
    events = [json.dumps(chunk(content=text), ensure_ascii=ascii_only) for text in texts]
    data = b"".join(frames(*events))
    assert read(read_chunk, [data]) == ("".join(texts), ["stop"], [], None)


def test_the_texts_of_one_read_leave_as_one_piece():
    reader = ReplyReader(read_chunk)
    data = b"".join(frames(chunk(content="a"), chunk(content="b"), done=False))
    assert list(reader.feed(data)) == [Piece("ab")]


@given(text=st.text(), cuts=CUTS)
def test_characters_cut_in_half_are_joined(text, cuts):
    units = text.encode("utf-16-le")
    halves = [
        units[i : i + 2].decode("utf-16-le", "surrogatepass") for i in range(0, len(units), 2)
    ]
    joiner = SurrogateJoiner()
    assert "".join(map(joiner.feed, halves)) + joiner.close() == text


@given(st.lists(st.text(st.characters(codec=None), max_size=4)))
def test_no_surrogate_comes_out(texts):
    joiner = SurrogateJoiner()
    joined = "".join(map(joiner.feed, texts)) + joiner.close()
    joined.encode()
    again = SurrogateJoiner()
    assert joined == again.feed("".join(texts)) + again.close()


@pytest.mark.parametrize(
    ("prefill", "reply", "expected"),
    [
        pytest.param("", "abc", "abc", id="no-prefill"),
        pytest.param("ab", "abc", "c", id="repeated"),
        pytest.param("ab", "ab", "", id="nothing-else"),
        pytest.param("ab", "c", "c", id="not-repeated"),
        pytest.param("ab", "axb", "axb", id="looks-like-it-first"),
        pytest.param("ab", "a", "a", id="ends-while-it-looks-like-it"),
        pytest.param("ab", "abab", "ab", id="dropped-once"),
        pytest.param("ab", "", "", id="empty"),
    ],
)
def test_a_repeated_prefill(prefill, reply, expected):
    for pieces in ([reply], list(reply), ["", reply, ""]):
        dropper = EchoDropper(prefill)
        assert "".join(map(dropper.feed, pieces)) + dropper.close() == expected


def test_what_looked_like_an_echo_is_not_lost():
    data = b"".join(frames(chunk(content="a")))
    assert read(read_chunk, [data], prefill="ab") == ("a", ["stop"], [], None)
