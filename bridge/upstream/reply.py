"""From the bytes of an upstream's HTTP reply to pieces: no I/O.

What the protocols share lives here: events or one whole JSON body, whatever the header promised;
``[DONE]``; error objects; and how a reply may end. What differs is a function from one JSON event
to what it says.

A reply ends well after ``[DONE]``, after a finish word, or as one whole JSON body. Anything else is
``UpstreamCut``. The finish and the counts leave together in the last piece, whichever events they
came in and however often they were repeated. Calls leave before it, whole.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from pydantic_core import from_json

from bridge.errors import BridgeError, UpstreamError, UpstreamInvalid
from bridge.sse import BOM, DONE_DATA, Event, SSEOverflow, SSEReader
from bridge.turns import Piece
from bridge.upstream.http_errors import BROKEN, FAILING, cut, for_error
from bridge.upstream.prefill import EchoDropper
from bridge.upstream.said import NOTHING, CallGatherer, Said
from bridge.upstream.surrogates import SurrogateJoiner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.turns import TokenCounts, UpstreamFinish

    ReadEvent = Callable[[Mapping[str, object]], Said]
    """What one JSON event of the protocol says; raises ``BridgeError`` when it says that the reply
    failed."""

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A reply sent as one JSON body; the same bound as for one event, for the same reason."""

EMPTY: Mapping[str, Any] = {"text": "", "thinking": "", "calls": ()}
"""What an event may say that may have been told before."""

BLANK = BOM + b" \t\r\n"

FINISH: Mapping[str, UpstreamFinish] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "content-filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "refusal": "content_filter",
    "sensitive": "content_filter",
}
"""The words of OpenAI, Mistral, Anthropic, Gemini, Zhipu and the AI SDK. Every other one ("stop",
"eos", "end_turn", "stop_sequence", "tool_calls" …) is a reply that the model ended itself."""

FAILED = frozenset(
    ("error", "abort", "aborted", "cancelled", "network_error", "insufficient_system_resource")
)
"""Finish words for a reply that the server gave up."""


def finish_of(word: object) -> UpstreamFinish | None:
    """An upstream's finish word, mapped; None while it has not finished; raises ``UpstreamCut``."""
    if not isinstance(word, str) or not word:
        return None
    word = word.lower()
    if word in FAILED:
        raise cut()
    return FINISH.get(word, "stop")


def parsed(data: str | bytes) -> object:
    """The JSON value; raises ``ValueError``."""
    try:
        return from_json(data)
    except ValueError:
        # The fast parser refuses lone surrogates, which some servers write; see ``surrogates``.
        try:
            return json.loads(data)
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc


class ReplyReader:
    """``feed`` takes the reply's bytes and ``close`` its end; both yield pieces.

    ``done``: nothing more is worth reading.
    """

    def __init__(self, read_event: ReadEvent, *, prefill: str = "") -> None:
        """``prefill`` is the unfinished message that the upstream continues, and may repeat."""
        self.done = False
        self._read_event = read_event
        self._sse = SSEReader()
        self._body: bytearray | None = None
        """The JSON body, when it is one."""
        self._begun = False
        self._finish: UpstreamFinish | None = None
        self._counts: TokenCounts | None = None
        self._told: set[str] = set()
        """What has come in bits: of text, thinking and calls."""
        self._calls = CallGatherer()
        self._surrogates = SurrogateJoiner()
        self._thinking_surrogates = SurrogateJoiner()
        self._echo = EchoDropper(prefill)

    @property
    def finished(self) -> bool:
        """Whether the upstream has said how the reply ended."""
        return self.done or self._finish is not None

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The text in these bytes, as one piece: it came in one read, so nothing waits.

        Raises ``UpstreamInvalid`` for what is no reply, and the error that the upstream reports.
        """
        if not self._begun:
            data = self._opening(data)
        if self._body is not None:
            self._body += data
            if len(self._body) > MAX_BODY_BYTES:
                raise UpstreamInvalid(BROKEN)
            return
        try:
            events = self._sse.feed(data)
        except SSEOverflow as exc:
            raise UpstreamInvalid(BROKEN) from exc
        if events:
            yield from self._read(events)

    def close(self) -> Iterator[Piece]:
        """The last pieces; raises ``UpstreamCut`` unless the reply ended well."""
        if self._body is not None:
            yield from self._whole(bytes(self._body))
        elif not self.finished:
            yield from self._read(self._sse.close(), at_end=True)
        if text := self._echo.feed(self._surrogates.close()) + self._echo.close():
            yield Piece(text)
        if not self.finished:
            if self._counts is not None:
                yield Piece(counts=self._counts)
            raise cut()
        if calls := self._calls.calls:
            yield Piece(calls=calls)
        yield Piece(finish=self._finish or "stop", counts=self._counts)

    def limit(self) -> Iterator[Piece]:
        """The last pieces of a reply that is left off because it is too long."""
        self._finish = "length"
        return self.close()

    def _opening(self, data: bytes) -> bytes:
        """Tell events from JSON, and from neither, by the first byte that is not blank.

        Content types are no guide: servers answer with events to a request for JSON and the other
        way round.
        """
        data = data.lstrip(BLANK)
        if not data:
            return data
        self._begun = True
        if data.startswith(b"<"):
            raise UpstreamInvalid(BROKEN)
        if data.startswith((b"{", b"[")):
            self._body = bytearray()
        return data

    def _read(self, events: list[Event], *, at_end: bool = False) -> Iterator[Piece]:
        said: list[Said] = []
        failure: BridgeError | None = None
        for event in events:
            if event.data == DONE_DATA:
                self.done = True
                break
            try:
                said.append(self._event(event))
            except ValueError:
                # A torn last event says nothing: whether the reply was cut is told by the rest.
                failure = None if at_end else UpstreamInvalid(BROKEN)
                break
            except BridgeError as exc:
                failure = exc
                break
        yield from self._shown(said)
        if failure is not None:
            raise failure

    def _shown(self, said: list[Said]) -> Iterator[Piece]:
        text = self._echo.feed(self._surrogates.feed("".join([each.text for each in said])))
        thinking = self._thinking_surrogates.feed("".join([each.thinking for each in said]))
        if text or thinking:
            yield Piece(text, thinking=thinking)

    def _event(self, event: Event) -> Said:
        if not event.data:
            return NOTHING
        try:
            value = parsed(event.data)
        except ValueError as exc:
            if event.type == "error":
                raise UpstreamError(FAILING) from exc
            raise
        if event.type == "error" and (failure := for_error({"error": value})) is not None:
            raise failure
        return self._noted(value)

    def _whole(self, body: bytes) -> Iterator[Piece]:
        try:
            said = self._noted(parsed(body))
        except ValueError as exc:
            raise UpstreamInvalid(BROKEN) from exc
        if said == NOTHING:
            raise UpstreamInvalid(BROKEN)
        self.done = True
        yield from self._shown([said])

    def _noted(self, value: object) -> Said:
        if (failure := for_error(value)) is not None:
            raise failure
        if not isinstance(value, dict):
            raise UpstreamInvalid(BROKEN)
        said = self._read_event(value)
        if said is NOTHING:
            return said
        self._finish = said.finish or self._finish
        self._counts = said.counts or self._counts
        if said.whole:
            said = replace(said, **{name: EMPTY[name] for name in self._told})
        elif len(self._told) < len(EMPTY):
            self._told.update(name for name in EMPTY if getattr(said, name))
        for bit in said.calls:
            self._calls.add(bit)
        return said
