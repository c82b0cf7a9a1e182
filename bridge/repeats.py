"""Calls whose result is already there: small models answer a result by the very same call again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bridge.schema import AssistantMessage, ToolMessage

if TYPE_CHECKING:
    from bridge.schema import ChatCompletionRequest, FunctionCall

    Answered = frozenset[tuple[str, str]]
    """Names and canonical arguments."""


def answered_calls(request: ChatCompletionRequest) -> Answered:
    """The calls whose results the conversation ends with."""
    latest: list[FunctionCall] = []
    for message in request.messages:
        if isinstance(message, AssistantMessage):
            latest = [call.function for call in message.tool_calls or ()]
        elif not isinstance(message, ToolMessage):
            latest = []
    return frozenset((function.name, canonical(function.arguments)) for function in latest)


def canonical(arguments: str) -> str:
    """Arguments in a form in which equal ones are equal; text that is no JSON stays as it is."""
    try:
        value: Any = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
    return json.dumps(value, sort_keys=True)
