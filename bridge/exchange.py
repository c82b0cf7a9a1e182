"""Exchange: one request and its reply, without any I/O.

    turns, options     what to ask the upstream (again, after a re-ask)
    feed(piece)        what came back; gives the chunks that are certain
    done               nothing more can count: stop reading
    close()            the upstream has ended; gives the last chunks, or sets ``asks_again``

An exchange makes one or more attempts. What the client was promised is judged when an attempt is
over; as long as it can be mended, nothing of it has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bridge.attempt import Attempt
from bridge.completion import ChunkWriter, Heading
from bridge.errors import ToolCallInvalid
from bridge.figures import Figures
from bridge.plan import THINK_OPENING, plan_of
from bridge.received import Received
from bridge.turns import TokenCounts, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.answers import ChatCompletionChunk, FinishReason
    from bridge.models import Model
    from bridge.plan import Plan
    from bridge.promises import Refusal
    from bridge.schema import ChatCompletionRequest
    from bridge.turns import Capabilities, Options, Piece


def open_exchanges(
    request: ChatCompletionRequest,
    model: Model,
    capabilities: Capabilities,
    *,
    id: str,
    created: int,
    new_call_id: Callable[[], str],
    seed: bytes,
) -> list[Exchange]:
    """The exchanges of a request, one for each of its ``n`` choices."""
    heading = Heading(id, created, request.model, request.includes_usage)
    plan = plan_of(request, model, capabilities, seed)
    return [
        Exchange(
            plan,
            ChunkWriter(
                heading, index, new_call_id, stops=request.stops, legacy=request.uses_functions
            ),
        )
        for index in range(request.n or 1)
    ]


class Exchange:
    """One choice of one request.

    ``turns`` and ``options`` are to be read again after each ``close`` that sets ``asks_again``.
    ``figures`` are for the log.
    """

    turns: Sequence[Turn]
    options: Options

    def __init__(self, plan: Plan, writer: ChunkWriter) -> None:
        self._plan = plan
        self._writer = writer
        self._retries = plan.retries
        self._spent = TokenCounts()
        self._finished = False
        self.figures = Figures()
        self.asks_again = False
        self._begin(plan.prompt, plan.opening, first=True)

    def _begin(self, turns: Sequence[Turn], opening: str, *, first: bool) -> None:
        self.turns = [*turns, Turn("assistant", opening)] if opening else turns
        self.options = replace(self._plan.options, prefill=bool(opening))
        self._unread = opening
        self._received = Received(opening)
        self._attempt = Attempt(self._plan.terms, self._writer, self.figures, first=first)

    @property
    def done(self) -> bool:
        """Whether nothing more that the upstream may send can count."""
        return self._finished or self._attempt.done

    @property
    def counts(self) -> TokenCounts:
        """The tokens of all attempts so far."""
        return _sum(self._spent, self._received.counts(self.turns))

    def feed(self, piece: Piece) -> list[ChatCompletionChunk]:
        """Take a piece of the reply, give the chunks that are certain."""
        self._received.take(piece)
        self._attempt.apart += piece.calls
        text, thinking = piece.text, piece.thinking
        if thinking and self._unread == THINK_OPENING:
            self._unread = ""  # the upstream has read it, and keeps thinking apart
        if text:
            # The opening counts only with what follows it: an empty reply has opened nothing.
            text, self._unread = self._unread + text, ""
        return self._attempt.feed(text, thinking=thinking) if text or thinking else []

    def close(self, *, may_ask_again: bool = True) -> list[ChatCompletionChunk]:
        """The upstream has ended, or was stopped. Raises ``ReplyError`` for a broken promise."""
        self.asks_again = False
        attempt, finished = self._attempt, self._received.finish in (None, "stop")
        chunks = attempt.close(finished=finished)
        if attempt.broken:
            raise ToolCallInvalid("The model wrote a tool call that cannot be read.")
        refusal = self._plan.promises.judge(attempt, called=bool(self._writer.calls))
        # A call without its end breaks a promise, unless the token limit cut it.
        cut = not finished or (attempt.cut and not self._plan.terms.promised)
        if refusal is not None and not cut:
            if may_ask_again and self._retries > 0 and not self._committed:
                self._ask_again(refusal)
                return chunks
            if refusal.error is not None:
                raise refusal.error
        breaks_promise = refusal is not None and refusal.error is not None
        chunks += attempt.leave(faulty=not breaks_promise)
        if attempt.cut and self._received.finish != "content_filter":
            chunks += attempt.leave_begun()
        self._finished = True
        self.figures.finish_reason = reason = self._finish_reason()
        return chunks + self._writer.finish(reason)

    @property
    def _committed(self) -> bool:
        """Whether something has left that another attempt could not take back."""
        return bool(self._writer.calls) or (self._attempt.wants_json and self._writer.said)

    def _ask_again(self, refusal: Refusal) -> None:
        plan = self._plan
        self._retries -= 1
        self.figures.re_asks += 1
        self.asks_again = True
        self._spent = self.counts
        reply = self._received.quotable(plan.terms.thoughts)
        turns = plan.renderer.again(plan.prompt, reply, refusal.directive)
        self._begin(turns, plan.later_opening, first=False)

    def _finish_reason(self) -> FinishReason:
        attempt, finish = self._attempt, self._received.finish
        if attempt.stopped:
            return "stop"
        if attempt.cut:
            return "content_filter" if finish == "content_filter" else "length"
        if self._writer.calls:
            return "stop" if self._plan.named else "tool_calls"
        if attempt.unclosed and not self._writer.said:
            return "length"
        return finish or "stop"


def _sum(one: TokenCounts, other: TokenCounts) -> TokenCounts:
    return TokenCounts(
        prompt=one.prompt + other.prompt,
        completion=one.completion + other.completion,
        reasoning=one.reasoning + other.reasoning,
        cached=one.cached + other.cached,
        estimated=one.estimated or other.estimated,
    )
