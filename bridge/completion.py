"""Parts of an answer as chunks, and chunks folded into a whole completion.

There is one path: an answer that is not streamed is the fold of its chunks. The order of chunks,
and which keys are left out or null, are OpenAI's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from bridge.answers import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    Choice,
    ChunkChoice,
    CompletionTokensDetails,
    Delta,
    DeltaFunctionCall,
    DeltaToolCall,
    FinishReason,
    FunctionCall,
    PromptTokensDetails,
    ToolCall,
    Usage,
)
from bridge.stops import StopFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.turns import TokenCounts


MAX_REMEMBERED = 16_000
"""Characters of text that are remembered, to be told from a later attempt's: more stands before no
call."""

_SPACES = ("\n\n", "\n", " ")
"""What may stand between words of two attempts: the first that holds no stop string."""

_SENTENCE_ENDS = (*".!?:…", *"。！？：")


class Heading(msgspec.Struct, frozen=True):
    """What all chunks of an answer share."""

    id: str
    created: int
    model: str
    include_usage: bool = False


class ChunkWriter:
    """Writes the chunks of one choice. ``legacy``: calls in the deprecated ``function_call`` form.

    The role goes first, once, with the first thing that is said. Text ends before a stop string;
    one that stands inside a call does not cut the call.
    """

    def __init__(
        self,
        heading: Heading,
        index: int,
        new_call_id: Callable[[], str],
        *,
        stops: Sequence[str] = (),
        legacy: bool = False,
    ) -> None:
        self._heading = heading
        self._index = index
        self._new_call_id = new_call_id
        self._stops = StopFilter(stops)
        self._legacy = legacy
        spaces = (space for space in _SPACES if not any(stop in space for stop in stops))
        self._between = next(spaces, "")
        self._begun = False
        self._said: list[str] = []
        self._room = MAX_REMEMBERED
        self.said = False
        """Whether any text has been taken: it has left, or will with what comes next."""
        self.calls = 0
        """How many calls have begun."""

    @property
    def stopped(self) -> bool:
        """Whether a stop string has ended the text."""
        return self._stops.hit

    def text(self, text: str) -> list[ChatCompletionChunk]:
        """Answer text."""
        self.said = self.said or bool(text)
        if self._room > 0:
            self._said.append(text)
            self._room -= len(text)
        return self._content(self._stops.feed(text))

    def separate(self) -> list[ChatCompletionChunk]:
        """A blank line of our own. It stops nothing, since the model did not write it."""
        return [] if self.stopped else self._content(self._stops.close() + self._between)

    def unsaid(self, text: str) -> str:
        """What of a later attempt's text is new, where it begins with all that was said before."""
        said = "".join(self._said).strip() if self._room > 0 else ""
        rest = text.lstrip().removeprefix(said)
        ends = said.endswith(_SENTENCE_ENDS) or not rest or rest.startswith("\n")
        return rest.lstrip() if ends and len(rest) < len(text.lstrip()) else text

    def call_start(self, name: str) -> list[ChatCompletionChunk]:
        """A call begins; its id, type and name are said here and not again."""
        index = self.calls
        self.calls += 1
        function = DeltaFunctionCall(name=name, arguments="")
        if self._legacy:
            delta = Delta(function_call=function)
        else:
            call = DeltaToolCall(
                index=index, id=self._new_call_id(), type="function", function=function
            )
            delta = Delta(tool_calls=[call])
        return [*self._content(self._stops.close()), *self._role(None), self._chunk(delta)]

    def call_arguments(self, json: str) -> list[ChatCompletionChunk]:
        """The next characters of the latest call's arguments."""
        function = DeltaFunctionCall(arguments=json)
        if self._legacy:
            return [self._chunk(Delta(function_call=function))]
        return [
            self._chunk(Delta(tool_calls=[DeltaToolCall(index=self.calls - 1, function=function)]))
        ]

    def finish(self, reason: FinishReason) -> list[ChatCompletionChunk]:
        """The end of this choice."""
        if self._legacy and reason == "tool_calls":
            reason = "function_call"
        last = self._content(self._stops.close())
        return [*last, *self._role(""), self._chunk(Delta(), reason)]

    def _content(self, text: str) -> list[ChatCompletionChunk]:
        return [*self._role(""), self._chunk(Delta(content=text))] if text else []

    def _role(self, content: str | None) -> list[ChatCompletionChunk]:
        if self._begun:
            return []
        self._begun = True
        return [self._chunk(Delta(role="assistant", content=content))]

    def _chunk(self, delta: Delta, finish: FinishReason | None = None) -> ChatCompletionChunk:
        heading = self._heading
        return ChatCompletionChunk(
            id=heading.id,
            created=heading.created,
            model=heading.model,
            choices=[ChunkChoice(index=self._index, delta=delta, finish_reason=finish)],
            usage=None if heading.include_usage else UNSET,
        )


def usage_chunk(*, id: str, created: int, model: str, usage: Usage) -> ChatCompletionChunk:
    """The chunk that ``stream_options.include_usage`` adds at the end."""
    return ChatCompletionChunk(id=id, created=created, model=model, choices=[], usage=usage)


def usage_of(counts: Iterable[TokenCounts]) -> Usage:
    """Token counts, added up, as the wire says them."""
    counted = list(counts)
    prompt = sum(count.prompt for count in counted)
    completion = sum(count.completion for count in counted)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details=PromptTokensDetails(
            cached_tokens=sum(count.cached for count in counted)
        ),
        completion_tokens_details=CompletionTokensDetails(
            reasoning_tokens=sum(count.reasoning for count in counted)
        ),
    )


class _FoldedCall(msgspec.Struct):
    id: str
    name: str
    arguments: list[str] = msgspec.field(default_factory=list)


class _FoldedChoice(msgspec.Struct):
    content: list[str] = msgspec.field(default_factory=list)
    calls: list[_FoldedCall] = msgspec.field(default_factory=list)
    function: _FoldedCall | None = None
    finish: FinishReason = "stop"

    def add(self, choice: ChunkChoice) -> None:
        """Take the news of one chunk."""
        delta = choice.delta
        if delta.content:
            self.content.append(delta.content)
        for call in delta.tool_calls or ():
            if call.id is not UNSET:
                self.calls.append(_FoldedCall(call.id, call.function.name or ""))
            self.calls[-1].arguments.append(call.function.arguments)
        if delta.function_call is not UNSET:
            if self.function is None:
                self.function = _FoldedCall("", delta.function_call.name or "")
            self.function.arguments.append(delta.function_call.arguments)
        if choice.finish_reason is not None:
            self.finish = choice.finish_reason

    def message(self) -> ChatCompletionMessage:
        """The message that the chunks told of."""
        called = bool(self.calls) or self.function is not None
        calls = [ToolCall(id=call.id, function=_function(call)) for call in self.calls]
        return ChatCompletionMessage(
            content="".join(self.content) or (None if called else ""),
            tool_calls=calls or UNSET,
            function_call=UNSET if self.function is None else _function(self.function),
        )


def _function(call: _FoldedCall) -> FunctionCall:
    return FunctionCall(name=call.name, arguments="".join(call.arguments))


def fold(chunks: Iterable[ChatCompletionChunk], usage: Usage) -> ChatCompletion:
    """The whole completion that a stream of chunks amounts to; there must be at least one."""
    folded: dict[int, _FoldedChoice] = {}
    heading: ChatCompletionChunk | None = None
    for chunk in chunks:
        heading = heading or chunk
        for choice in chunk.choices:
            folded.setdefault(choice.index, _FoldedChoice()).add(choice)
    if heading is None:
        raise ValueError("there are no chunks to fold")
    return ChatCompletion(
        id=heading.id,
        created=heading.created,
        model=heading.model,
        choices=[
            Choice(index=index, message=choice.message(), finish_reason=choice.finish)
            for index, choice in sorted(folded.items())
        ],
        usage=usage,
    )
