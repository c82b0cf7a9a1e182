"""A dialect that only tests know, of an odd shape: what the core derives must fit it, too."""

from __future__ import annotations

from bridge.dialects.base import Dialect, Grammar, call_object

NAME = "odd"


class Odd(Dialect):
    """A tag with a key in it, a result in signs, and a bracket without a key."""

    def __init__(self, key: str) -> None:
        self.grammar = Grammar(
            f"<action {key}>",
            "</action>",
            f"§observation {key}§",
            key,
            others=("§end§", "⟦step⟧", "[[plan", "</scratch>", "+++ notes", f"={key}="),
        )

    @property
    def block(self):
        return self.grammar.open

    def protocol(self, tools):
        return "\n".join([*tools, self.grammar.open, self.grammar.close])

    def calls(self, calls):
        return "\n".join([self.grammar.open, *map(call_object, calls), self.grammar.close])

    def result(self, position, name, content):
        return f"{self.grammar.result}{position} {name}\n{content}\n§end§"

    def opening(self, name=None):
        return f"{self.grammar.open}\n"
