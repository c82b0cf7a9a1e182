"""Pydantic's findings, as OpenAI words them: one message and the path of the field to blame.

Pydantic names the branches of a union in its paths (``('messages', 0, 'user', 'content', 'str')``)
and reports every branch that failed. Here a path keeps only what stands in the request
(``messages[0].content``), and of several branches the one that got furthest speaks. There are few
errors, however long the request is: lists are read up to their first fault (``schema.Array``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import RequestError
from bridge.schema import MAX_STOP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    Path = tuple[str | int, ...]

EXPECTED_TYPE = {
    "string_type": "a string",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
    "bool_parsing": "a boolean",
}
LEGAL = {
    "tool_choice": (
        '\'none\', \'auto\', \'required\', {"type": "function", "function": {"name": …}}'
        ' or {"type": "allowed_tools", "allowed_tools": {"mode": …, "tools": […]}}'
    ),
    "function_call": "'none', 'auto' or {\"name\": …}",
    "stop": f"a string or an array of 1 to 4 strings, each of 1 to {MAX_STOP} characters",
}
"""Fields whose legal values are few and of several shapes: they are listed whole."""


def path_text(path: Iterable[str | int]) -> str:
    """A path as OpenAI writes it: ``messages[0].tool_calls[1].id``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def request_error(error: ValidationError, value: Any) -> RequestError:
    """The ``RequestError`` for what pydantic found wrong with the raw ``value``."""
    found = [
        (detail, _path(detail, value))
        for detail in error.errors(include_url=False, include_input=False)
    ]
    first = found[0][1]
    # Branches of one union follow each other and share the union's own path.
    branches = [item for item in found if item[1][: len(first)] == first]
    longest = max(len(path) for _, path in branches)
    details = [detail for detail, path in branches if len(path) == longest]
    path = next(path for _, path in branches if len(path) == longest)
    if (legal := LEGAL.get(str(path[0]))) is not None:
        return RequestError(f"Invalid '{path[0]}': expected {legal}.", param=str(path[0]))
    param = path_text(path)
    return RequestError(_message(param, details, _at(value, path)), param=param)


def _path(detail: ErrorDetails, value: Any) -> Path:
    """The steps of the location that lead somewhere in ``value``; the rest are union tags."""
    path: Path = ()
    last = len(detail["loc"]) - 1
    for position, step in enumerate(detail["loc"]):
        if step in value if isinstance(value, dict) else _is_index(step, value):
            value = value[step]
        elif not (detail["type"] == "missing" and position == last):
            continue
        path += (step,)
    if detail["type"].startswith("union_tag"):
        path += (detail["ctx"]["discriminator"].strip("'"),)
    return path


def _is_index(step: str | int, value: Any) -> bool:
    return isinstance(step, int) and isinstance(value, list)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else value[step]
    return value


def _message(param: str, details: Sequence[ErrorDetails], value: Any) -> str:
    detail = details[0]
    if detail["type"] in {"missing", "union_tag_not_found"}:
        return f"Missing required parameter: '{param}'."
    if detail["type"] in EXPECTED_TYPE:
        names = dict.fromkeys(
            EXPECTED_TYPE[other["type"]] for other in details if other["type"] in EXPECTED_TYPE
        )
        return (
            f"Invalid type for '{param}': expected {' or '.join(names)},"
            f" but got {type_name(value)} instead."
        )
    context = detail.get("ctx", {})
    if "expected_tags" in context or "expected" in context:
        legal = context.get("expected_tags") or context["expected"]
        return f"Invalid value for '{param}': expected {legal}."
    return f"Invalid '{param}': {_uncapitalised(detail['msg'])}."


def type_name(value: Any) -> str:
    """The JSON type of a value, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _uncapitalised(message: str) -> str:
    # "String should match pattern …", "Input should be less than or equal to 2"
    message = message.removeprefix("Input ")
    return message[:1].lower() + message[1:].replace(" after validation", "")
