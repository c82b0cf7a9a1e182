"""JSON Schema → a TypeScript-like type with comments. See ``signatures``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bridge.references import References

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_SCHEMAS = 1000
"""Schemas in one signature, each use of a definition counted, or constants in an enumeration: far
more than a model can follow."""

MAX_REFERENCES = 32
"""References within references."""

MAX_EXAMPLES = 2

_UNTRANSLATABLE = frozenset(
    {
        *("$dynamicRef", "$recursiveRef", "additionalItems", "contains", "dependencies"),
        *("dependentRequired", "dependentSchemas", "else", "if", "not", "oneOf"),
        *("patternProperties", "propertyNames", "then"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
_SHAPING = frozenset(
    {
        *("$ref", "additionalProperties", "allOf", "anyOf", "const", "enum", "items"),
        *("prefixItems", "properties", "required", "type"),
    }
)
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")


_JSON = json.JSONEncoder(ensure_ascii=False)


class Untranslatable(ValueError):
    """The schema says what a signature cannot."""


class Type(msgspec.Struct, frozen=True):
    """A type's text and what is noted about it; ``union`` when the text needs brackets."""

    text: str
    notes: tuple[str, ...] = ()
    described: bool = False
    union: bool = False


def type_of_arguments(schema: Mapping[str, Any]) -> tuple[str, str]:
    """The type of the object of arguments, and the notes on the object itself.

    Raises ``Untranslatable``.
    """
    found = _Types(schema).of({"type": "object", **schema}, "")
    return found.text if found.text != "object" else "{}", "; ".join(found.notes)


class _Types:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._references = References(root)
        self._count = 0
        self._open: list[str] = []

    def of(self, schema: Any, indent: str) -> Type:
        """The type that a schema means where a line begins with ``indent``."""
        self._count += 1
        if self._count > MAX_SCHEMAS:
            raise Untranslatable
        if schema is True:
            return Type("any")
        if not isinstance(schema, dict) or not _UNTRANSLATABLE.isdisjoint(schema):
            raise Untranslatable
        for keyword, read in _COMPOSED.items():
            if keyword in schema:
                if len(_SHAPING.intersection(schema)) > 1:
                    raise Untranslatable
                return self._with_notes(schema, read(self, schema, indent))
        return self._with_notes(schema, self._plain(schema, indent))

    def _reference(self, schema: Mapping[str, Any], indent: str) -> Type:
        reference = schema["$ref"]
        if reference in self._open or len(self._open) == MAX_REFERENCES:
            raise Untranslatable
        self._open.append(reference)
        found = self.of(self._references.resolved(reference, schema), indent)
        self._open.pop()
        return found

    def _all(self, schema: Mapping[str, Any], indent: str) -> Type:
        parts = schema["allOf"]
        # One part alone is how a reference gets a description in older schemas.
        if len(parts) != 1:
            raise Untranslatable
        return self.of(parts[0], indent)

    def _any(self, schema: Mapping[str, Any], indent: str) -> Type:
        branches = [self.of(part, indent) for part in schema["anyOf"]]
        texts = dict.fromkeys(branch.text + _comment(branch.notes) for branch in branches)
        return Type(" | ".join(texts), union=len(texts) > 1)

    def _with_notes(self, schema: Mapping[str, Any], found: Type) -> Type:
        description = schema.get("description")
        own = _flat(description) if isinstance(description, str) else ""
        notes = (*((own,) if own else ()), *_constraints(schema), *found.notes)
        described = bool(own) or found.described or any("*/" in note for note in notes)
        return Type(found.text, tuple(dict.fromkeys(notes)), described, found.union)

    def _plain(self, schema: Mapping[str, Any], indent: str) -> Type:
        if "const" in schema:
            return Type(_literal(schema["const"]))
        if isinstance(schema.get("enum"), list):
            if len(schema["enum"]) > MAX_SCHEMAS:
                raise Untranslatable
            texts = [_literal(value) for value in schema["enum"]]
            return Type(" | ".join(texts) or "never", union=len(texts) > 1)
        names = schema.get("type")
        if names is None:
            names = _implied(schema)
        if isinstance(names, str):
            return self._named(names, schema, indent)
        branches = [self._named(name, schema, indent) for name in names]
        notes = tuple(note for branch in branches for note in branch.notes)
        return Type(" | ".join(branch.text for branch in branches), notes, union=len(branches) > 1)

    def _named(self, name: str, schema: Mapping[str, Any], indent: str) -> Type:
        if name == "object":
            return self._object(schema, indent)
        return self._array(schema, indent) if name == "array" else Type(name)

    def _array(self, schema: Mapping[str, Any], indent: str) -> Type:
        items = schema.get("items", True)
        if isinstance(items, list):
            raise Untranslatable
        first = [self.of(part, indent).text for part in schema.get("prefixItems", ())]
        if items is False:
            return Type(f"[{', '.join(first)}]")
        item = self.of(items, indent)
        text = f"({item.text})[]" if item.union else f"{item.text}[]"
        notes = (f"each: {'; '.join(item.notes)}",) if item.notes else ()
        if first:
            text = f"[{', '.join(first)}, ...{text}]"
        return Type(text, notes, item.described)

    def _object(self, schema: Mapping[str, Any], indent: str) -> Type:
        members = schema.get("properties", {})
        required = schema.get("required", [])
        names = list(dict.fromkeys([*members, *required]))
        extra = schema.get("additionalProperties", True)
        if not names:
            if extra is False:
                return Type("{}")
            if extra is True:
                return Type("object")
            value = self.of(extra, indent)
            return Type(f"{{[name: string]: {value.text}{_comment(value.notes)}}}")
        if not isinstance(extra, bool):
            raise Untranslatable
        inner = indent + "  "
        types = {name: self.of(members.get(name, True), inner) for name in names}
        heads = {name: _name(name) + ("" if name in required else "?") for name in names}
        if any(part.described or "\n" in part.text for part in types.values()):
            lines = [_line(inner + heads[name], types[name]) for name in names]
            return Type("\n".join(["{", *lines, indent + "}"]))
        inline = [f"{heads[n]}: {types[n].text}{_comment(types[n].notes)}" for n in names]
        return Type("{" + ", ".join(inline) + "}")


_COMPOSED: Final[dict[str, Callable[[_Types, Mapping[str, Any], str], Type]]] = {
    "$ref": _Types._reference,
    "allOf": _Types._all,
    "anyOf": _Types._any,
}


def _implied(schema: Mapping[str, Any]) -> str:
    """The type of a schema that names none."""
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "any"


def _name(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else _literal(name)


def _literal(value: Any) -> str:
    return _JSON.encode(value)


def _line(head: str, found: Type) -> str:
    """A member on a line of its own, the comment at the end of its first line."""
    first, newline, rest = found.text.partition("\n")
    notes = f" // {'; '.join(found.notes)}" if found.notes else ""
    return f"{head}: {first}{notes}{newline}{rest}"


def _comment(notes: tuple[str, ...]) -> str:
    text = "; ".join(notes).replace("*/", "* /")
    return f" /* {text} */" if text else ""


def _flat(text: str) -> str:
    """Text on one line: no line end of any script may end a comment."""
    return " ".join(text.split())


def _constraints(schema: Mapping[str, Any]) -> Iterator[str]:
    for low, high, unit in _RANGES:
        yield from _range(schema.get(low), schema.get(high), unit)
    for keyword, words in _WORDS.items():
        value = schema.get(keyword)
        # Up to draft 4, exclusiveMinimum was a boolean beside minimum.
        if value is not None and not (isinstance(value, bool) and (not value or "{}" in words)):
            yield _flat(words.format(value if isinstance(value, str) else _literal(value)))
    if schema.get("default") is not None:
        yield _flat(f"default {_literal(schema['default'])}")
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        yield _flat(f"e.g. {', '.join(map(_literal, examples[:MAX_EXAMPLES]))}")


def _range(low: Any, high: Any, unit: str) -> Iterator[str]:
    if unit and not low:
        low = None
    if low is not None and high is not None:
        yield f"{_literal(low)} to {_literal(high)}{unit}"
    elif unit and low == 1:
        yield "not empty"
    elif low is not None:
        yield f"at least {_literal(low)}{unit}"
    elif high is not None:
        yield f"at most {_literal(high)}{unit}"


_RANGES: Final = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
    ("minProperties", "maxProperties", " members"),
)
_WORDS: Final = {
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "format": "format {}",
    "pattern": "matches {}",
    "uniqueItems": "no item twice",
    "deprecated": "deprecated",
}
