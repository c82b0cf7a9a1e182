"""The keywords of JSON Schema, each in one of two forms.

    a test        says whether a value passes by the keyword: ``minimum``, ``enum``, ``anyOf`` …
    an applicator names the parts of a value and the schemas that they must pass: ``properties`` …

Every form of every draft is understood in every schema: a list of ``items`` as ``prefixItems``, a
boolean ``exclusiveMinimum``, ``dependencies``. Where drafts contradict each other, the newest is
followed, except that 1.0 is an integer in all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.assertions import ASSERTIONS
from bridge.evaluated import additional_names, items_seen, names_seen, prefix_of
from bridge.json_values import is_number
from bridge.references import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from bridge.assertions import Test
    from bridge.evaluated import Check, Schema

    Applied = tuple[str | int | None, Any, Any]
    """A step down (None: the value itself, or a name in it), a schema, and what must pass it."""
    Applicator = Callable[[Check, Any, Any, Schema], Iterable[Applied]]

# Tests of the values below ------------------------------------------------------------------------


def _no_others(check: Check, wanted: Any, value: Any, schema: Schema) -> bool:
    return (
        wanted is not False
        or not isinstance(value, dict)
        or not additional_names(check, value, schema)
    )


def _any_of(check: Check, wanted: list[Any], value: Any, _: Schema) -> bool:
    return any(check.valid(branch, value) for branch in wanted)


def _one_of(check: Check, wanted: list[Any], value: Any, _: Schema) -> bool:
    return sum(check.valid(branch, value) for branch in wanted) == 1


def _not(check: Check, wanted: Any, value: Any, _: Schema) -> bool:
    return not check.valid(wanted, value)


def _contains(check: Check, wanted: Any, value: Any, schema: Schema) -> bool:
    if not isinstance(value, list):
        return True
    found = sum(check.valid(wanted, item) for item in value)
    low, high = schema.get("minContains", 1), schema.get("maxContains", len(value))
    return not (is_number(low) and found < low) and not (is_number(high) and found > high)


def _unevaluated_properties(check: Check, wanted: Any, value: Any, schema: Schema) -> bool:
    if not isinstance(value, dict):
        return True
    seen = names_seen(check, schema, value, own=False)
    return all(check.valid(wanted, value[name]) for name in value if name not in seen)


def _unevaluated_items(check: Check, wanted: Any, value: Any, schema: Schema) -> bool:
    if not isinstance(value, list):
        return True
    seen = items_seen(check, schema, value, own=False)
    return all(check.valid(wanted, item) for index, item in enumerate(value) if index not in seen)


# Applicators --------------------------------------------------------------------------------------


def _reference(keyword: str) -> Applicator:
    def apply(check: Check, _: Any, value: Any, schema: Schema) -> Iterable[Applied]:
        return ((None, check.target(keyword, schema), value),)

    return apply


def _all_of(_: Check, wanted: list[Any], value: Any, _schema: Schema) -> Iterable[Applied]:
    return ((None, part, value) for part in wanted)


def _if(check: Check, wanted: Any, value: Any, schema: Schema) -> Iterable[Applied]:
    branch = "then" if check.valid(wanted, value) else "else"
    return ((None, schema.get(branch, True), value),)


def _properties(
    check: Check, wanted: Mapping[str, Any], value: Any, _: Schema
) -> Iterable[Applied]:
    if not isinstance(value, dict):
        return ()
    fewer, others = (value, wanted) if len(value) < len(wanted) else (wanted, value)
    check.spend(len(fewer))
    return ((name, wanted[name], value[name]) for name in fewer if name in others)


def _pattern_properties(
    check: Check, wanted: Mapping[str, Any], value: Any, _: Schema
) -> Iterator[Applied]:
    if not isinstance(value, dict):
        return
    for pattern, schema in wanted.items():
        for name, part in value.items():
            if check.found(pattern, name):
                yield name, schema, part


def _additional_properties(
    check: Check, wanted: Any, value: Any, schema: Schema
) -> Iterable[Applied]:
    # Where it is False, the test says all.
    if wanted is False or not isinstance(value, dict):
        return ()
    return ((name, wanted, value[name]) for name in additional_names(check, value, schema))


def _property_names(_: Check, wanted: Any, value: Any, _schema: Schema) -> Iterable[Applied]:
    return ((None, wanted, name) for name in (value if isinstance(value, dict) else ()))


def _dependent_schemas(
    check: Check, wanted: Mapping[str, Any], value: Any, _: Schema
) -> Iterable[Applied]:
    if not isinstance(value, dict):
        return ()
    check.spend(len(value))
    parts = ((name, wanted[name]) for name in value if name in wanted)
    # In `dependencies`, it may be a list of names.
    return ((None, part, value) for _, part in parts if not isinstance(part, list))


def _items(_: Check, wanted: Any, value: Any, schema: Schema) -> Iterable[Applied]:
    if not isinstance(value, list):
        return ()
    if isinstance(wanted, list):
        return ((i, *pair) for i, pair in enumerate(zip(wanted, value, strict=False)))
    first = len(prefix_of(schema))
    return ((i, wanted, value[i]) for i in range(first, len(value)))


def _additional_items(_: Check, wanted: Any, value: Any, schema: Schema) -> Iterable[Applied]:
    if not isinstance(value, list) or not isinstance(schema.get("items"), list):
        return ()
    return ((i, wanted, value[i]) for i in range(len(schema["items"]), len(value)))


TESTS: Final[dict[str, Test]] = {
    **ASSERTIONS,
    "additionalProperties": _no_others,
    "anyOf": _any_of,
    "contains": _contains,
    "not": _not,
    "oneOf": _one_of,
    "unevaluatedItems": _unevaluated_items,
    "unevaluatedProperties": _unevaluated_properties,
}
LAST: Final = frozenset({"additionalProperties", "unevaluatedItems", "unevaluatedProperties"})
"""Tests of what is left over: told after what is wrong with the rest."""

APPLICATORS: Final[dict[str, Applicator]] = {
    "additionalItems": _additional_items,
    "additionalProperties": _additional_properties,
    "allOf": _all_of,
    "dependencies": _dependent_schemas,
    "dependentSchemas": _dependent_schemas,
    "if": _if,
    "items": _items,
    "patternProperties": _pattern_properties,
    "prefixItems": _items,
    "properties": _properties,
    "propertyNames": _property_names,
    **{name: _reference(name) for name in REFERENCES},
}
