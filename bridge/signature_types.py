"""JSON Schema → a TypeScript-like type with comments. See ``signatures``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bridge.references import References
from bridge.signature_notes import constraints, flat, is_readable, lines_of, literal
from bridge.signature_text import ANY, NOTHING, Type, comment, member_lines, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_SCHEMAS = 1000
"""Schemas in one signature, each use of a definition counted, or constants in an enumeration: far
more than a model can follow."""

MAX_INLINE = 100
"""Characters of members on one line: what is longer is easier to read with a line for each."""

MAX_REFERENCES = 32
"""References within references."""

_ODD = frozenset(
    {
        *("$dynamicRef", "$recursiveRef", "contains", "dependencies", "dependentRequired"),
        *("dependentSchemas", "else", "if", "maxContains", "minContains", "not", "then"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
"""What no type says; shown as JSON Schema beside the type."""

_PLAIN = frozenset(
    {
        *("additionalProperties", "const", "enum", "items", "patternProperties", "prefixItems"),
        *("properties", "propertyNames", "required"),
    }
)
_OF_OBJECTS = frozenset(
    {"additionalProperties", "patternProperties", "properties", "propertyNames", "required"}
)
_ANNOTATIONS = frozenset({"$comment", "$schema", "description", "title", "type"})


class Untranslatable(ValueError):
    """The schema says more than a signature should."""


class Arguments(msgspec.Struct, frozen=True):
    """The type of an object of arguments, the notes on it, and the definitions they refer to."""

    type: str
    notes: tuple[str, ...]
    definitions: tuple[str, ...]


def type_of_arguments(schema: Mapping[str, Any]) -> Arguments:
    """The type of the object of arguments; raises ``Untranslatable``."""
    types = _Types(schema)
    found = types.of({"type": "object", **schema}, "")
    text = found.text if found.text != "object" else "{}"
    return Arguments(text, found.notes, tuple(types.definitions()))


class _Types:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._references = References(root)
        self._count = 0
        self._open = ["#"]
        self._referred: dict[str, None] = {}

    def of(self, schema: Any, indent: str) -> Type:
        """The type that a schema means where a line begins with ``indent``."""
        self._count += 1
        if self._count > MAX_SCHEMAS:
            raise Untranslatable
        if schema is False:
            return NOTHING
        if not isinstance(schema, dict):
            return ANY  # true, or a reference that leads nowhere
        if not is_readable(schema):
            return Type("any", (self._as_json(schema),))
        composed = [keyword for keyword in _COMPOSED if keyword in schema]
        if composed and _PLAIN.isdisjoint(schema):
            keyword = composed.pop(0)
            found = _COMPOSED[keyword](self, schema[keyword], schema, indent)
        else:
            found = self._plain(schema, indent)
        if schema.get("nullable") is True and "null" not in found.text.split(" | "):
            found = msgspec.structs.replace(found, text=f"{found.text} | null", union=True)
        odd = [k for k in schema if k in composed or (k in _ODD and schema[k] is not False)]
        rest = (self._as_json({key: schema[key] for key in odd}),) if odd else ()
        return _noted(schema, found, rest)

    def definitions(self) -> Iterable[str]:
        """What is referred to and not shown in place, as JSON Schema."""
        shown: set[str] = set()
        while waiting := [name for name in self._referred if name not in shown]:
            shown.update(waiting)
            for name in waiting:
                if (found := self._references.resolved(name, None)) is not None:
                    yield f"{flat(name)}: {self._json(found)}"

    # What leads to other schemas ------------------------------------------------------------------

    def _reference(self, reference: Any, schema: Mapping[str, Any], indent: str) -> Type:
        if reference in self._open or len(self._open) > MAX_REFERENCES:
            return Type("any", (self._as_json({"$ref": reference}),))
        self._open.append(reference)
        found = self.of(self._references.resolved(reference, schema), indent)
        self._open.pop()
        return found

    def _all(self, parts: list[Any], _: Mapping[str, Any], indent: str) -> Type:
        # One part alone is how a reference gets a description in older schemas.
        found = [self.of(part, indent) for part in parts]
        shaped = [part for part in found if part.text != "any"] or found[:1]
        texts = dict.fromkeys(
            f"({part.text})" if part.union and len(shaped) > 1 else part.text for part in shaped
        )
        return Type(
            " & ".join(texts),
            tuple(note for part in found for note in part.notes),
            described=any(part.described for part in found),
            union=len(texts) > 1 or shaped[0].union,
        )

    def _any(self, parts: list[Any], schema: Mapping[str, Any], indent: str) -> Type:
        kind = {"type": schema["type"]} if isinstance(schema.get("type"), str) else {}
        branches = [
            self.of(
                {**kind, **part} if isinstance(part, dict) and _is_plain(part) else part, indent
            )
            for part in parts
        ]
        meant = [branch for branch in branches if branch.text != "null"]
        if len(meant) == 1:  # what is said of it is said of the whole: nothing is to say of null
            texts = dict.fromkeys(branch.text for branch in branches)
            only = meant[0]
            return Type(" | ".join(texts), only.notes, only.described, len(texts) > 1 or only.union)
        texts = dict.fromkeys(branch.text + comment(branch.notes) for branch in branches)
        return Type(" | ".join(texts), union=len(texts) > 1)

    def _as_json(self, schema: Mapping[str, Any]) -> str:
        return f"JSON Schema {self._json(schema)}"

    def _json(self, schema: Any) -> str:
        text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
        if '"$ref"' in text:
            self._refer(schema)
        return flat(text)

    def _refer(self, schema: Any) -> None:
        waiting = [schema]
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict):
                if isinstance(part.get("$ref"), str):
                    self._referred.setdefault(part["$ref"])
                waiting += part.values()
            elif isinstance(part, list):
                waiting += part

    # What is a type by itself ---------------------------------------------------------------------

    def _plain(self, schema: Mapping[str, Any], indent: str) -> Type:
        if "const" in schema:
            return Type(literal(schema["const"]))
        if isinstance(schema.get("enum"), list):
            if len(schema["enum"]) > MAX_SCHEMAS:
                raise Untranslatable
            texts = dict.fromkeys(literal(value) for value in schema["enum"])
            return Type(" | ".join(texts), union=len(texts) > 1) if texts else NOTHING
        names = schema.get("type")
        if names is None:
            names = _implied(schema)
        if isinstance(names, str):
            return self._named(names, schema, indent)
        branches = [self._named(name, schema, indent) for name in names]
        notes = tuple(note for branch in branches for note in branch.notes)
        described = any(branch.described for branch in branches)
        return Type(" | ".join(branch.text for branch in branches), notes, described, union=True)

    def _named(self, name: str, schema: Mapping[str, Any], indent: str) -> Type:
        if name == "object":
            return self._object(schema, indent)
        return self._array(schema, indent) if name == "array" else Type(name)

    def _array(self, schema: Mapping[str, Any], indent: str) -> Type:
        items = schema.get("items", True)
        prefix = schema.get("prefixItems", ())
        if isinstance(items, list):  # up to draft 2019-09
            prefix, items = items, schema.get("additionalItems", True)
        if schema.get("maxItems", len(prefix) + 1) <= len(prefix):
            items = False
        first = [part.text + comment(part.notes) for part in (self.of(p, indent) for p in prefix)]
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
        inner = indent + "  "
        parts = [
            (
                name_of(name) + ("" if name in required else "?"),
                self.of(members.get(name, True), inner),
            )
            for name in dict.fromkeys([*members, *required])
        ]
        parts += self._other_members(schema, inner)
        if not parts:
            return Type("{}" if schema.get("additionalProperties") is False else "object")
        if not any(part.described or "\n" in part.text for _, part in parts):
            inline = ", ".join(f"{head}: {part.text}{comment(part.notes)}" for head, part in parts)
            if len(inline) <= MAX_INLINE:
                return Type(f"{{{inline}}}")
        lines = [line for head, part in parts for line in member_lines(inner, head, part)]
        return Type("\n".join(["{", *lines, indent + "}"]))

    def _other_members(self, schema: Mapping[str, Any], indent: str) -> list[tuple[str, Type]]:
        """The members that have no names of their own."""
        found = [
            (f"[name: string{comment((f'matches {flat(pattern)}',))}]", self.of(part, indent))
            for pattern, part in schema.get("patternProperties", {}).items()
        ]
        names = schema.get("propertyNames", True)
        extra = schema.get("additionalProperties", True)
        extra = True if extra == {} else extra
        if isinstance(names, dict) and not set(names) - _ANNOTATIONS:
            names = True
        if extra is not False and (extra is not True or names is not True):
            kind = {"type": "string", **names} if isinstance(names, dict) else names
            of_names = self.of(kind, indent)
            head = "string" if names is True else of_names.text + comment(of_names.notes)
            found.append((f"[name: {head}]", self.of(extra, indent)))
        return found


_COMPOSED: Final[dict[str, Callable[[_Types, Any, Mapping[str, Any], str], Type]]] = {
    "$ref": _Types._reference,
    "allOf": _Types._all,
    "anyOf": _Types._any,
    "oneOf": _Types._any,
}


def _noted(schema: Mapping[str, Any], found: Type, rest: tuple[str, ...]) -> Type:
    """The type with what is said of it: the description, bounds, and what no type says."""
    description = schema.get("description")
    own = "\n".join(lines_of(description)) if isinstance(description, str) else ""
    notes = (*((own,) if own else ()), *constraints(schema), *found.notes, *rest)
    described = bool(own) or found.described or any("*/" in note for note in notes)
    return Type(found.text, tuple(dict.fromkeys(notes)), described, found.union)


def _is_plain(schema: Mapping[str, Any]) -> bool:
    """Whether the type of what stands around is this one's, too."""
    return schema.keys().isdisjoint({"type", "const", "enum", *_COMPOSED})


def _implied(schema: Mapping[str, Any]) -> str:
    """The type of a schema that names none."""
    if not _OF_OBJECTS.isdisjoint(schema):
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "any"
