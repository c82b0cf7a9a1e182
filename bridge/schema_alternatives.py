"""What alternatives at one place of a value say: types, members that are due, defaults, strings.

An alternative is a set of schemas that must all hold, the outermost first. See ``schema_paths``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
Alternative = tuple[Schema, ...]

_NUMBERS = frozenset({"integer", "number"})
_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    str: "string",
    dict: "object",
    list: "array",
}


def type_of(value: Any) -> str:
    """The JSON Schema type of a value."""
    return _TYPES.get(type(value), "number")


def types_in(alternative: Alternative) -> frozenset[str] | None:
    """The types that all schemas allow, ``integer`` wherever ``number`` is; None for any."""
    allowed: frozenset[str] | None = None
    for schema in alternative:
        for types in (_stated(schema), _types_of_constants(schema)):
            if types is not None:
                allowed = types if allowed is None else allowed & types
    return allowed


def _stated(schema: Schema) -> frozenset[str] | None:
    stated = schema.get("type")
    names = [stated] if isinstance(stated, str) else stated
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return frozenset(names) | (_NUMBERS if "number" in names else frozenset())


def _types_of_constants(schema: Schema) -> frozenset[str] | None:
    values = constants(schema)
    if values is None:
        return None
    kinds = frozenset(map(type_of, values))
    return kinds | (_NUMBERS if "number" in kinds else frozenset())


def required_in(alternative: Alternative) -> list[str]:
    """The members that an object must have under this alternative, in the schema's order."""
    lists = [schema.get("required") for schema in alternative]
    names = [name for listed in lists if isinstance(listed, list) for name in listed]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def required_in_all(alternatives: Sequence[Alternative]) -> list[str]:
    """The members that an object must have whichever alternative it follows."""
    first, *others = map(required_in, alternatives) if alternatives else [[]]
    return [name for name in first if all(name in names for names in others)]


def default_in(alternatives: Sequence[Alternative]) -> Any:
    """The one default, the outermost in each alternative; None where there is none or several."""
    found: list[Any] = []
    for alternative in alternatives:
        found += [schema["default"] for schema in alternative if "default" in schema][:1]
    texts = {json_of(value) for value in found}
    return found[0] if len(texts) == 1 else None


def strings_in(alternatives: Sequence[Alternative]) -> frozenset[str] | None:
    """The only strings allowed; None where an alternative has no list of them."""
    allowed: set[str] = set()
    for alternative in alternatives:
        lists = [values for schema in alternative if (values := constants(schema)) is not None]
        if not lists:
            return None
        strings = [{value for value in values if isinstance(value, str)} for values in lists]
        allowed |= set.intersection(*strings)
    return frozenset(allowed)


def constants(schema: Schema) -> list[Any] | None:
    """The values that a schema enumerates, if it does."""
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def json_of(value: Any) -> str | None:
    """A schema's value as compact JSON, None if it has no such text."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return text if text.isascii() or is_encodable(text) else json.dumps(value)


def is_encodable(text: str) -> bool:
    """Whether text can be sent as UTF-8: it holds no lone surrogate."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def by_case(texts: Iterable[str]) -> dict[str, str | None]:
    """Texts by their spelling in small letters; None for one that several share."""
    found: dict[str, str | None] = {}
    for text in texts:
        folded = text.casefold()
        found[folded] = None if folded in found else text
    return found
