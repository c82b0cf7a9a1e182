"""Lossless readings of a scalar that stands where it is forbidden.

Each function gives JSON text, or None when there is no such reading or more than one. The table
of what becomes what stands in ``json_stream``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from bridge.json_lexemes import word_as_scalar
from bridge.schema_alternatives import json_of

if TYPE_CHECKING:
    from bridge.schema_paths import Place

_WRITABLE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
"""Numbers that may be written without their exponent: it adds less than a hundred zeros."""

_LIST_IN_WORDS = re.compile(r"[,;\n]|\\n")
NOTHING = frozenset({"", "null", "None"})
"""Strings that say nothing where no string may stand."""


def type_of(scalar: str) -> str:
    """The JSON Schema type of a number as it is spelled, of true, false or null."""
    if scalar[0] in "tfn":
        return "null" if scalar == "null" else "boolean"
    return "integer" if scalar.lstrip("-").isdecimal() else "number"


def scalar_at(place: Place, scalar: str) -> str | None:
    """What a number, true, false or null can be at a place that forbids it."""
    kind = type_of(scalar)
    if kind == "number" and place.allows("integer"):
        return _integer(scalar)
    if kind != "null" and place.only("string"):
        return f'"{scalar}"'
    if kind != "null" and place.only("array") and place.item(0).allows(kind):
        return f"[{scalar}]"
    return None


def string_at(place: Place, body: str) -> str | None:
    """What a string that is no JSON object or array can be at a place that forbids strings."""
    scalar = word_as_scalar(body)
    if scalar is not None and place.allows(type_of(scalar)):
        return scalar
    if scalar is not None and type_of(scalar) == "number" and place.allows("integer"):
        return _integer(scalar)
    if place.only("array") and place.item(0).allows("string") and _is_one_item(body):
        return f'["{body}"]'
    return None


def choice_at(place: Place, text: str) -> str | None:
    """The only one of a few strings that ``text``, which is none of them, is in another case."""
    choice = place.strings_by_case.get(text.casefold())
    return None if choice is None else json_of(choice)


def _is_one_item(body: str) -> bool:
    """Whether a string can be nothing but one item: not a list in words, not a word for none."""
    return body not in NOTHING and body[0] not in "[{" and not _LIST_IN_WORDS.search(body)


def _integer(number: str) -> str | None:
    if not _WRITABLE.fullmatch(number):
        return None
    whole, _, fraction = f"{Decimal(number):f}".partition(".")
    return None if fraction.strip("0") else whole
