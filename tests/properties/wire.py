"""What the wire allows, and what a request was promised, of the chunks and choice of an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from tests.properties.requests import ALLOWED, NAMED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.answers import ChatCompletionChunk, Choice

CUT = {"length", "content_filter"}


def calls_in(choice: Choice) -> list[tuple[str, str]]:
    """The calls of a choice, in either form: name and arguments."""
    message = choice.message
    functions = [made.function for made in message.tool_calls or []]
    functions += [message.function_call] if message.function_call else []
    return [(function.name, function.arguments) for function in functions]


def check_order(
    chunks: Sequence[ChatCompletionChunk], *, whole: bool, fields: dict[str, Any]
) -> None:
    """The wire's rules for the chunks of one choice."""
    check_written(list(map(msgspec.to_builtins, chunks)), whole=whole, fields=fields)


def check_written(chunks: Sequence[dict[str, Any]], *, whole: bool, fields: dict[str, Any]) -> None:
    """The same, of chunks as they are written."""
    heading = ["id", "object", "created", "model"]
    keys = [*heading, "choices", *(["usage"] if "stream_options" in fields else [])]
    for chunk in chunks:
        assert list(chunk) == keys
        assert list(chunk["choices"][0]) == ["index", "delta", "logprobs", "finish_reason"]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert len({tuple(chunk[key] for key in heading) for chunk in chunks}) <= 1
    if whole:
        assert deltas.pop() == {}
        assert reasons.pop() is not None
    assert not any(reasons)
    if not deltas:
        return
    first, *others = deltas
    assert list(first) == ["role", "content"]
    assert first["content"] == (None if others and "content" not in others[0] else "")
    said = [delta["content"] for delta in others if "content" in delta]
    assert all(said)
    assert all(list(delta) == ["content"] for delta in others[: len(said)])
    if "functions" in fields:
        called = [delta["function_call"] for delta in others[len(said) :]]
        assert all("name" not in part for part in called[1:])
    else:
        _check_calls(others[len(said) :])


def _check_calls(deltas: Iterable[dict[str, Any]]) -> None:
    index = -1
    for delta in deltas:
        ((part,),) = delta.values()
        if "id" in part:
            index += 1
            assert list(part) == ["index", "id", "type", "function"]
            assert list(part["function"]) == ["name", "arguments"]
            assert part["function"]["arguments"] == ""
        else:
            assert list(part) == ["index", "function"]
            assert list(part["function"]) == ["arguments"]
            assert part["function"]["arguments"]
        assert part["index"] == index


def check_promises(choice: Choice, fields: dict[str, Any]) -> None:
    """What the request asked for, of an answer that came."""
    calls = calls_in(choice)
    offered = {tool["function"]["name"] for tool in fields.get("tools", [])}
    offered |= {function["name"] for function in fields.get("functions", [])}
    assert {name for name, _ in calls} <= offered
    cut = choice.finish_reason in CUT
    for _, arguments in calls[:-1] if cut else calls:
        assert isinstance(json.loads(arguments), dict)
    if fields.get("parallel_tool_calls") is False:
        assert len(calls) <= 1
    if fields.get("tool_choice") == "none":
        assert not calls
    content, stops = choice.message.content, fields["stop"] or []
    assert not any(stop in (content or "") for stop in ([stops] if stops == "END" else stops))
    if not cut:
        _check_choice(choice, [name for name, _ in calls], fields.get("tool_choice"))
        if fields["response_format"] is not None and not (stops or content is None):
            json.loads(content)


def _check_choice(choice: Choice, names: Sequence[str], chosen: Any) -> None:
    if chosen == "required":
        assert choice.finish_reason == "tool_calls"
    if chosen == ALLOWED:
        assert choice.finish_reason == "tool_calls"
        assert set(names) == {"get_weather"}
    if chosen == NAMED:
        assert names == ["get_weather"]
        assert choice.finish_reason == "stop"
