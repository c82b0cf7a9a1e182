"""The keywords of JSON Schema that say something of a value itself, as ``minimum`` does."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from bridge.json_values import TYPES, bounded, frozen, is_number, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.evaluated import Check, Schema

    Test = Callable[[Check, Any, Any, Schema], bool]
    """Of the check, what the keyword says, the value and the schema around the keyword."""

FRACTION_STEPS = 30
"""What a division of other numbers than whole ones counts."""

NAMES_A_STEP = 16
"""Names that are looked up in the time of a step."""

FREEZING_STEPS = 4
"""What making a value comparable counts, for each value in it."""


def _type(_: Check, wanted: Any, value: Any, _schema: Schema) -> bool:
    return any(TYPES[name](value) for name in wanted)


def _enum(check: Check, wanted: frozenset[object], value: Any, _: Schema) -> bool:
    if isinstance(value, dict | list):
        check.spend(FREEZING_STEPS * size_of(value))
    return frozen(value) in wanted


def _measured(kind: type[Any], fits: Callable[[int, Any], bool]) -> Test:
    def test(_: Check, wanted: Any, value: Any, _schema: Schema) -> bool:
        return not isinstance(value, kind) or fits(len(value), wanted)

    return test


def _compared(fits: Callable[[Any, Any], bool], keyword: str = "") -> Test:
    """A bound. Up to draft 4, ``keyword`` beside it could be true, and leave the bound out."""

    def test(_: Check, wanted: Any, value: Any, schema: Schema) -> bool:
        if isinstance(wanted, bool) or not is_number(value):
            return True
        return fits(value, wanted) and not (value == wanted and schema.get(keyword) is True)

    return test


def _multiple_of(check: Check, wanted: Any, value: Any, _: Schema) -> bool:
    if not is_number(value):
        return True
    value, wanted = bounded(value), bounded(wanted)
    if isinstance(value, int) and isinstance(wanted, int):
        return value % wanted == 0
    check.spend(FRACTION_STEPS)
    # As they are written: 19.99 is a multiple of 0.01, though no such double is one of the other.
    return Fraction(repr(value)) % Fraction(repr(wanted)) == 0


def _pattern(check: Check, wanted: str, value: Any, _: Schema) -> bool:
    return not isinstance(value, str) or check.found(wanted, value) is not False


def _unique_items(check: Check, wanted: bool, value: Any, _: Schema) -> bool:
    if not (wanted and isinstance(value, list)):
        return True
    check.spend(FREEZING_STEPS * size_of(value))
    return len(set(map(frozen, value))) == len(value)


def _required(check: Check, wanted: frozenset[str], value: Any, _: Schema) -> bool:
    check.spend(len(wanted) // NAMES_A_STEP)
    return not isinstance(value, dict) or wanted <= value.keys()


def _dependent_required(check: Check, wanted: Mapping[str, Any], value: Any, _: Schema) -> bool:
    if not isinstance(value, dict):
        return True
    check.spend(len(value))
    for name in value:
        needed = wanted.get(name)
        if isinstance(needed, list):  # in `dependencies`, it may be a schema
            check.spend(len(needed))
            if not all(other in value for other in needed):
                return False
    return True


PREPARED: Final[dict[str, Callable[[Any], Any]]] = {
    "const": lambda wanted: frozenset((frozen(wanted),)),
    "enum": lambda wanted: frozenset(map(frozen, wanted)),
    "required": frozenset,
    "type": lambda wanted: (wanted,) if isinstance(wanted, str) else tuple(dict.fromkeys(wanted)),
    **dict.fromkeys(
        ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"), bounded
    ),
}
"""What a keyword says, made ready once for every value."""

ASSERTIONS: Final[dict[str, Test]] = {
    "const": _enum,
    "dependencies": _dependent_required,
    "dependentRequired": _dependent_required,
    "enum": _enum,
    "exclusiveMaximum": _compared(operator.lt),
    "exclusiveMinimum": _compared(operator.gt),
    "maxItems": _measured(list, operator.le),
    "maxLength": _measured(str, operator.le),
    "maxProperties": _measured(dict, operator.le),
    "maximum": _compared(operator.le, "exclusiveMaximum"),
    "minItems": _measured(list, operator.ge),
    "minLength": _measured(str, operator.ge),
    "minProperties": _measured(dict, operator.ge),
    "minimum": _compared(operator.ge, "exclusiveMinimum"),
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "required": _required,
    "type": _type,
    "uniqueItems": _unique_items,
}
