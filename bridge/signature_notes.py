"""What a JSON Schema says of a value beyond its type, in words. See ``signatures``."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_EXAMPLES = 2

UNBOUNDED = 2**53 - 1
"""A bound this far out says nothing: zod writes it for every integer, as JavaScript's last safe
one, and servers in other languages the ends of their 64 bits."""


_SHAPES: Final[dict[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems", "required"), list),
    **dict.fromkeys(("patternProperties", "properties"), dict),
    "$ref": str,
    "maxItems": (int, float),
    "type": (str, list),
}


def is_readable(schema: Mapping[str, Any]) -> bool:
    """Whether the keywords that make a type have values of the kind that JSON Schema wants."""
    kinds = schema.get("type")
    return (
        all(isinstance(schema[word], kind) for word, kind in _SHAPES.items() if word in schema)
        and all(schema[word] for word in ("allOf", "anyOf", "oneOf") if word in schema)
        and not (isinstance(kinds, list) and not all(isinstance(kind, str) for kind in kinds))
    )


def lines_of(text: str) -> list[str]:
    """The lines of a description as they stand, with the blank ones inside and their indentation.

    No line end of any script may end a comment, so each ends a line.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return dedent("\n".join(lines)).split("\n") if lines else []


def flat(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())


_JSON = json.JSONEncoder(ensure_ascii=False)


def literal(value: Any) -> str:
    """A value as JSON."""
    return _JSON.encode(value)


def constraints(schema: Mapping[str, Any]) -> Iterator[str]:
    """What holds for the value, each in a few words on one line."""
    yield from _numbers(schema)
    for least, most, unit in _COUNTS:
        yield from _count(_bound(schema, least), _bound(schema, most), unit)
    for keyword, words in _WORDS.items():
        value = schema.get(keyword)
        if keyword == "pattern" and "format" in schema:
            continue  # the same, as libraries spell it
        if value is not None and value is not False:
            yield flat(words.format(value if isinstance(value, str) else literal(value)))
    if schema.get("default") is not None:
        yield flat(f"default {literal(schema['default'])}")
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        yield flat(f"e.g. {', '.join(map(literal, examples[:MAX_EXAMPLES]))}")


def _bound(schema: Mapping[str, Any], keyword: str) -> Any:
    """A bound that says something; up to draft 4, an exclusive one was a boolean."""
    value: Any = schema.get(keyword)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) < UNBOUNDED else None


def _numbers(schema: Mapping[str, Any]) -> Iterator[str]:
    """The range of a number: of two bounds at one end, the tighter one."""
    least, most = _bound(schema, "minimum"), _bound(schema, "maximum")
    over, under = _bound(schema, "exclusiveMinimum"), _bound(schema, "exclusiveMaximum")
    if over is not None and (least is None or over >= least):
        least = None
    else:
        over = None
    if under is not None and (most is None or under <= most):
        most = None
    else:
        under = None
    if least is not None and most is not None:
        # What contradicts itself helps no one to write a value.
        if least <= most:
            yield _span(least, most)
        return
    for value, words in (
        (least, "at least"),
        (over, "more than"),
        (most, "at most"),
        (under, "less than"),
    ):
        if value is not None:
            yield f"{words} {literal(value)}"


def _span(least: Any, most: Any) -> str:
    return literal(least) if least == most else f"{literal(least)} to {literal(most)}"


def _count(least: Any, most: Any, unit: str) -> Iterator[str]:
    least = least or None
    if least is not None and most is not None:
        if least <= most:
            yield f"{_span(least, most)} {unit}"
    elif least == 1:
        yield "not empty"
    elif least is not None:
        yield f"at least {literal(least)} {unit}"
    elif most is not None:
        yield f"at most {literal(most)} {unit}"


_COUNTS: Final = (
    ("minLength", "maxLength", "characters"),
    ("minItems", "maxItems", "items"),
    ("minProperties", "maxProperties", "members"),
)
_WORDS: Final = {
    "multipleOf": "a multiple of {}",
    "format": "format {}",
    "pattern": "matches {}",
    "uniqueItems": "no item twice",
    "deprecated": "deprecated",
}
