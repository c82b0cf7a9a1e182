"""Amazon Bedrock's ``ConverseStream``, used for text alone, by the IAM role of this process.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html

boto3 blocks, so each reply has a thread that drives it whole: the request, and every ``next()`` on
its event stream. Starting one costs some 50 µs, and unlike a pool there are always enough. What it
reads crosses to the event loop in bounded number. A reply that is no longer wanted has its socket
shut down, which wakes a thread that waits for the model; only a thread that still waits for the
response's head lives on until that comes or times out.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import aclosing, suppress
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bridge.errors import UpstreamUnavailable
from bridge.turns import Capabilities, Piece, TokenCounts, Turn
from bridge.upstream.bedrock_errors import STOPPED, cut, renamed
from bridge.upstream.bedrock_images import image_block
from bridge.upstream.handover import Handover
from bridge.upstream.surrogates import SurrogateJoiner
from bridge.upstream.timing import DEFAULT_TIMEOUTS, paced

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from bridge.turns import Options, UpstreamFinish
    from bridge.upstream.timing import Timeouts

CAPABILITIES = Capabilities(alternation=True)
"""Prefill is for some of Anthropic's models only, so it is for the configuration to say."""

MAX_CONNECTIONS = 1600
"""Kept open between requests: as many as Lambda lets one environment answer requests at once, so
that none is ever thrown away for want of a place."""

EVENTS = "after-call.bedrock-runtime.ConverseStream"
SOCKET = "socket"

FINISH: Mapping[str, UpstreamFinish] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""Stop reasons; every other one (end_turn, stop_sequence, tool_use …) is the model's own end."""

MAX_TEMPERATURE = 1.0
"""Converse's scale ends here, OpenAI's at 2."""

OPENING = "(The conversation begins.)"
"""Converse wants a user's message first, and none that is blank."""


def bedrock_client(region: str | None = None, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> Any:
    """A boto3 client for ``Bedrock``; the region is the environment's when None.

    botocore does not retry: that is done where it can be seen. Its read limit is a little longer
    than ours, which end the thread that ours leave behind. Raises botocore's ``NoRegionError``.
    """
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=timeouts.connect,
        read_timeout=max(timeouts.first_byte, timeouts.silence) + 1,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=MAX_CONNECTIONS,
        user_agent_extra="toolbridge",
    )
    return boto3.Session(region_name=region).client("bedrock-runtime", config=config)


class Bedrock:
    """An upstream of kind ``bedrock``."""

    def __init__(
        self,
        client: Any,
        *,
        capabilities: Capabilities = CAPABILITIES,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        """``client`` is from ``bedrock_client`` and closed with the upstream."""
        self.capabilities = capabilities
        self._client = client
        self._timeouts = timeouts
        self._replies: set[_Reply] = set()
        self._stopped = False
        client.meta.events.register(EVENTS, _keep_socket)

    async def stream(self, turns: Sequence[Turn], options: Options) -> AsyncGenerator[Piece, None]:
        """Send the turns, yield the reply; see ``Upstream.stream``."""
        pieces = paced(
            self._pieces(converse_request(turns, options)),
            first=self._timeouts.first_byte,
            silence=self._timeouts.silence,
        )
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def models(self) -> list[str]:
        """None: listing them takes another service and a permission that nothing else needs."""
        return []

    async def aclose(self) -> None:
        """Stop every reply and close the connections; the threads end by themselves."""
        self._stopped = True
        for reply in tuple(self._replies):
            reply.close()
        self._client.close()

    async def _pieces(self, request: dict[str, Any]) -> AsyncGenerator[Piece, None]:
        if self._stopped:
            raise UpstreamUnavailable(STOPPED)
        reply = _Reply(self._client, request)
        self._replies.add(reply)
        reader = ReplyReader()
        try:
            with renamed():
                while (event := await reply.events.get()) is not None:
                    if (piece := reader.feed(event)) is not None:
                        yield piece
        finally:
            reply.close()
            self._replies.discard(reply)
        yield reader.close()


class _Reply:
    """One call, from its thread to the loop that reads its events."""

    def __init__(self, client: Any, request: dict[str, Any]) -> None:
        self.events: Handover[Mapping[str, Any]] = Handover()
        self._socket: socket.socket | None = None
        # A daemon: one that waits for a response's head must not hold up the end of the process.
        threading.Thread(
            target=self._drive, args=(client, request), name="bedrock", daemon=True
        ).start()

    def _drive(self, client: Any, request: dict[str, Any]) -> None:
        try:
            response = client.converse_stream(**request)
            self._socket = response[SOCKET]
            try:
                # ``close`` may have come before the socket was there to be shut down.
                whole = not self.events.closed and all(map(self.events.put, response["stream"]))
            finally:
                response["stream"].close()
                self._socket.close()
            if whole:
                self.events.end()
        except BaseException as exc:
            self.events.end(exc)

    def close(self) -> None:
        """Stop: the thread ends, the connection is not used again; on the loop."""
        self.events.close()
        if self._socket is not None:
            with suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)


class ReplyReader:
    """``feed`` takes the stream's events and ``close`` its end; both give pieces.

    The finish and the counts leave together in the last piece.
    """

    def __init__(self) -> None:
        self._finish: UpstreamFinish | None = None
        self._counts: TokenCounts | None = None
        self._surrogates = SurrogateJoiner()

    def feed(self, event: Mapping[str, Any]) -> Piece | None:
        """The text or the thinking in this event. Tool use and images are left out."""
        if stop := event.get("messageStop"):
            self._finish = FINISH.get(stop.get("stopReason"), "stop")
        if usage := event.get("metadata", {}).get("usage"):
            self._counts = counts_of(usage)
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        thinking = delta.get("reasoningContent", {}).get("text") or ""
        text = self._surrogates.feed(delta.get("text") or "")
        return Piece(text, thinking=thinking) if text or thinking else None

    def close(self) -> Piece:
        """The last piece; raises ``UpstreamCut`` when the model had not stopped."""
        if self._finish is None:
            raise cut()
        return Piece(self._surrogates.close(), self._finish, self._counts)


def counts_of(usage: Mapping[str, int]) -> TokenCounts:
    """Converse's usage; its ``inputTokens`` are those that no cache was read or written for."""
    cached = usage.get("cacheReadInputTokens", 0)
    return TokenCounts(
        prompt=usage.get("inputTokens", 0) + cached + usage.get("cacheWriteInputTokens", 0),
        completion=usage.get("outputTokens", 0),
        cached=cached,
    )


def converse_request(turns: Sequence[Turn], options: Options) -> dict[str, Any]:
    """The arguments of ``converse_stream``.

    The system turns at the head become its ``system``; later ones speak as the user. Blank turns
    are left out, because Converse refuses them, and neighbours of one role merged. What Converse
    has no name for (seed, penalties) is left out too.
    """
    system = [{"text": turn.text} for turn in takewhile(_is_system, turns) if turn.text.strip()]
    messages = _messages(dropwhile(_is_system, turns))
    if options.prefill and messages:
        # Anthropic's models refuse an unfinished message that ends in white space.
        messages[-1]["content"][-1]["text"] = messages[-1]["content"][-1]["text"].rstrip()
    temperature = options.temperature
    inference = {
        "maxTokens": options.max_tokens,
        "temperature": None if temperature is None else min(temperature, MAX_TEMPERATURE),
        "topP": options.top_p,
    }
    given = {name: value for name, value in inference.items() if value is not None}
    request = {"modelId": options.model, "messages": messages}
    return (
        request
        | ({"system": system} if system else {})
        | ({"inferenceConfig": given} if given else {})
    )


def _is_system(turn: Turn) -> bool:
    return turn.role == "system"


def _messages(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    merged: list[Turn] = []
    for turn in turns:
        role = "user" if _is_system(turn) else turn.role
        if not (turn.text.strip() or turn.images):
            continue
        if merged and merged[-1].role == role:
            merged[-1] = merged[-1].followed_by(turn)
        else:
            merged.append(replace(turn, role=role))
    if not merged or merged[0].role != "user":
        merged.insert(0, Turn("user", OPENING))
    return [{"role": turn.role, "content": _content(turn)} for turn in merged]


def _content(turn: Turn) -> list[dict[str, Any]]:
    text = [{"text": turn.text}] if turn.text.strip() else []
    return [*text, *map(image_block, turn.images)]


def _keep_socket(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """Put the response's socket beside its events: a second handle that only ``shutdown`` is for.

    botocore's own ``close`` would wait for the read that it is meant to interrupt.
    """
    if "stream" in parsed:
        parsed[SOCKET] = socket.socket(fileno=os.dup(http_response.raw.fileno()))
