"""Server-Sent Events, written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sse import (
    COMMENT,
    DONE,
    MAX_EVENT_BYTES,
    Event,
    SSEOverflow,
    SSEReader,
    comment,
    event,
)


def read(pieces: list[bytes]) -> list[Event]:
    reader = SSEReader()
    events = [found for piece in pieces for found in reader.feed(piece)]
    return events + reader.close()


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


READING = [
    pytest.param(b'data: {"a":1}\n\n', [Event('{"a":1}')], id="plain"),
    pytest.param(b'data:{"a":1}\n\n', [Event('{"a":1}')], id="no-space"),
    pytest.param(b"data:  two\n\n", [Event(" two")], id="only-one-space-is-dropped"),
    pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [Event("a"), Event("b")], id="crlf"),
    pytest.param(b"data: a\r\rdata: b\r\r", [Event("a"), Event("b")], id="lone-cr"),
    pytest.param(b"data: a\r\n\ndata: b\n\r\n", [Event("a"), Event("b")], id="mixed-line-ends"),
    pytest.param(b": hello\n\ndata: a\n: mid\n\n", [Event("a")], id="comments"),
    pytest.param(b":\n\n", [], id="empty-comment"),
    pytest.param(
        b"event: error\ndata: x\n\ndata: y\n\n", [Event("x", "error"), Event("y")], id="type"
    ),
    pytest.param(b"event: ping\n\ndata: y\n\n", [Event("y")], id="type-without-data-is-no-event"),
    pytest.param(b"id: 7\nretry: 100\ndata: a\nnonsense\n\n", [Event("a")], id="other-fields"),
    pytest.param(
        b"data: a\ndata: b\ndata\ndata:\n\n", [Event("a\nb\n\n")], id="several-data-lines"
    ),
    pytest.param(b"data: a\r\ndata: b\r\n\r\n", [Event("a\nb")], id="a-split-crlf-is-one-line-end"),
    pytest.param(b"data\n\n", [Event("")], id="data-without-colon"),
    pytest.param(b"database: a\n\n", [], id="field-name-is-exact"),
    pytest.param(b"\xef\xbb\xbfdata: a\n\n", [Event("a")], id="bom"),
    pytest.param(b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [Event("a")], id="bom-only-at-the-start"),
    pytest.param(
        "data: a\u2028b\u2029c\x85d\x0be\n\n".encode(),
        [Event("a\u2028b\u2029c\x85d\x0be")],
        id="unicode-line-separators-end-no-line",
    ),
    pytest.param("data: 北京☀️😀\n\n".encode(), [Event("北京☀️😀")], id="multi-byte"),
    pytest.param(b"data: a\xffb\n\n", [Event("a\ufffdb")], id="bad-utf8-is-replaced"),
    pytest.param(b"data: a\n", [Event("a")], id="closed-without-blank-line"),
    pytest.param(b"data: a\n\ndata: b", [Event("a"), Event("b")], id="closed-inside-a-line"),
    pytest.param(b"data: \xe5\x8c", [Event("\ufffd")], id="closed-inside-a-character"),
    pytest.param(b"\n\n\n\n", [], id="blank-lines"),
    pytest.param(b"", [], id="nothing"),
]


@pytest.mark.parametrize(("data", "events"), READING)
def test_reading(data: bytes, events: list[Event]) -> None:
    assert read([data]) == events
    assert read([data[i : i + 1] for i in range(len(data))]) == events
    for i in range(len(data) + 1):
        assert read([data[:i], b"", data[i:]]) == events


def test_events_leave_as_soon_as_they_are_whole() -> None:
    reader = SSEReader()
    assert reader.feed(b"data: a\n\ndata: b") == [Event("a")]
    assert reader.feed(b"\n") == []
    assert reader.feed(b"\n") == [Event("b")]
    assert reader.close() == []


def test_a_lone_cr_ends_the_event_without_waiting_for_a_line_feed() -> None:
    reader = SSEReader()
    assert reader.feed(b"data: a\r\r") == [Event("a")]
    assert reader.feed(b"\ndata: b\r\r") == [Event("b")]


FIELDS = st.sampled_from(
    [b"", b"", b"data:", b"data: ", b"data", b"event: ", b":", b" ", b"\xef\xbb\xbf", b"data:\n"]
)
VALUES = st.text(max_size=6).map(lambda text: text.encode("utf-8", "replace")) | st.binary(
    max_size=4
)
LINE_ENDS = st.sampled_from([b"\n", b"\r", b"\r\n", b"\r\n\r\n"])
STREAMS = st.lists(st.tuples(FIELDS, VALUES, LINE_ENDS).map(b"".join), max_size=12).map(b"".join)


@given(data=STREAMS, cuts=st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_same_events(data: bytes, cuts: list[int]) -> None:
    assert read(split(data, cuts)) == read([data])


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_what_is_written_is_read(texts: list[str], cuts: list[int]) -> None:
    written = b"".join(comment() + event(text.encode()) for text in texts)
    assert read(split(written, cuts)) == [Event(text) for text in texts]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(event(b"a"), b"data: a\n\n", id="event"),
        pytest.param(event(b"a\nb"), b"data: a\ndata: b\n\n", id="two-lines"),
        pytest.param(event(b"a\r\nb\rc"), b"data: a\ndata: b\ndata: c\n\n", id="carriage-returns"),
        pytest.param(comment("hi"), b": hi\n\n", id="comment"),
        pytest.param(COMMENT, b": keep-alive\n\n", id="keep-alive"),
        pytest.param(DONE, b"data: [DONE]\n\n", id="done"),
    ],
)
def test_writing(written: bytes, expected: bytes) -> None:
    assert written == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param([b"data: " + b"x" * 10_000_000 + b"\n\n"], id="ten-megabytes-at-once"),
        pytest.param([b"data: "] + [b"x" * 65_536] * 160, id="a-line-that-never-ends"),
        pytest.param([b"data: " + b"x" * 65_000 + b"\n"] * 160, id="an-event-of-many-lines"),
        pytest.param([b": " + b"x" * 10_000_000], id="a-comment-that-never-ends"),
    ],
)
def test_an_event_is_bounded(data: list[bytes]) -> None:
    reader = SSEReader()
    with pytest.raises(SSEOverflow, match=str(MAX_EVENT_BYTES)):
        for piece in data:
            reader.feed(piece)


def test_the_bound_is_exact_and_counts_one_event_only() -> None:
    reader = SSEReader(max_event_bytes=10)
    assert reader.feed(b"data: abc\n\n" * 5) == [Event("abc")] * 5
    with pytest.raises(SSEOverflow):
        reader.feed(b"data: abcd\n\n")


def test_comments_without_blank_lines_may_go_on_for_ever() -> None:
    reader = SSEReader(max_event_bytes=10)
    assert reader.feed(b": ping\n" * 100 + b"data: abc\n\n") == [Event("abc")]


class Counted(bytearray):
    """A line that counts the bytes that are copied into it, out of it, or looked through."""

    copied = 0

    def __iadd__(self, more):
        self.copied += len(more)
        return super().__iadd__(more)

    def __add__(self, more):
        raise AssertionError("the whole line is copied for each piece")

    def __bytes__(self):
        self.copied += len(self)
        return bytes(memoryview(self))

    def find(self, *args):
        self.copied += len(self)
        return super().find(*args)

    def __contains__(self, sought):
        self.copied += len(self)
        return super().__contains__(sought)


def test_one_byte_at_a_time_is_linear() -> None:
    reader = SSEReader()
    reader._line = line = Counted()
    data = b"data: " + b"x" * 20_000
    for byte in data:
        reader.feed(bytes((byte,)))
    assert reader.feed(b"\n\n") == [Event("x" * 20_000)]
    assert line.copied == 2 * len(data)
