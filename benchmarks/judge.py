"""The tasks of the accuracy benchmark: read from data, put as requests, and judged. Pure.

``tasks/tools.toml`` has the tools by name: ``description``, and ``required`` and ``optional``
parameters, each a schema or the name of a type. ``tasks/tuning.toml`` and ``tasks/reported.toml``
are lists of ``[[task]]``:

    id         unique over both files
    kind       one of ``KINDS``
    tools      names
    messages   {user = "…"}, {system = "…"}, {assistant = "…"}, {calls = […]}, {results = ["…"]};
               or ``say``, for one user message
    choice     ``tool_choice``: auto (the default), required, none, or a tool's name
    format     a JSON Schema, or ``json_object``, for ``response_format``
    thinking   true for the ``-thinking`` twin

and what is right, one of:

    calls      exactly these calls, in any order, ``a|b`` for either tool; see ``fits``
    says       an answer in words, without calls (one that is spelt out in the text is a call to
               whoever reads it), in which all of these stand; ``a|b``: either
    value      an answer that is JSON of this value
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from benchmarks.workload import tool

FOLDER = Path(__file__).with_name("tasks")
SPLITS = ("tuning", "reported")
KINDS = (
    "one call",
    "choice",
    "several calls",
    "long arguments",
    "no call",
    "refusal",
    "result",
    "chain",
    "forced",
    "structured",
    "thinking",
)

Call = tuple[str, str]
"""A tool's name and its arguments as JSON text."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task; see above."""

    id: str
    kind: str
    messages: tuple[dict[str, Any], ...]
    tools: tuple[str, ...] = ()
    choice: str = "auto"
    format: Any = None
    thinking: bool = False
    calls: tuple[dict[str, Any], ...] | None = None
    says: tuple[str, ...] | None = None
    value: Any = None


@cache
def tools() -> dict[str, dict[str, Any]]:
    """Every tool as the wire has it, by name."""
    with (FOLDER / "tools.toml").open("rb") as file:
        return tools_of(tomllib.load(file))


def tools_of(tables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Tables of tools, in the form of ``tasks/tools.toml``, as the wire has them."""
    return {
        name: tool(
            name,
            table["description"],
            {key: _schema(value) for key, value in table.get("required", {}).items()},
            {key: _schema(value) for key, value in table.get("optional", {}).items()},
        )
        for name, table in tables.items()
    }


def _schema(value: Any) -> dict[str, Any]:
    return {"type": value} if isinstance(value, str) else value


@cache
def tasks(split: str) -> tuple[Task, ...]:
    """The tasks of a split."""
    with (FOLDER / f"{split}.toml").open("rb") as file:
        return tuple(map(task_of, tomllib.load(file)["task"]))


def task_of(table: dict[str, Any]) -> Task:
    """A task's table; raises ``TypeError`` for a key that is none."""
    said = table.pop("say", None)
    messages = table.pop("messages", None) or [{"user": said}]
    lists = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return Task(messages=tuple(wire_messages(messages)), **lists)


def wire_messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The short forms as the wire's messages."""
    found: list[dict[str, Any]] = []
    ids: list[str] = []
    for number, message in enumerate(messages):
        ((role, value),) = message.items()
        if role == "calls":
            ids = [f"call_{number}_{position}" for position in range(len(value))]
            calls = [_called(call, call_id) for call, call_id in zip(value, ids, strict=True)]
            found.append({"role": "assistant", "content": None, "tool_calls": calls})
        elif role == "results":
            for call_id, text in zip(ids, value, strict=True):
                found.append({"role": "tool", "tool_call_id": call_id, "content": text})
        else:
            found.append({"role": role, "content": value})
    return found


def _called(call: dict[str, Any], call_id: str) -> dict[str, Any]:
    arguments = json.dumps(call["arguments"], ensure_ascii=False)
    function = {"name": call["name"], "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def body_of(task: Task, model: str) -> dict[str, Any]:
    """The request."""
    body: dict[str, Any] = {"model": model, "messages": list(task.messages)}
    if task.tools:
        body["tools"] = [tools()[name] for name in task.tools]
    if task.choice in tools():
        body["tool_choice"] = {"type": "function", "function": {"name": task.choice}}
    elif task.choice != "auto":
        body["tool_choice"] = task.choice
    if task.format == "json_object":
        body["response_format"] = {"type": "json_object"}
    elif task.format is not None:
        wanted = {"name": "answer", "strict": True, "schema": task.format}
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}
    return body


# Judging ------------------------------------------------------------------------------------------

_SPELT = re.compile(r'"name"\s*:\s*"\w+",\s*"(arguments|parameters)"\s*:')


def right(task: Task, calls: list[Call], text: str) -> bool:
    """Whether this answer is one to the task."""
    if task.calls is not None:
        return _called_right(task, calls)
    if calls or not text.strip() or _SPELT.search(text):
        return False
    if task.value is not None:
        try:
            return fits({"is": task.value}, json.loads(text))
        except ValueError:
            return False
    return all(_either(word, text) for word in task.says or ())


def _called_right(task: Task, calls: list[Call]) -> bool:
    expected = task.calls or ()
    if len(calls) != len(expected):
        return False
    try:
        read = [(name, json.loads(arguments)) for name, arguments in calls]
    except ValueError:
        return False
    if not all(_valid(name, arguments) for name, arguments in read):
        return False
    return any(
        all(
            name in wanted["name"].split("|") and _all_fit(wanted.get("arguments", {}), arguments)
            for wanted, (name, arguments) in zip(expected, order, strict=True)
        )
        for order in permutations(read)
    )


def _valid(name: str, arguments: object) -> bool:
    if name not in tools():
        return False
    schema = tools()[name]["function"]["parameters"]
    return bool(Draft202012Validator(schema).is_valid(arguments))


def _all_fit(expected: dict[str, Any], arguments: dict[str, Any]) -> bool:
    return all(key in arguments and fits(value, arguments[key]) for key, value in expected.items())


def fits(expected: Any, value: Any) -> bool:
    """Whether an argument is as expected.

    A text must stand in it, whatever the case (``a|b``: either); of a list, all; ``{is = …}`` is
    equality, for numbers as numbers; a number or a boolean likewise.
    """
    if isinstance(expected, dict):
        return bool(expected["is"] == value)
    if isinstance(expected, bool | int | float):
        return bool(expected == value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    wanted = [expected] if isinstance(expected, str) else expected
    return all(_either(word, text) for word in wanted)


def _either(word: str, text: str) -> bool:
    return any(choice.casefold() in text.casefold() for choice in word.split("|"))
