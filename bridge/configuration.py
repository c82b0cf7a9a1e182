"""A table of the configuration, and what is wrong with it in the operator's own terms.

What the operator wrote in a file or in environment variables is checked against a shape (a pydantic
model). The first fault is told with the file and the key, or the variable, and never with the
value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails


class SettingsError(Exception):
    """The configuration is wrong: where, and why, in one line."""


class Shape(BaseModel):
    """What a table may hold: these keys and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=Shape)


@dataclass(frozen=True, slots=True)
class Table:
    """Values by key. ``path`` is where they stand; ``names`` are keys that have names of their own.

    ``path`` of a file's table: ``("bridge.toml", "upstreams", "house")``. A table made of
    environment variables has their names in ``names``.
    """

    values: Mapping[str, Any] = field(repr=False)
    path: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def place(self, *keys: str | int) -> str:
        """The name of a key as the operator knows it: ``bridge.toml: upstreams.house.url``."""
        if keys and str(keys[0]) in self.names:
            return ".".join([self.names[str(keys[0])], *map(str, keys[1:])])
        where = ".".join([*map(_quoted, self.path[1:]), *(_quoted(str(key)) for key in keys)])
        return ": ".join(part for part in (*self.path[:1], where) if part)

    def error(self, reason: str, *keys: str | int) -> SettingsError:
        """The error that blames these keys."""
        return SettingsError(": ".join(part for part in (self.place(*keys), reason) if part))

    def below(self, key: str) -> Table:
        """The table under ``key``, whose value must be one; empty when there is none."""
        return Table(self.values.get(key, {}), (*self.path, key))

    def with_values(self, **values: Any) -> Table:
        """The same table with these values in it."""
        return Table({**self.values, **values}, self.path, self.names)

    def read(self, shape: type[S]) -> S:
        """The values as ``shape``; raises ``SettingsError`` for the first fault."""
        try:
            return shape.model_validate(dict(self.values))
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            raise self.error(_reason(detail, shape), *detail["loc"]) from None


def _quoted(key: str) -> str:
    """A key as TOML writes it."""
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else f'"{key}"'


def _reason(detail: ErrorDetails, shape: type[Shape]) -> str:
    match detail["type"]:
        case "extra_forbidden":
            *above, key = map(str, detail["loc"])
            for step in above:
                shape = _below(shape, step)
            return "unknown key" + suggestion(key, shape.model_fields)
        case "missing":
            return "is needed"
        case _:
            message = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
            return message[:1].lower() + message[1:]


def _below(shape: type[Shape], key: str) -> type[Shape]:
    """The shape of the table under ``key``, or the same one where that is not a field's own."""
    field = shape.model_fields.get(key)
    below = None if field is None else field.annotation
    return below if isinstance(below, type) and issubclass(below, Shape) else shape


def suggestion(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` when a known word is close, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
