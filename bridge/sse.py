"""Server-Sent Events, written and incrementally read.

The rules are WHATWG HTML, section 9.2 "Server-sent events", parsing and interpreting an event
stream: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

Reading splits bytes, not text: CR and LF never occur inside a UTF-8 sequence, so a line is decoded
when it is whole and nothing is ever split inside a character. Only CR, LF and CRLF end a line:
``str.splitlines`` would also split at U+2028, which is legal inside a JSON string.

Two things differ from a browser. An event that the end of the input leaves without its blank line
is delivered, because servers exist that just close; and ``id:`` and ``retry:`` are read over,
because nobody reconnects here.
"""

from __future__ import annotations

import msgspec

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""One event. The longest reply of today's models (128k tokens, about 0.5 MB)
fits in a single event even when every character of it is written as a six-byte escape."""

BOM = b"\xef\xbb\xbf"
DONE_DATA = "[DONE]"
"""The data of the event that ends OpenAI's and the AI SDK's streams."""


class SSEOverflow(ValueError):
    """One event is longer than ``MAX_EVENT_BYTES``."""


class Event(msgspec.Struct, frozen=True):
    """One event: its data lines joined by a line feed, and its type ("" when none was given)."""

    data: str
    type: str = ""


def event(data: bytes) -> bytes:
    """The bytes of an event with this data; each of its lines gets a ``data:`` of its own."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\n" in data:
        data = data.replace(b"\n", b"\ndata: ")
    return b"data: %b\n\n" % data


def comment(text: str = "") -> bytes:
    """The bytes of a comment, which every reader skips; ``text`` is a single line."""
    return f": {text}\n\n".encode()


COMMENT = comment("keep-alive")
DONE = event(DONE_DATA.encode())


class SSEReader:
    """Bytes in, events out; linear in the input however it is split."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._line = bytearray()
        """The line that has begun."""
        self._data: list[bytes] = []
        """The data lines of the event that has begun."""
        self._size = 0
        """Bytes of the data lines of the event that has begun."""
        self._type = b""
        self._after_cr = False
        """The last byte was a CR: a LF right after it belongs to it."""
        self._at_start = True

    def feed(self, piece: bytes) -> list[Event]:
        """The events that this piece completes; raises ``SSEOverflow``."""
        if not piece:
            return []
        if self._after_cr:
            self._after_cr = False
            piece = piece.removeprefix(b"\n")
        if b"\r" in piece:
            self._after_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        events: list[Event] = []
        lines = piece.split(b"\n")
        rest = lines.pop()
        for line in lines:
            if self._line:
                whole = bytes(self._line) + line
                self._line.clear()
                self._take(whole, events)
            else:
                self._take(line, events)
        self._line += rest
        self._check(len(self._line))
        return events

    def close(self) -> list[Event]:
        """The event that the end of the input leaves without its blank line, if any."""
        events: list[Event] = []
        if self._line:
            self._take(bytes(self._line), events)
            self._line.clear()
        self._take(b"", events)
        return events

    def _take(self, line: bytes, events: list[Event]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(BOM)
        if not line:
            if self._data:
                data = b"\n".join(self._data) if len(self._data) > 1 else self._data[0]
                events.append(
                    Event(data.decode("utf-8", "replace"), self._type.decode("utf-8", "replace"))
                )
                self._data.clear()
            self._type = b""
            self._size = 0
            return
        if line.startswith(b"data: "):
            value = line[6:]
        else:
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"event":
                self._type = value
            if field != b"data":
                return
        # Only what is kept counts: comments may go on for hours.
        self._size += len(line) + 1
        self._check(len(self._type))
        self._data.append(value)

    def _check(self, pending: int) -> None:
        if self._size + pending > self._limit:
            raise SSEOverflow(f"an event is longer than {self._limit} bytes")
