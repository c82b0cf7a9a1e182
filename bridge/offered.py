"""The tools that a request offers and its choice among them, in a form that can be applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from bridge.checks import check_schema
from bridge.errors import RequestError
from bridge.faults import type_name
from bridge.kept import Known
from bridge.schema import FunctionDefinition, Tool
from bridge.schema_mending import mended_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.schema import JSONObject


class _Usable(msgspec.Struct, frozen=True):
    function: FunctionDefinition
    mended: bool


_known: Known[_Usable] = Known()

CHOICES = {"none": "none", "auto": "auto", "required": "required", "any": "required"}
"""The words of ``tool_choice``, and the one that Anthropic and Mistral have for ``required``."""


def usable_tools(
    functions: Sequence[FunctionDefinition], where: str, mended: list[str]
) -> list[Tool]:
    """The functions as tools; raises ``RequestError``.

    ``where`` is the path of the one whose index it is given. The paths of schemas that had to be
    mended are added to ``mended``.
    """
    names: set[str] = set()
    tools: list[Tool] = []
    for index, function in enumerate(functions):
        path = where.format(index)
        if function.name in names:
            raise RequestError(
                f"There are two tools named '{function.name}'.", param=f"{path}.name"
            )
        names.add(function.name)
        usable = _usable(function, f"{path}.parameters")
        if usable.mended:
            mended.append(f"{path}.parameters")
        tools.append(Tool(type="function", function=usable.function))
    return tools


def _usable(function: FunctionDefinition, path: str) -> _Usable:
    fields = (function.name, function.description, function.parameters, function.strict)
    text = json.dumps(fields, ensure_ascii=False)
    if (known := _known.get(text)) is None:
        known = _with_usable_parameters(function, path)
        _known.add(text, known)
    return known


def _with_usable_parameters(function: FunctionDefinition, path: str) -> _Usable:
    """A schema that is promised to be kept (``strict``) is taken as it stands, or refused.

    Any other is a help for the model and a check of what it writes. Where it cannot be read as it
    stands it says less, and the tool can still be used.
    """
    parameters = function.parameters
    if not parameters or (fault := _fault(parameters)) is None:
        return _Usable(function, mended=False)
    if not function.strict:
        parameters = mended_parameters(parameters)
        fault = _fault(parameters)
    if fault is not None:
        raise RequestError(f"Invalid schema for '{path}': {fault}", param=path)
    return _Usable(function.model_copy(update={"parameters": parameters}), mended=True)


def _fault(schema: JSONObject) -> str | None:
    """What keeps a schema from being that of a tool's arguments."""
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        found = f"'{kind[:40]}'" if isinstance(kind, str) else type_name(kind)
        return f"'type' must be 'object', not {found}."
    return check_schema(schema)


def with_plain_choice(raw: JSONObject) -> JSONObject:
    """The request with a ``tool_choice`` that other APIs spell otherwise in OpenAI's words.

    ``{"type": "auto"}`` is what Cursor sends, with ``any`` and ``{"type": "tool", "name": …}`` it
    is Anthropic's; ``{"type": "function", "name": …}`` is the Responses API's.
    """
    choice = raw.get("tool_choice")
    word = choice.get("type") if isinstance(choice, dict) else choice
    if not isinstance(word, str):
        return raw
    if (plain := CHOICES.get(word)) is not None:
        return {**raw, "tool_choice": plain}
    if not isinstance(choice, dict) or "function" in choice:
        return raw
    name = choice.get("name")
    if word in ("function", "tool") and isinstance(name, str):
        return {**raw, "tool_choice": {"type": "function", "function": {"name": name}}}
    return raw
