"""The baseline of accuracy: a prompt that anyone would write, and its answers parsed naively. Pure.

The tools stand in the system prompt as JSON, the model is asked for a JSON object, and what comes
back is given to ``json.loads``, without the fence that models put around it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.judge import Call

PROMPT = """\
You have access to these tools:

{tools}

To call a tool, answer only with a JSON object of the form \
{{"name": "<tool>", "arguments": {{…}}}}, or with a list of such objects to call several. \
Otherwise answer in words."""
FORCED = "\n\nYou must call {which} now."
BARRED = "\n\nDo not call a tool now."
SHAPED = "Answer only with JSON that follows this schema: {schema}"

_FENCE = re.compile(r"```\w*\n(.*?)\n?```", re.DOTALL)


def plain_body(body: dict[str, Any]) -> dict[str, Any]:
    """The request with everything that text alone cannot say put into words."""
    tools, choice = body.get("tools", []), body.get("tool_choice", "auto")
    system = PROMPT.format(tools=json.dumps(tools, ensure_ascii=False)) if tools else ""
    if choice == "none":
        system += BARRED
    elif choice != "auto":
        name = choice["function"]["name"] if isinstance(choice, dict) else "one of them"
        system += FORCED.format(which=name)
    if wanted := body.get("response_format"):
        schema = wanted.get("json_schema", {}).get("schema", {"type": "object"})
        system += SHAPED.format(schema=json.dumps(schema))
    messages = [message for each in body["messages"] for message in _worded(each)]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    return {"model": body["model"], "messages": messages}


def _worded(message: dict[str, Any]) -> list[dict[str, Any]]:
    if message["role"] == "tool":
        return [{"role": "user", "content": f"Result: {message['content']}"}]
    if calls := message.get("tool_calls"):
        written = [_written(call["function"]) for call in calls]
        text = json.dumps(written[0] if len(written) == 1 else written, ensure_ascii=False)
        return [{"role": "assistant", "content": text}]
    return [message]


def _written(function: dict[str, Any]) -> dict[str, Any]:
    return {"name": function["name"], "arguments": json.loads(function["arguments"])}


def plain_answer(text: str, *, tools: bool) -> tuple[list[Call], str]:
    """The calls in a reply, or its text."""
    inside = _FENCE.fullmatch(text.strip())
    try:
        value = json.loads(inside[1] if inside else text)
    except ValueError:
        return [], text
    objects = value if isinstance(value, list) else [value]
    if not tools or not all(isinstance(each, dict) and "name" in each for each in objects):
        return [], text
    return [
        (str(each["name"]), json.dumps(each.get("arguments", {}), ensure_ascii=False))
        for each in objects
    ], ""
