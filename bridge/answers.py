"""The wire, outbound: completions, chunks, the models, errors. Requests are in ``schema``.

Names and shapes are those of OpenAI's published API description. A field that is UNSET is left out,
one that is None is written as null: clients tell the two apart.

These are msgspec's values and not pydantic's: a stream makes and encodes one for each delta, and
nobody checks what we say ourselves.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]

encoded = msgspec.json.Encoder().encode
"""An answer as compact JSON."""


class PromptTokensDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Where prompt tokens came from."""

    cached_tokens: int = 0


class CompletionTokensDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What completion tokens went into."""

    reasoning_tokens: int = 0


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens, as the upstream counted them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


class FunctionCall(msgspec.Struct, frozen=True, kw_only=True):
    """A tool's name and its arguments as JSON text."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of the answer."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class ChatCompletionMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The answer itself."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: None = None
    tool_calls: list[ToolCall] | UnsetType = UNSET
    function_call: FunctionCall | UnsetType = UNSET


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of ``n`` answers."""

    index: int
    message: ChatCompletionMessage
    logprobs: None = None
    finish_reason: FinishReason


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


class DeltaFunctionCall(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a function call: name and empty arguments first, then arguments alone."""

    name: str | UnsetType = UNSET
    arguments: str


class DeltaToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a tool call: id, type and name stand on its first delta only."""

    index: int
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET
    function: DeltaFunctionCall


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """What is new since the last chunk."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    tool_calls: list[DeltaToolCall] | UnsetType = UNSET
    function_call: DeltaFunctionCall | UnsetType = UNSET


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The news of one choice."""

    index: int
    delta: Delta
    logprobs: None = None
    finish_reason: FinishReason | None = None


class ChatCompletionChunk(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | UnsetType | None = UNSET


class ModelObject(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``GET /v1/models``."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /v1/models``."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong; all four keys are always there."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An error answer, or an error event in a stream."""

    error: ErrorBody
