"""What the replies to one request may hold."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  msgspec reads it
from typing import Any

import msgspec

from bridge.checks import SchemaChecks
from bridge.dialects.echoes import Echoes


class Expected(msgspec.Struct, frozen=True):
    """What calls a reply may hold, and how they leave.

    ``tools``: the callable tools, name → parameters' schema. ``hold``: characters of a block that
    are held before it streams. ``strict``: tools whose calls never stream. ``named``: the only
    tool expected; an object without the keys of a call is then taken for its arguments.
    ``first_only``: everything ends with the first call. ``echoes``: what others wrote.
    ``checks``: of the request's schemas.
    """

    tools: Mapping[str, Mapping[str, Any] | None] = msgspec.field(default_factory=dict)
    hold: int = 0
    strict: frozenset[str] = frozenset()
    named: str | None = None
    first_only: bool = False
    echoes: Echoes = msgspec.field(default_factory=Echoes)
    checks: SchemaChecks = msgspec.field(default_factory=SchemaChecks)
