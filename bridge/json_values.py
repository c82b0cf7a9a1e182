"""JSON values as JSON Schema sees them: read, of which type, equal to which."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DIGITS = 300
"""Longer integers count as 10 to this power: no bound of a schema is out there, and Python's own
limits (4300 digits, the largest double) are never met."""

HUGE: Final[int] = 10**MAX_DIGITS


_LONG_NUMBER = re.compile(r"[0-9]{250}|[0-9][eE]")
"""Of these, Python makes no integer, or infinity."""

_LARGEST = 1.7976931348623157e308


def loaded(text: str) -> Any:
    """The value of a JSON text; raises ``ValueError`` and ``RecursionError``."""
    if _LONG_NUMBER.search(text) is None:
        return json.loads(text)  # with functions of ours it takes twice as long
    return json.loads(text, parse_int=_integer, parse_float=_number)


def _integer(digits: str) -> int:
    if len(digits) <= MAX_DIGITS:
        return int(digits)
    return -HUGE if digits.startswith("-") else HUGE


def _number(text: str) -> float:
    return max(-_LARGEST, min(float(text), _LARGEST))


def bounded(number: Any) -> Any:
    """The number, or one that is as good as it."""
    if not isinstance(number, int) or -HUGE <= number <= HUGE:
        return number
    return HUGE if number > 0 else -HUGE


def frozen(value: Any) -> object:
    """A hashable stand-in, equal where JSON Schema calls values equal: 1 and 1.0, but not true."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "object", frozenset((name, frozen(part)) for name, part in value.items())
    if isinstance(value, list):
        return "array", tuple(map(frozen, value))
    return isinstance(value, bool), bounded(value)


def size_of(value: Any) -> int:
    """How many values stand in a value, itself included."""
    count, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        count += 1
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return count


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: is_number(value) and value == value // 1,
    "null": lambda value: value is None,
    "number": is_number,
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}
