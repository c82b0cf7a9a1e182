"""The JSON Schema validator, made safe for schemas and values from outside.

Imported when a first value is checked, and not before: loading ``jsonschema`` takes about 70 ms of
a cold start. What differs from that package: nothing is ever fetched, the work is bounded, and
patterns are applied as ``bridge.patterns`` says.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from jsonschema import ValidationError, validators
from referencing import Registry

from bridge.kept import kept
from bridge.patterns import KEPT as PATTERNS_KEPT
from bridge.patterns import MAX_PATTERN, found, steps_on
from bridge.schema_shape import REFERENCES, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jsonschema.protocols import Validator

    Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]

MAX_STEPS = 500_000
"""Keywords applied in one check, lists and maps by their length: about a second. 10,000 objects of
six properties take a third of it."""

REFERENCE_STEPS = 10
"""What following a reference counts: it takes that much longer."""

PATTERN_STEPS = 1000
"""Steps of a pattern in the time of one of ours."""

READING_STEPS = 2
"""For each character of a pattern that a check meets for the first time: it is read, counted and
compiled then, if it was not lately."""

MAX_DIGITS = 300
"""Longer integers count as 10 to this power, numbers beyond a double as the largest double: no
bound of a schema is out there, and Python's own limits (4300 digits, infinity) are never met."""

_LARGEST = 1.7976931348623157e308


class TooMuchWork(Exception):
    """A check was given up."""


class Budget:
    """The steps left for the check that runs. Checks do not overlap: nothing in them waits."""

    left = MAX_STEPS
    patterns: ClassVar[set[int]] = set()
    """The hashes of those that the check has met."""

    @classmethod
    def begin(cls) -> None:
        """Another check."""
        cls.left = MAX_STEPS
        cls.patterns.clear()

    @classmethod
    def spend(cls, steps: int) -> None:
        """Count; raises ``TooMuchWork``."""
        cls.left -= steps
        if cls.left < 0:
            raise TooMuchWork

    @classmethod
    def spend_on(cls, pattern: str, text: str) -> None:
        """Count what looking for a pattern takes; more of them than are kept are too many."""
        known = hash(pattern)
        if known not in cls.patterns:
            cls.patterns.add(known)
            cls.spend(READING_STEPS * min(len(pattern), MAX_PATTERN))
            if len(cls.patterns) > PATTERNS_KEPT:
                raise TooMuchWork
        cls.spend(1 + (steps_on(pattern, text) or 0) // PATTERN_STEPS)


def loaded(text: str) -> Any:
    """The value of a JSON text; raises ``ValueError`` and ``RecursionError``."""
    return json.loads(text, parse_int=_integer, parse_float=_number)


def _integer(digits: str) -> int:
    if len(digits) <= MAX_DIGITS:
        return int(digits)
    largest = int("1" + "0" * MAX_DIGITS)
    return -largest if digits.startswith("-") else largest


def _number(text: str) -> float:
    return max(-_LARGEST, min(float(text), _LARGEST))


def errors_in(value: Any, schema_text: str) -> Iterator[ValidationError]:
    """The errors of ``value`` under the schema with that JSON text, as they are found.

    Raises ``TooMuchWork``, and what a schema that was never examined leads to.
    """
    validator = _made(schema_text)
    Budget.begin()
    return validator.iter_errors(value)


@kept
def _made(schema_text: str) -> Validator:
    schema = loaded(schema_text)
    draft = shape_of(schema).draft
    return _checked(draft, has_patterns="patternProperties" in schema_text)(
        schema, registry=Registry()
    )


@cache
def _checked(draft: str, *, has_patterns: bool) -> Callable[..., Validator]:
    base = validators.validator_for({"$schema": draft})
    keywords: dict[str, Keyword] = {**base.VALIDATORS, **_SAFER}
    if has_patterns:
        # It would apply them on its own, without a bound.
        keywords["unevaluatedProperties"] = _unchecked
    counted = {name: _counted(name, keyword) for name, keyword in keywords.items()}
    # The stub leaves this one function without types.
    made: Callable[..., Validator] = validators.extend(base, counted)  # type: ignore[no-untyped-call]
    return made


def _counted(name: str, keyword: Keyword) -> Keyword:
    steps = REFERENCE_STEPS if name in REFERENCES else 1

    def apply(
        validator: Any, wanted: Any, instance: Any, schema: Any
    ) -> Iterable[ValidationError] | None:
        Budget.spend(steps + len(wanted) if isinstance(wanted, list | dict) else steps)
        if instance is None and schema.get("nullable") is True:
            return None  # OpenAPI's way to allow null beside whatever else is said
        return keyword(validator, wanted, instance, schema)

    return apply


def _unchecked(_: Any, _wanted: Any, _instance: Any, _schema: Any) -> None:
    return None


def _found(pattern: str, text: str) -> bool | None:
    Budget.spend_on(pattern, text)
    return found(pattern, text)


def _pattern(_: Any, wanted: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and _found(wanted, instance) is False:
        yield ValidationError("")


def _pattern_properties(
    validator: Any, wanted: Mapping[str, Any], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for pattern, schema in wanted.items():
        for name, value in instance.items():
            if _found(pattern, name):
                yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, wanted: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    """A name that some pattern might have covered, had it been applied, is no additional one."""
    if not isinstance(instance, dict):
        return
    extra = additional_names(instance, schema)
    if wanted is False and extra:
        # One error tells them all.
        yield ValidationError("")
        return
    for name in extra:
        yield from validator.descend(instance[name], wanted, path=name)


def additional_names(instance: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """The members that neither ``properties`` nor ``patternProperties`` speaks of."""
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    return [
        name
        for name in instance
        if name not in known and all(_found(pattern, name) is False for pattern in patterns)
    ]


def _unique_items(_: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list):
        distinct = {_frozen(item) for item in instance}
        if len(distinct) < len(instance):
            yield ValidationError("")


def _frozen(value: Any) -> object:
    """A hashable stand-in, equal where JSON Schema calls values equal: 1 and 1.0, but not true."""
    if isinstance(value, dict):
        return "object", frozenset((name, _frozen(part)) for name, part in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_frozen, value))
    return isinstance(value, bool), value


_SAFER: dict[str, Keyword] = {
    "additionalProperties": _additional_properties,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "uniqueItems": _unique_items,
}
