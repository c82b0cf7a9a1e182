"""What is sent and what the scripted model writes: the same for every side. Pure, no randomness."""

from __future__ import annotations

import json
from typing import Any

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}


def tool(name: str, description: str, required: Schema, optional: Schema | None = None) -> Schema:
    """A function tool as the wire has it."""
    parameters = {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


TYPICAL_TOOLS = [
    tool(
        "get_weather",
        "Get the current weather in a city",
        {"city": {"type": "string", "description": "City and country, as in Paris, France"}},
        {"unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    ),
    tool(
        "search_web",
        "Search the web for up-to-date information",
        {"query": {"type": "string", "description": "What to look for"}},
        {"max_results": {"type": "integer", "description": "How many results, 1 to 20"}},
    ),
    tool("read_file", "Read a text file of the project", {"path": STRING}),
    tool(
        "write_file",
        "Write text to a file, replacing what is there",
        {"path": STRING, "content": {"type": "string", "description": "The whole new text"}},
    ),
    tool(
        "send_email",
        "Send an e-mail",
        {"to": {"type": "array", "items": STRING}, "subject": STRING, "body": STRING},
        {"cc": {"type": "array", "items": STRING}},
    ),
]
"""Five tools such as agents have, with descriptions of the usual length."""


def many_tools(count: int) -> list[Schema]:
    """The typical five, over and over under names of their own; ``write_file`` is always there."""
    tools = [TYPICAL_TOOLS[3]]
    for number in range(count - 1):
        function = TYPICAL_TOOLS[number % 5]["function"]
        name = f"{function['name']}_{number}"
        tools.append({"type": "function", "function": {**function, "name": name}})
    return tools


def conversation(count: int) -> list[Schema]:
    """So many messages: questions, calls, results and answers in turn."""
    messages: list[Schema] = [{"role": "system", "content": "You are a careful assistant."}]
    for number in range(count - 1):
        position, call_id = number % 4, f"call_{number // 4:020d}"
        if position == 0:
            text = f"What does file {number} say about the weather, and is it still true today?"
            messages.append({"role": "user", "content": text})
        elif position == 1:
            arguments = json.dumps({"path": f"notes/{number}.txt"})
            function = {"name": "read_file", "arguments": arguments}
            call = {"id": call_id, "type": "function", "function": function}
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        elif position == 2:
            text = "Cloudy in the morning, then sun; wind from the west.\n" * 4
            messages.append({"role": "tool", "tool_call_id": call_id, "content": text})
        else:
            text = "It says that it is cloudy in the morning, and that the sun comes out later."
            messages.append({"role": "assistant", "content": text})
    while messages[-1]["role"] != "user":
        messages.pop()  # it is the user's turn, and no call may stay without its result
    return messages


def chat(model: str, tools: list[Schema] | None = None, *, stream: bool = True) -> Schema:
    """A small request with tools."""
    question = {"role": "user", "content": "Write the report to report.txt, please."}
    body: Schema = {"model": model, "stream": stream, "messages": [question]}
    return {**body, "tools": tools} if tools else body


# What the model writes ----------------------------------------------------------------------------

PIECE = 4
"""Characters of a piece: about a token."""


def words(count: int) -> list[str]:
    """So many pieces of answer text, each of four characters, none with white space at its end."""
    return [
        f"W{number % 1000:03d}" if number == 0 else f" {number % 1000:03d}"
        for number in range(count)
    ]


CALL_HEAD = '{"name": "write_file", "arguments": {"path": "report.txt", "content": "'
CALL_TAIL = '"}}\n```'


def opening(key: str) -> str:
    """The first line of a block of calls in the ``fence`` dialect."""
    return f"```tool_call {key}\n"


def code(size: int) -> str:
    """Program text of so many characters, as the inside of a JSON string."""
    line = '    if value[index] > limit:  # the \\"largest\\"\\n        limit = value[index]\\n'
    text = (line * (size // len(line) + 1))[:size]
    return text.rstrip("\\") + "\\n"


def records(size: int) -> str:
    """The JSON text of a list of small objects, at least so many characters."""
    one = '{"id": 12345, "name": "Ada", "tags": ["x", "y"], "score": 0.5, "active": true}'
    return "[" + ", ".join([one] * (size // (len(one) + 2) + 1)) + "]"


def pieces(text: str, size: int = PIECE) -> list[str]:
    """The text in pieces of ``size`` characters."""
    return [text[start : start + size] for start in range(0, len(text), size)]
