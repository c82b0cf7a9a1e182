"""The offered tool that a model means by a name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any] | None
Tools = Mapping[str, Schema]
"""The tools that may be called: name → parameters' schema."""

_PREFIXES = ("functions.", "function.", "default_api.", "tools.")
_SEPARATORS = re.compile(r"[\W_]+")


def resolve(name: str, tools: Tools) -> str | None:
    """The offered tool that a model means: by its name, else by the only one spelled alike."""
    if name in tools:
        return name
    wanted = _plain(name)
    alike = [tool for tool in tools if _plain(tool) == wanted]
    return alike[0] if len(alike) == 1 else None


def _plain(name: str) -> str:
    """Without separators, case and the namespaces that vendors put before a name."""
    name = name.strip()
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return _SEPARATORS.sub("", name.lower())
