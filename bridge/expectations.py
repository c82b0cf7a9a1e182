"""A validator's errors in words a model can act on: where, what was expected, what was found."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from bridge.json_grammar import encodable, quoted
from bridge.validators import additional_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Error = Any
    """A ``jsonschema.ValidationError`` whose fields are set; its types leave that open."""

MAX_FOUND = 60
"""Characters of a found value that are quoted: enough to know it again."""

MAX_NAMED = 12
"""Names or constants that are listed; the signature, which a re-ask shows, has them all."""

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_EXPECTED: Final[dict[str, str]] = {
    "const": "{}",
    "exclusiveMaximum": "less than {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "maxItems": "at most {} items",
    "maxLength": "at most {} characters",
    "maxProperties": "at most {} members",
    "minimum": "at least {}",
    "minItems": "at least {} items",
    "minLength": "at least {} characters",
    "minProperties": "at least {} members",
    "multipleOf": "a multiple of {}",
    "pattern": "text that matches {}",
    "uniqueItems": "no item twice",
}


def path_of(root: str, steps: Iterable[str | int]) -> str:
    """``root.items[2].price``; names that are no identifiers stand in brackets and quotes."""
    path = root
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if _IDENTIFIER.fullmatch(step) else f"[{quoted(step)}]"
    return path


def told(error: Error, root: str) -> str:
    """One error as a clause: ``arguments.days: expected integer, found "two"``."""
    path = path_of(root, error.absolute_path)
    if error.validator is None:
        return _unlike(path, "nothing", error.instance)
    keyword = str(error.validator)
    if (tell := _TOLD.get(keyword)) is not None:
        return tell(error, path, root)
    if keyword in _EXPECTED:
        expected = _EXPECTED[keyword].format(_short(error.validator_value))
        return _unlike(path, expected, error.instance)
    return f"{path}: {quoted(keyword)} does not hold for {_short(error.instance)}"


def _unlike(path: str, expected: str, found: object) -> str:
    return f"{path}: expected {expected}, found {_short(found)}"


def _short(value: object) -> str:
    text = encodable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MAX_FOUND else text[:MAX_FOUND] + "…"


def _listed(values: Iterable[object], joint: str) -> str:
    texts = [_short(value) for value in values]
    return joint.join(texts[:MAX_NAMED] + ["…"] * (len(texts) > MAX_NAMED))


def _type(error: Error, path: str, root: str) -> str:
    return _unlike(path, _types(error.validator_value), error.instance)


def _types(names: str | list[str]) -> str:
    return names if isinstance(names, str) else " or ".join(names)


def _enum(error: Error, path: str, root: str) -> str:
    return _unlike(path, f"one of {_listed(error.validator_value, ', ')}", error.instance)


def _required(error: Error, path: str, root: str) -> str:
    missing = [name for name in error.validator_value if name not in error.instance]
    return f"{path}: {_listed(missing, ', ')} missing"


def _extra(error: Error, path: str, root: str) -> str:
    known = error.schema.get("properties", {})
    extra = additional_names(error.instance, error.schema)
    if not known:
        return f"{path}: expected no members, found {_listed(extra, ', ')}"
    return f"{path}: expected only {_listed(known, ', ')}, found {_listed(extra, ', ')}"


def _alternatives(error: Error, path: str, root: str) -> str:
    """The error of the branch that was meant, if one can be told; else what the branches are."""
    branches: dict[Any, list[Error]] = {}
    for inner in error.context:
        if inner.validator is not None:
            branches.setdefault(inner.schema_path[0], []).append(inner)
    if not error.context:
        return _unlike(path, "what fits exactly one alternative", error.instance)
    near = [errors for errors in branches.values() if not any(map(_is_of_another_kind, errors))]
    if len(near) == 1:
        return told(near[0][0], root)
    kinds = dict.fromkeys(_kind(branch) for branch in error.validator_value if branch)
    return _unlike(path, " or ".join(kinds) or "nothing", error.instance)


def _is_of_another_kind(error: Error) -> bool:
    """Whether a branch fails by its type, or by a constant that names its kind."""
    own = len(error.relative_path)
    return (error.validator == "type" and not own) or (
        error.validator in ("const", "enum") and own < 2
    )


def _kind(branch: Any) -> str:
    """A branch of anyOf in a word or two."""
    if "const" in branch:
        return _short(branch["const"])
    if "enum" in branch:
        return _listed(branch["enum"], " or ")
    if isinstance(branch.get("$ref"), str):
        return str(branch["$ref"]).rpartition("/")[2]
    kind = _types(branch.get("type", "something else"))
    if isinstance(branch.get("required"), list):
        kind += f" with {_listed(branch['required'], ', ')}"
    return kind


_TOLD: Final[dict[str, Callable[[Error, str, str], str]]] = {
    "additionalProperties": _extra,
    "anyOf": _alternatives,
    "enum": _enum,
    "oneOf": _alternatives,
    "required": _required,
    "type": _type,
}
