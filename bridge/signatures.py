"""A tool as the prompt shows it: a TypeScript-like signature, as readable as its schema is long.

    // Get the weather
    get_weather(args: {city: string, unit?: "c" | "f" /* default "c" */, days?: integer})

Objects whose members have descriptions go over several lines, one member each, with its comment
behind it, or above it where that has lines of its own. Descriptions keep their lines and their
indentation: they hold lists and code. Before a long one stands the tool's name.

What no type can say (``not``, conditions, recursion) is shown as compact JSON Schema beside the
type; a tool that is shorter as such, or too large, all of it. Client's order; the same tool always
gives the same text.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bridge.json_grammar import encodable
from bridge.kept import kept
from bridge.signature_notes import lines_of
from bridge.signature_text import comments
from bridge.signature_types import Untranslatable, type_of_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHORT = 2
"""Lines that are seen at a glance: a tool of more has a blank line around it, and one whose
description has more begins with its name."""


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
    """A tool as JSON, or its signature if what it says of the arguments is no longer."""
    tool = json.loads(schema)
    parameters = tool.get("parameters")
    try:
        signed = _signed(tool["name"], parameters)
    except Untranslatable:
        return schema
    arguments = json.dumps({"parameters": parameters}, ensure_ascii=False, separators=(",", ":"))
    if len(encodable(signed)) > len(encodable(tool["name"] + arguments)):
        return schema
    return _described(tool["name"], tool.get("description"), signed)


def signature(name: str, description: str | None, parameters: Mapping[str, Any] | None) -> str:
    """The signature; raises ``Untranslatable`` where the schema says too much for one."""
    return _described(name, description, _signed(name, parameters))


def _signed(name: str, parameters: Mapping[str, Any] | None) -> str:
    """The tool without what it is for: notes on its arguments, itself, and definitions."""
    arguments = type_of_arguments(parameters or {})
    lines = [line for note in arguments.notes for line in comments(note)]
    lines.append(f"{name}(args: {arguments.type})")
    return "\n".join([*lines, *map("// {}".format, arguments.definitions)])


def _described(name: str, description: str | None, signed: str) -> str:
    told = lines_of(description or "")
    if len(told) > SHORT:
        told[0] = f"{name}: {told[0]}"
    return encodable("\n".join([*comments("\n".join(told)), signed]))


def listed(tools: Sequence[str]) -> str:
    """Tools below each other, those of many lines with a blank one around them."""
    text = "".join(tools[:1])
    for before, tool in pairwise(tools):
        apart = max(before.count("\n"), tool.count("\n")) >= SHORT
        text += ("\n\n" if apart else "\n") + tool
    return text


def _json(tool: Described) -> str:
    described = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    given = {key: value for key, value in described.items() if value is not None}
    return encodable(json.dumps(given, ensure_ascii=False, separators=(",", ":")))
