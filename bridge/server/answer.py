"""One chat completion, answered as a stream or whole, and what is told of it afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from bridge.answers import encoded
from bridge.completion import fold, usage_chunk, usage_of
from bridge.errors import BridgeError
from bridge.report import COUNTED
from bridge.server.errors import stopping, unexpected
from bridge.server.event_stream import EventStream
from bridge.server.order import InOrder
from bridge.server.streaming import run
from bridge.server.tracking import ClientGone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Send

    from bridge.answers import ChatCompletionChunk
    from bridge.exchange import Exchange
    from bridge.server.pace import Pace
    from bridge.server.tracking import Tracked
    from bridge.upstream.base import Upstream


class Answer:
    """The exchanges of one request on their way to the client."""

    def __init__(
        self,
        exchanges: Sequence[Exchange],
        upstream: Upstream,
        track: Tracked,
        deadline: float,
        *,
        include_usage: bool,
    ) -> None:
        """``deadline`` is on the event loop's clock."""
        self._include_usage = include_usage
        self._exchanges = exchanges
        self._upstream = upstream
        self._track = track
        self._deadline = deadline
        self._events: EventStream | None = None

    async def whole(self) -> Response:
        """The answer as one JSON object: the fold of what a stream would have brought."""
        gathered: list[ChatCompletionChunk] = []

        async def write(chunks: list[ChatCompletionChunk]) -> None:
            self._note(chunks)
            gathered.extend(chunks)

        await run(self._exchanges, self._upstream, write, deadline=self._deadline)
        completion = fold(gathered, usage_of(exchange.counts for exchange in self._exchanges))
        return Response(encoded(completion), media_type="application/json")

    async def stream(self, send: Send, pace: Pace) -> None:
        """Send the answer as events; raises only what happens before the first one."""
        async with EventStream(send, pace) as events:
            self._events = events
            last: ChatCompletionChunk | None = None
            order = InOrder() if len(self._exchanges) > 1 else None

            async def write(chunks: list[ChatCompletionChunk]) -> None:
                nonlocal last
                if order is not None:
                    chunks = order.take(chunks)
                if chunks:
                    self._note(chunks)
                    last = chunks[-1]
                await events.write(chunks)

            try:
                await run(self._exchanges, self._upstream, write, deadline=self._deadline)
                await events.finish(self._usage(last))
            except (ClientGone, asyncio.CancelledError):
                raise
            except Exception as error:
                if not events.begun:
                    raise
                told = error if isinstance(error, BridgeError) else unexpected(error)
                report = self._track.report
                report.error, report.upstream_said = told.code or told.type, told.said
                await events.fail(told)

    async def interrupted(self) -> None:
        """The server stops before the answer is complete: end its stream so that it shows."""
        if self._events is not None and self._events.begun:
            await self._events.fail(stopping())

    def tell(self) -> None:
        """Note in the report what the exchanges came to, however they ended."""
        report = self._track.report
        counts = usage_of(exchange.counts for exchange in self._exchanges)
        report.prompt_tokens = counts.prompt_tokens
        report.completion_tokens = counts.completion_tokens
        for exchange in self._exchanges:
            figures = exchange.figures
            report.estimated_tokens |= exchange.counts.estimated
            report.finish_reason = report.finish_reason or figures.finish_reason
            for name in COUNTED:
                setattr(report, name, getattr(report, name) + getattr(figures, name))

    def _usage(self, last: ChatCompletionChunk | None) -> list[ChatCompletionChunk]:
        if last is None or not self._include_usage:
            return []
        usage = usage_of(exchange.counts for exchange in self._exchanges)
        return [usage_chunk(id=last.id, created=last.created, model=last.model, usage=usage)]

    def _note(self, chunks: Sequence[ChatCompletionChunk]) -> None:
        """Remember when the first word or call left."""
        report = self._track.report
        if report.first_text is None and any(
            choice.delta.content or choice.delta.tool_calls or choice.delta.function_call
            for chunk in chunks
            for choice in chunk.choices
        ):
            report.first_text = asyncio.get_running_loop().time() - self._track.began
