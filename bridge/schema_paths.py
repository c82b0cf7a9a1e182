"""What a JSON Schema says about one place of a value: the types allowed there, and what lies below.

A ``Place`` is a set of alternatives, each a set of schemas that must all hold: ``anyOf``,
``oneOf`` and ``nullable`` add alternatives, ``allOf``, ``$ref`` and siblings add to each. What is
not understood (``if``, ``not``, ``patternProperties`` …) is left out, so a place may allow too
much, never too little: whoever changes a value because its type is forbidden is right to.

Only references into the same document are followed; a cycle of references that never goes down a
level stands for anything. Places are made once and kept, so a recursive schema costs as many
places as the value visits, and a list of a million objects no more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

from bridge.references import References
from bridge.schema_alternatives import (
    Alternative,
    Schema,
    by_case,
    default_in,
    json_of,
    required_in,
    required_in_all,
    strings_in,
    type_of,
    types_in,
)

MAX_ALTERNATIVES = 64
"""Combinations of anyOf branches at one place; with more, the place allows anything. Tool schemas
have two or three; the bound keeps products of unions from growing without end."""

MAX_TOGETHER = 256
"""Schemas in all alternatives of one place, since each member below looks through them all; with
more, the place allows anything."""

_MAX_BRANCHES = {"allOf": MAX_TOGETHER, "anyOf": MAX_ALTERNATIVES, "oneOf": MAX_ALTERNATIVES}

MAX_CHAIN = 50
"""References and combinators in a row that lead no level down; behind more, anything goes. Keeps
a chain of references, however long, away from Python's recursion limit."""

ANYTHING: tuple[Alternative, ...] = ((),)
_NULL: tuple[Alternative, ...] = (({"type": "null"},),)


class Schemas:
    """One schema document: what each part of it comes to, remembered."""

    def __init__(self, root: object) -> None:
        self._references = References(root)
        self._known: dict[int, tuple[Alternative, ...]] = {}
        self._chain = 0
        self._places: dict[tuple[tuple[int, ...], ...], Place] = {}

    def place(self, *nodes: object) -> Place:
        """The place described by any one of ``nodes``, parts of this document."""
        found = {
            tuple(id(schema) for schema in alternative): alternative
            for node in nodes
            for alternative in self.alternatives(node)
        }
        if not found or _too_many(found.values()):
            found = {(): ()}
        key = tuple(found)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = Place(self, tuple(found.values()))
        return place

    def alternatives(self, node: object) -> tuple[Alternative, ...]:
        """Every way in which a value can satisfy ``node``, references resolved."""
        if not isinstance(node, Mapping) or not node or self._chain == MAX_CHAIN:
            return ANYTHING
        known = self._known.get(id(node))
        if known is None:
            # What is met again while it is being worked out is a cycle.
            self._known[id(node)] = ANYTHING
            self._chain += 1
            known = self._known[id(node)] = self._worked_out(node)
            self._chain -= 1
        return known

    def _worked_out(self, node: Schema) -> tuple[Alternative, ...]:
        if any(len(_parts(node, keyword)) > limit for keyword, limit in _MAX_BRANCHES.items()):
            return ANYTHING
        factors: list[Sequence[Alternative]] = [((node,),)]
        if "$ref" in node:
            factors.append(self.alternatives(self._references.resolved(node["$ref"], node)))
        factors += [self.alternatives(part) for part in _parts(node, "allOf")]
        for keyword in ("anyOf", "oneOf"):
            if branches := _parts(node, keyword):
                factors.append([way for part in branches for way in self.alternatives(part)])
        ways = 1
        for factor in factors:
            ways *= len(factor)
        if ways > MAX_ALTERNATIVES:
            return ANYTHING
        combined = (sum(chosen, ()) for chosen in product(*factors))
        found = [tuple({id(s): s for s in schemas}.values()) for schemas in combined]
        if node.get("nullable") is True:  # OpenAPI's, where a type cannot be a list
            found += _NULL
        return ANYTHING if _too_many(found) else tuple(found)


class Place:
    """One place of a value. Two values that stand at like places share it."""

    def __init__(self, schemas: Schemas, alternatives: tuple[Alternative, ...]) -> None:
        self._schemas = schemas
        self._alternatives = alternatives
        self._members: dict[str | None, Place] = {}
        self._items: dict[int, Place] = {}

    @cached_property
    def _allowed(self) -> tuple[frozenset[str] | None, ...]:
        """The types of each alternative; an enumeration may be long, so they are found once."""
        return tuple(map(types_in, self._alternatives))

    @cached_property
    def types(self) -> frozenset[str] | None:
        """The JSON Schema types allowed here, ``integer`` wherever ``number`` is; None for any."""
        allowed: frozenset[str] = frozenset()
        for types in self._allowed:
            if types is None:
                return None
            allowed |= types
        return allowed or None

    def allows(self, kind: str) -> bool:
        """Whether a value of this type may stand here."""
        return self.types is None or kind in self.types

    def only(self, kind: str) -> bool:
        """Whether this type (or null beside it) is all that may stand here."""
        return self.types is not None and self.types - {"null"} == {kind}

    def _ways(self, kind: str) -> list[Alternative]:
        """The alternatives under which a value of this type may stand here."""
        ways = zip(self._alternatives, self._allowed, strict=True)
        return [way for way, types in ways if types is None or kind in types]

    @cached_property
    def strings(self) -> frozenset[str] | None:
        """The only strings that may stand here; None where any may, or none of them."""
        return strings_in(self._ways("string")) if self.allows("string") else None

    @cached_property
    def strings_by_case(self) -> Mapping[str, str | None]:
        """The same by their spelling in small letters; see ``by_case``."""
        return by_case(self.strings or ())

    @cached_property
    def _required(self) -> frozenset[str]:
        """The members that some alternative demands."""
        return frozenset().union(*map(required_in, self._ways("object")))

    def lists(self, name: str) -> bool:
        """Whether some schema here speaks of the member called ``name``."""
        return name in self._listed

    def is_optional(self, name: str) -> bool:
        """Whether this is a listed member that an object here may surely be without."""
        return name in self._listed and name not in self._required

    @cached_property
    def stand_ins(self) -> Mapping[str, str]:
        """What the members mean that an object here must have, and lacks: name → JSON text.

        That is a member's default, or else null where that is allowed.
        """
        found: dict[str, str] = {}
        for name in required_in_all(self._ways("object")):
            member = self.member(name)
            if (text := member._stand_in) is not None:
                found[name] = text
        return found

    @property
    def _stand_in(self) -> str | None:
        default = default_in(self._alternatives)
        known = not isinstance(default, str) or self.strings is None or default in self.strings
        if default is not None and known and self.allows(type_of(default)):
            return json_of(default)
        return "null" if self.types is not None and "null" in self.types else None

    def member(self, name: str) -> Place:
        """The place of the member called ``name`` when an object stands here."""
        if self._alternatives == ANYTHING:
            return self
        known = name if name in self._listed else None
        place = self._members.get(known)
        if place is None:
            place = self._below("object", lambda schema: _member(schema, name))
            self._members[known] = place
        return place

    @cached_property
    def _listed(self) -> frozenset[str]:
        """The members some schema lists; all others are alike."""
        return frozenset().union(
            *(_mapping(schema, "properties") for way in self._alternatives for schema in way)
        )

    def item(self, index: int) -> Place:
        """The place of the item at ``index`` when an array stands here."""
        if self._alternatives == ANYTHING:
            return self
        known = min(index, self._fixed_items)
        place = self._items.get(known)
        if place is None:
            place = self._items[known] = self._below("array", lambda schema: _item(schema, known))
        return place

    @cached_property
    def _fixed_items(self) -> int:
        """From this index on all items are alike."""
        lengths = [len(_prefix(schema)) for way in self._alternatives for schema in way]
        return max(lengths, default=0)

    def _below(self, kind: str, part_of: Callable[[Schema], object]) -> Place:
        """The place below: of each alternative the first schema that speaks of it."""
        nodes = []
        for alternative in self._ways(kind):
            parts = [part_of(schema) for schema in alternative]
            if False not in parts:
                nodes.append(next((part for part in parts if isinstance(part, Mapping)), None))
        return self._schemas.place(*nodes)


def _too_many(alternatives: Collection[Alternative]) -> bool:
    return len(alternatives) > MAX_ALTERNATIVES or sum(map(len, alternatives)) > MAX_TOGETHER


def place_of(schema: object) -> Place:
    """The place of a whole value under ``schema``; anything when it is None."""
    return Schemas(schema).place(schema)


def _member(schema: Schema, name: str) -> object:
    properties = _mapping(schema, "properties")
    if name in properties:
        return properties[name]
    return None if "patternProperties" in schema else schema.get("additionalProperties")


def _item(schema: Schema, index: int) -> object:
    prefix = _prefix(schema)
    if index < len(prefix):
        return prefix[index]
    # Up to draft 2019-09, a list of items and then additionalItems.
    rest = schema.get("items")
    return schema.get("additionalItems") if isinstance(rest, list) else rest


def _prefix(schema: Schema) -> list[Any]:
    items = schema.get("items")
    return items if isinstance(items, list) else _parts(schema, "prefixItems")


def _parts(schema: Schema, keyword: str) -> list[Any]:
    parts = schema.get(keyword)
    return parts if isinstance(parts, list) else []


def _mapping(schema: Schema, keyword: str) -> Mapping[str, Any]:
    parts = schema.get(keyword)
    return parts if isinstance(parts, Mapping) else {}
