"""The members of a call object that are neither its name nor its arguments."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bridge import json_grammar as grammar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.json_grammar import Token
    from bridge.schema_paths import Place

BESIDE_KEYS = frozenset({"type", "id", "call_id", "tool_call_id", "index"})
"""What vendors' calls have beside their name and arguments."""

CALL_TYPES = frozenset({"function", "function_call", "tool", "tool_call", "tool_use", "call"})
"""What ``type`` says of a call."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def escaped(text: str) -> str:
    """Text as it stands between the quotes of a JSON string, fit for UTF-8."""
    body = json.dumps(text, ensure_ascii=False)[1:-1]
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", body)


class OtherMembers:
    """Collects them as they are read: ``begin`` with a key, ``add`` the tokens of its value."""

    def __init__(self) -> None:
        self._members: list[tuple[str, list[Token]]] = []

    @property
    def names(self) -> list[str]:
        """Those that vendors' calls do not have beside their name anyway."""
        return [key for key, value in self._members if not _stands_beside(key, value)]

    def begin(self, key: str) -> None:
        """Another member."""
        self._members.append((key, []))

    def add(self, token: Token) -> None:
        """The next token of its value."""
        self._members[-1][1].append(token)

    def as_arguments(self, place: Place) -> list[Token]:
        """The object of those that are parameters; no tokens if none is."""
        members = [
            (key, value)
            for key, value in self._members
            if place.lists(key) and not (key == "type" and _stands_beside(key, value))
        ]
        if not members:
            return []
        tokens: list[Token] = [(grammar.OBJECT, "{")]
        for key, value in members:
            tokens += [(grammar.KEY, escaped(key)), *value]
        return [*tokens, (grammar.END_OBJECT, "}")]


def _stands_beside(key: str, value: Sequence[Token]) -> bool:
    """Whether it is what vendors' calls have beside their name; a ``type`` has to be a call's."""
    if key not in BESIDE_KEYS:
        return False
    text = "".join(text for kind, text in value if kind == grammar.FRAGMENT)
    return key != "type" or not _is_whole(value) or text in CALL_TYPES


def _is_whole(value: Sequence[Token]) -> bool:
    return bool(value) and value[-1][0] in grammar.VALUE_ENDS


def defines_tool(arguments: str, place: Place) -> bool:
    """Whether these are no arguments but the tool's own definition, which models repeat, too."""
    if '"properties"' not in arguments or place.lists("properties"):
        return False
    members = json.loads(arguments, parse_int=str)
    return members.get("type") == "object" and isinstance(members.get("properties"), dict)
