"""Whether a schema is one: the shape of each keyword that is applied, and where references lead.

One walk over the schema says what the metaschema would, in better words and without loading a
validator, and three things it would not: no reference may leave the document (nothing is ever
fetched), each must lead somewhere, and depth and size are bounded. Annotations (``title``,
``format``, ``default`` …) and unknown keywords may hold anything, as with real servers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from bridge.json_grammar import quoted
from bridge.schema_paths import Schemas

MAX_SCHEMAS = 10_000
"""Schemas in a document, each counted once. OpenAI takes 5,000 properties."""

MAX_NESTING = 64
"""Schemas within schemas. OpenAI takes 10 levels; a validator needs several frames of Python's
recursion limit for each."""

DRAFT_4: Final = "http://json-schema.org/draft-04/schema"
DRAFT_7: Final = "http://json-schema.org/draft-07/schema"
DRAFT_2020: Final = "https://json-schema.org/draft/2020-12/schema"
KNOWN: Final = frozenset(
    {
        "http://json-schema.org/draft-03/schema",
        DRAFT_4,
        "http://json-schema.org/draft-06/schema",
        DRAFT_7,
        "https://json-schema.org/draft/2019-09/schema",
        DRAFT_2020,
    }
)
BOOLEAN_BOUNDS = frozenset({"http://json-schema.org/draft-03/schema", DRAFT_4})
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

_ONE = frozenset(
    {
        *("additionalItems", "additionalProperties", "contains", "else", "if", "items", "not"),
        *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"},
)
REFERENCES = frozenset({"$dynamicRef", "$recursiveRef", "$ref"})


class Shape(msgspec.Struct, frozen=True):
    """What the walk found: a ``fault`` in words, or None; and the ``draft`` to read it by.

    A schema that names no draft is read by 2020-12, unless it writes what only an older one has:
    a list of ``items`` (up to draft 7) or a boolean ``exclusiveMinimum`` (up to draft 4).
    """

    fault: str | None
    draft: str = DRAFT_2020


def shape_of(schema: object) -> Shape:
    """Examine a whole schema document."""
    if not isinstance(schema, Mapping):
        return Shape(f"a schema must be a JSON object, not {_kind(schema)}.")
    return _Walk(schema).shape()


def _kind(value: object) -> str:
    names = {bool: "a boolean", str: "a string", list: "a list", type(None): "null"}
    return names.get(type(value), "an object" if isinstance(value, Mapping) else "a number")


class _Walk:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._document = Schemas(root)
        self._waiting: deque[tuple[str, object, int]] = deque([("", root, 0)])
        self._seen: set[int] = set()
        self._anchors: set[object] = set()
        self._named: list[tuple[str, str]] = []
        self._declared = root.get("$schema", "")
        self._draft = ""
        if isinstance(self._declared, str) and self._declared.rstrip("#") in KNOWN:
            self._draft = self._declared.rstrip("#")
        self._older = DRAFT_2020

    def shape(self) -> Shape:
        if not isinstance(self._declared, str):
            return Shape("'$schema' must be a string.")
        while self._waiting:
            if (fault := self._visit(*self._waiting.popleft())) is not None:
                return Shape(fault)
        for path, reference in self._named:
            if reference[1:] not in self._anchors:
                return Shape(f"'{path}' refers to {quoted(reference)}, which is not there.")
        return Shape(None, self._draft or self._older)

    def _visit(self, path: str, node: object, nesting: int) -> str | None:
        if isinstance(node, bool) or id(node) in self._seen:
            return None
        if not isinstance(node, Mapping):
            return f"'{path}' must be a schema (an object or a boolean), not {_kind(node)}."
        self._seen.add(id(node))
        if len(self._seen) > MAX_SCHEMAS:
            return f"it holds more than {MAX_SCHEMAS} schemas."
        if nesting > MAX_NESTING:
            return f"it is nested more than {MAX_NESTING} levels deep."
        for keyword, value in node.items():
            place = f"{path}.{keyword}" if path else keyword
            if (wanted := self._wanted(keyword, value)) is not None:
                return f"'{place}' must be {wanted}."
            if keyword in REFERENCES and (fault := self._follow(place, value)) is not None:
                return fault
            self._go_on(place, keyword, value, nesting + 1)
        self._anchors.update((node.get("$anchor"), node.get("$dynamicAnchor")))
        return None

    def _wanted(self, keyword: str, value: object) -> str | None:
        """What the keyword's value must be, when it is not."""
        if keyword == "items" and isinstance(value, list):
            if self._draft == DRAFT_2020:
                return "a schema; a list of schemas is called 'prefixItems'"
            self._older = self._older if self._older == DRAFT_4 else DRAFT_7
            return None
        if keyword in ("exclusiveMaximum", "exclusiveMinimum") and isinstance(value, bool):
            if self._draft in {"", *BOOLEAN_BOUNDS}:
                self._older = DRAFT_4
                return None
            return "a number"
        known = _WANTED.get(keyword)
        return None if known is None or known[0](value) else known[1]

    def _follow(self, place: str, reference: str) -> str | None:
        if not reference.startswith("#"):
            return (
                f"'{place}' refers to another document ({quoted(reference)});"
                " only references into the schema itself, such as '#/$defs/…', are followed."
            )
        if reference[1:] and not reference.startswith("#/"):
            self._named.append((place, reference))
            return None
        target = self._document.resolved(reference)
        if target is None:
            return f"'{place}' refers to {quoted(reference)}, which is not there."
        self._waiting.append((reference, target, 0))
        return None

    def _go_on(self, place: str, keyword: str, value: Any, nesting: int) -> None:
        parts: list[tuple[str, object]] = []
        if isinstance(value, list) and (keyword in _MANY or keyword == "items"):
            parts = [(f"{place}[{index}]", part) for index, part in enumerate(value)]
        elif keyword in _ONE:
            parts = [(place, value)]
        elif keyword in _NAMED:
            parts = [(f"{place}.{name}", part) for name, part in value.items()]
        elif keyword == "dependencies":
            parts = [(f"{place}.{n}", p) for n, p in value.items() if not isinstance(p, list)]
        self._waiting.extend((path, part, nesting) for path, part in parts)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    if isinstance(value, float):
        return value >= 0 and value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


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
    **dict.fromkeys(
        ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"), (_is_number, "a number")
    ),
    **dict.fromkeys(
        [f"m{most}{what}" for most in ("ax", "in")
         for what in ("Contains", "Items", "Length", "Properties")],
        (_is_count, "a whole number of 0 or more"),
    ),
    **dict.fromkeys(
        _MANY, (lambda value: isinstance(value, list) and bool(value), "a list of schemas")
    ),
    **dict.fromkeys(_NAMED, (lambda value: isinstance(value, Mapping), "an object of schemas")),
    **dict.fromkeys(
        [*REFERENCES, "$anchor", "$dynamicAnchor", "$id", "pattern"],
        (lambda value: isinstance(value, str), "a string"),
    ),
}  # fmt: skip


def well_formed(keyword: str, value: object) -> bool:
    """Whether a value has the form that a keyword's must have, whatever the draft."""
    known = _WANTED.get(keyword)
    return known is None or known[0](value)
