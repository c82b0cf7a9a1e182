"""The trailing directive: all that may vary from request to request, in words for the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bridge.dialects.neutral import neutral_for
from bridge.schema import JSONObjectFormat, JSONSchemaFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.choice import Choice
    from bridge.dialects.base import Dialect
    from bridge.schema import ChatCompletionRequest

THINK = (
    "First think inside <think> and </think>, in a few sentences. "
    "After </think>, reply to the user."
)
"""Says nothing of tools: small models that are reminded of them here call one for everything."""

ANSWER_IN_WORDS = "Answer in words now; do not call a tool."
ONE_CALL = "Call at most one tool."
JSON_OBJECT = "Answer with one JSON object and nothing else: no code fence, no words around it."
JSON_SCHEMA = (
    "Answer with one JSON value that follows this JSON Schema, and nothing else: "
    "no code fence, no words around it.\n{schema}"
)
OR_CALL = "Unless you call a tool: "


def directive(
    request: ChatCompletionRequest, choice: Choice, dialect: Dialect, *, think: bool
) -> str:
    """What this request asks for beside its messages; empty when it asks for nothing."""
    lines = [*_choice_lines(request, choice, dialect), *_format_lines(request, choice, dialect)]
    if think:
        lines.append(THINK)
    return "\n".join(lines)


def _choice_lines(request: ChatCompletionRequest, choice: Choice, dialect: Dialect) -> list[str]:
    names = ", ".join(tool.name for tool in choice.tools)
    lines: list[str] = []
    match choice.mode:
        case "none":
            if request.offered:
                lines.append(ANSWER_IN_WORDS)
        case "named":
            lines.append(f"Call the tool {names} now: write a {dialect.block} block.")
        case "required":
            which = f"one of these tools now: {names}" if choice.limited else "a tool now"
            lines.append(f"Call {which}; write a {dialect.block} block.")
        case _:
            if choice.limited:
                lines.append(f"Of the tools, only these may be called now: {names}.")
    if choice.single and choice.mode in ("auto", "required") and not request.uses_functions:
        lines.append(ONE_CALL)
    return lines


def _format_lines(request: ChatCompletionRequest, choice: Choice, dialect: Dialect) -> list[str]:
    wanted = request.response_format
    if choice.promised:
        return []
    prefix = OR_CALL if choice.mode == "auto" else ""
    if isinstance(wanted, JSONObjectFormat):
        return [prefix + JSON_OBJECT]
    if isinstance(wanted, JSONSchemaFormat):
        schema = json.dumps(
            wanted.json_schema.schema_ or {}, ensure_ascii=False, separators=(",", ":")
        )
        # The schema's strings are the caller's, the rest of the directive is ours.
        schema = neutral_for(dialect.grammar.key).neutralise(schema, json=True)
        return [prefix + JSON_SCHEMA.format(schema=schema)]
    return []


def correction(
    dialect: Dialect, faults: Sequence[str], tools: Sequence[str], *, or_words: bool = False
) -> str:
    """Asks for a block again, or ``or_words``: perhaps no tool does what was wanted.

    ``faults`` in words, ``tools`` the descriptions it needs.
    """
    lines = [f"Your {dialect.block} block could not be used:", *(f"- {fault}" for fault in faults)]
    if tools:
        lines += ["The tool:" if len(tools) == 1 else "The tools:", *tools]
    lines.append(CORRECTED_OR_WORDS if or_words else "Write only the corrected block.")
    return "\n".join(lines)


CORRECTED_OR_WORDS = (
    "If one of these tools does what was asked for, write only the corrected block. "
    "If none does, do not call any: answer in words."
)


def call_missing(dialect: Dialect, names: Sequence[str]) -> str:
    """Asks for a call that was promised and did not come."""
    return (
        f"You did not call a tool. Call one of these now: {', '.join(names)}. "
        f"Write only the {dialect.block} block."
    )


def repeated(names: Sequence[str]) -> str:
    """Tells that the result of this very call is already there."""
    return (
        f"The result of that very call ({', '.join(names)}) is already above. Use it: answer in "
        "words, or make a different call."
    )


def output_wrong(fault: str) -> str:
    """Asks for structured output again."""
    return f"That is not what was asked for: {fault}\nWrite only the corrected JSON."


def made_up_result(*, may_call: bool) -> str:
    """Tells that a result which no call led to is made up."""
    instead = "Call a tool, or answer in words." if may_call else "Answer in words."
    return f"Only the user sends results; you wrote one yourself. {instead}"


NO_ANSWER = "Stop thinking. Write the answer itself now."
"""Asks for an answer when a reply held thinking alone."""

NOTHING_IN_IT = "There is nothing in that code block. Write the answer itself now."
"""Asks for an answer when a reply was an empty fence."""

NO_CALLS_NOW = "No tool can be called now. Answer in words."
"""Asks for words when a reply held a call alone and none was allowed."""
