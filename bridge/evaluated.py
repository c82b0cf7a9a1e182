"""What the keywords of a schema have spoken of: the members and items that no other may judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from bridge.references import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

    Schema = Mapping[str, Any]
    Seen = Set[Any]


class Check(Protocol):
    """What keywords need of the check that runs."""

    seen: dict[tuple[int, int], Seen]
    """What ``names_seen`` and ``items_seen`` found."""

    def valid(self, schema: Any, value: Any) -> bool:
        """Whether a value passes."""
        ...

    def spend(self, steps: int) -> None:
        """Count; ends the check when there are too many."""
        ...

    def found(self, pattern: str, text: str) -> bool | None:
        """Whether a pattern is found; None when it is not applied."""
        ...

    def target(self, keyword: str, schema: Schema) -> Any:
        """The schema that the reference under ``keyword`` leads to."""
        ...


def additional_names(check: Check, value: Mapping[str, Any], schema: Schema) -> list[str]:
    """The members that neither ``properties`` nor ``patternProperties`` speaks of.

    A name that some pattern might have covered, had it been applied, is no additional one.
    """
    known, patterns = map_in(schema, "properties"), map_in(schema, "patternProperties")
    check.spend(len(value))
    return [
        name
        for name in value
        if name not in known and all(check.found(pattern, name) is False for pattern in patterns)
    ]


def names_seen(check: Check, schema: Schema, value: Mapping[str, Any], *, own: bool = True) -> Seen:
    """The members that a schema which the value passes speaks of."""
    check.spend(1 + len(value))
    if "additionalProperties" in schema or (own and "unevaluatedProperties" in schema):
        return value.keys()
    key = id(schema), id(value)
    if (seen := check.seen.get(key)) is None:
        names = {name for name in value if name in map_in(schema, "properties")}
        for pattern in map_in(schema, "patternProperties"):
            names |= {name for name in value if check.found(pattern, name) is not False}
        for part in _in_place(check, schema, value):
            names |= names_seen(check, part, value)
        seen = check.seen[key] = names
    return seen


def items_seen(check: Check, schema: Schema, value: list[Any], *, own: bool = True) -> Seen:
    """The places of the items that a schema which the value passes speaks of."""
    check.spend(1 + len(value))
    items, prefix = schema.get("items"), prefix_of(schema)
    rest = "additionalItems" in schema if isinstance(items, list) else items is not None
    if rest or (own and "unevaluatedItems" in schema):
        return frozenset(range(len(value)))
    key = id(schema), id(value)
    if (seen := check.seen.get(key)) is None:
        places = set(range(min(len(prefix), len(value))))
        if "contains" in schema:
            places |= {i for i, item in enumerate(value) if check.valid(schema["contains"], item)}
        for part in _in_place(check, schema, value):
            places |= items_seen(check, part, value)
        seen = check.seen[key] = places
    return seen


def _in_place(check: Check, schema: Schema, value: Any) -> Iterator[Any]:
    """The schemas within a schema that speak of the same value, and that it passes."""
    parts: list[Any] = [check.target(name, schema) for name in REFERENCES if name in schema]
    for keyword in ("allOf", "anyOf", "oneOf"):
        branches = schema.get(keyword)
        parts += branches if isinstance(branches, list) else []
    if "if" in schema:
        passes = check.valid(schema["if"], value)
        parts += [schema["if"], schema.get("then")] if passes else [schema.get("else")]
    for keyword in ("dependentSchemas", "dependencies") if isinstance(value, dict) else ():
        depending = map_in(schema, keyword)
        parts += [depending[name] for name in value if name in depending]
    return (part for part in parts if isinstance(part, dict) and check.valid(part, value))


def prefix_of(schema: Schema) -> list[Any]:
    """The schemas of the first items, one each; up to draft 2019-09, ``items`` was their list."""
    items = schema.get("items")
    prefix = items if isinstance(items, list) else schema.get("prefixItems")
    return prefix if isinstance(prefix, list) else []


def map_in(schema: Schema, keyword: str) -> Mapping[str, Any]:
    """What a keyword lists by name."""
    value = schema.get(keyword)
    return value if isinstance(value, dict) else {}
