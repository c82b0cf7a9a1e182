"""A validator's errors in words a model can act on: where, what was expected, what was found."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from bridge.json_grammar import encodable, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.validators import Violation

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
            plain = len(step) <= MAX_FOUND and _IDENTIFIER.fullmatch(step)
            path += f".{step}" if plain else f"[{quoted(step)}]"
    return path


def told(violation: Violation, root: str) -> str:
    """One violation as a clause: ``arguments.days: expected integer, found "two"``."""
    path = path_of(root, violation.path)
    keyword = violation.keyword
    if keyword is None:
        return _unlike(path, "nothing", violation.value)
    if (tell := _TOLD.get(keyword)) is not None:
        return tell(violation, path, root)
    if keyword in _EXPECTED:
        expected = _EXPECTED[keyword].format(_short(violation.wanted))
        return _unlike(path, expected, violation.value)
    return f"{path}: {quoted(keyword)} does not hold for {_short(violation.value)}"


def _unlike(path: str, expected: str, found: object) -> str:
    return f"{path}: expected {expected}, found {_short(found)}"


def _short(value: object) -> str:
    """The beginning of a value as JSON; no more of it is written than is shown."""
    text = ""
    for chunk in _JSON.iterencode(value[:MAX_FOUND] if isinstance(value, str) else value):
        text += chunk[: MAX_FOUND + 1]
        if len(text) > MAX_FOUND:
            break
    cut = len(text) > MAX_FOUND
    return encodable(text[:MAX_FOUND] + "…" if cut else text)


def _listed(values: Iterable[object], joint: str) -> str:
    texts = [_short(value) for value in islice(values, MAX_NAMED + 1)]
    return joint.join(texts[:MAX_NAMED] + ["…"] * (len(texts) > MAX_NAMED))


def _type(violation: Violation, path: str, root: str) -> str:
    return _unlike(path, _types(violation.wanted), violation.value)


def _types(names: str | list[str]) -> str:
    return names if isinstance(names, str) else " or ".join(names)


def _enum(violation: Violation, path: str, root: str) -> str:
    return _unlike(path, f"one of {_listed(violation.wanted, ', ')}", violation.value)


def _required(violation: Violation, path: str, root: str) -> str:
    missing = (name for name in violation.wanted if name not in violation.value)
    return f"{path}: {_listed(missing, ', ')} missing"


def _extra(violation: Violation, path: str, root: str) -> str:
    known, extra = violation.schema.get("properties"), _listed(violation.extra(), ", ")
    if not known:
        return f"{path}: expected no members, found {extra}"
    return f"{path}: expected only {_listed(known, ', ')}, found {extra}"


def _alternatives(violation: Violation, path: str, root: str) -> str:
    """The error of the branch that was meant, if one can be told; else what the branches are."""
    branches = list(violation.branches())
    if not all(branches):
        return _unlike(path, "what fits exactly one alternative", violation.value)
    near = [
        found for found in branches if not any(_is_of_another_kind(v, violation) for v in found)
    ]
    if len(near) == 1:
        return told(near[0][0], root)
    kinds = dict.fromkeys(_kind(branch) for branch in violation.wanted[:MAX_NAMED] if branch)
    return _unlike(path, " or ".join(kinds) or "nothing", violation.value)


def _is_of_another_kind(inner: Violation, outer: Violation) -> bool:
    """Whether a branch fails by its type, or by a constant that names its kind."""
    own = len(inner.path) - len(outer.path)
    return (
        inner.keyword is None
        or (inner.keyword == "type" and not own)
        or (inner.keyword in ("const", "enum") and own < 2)
    )


def _kind(branch: dict[str, Any]) -> str:
    """A branch of anyOf in a word or two."""
    if "const" in branch:
        return _short(branch["const"])
    if isinstance(branch.get("enum"), list):
        return _listed(branch["enum"], " or ")
    if isinstance(branch.get("$ref"), str):
        return str(branch["$ref"]).rpartition("/")[2]
    kind = _types(branch.get("type", "something else"))
    if isinstance(branch.get("required"), list):
        kind += f" with {_listed(branch['required'], ', ')}"
    return kind


_JSON = json.JSONEncoder(ensure_ascii=False)
_TOLD: Final[dict[str, Callable[[Violation, str, str], str]]] = {
    "additionalProperties": _extra,
    "anyOf": _alternatives,
    "enum": _enum,
    "oneOf": _alternatives,
    "required": _required,
    "type": _type,
}
