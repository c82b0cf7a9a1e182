"""Calls whose result is already there: models answer a result by the very same call again.

A small model does so at once. A larger one may be polling, and is left alone until the same call
has brought the same result more than once. A result that has changed is a reason to ask anew.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from bridge.content import text_of
from bridge.schema import AssistantMessage, ToolMessage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.schema import ChatCompletionRequest, Message

    Answered = frozenset[tuple[str, str]]
    """Names and canonical arguments."""

    Round = dict[tuple[str, str], set[str]]
    """The calls of one assistant message, and their results."""


def answered_calls(request: ChatCompletionRequest, times: int) -> Answered:
    """The calls that the conversation ends with, each answered alike ``times`` times in a row."""
    # Once is enough only if an earlier result, however far back, was no other.
    rounds = list(islice(_rounds(request.messages), None if times == 1 else times))
    if len(rounds) < times:
        return frozenset()
    latest, *before = rounds
    return frozenset(
        call
        for call, results in latest.items()
        if len(results) == 1
        and all(earlier == results for earlier in _earlier(call, before, times))
    )


def _earlier(call: tuple[str, str], before: list[Round], times: int) -> Sequence[set[str] | None]:
    """What has to be equal to the latest results of a call."""
    if times > 1:
        return [known.get(call) for known in before]
    return [known[call] for known in before if call in known][:1]


def _rounds(messages: Sequence[Message]) -> Iterator[Round]:
    """What was called and came back, the latest first; empty where someone spoke between."""
    results: dict[str, str] = {}
    for message in reversed(messages):
        if isinstance(message, ToolMessage):
            results[message.tool_call_id] = text_of(message.content)
            continue
        found: Round = {}
        calls = message.tool_calls if isinstance(message, AssistantMessage) else None
        for call in calls or ():
            key = call.function.name, canonical(call.function.arguments)
            found.setdefault(key, set()).add(results.get(call.id, ""))
        results = {}
        yield found


def canonical(arguments: str) -> str:
    """Arguments in a form in which equal ones are equal; text that is no JSON stays as it is."""
    try:
        value: Any = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
    return json.dumps(value, sort_keys=True)
