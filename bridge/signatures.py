"""A tool as the prompt shows it: a TypeScript-like signature, a third of the tokens of its schema.

    // Get the weather
    get_weather(args: {city: string, unit?: "c" | "f" /* default "c" */, days?: integer})

Objects whose members have descriptions go over several lines, one member each, with its comment
behind it. What TypeScript cannot say, or only at length (``oneOf``, ``not``, conditions,
``patternProperties``, recursion), is shown as compact JSON Schema instead. Client's order; the
same tool always gives the same text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bridge.json_grammar import encodable
from bridge.kept import kept
from bridge.signature_types import Untranslatable, type_of_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping


class Described(Protocol):
    """What is needed of a tool."""

    @property
    def name(self) -> str:
        """The name it is called by."""
        ...

    @property
    def description(self) -> str | None:
        """What it is for."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any] | None:
        """The JSON Schema of its arguments; None for no arguments."""
        ...


def describe(tool: Described, style: Literal["signatures", "json-schema"] = "signatures") -> str:
    """The tool's signature, or its compact JSON Schema where that is asked for or says more."""
    schema = _json(tool)
    if style == "json-schema":
        return schema
    return _shorter(schema)


@kept
def _shorter(schema: str) -> str:
    """A tool as JSON, or its signature if that is no longer."""
    tool = json.loads(schema)
    try:
        text = signature(tool["name"], tool.get("description"), tool.get("parameters"))
    except Untranslatable:
        return schema
    return text if len(text) <= len(schema) else schema


def signature(name: str, description: str | None, parameters: Mapping[str, Any] | None) -> str:
    """The signature; raises ``Untranslatable`` where the schema says what a signature cannot."""
    lines = [f"// {line}" for line in map(str.strip, (description or "").splitlines()) if line]
    arguments, notes = type_of_arguments(parameters or {})
    if notes:
        lines.append(f"// {notes}")
    return encodable("\n".join([*lines, f"{name}(args: {arguments})"]))


def _json(tool: Described) -> str:
    described = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    given = {key: value for key, value in described.items() if value is not None}
    return encodable(json.dumps(given, ensure_ascii=False, separators=(",", ":")))
