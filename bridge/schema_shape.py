"""Whether a schema is one: the shape of each keyword that is applied, and where references lead.

One walk over the schema says what the metaschema would, in better words and without loading a
validator, and three things it would not: no reference may leave the document (nothing is ever
fetched), each must lead somewhere, and depth and size are bounded. Annotations (``title``,
``format``, ``default`` …) and unknown keywords may hold anything, as with real servers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from bridge.json_grammar import quoted
from bridge.references import (
    LISTS_OF_SCHEMAS,
    MAPS_OF_SCHEMAS,
    MAX_SCHEMAS,
    REFERENCES,
    WITH_SCHEMAS,
    References,
    subschemas,
)

MAX_NESTING = 64
"""Schemas within schemas. OpenAI takes 10 levels; a validator needs several frames of Python's
recursion limit for each."""

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


def fault_in(schema: object) -> str | None:
    """What is wrong with a whole schema document, in words, or None."""
    if not isinstance(schema, Mapping):
        return f"a schema must be a JSON object, not {_kind(schema)}."
    return _Walk(schema).fault()


def well_formed(keyword: str, value: object) -> bool:
    """Whether a keyword's value is one that it may have; any is, for one that is not applied."""
    known = _WANTED.get(keyword)
    return known is None or known[0](value)


def _kind(value: object) -> str:
    names = {bool: "a boolean", str: "a string", list: "a list", type(None): "null"}
    return names.get(type(value), "an object" if isinstance(value, Mapping) else "a number")


class _Place(NamedTuple):
    """A place in a schema. Names may be long and places many: the text is made when it is told."""

    above: _Place | None
    step: str | int

    def __str__(self) -> str:
        steps: list[str | int] = []
        place: _Place | None = self
        while place is not None:
            steps.append(place.step)
            place = place.above
        texts = [f"[{step}]" if isinstance(step, int) else f".{step[:64]}" for step in steps[::-1]]
        return "".join(texts).removeprefix(".")


class _Walk:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._references = References(root)
        self._waiting: deque[tuple[_Place | None, Mapping[str, Any], int]] = deque()
        self._seen: set[int] = set()
        self._count = 0
        self._add(None, root, 0)

    def fault(self) -> str | None:
        while self._waiting:
            if (fault := self._visit(*self._waiting.popleft())) is not None:
                return fault
        return None

    def _visit(self, above: _Place | None, node: Mapping[str, Any], nesting: int) -> str | None:
        if nesting > MAX_NESTING:
            return f"it is nested more than {MAX_NESTING} levels deep."
        for keyword, value in node.items():
            if not well_formed(keyword, value):
                return f"'{_Place(above, keyword)}' must be {_WANTED[keyword][1]}."
            if keyword in WITH_SCHEMAS:
                fault = self._go_down(_Place(above, keyword), keyword, value, nesting + 1)
            elif keyword in REFERENCES:
                fault = self._follow(_Place(above, keyword), value, keyword, node)
            else:
                continue
            if fault is not None:
                return fault
        return None

    def _go_down(self, place: _Place, keyword: str, value: object, nesting: int) -> str | None:
        for step, part in subschemas(keyword, value):
            below = place if step is None else _Place(place, step)
            if (fault := self._add(below, part, nesting)) is not None:
                return fault
        return None

    def _add(self, place: _Place | None, node: object, nesting: int) -> str | None:
        self._count += 1
        if isinstance(node, Mapping):
            if id(node) in self._seen:
                self._count -= 1
                return None
            self._seen.add(id(node))
            self._waiting.append((place, node, nesting))
        elif not isinstance(node, bool):
            return f"'{place}' must be a schema (an object or a boolean), not {_kind(node)}."
        too_many = self._count > MAX_SCHEMAS
        return f"it holds more than {MAX_SCHEMAS} schemas." if too_many else None

    def _follow(
        self, place: _Place, reference: str, keyword: str, node: Mapping[str, Any]
    ) -> str | None:
        target = self._references.resolved(reference, node, keyword)
        if target is not None:
            return self._add(_Place(None, reference), target, 0)
        if reference.startswith("#"):
            return f"'{place}' refers to {quoted(reference)}, which is not there."
        return (
            f"'{place}' refers to another document ({quoted(reference)});"
            " only references into the schema itself, such as '#/$defs/…', are followed."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_exclusive(value: object) -> bool:
    return isinstance(value, bool) or _is_number(value)  # up to draft 4, it is true or false


def _is_count(value: object) -> bool:
    if isinstance(value, float):
        return value >= 0 and value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_schemas(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_types(value: object) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in _TYPES for name in names)


def _is_dependencies(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _is_names(part) for part in value.values() if isinstance(part, list)
    )


_Check = tuple[Callable[[Any], bool], str]
_WANTED: Final[dict[str, _Check]] = {
    "exclusiveMaximum": (_is_exclusive, "a number"),
    "exclusiveMinimum": (_is_exclusive, "a number"),
    "items": (lambda value: isinstance(value, bool | list | Mapping), "a schema"),
    "type": (_is_types, f"one of the types {', '.join(_TYPES)}, or a list of them"),
    "enum": (lambda value: isinstance(value, list), "a list of values"),
    "required": (_is_names, "a list of property names"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number over 0"),
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
    "dependencies": (_is_dependencies, "an object of schemas or lists of property names"),
    "dependentRequired": (
        lambda value: isinstance(value, Mapping) and all(map(_is_names, value.values())),
        "an object of lists of property names",
    ),
    **dict.fromkeys(("maximum", "minimum"), (_is_number, "a number")),
    **dict.fromkeys(
        [f"m{most}{what}" for most in ("ax", "in")
         for what in ("Contains", "Items", "Length", "Properties")],
        (_is_count, "a whole number of 0 or more"),
    ),
    **dict.fromkeys(
        LISTS_OF_SCHEMAS, (_is_schemas, "a list of schemas")
    ),
    **dict.fromkeys(MAPS_OF_SCHEMAS, (_is_map, "an object of schemas")),
    **dict.fromkeys(
        [*REFERENCES, "$anchor", "$dynamicAnchor", "$id", "pattern"],
        (lambda value: isinstance(value, str), "a string"),
    ),
}  # fmt: skip
