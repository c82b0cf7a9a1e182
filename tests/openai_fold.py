"""Chunks folded by the openai SDK's own accumulation: the judge of every stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion as TheirCompletion
from openai.types.chat import ChatCompletionChunk as TheirChunk

from bridge.answers import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.answers import ChatCompletion, ChatCompletionChunk


def told_by_openai(chunks: Iterable[ChatCompletionChunk]) -> list[dict[str, Any]]:
    """The choices, as an application sees them that reads the stream with the SDK."""
    return folded_by_openai(map(encoded, chunks))


def folded_by_openai(datas: Iterable[str | bytes]) -> list[dict[str, Any]]:
    """The same, from the data of the stream's events."""
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for data in datas:
        state.handle_chunk(TheirChunk.model_validate_json(data))
    return _choices(state.current_completion_snapshot)


def read_by_openai(completion: ChatCompletion) -> list[dict[str, Any]]:
    """The choices of a whole answer, as the SDK reads it."""
    return parsed_by_openai(encoded(completion))


def parsed_by_openai(body: str | bytes) -> list[dict[str, Any]]:
    """The same, from the body of the answer."""
    return _choices(TheirCompletion.model_validate_json(body))


def _choices(completion: Any) -> list[dict[str, Any]]:
    return [
        {
            "index": choice.index,
            "finish_reason": choice.finish_reason,
            "content": choice.message.content,
            "tool_calls": [
                (call.id, call.type, call.function.name, call.function.arguments)
                for call in choice.message.tool_calls or []
            ],
            "function_call": (call := choice.message.function_call) and (call.name, call.arguments),
        }
        for choice in completion.choices
    ]
