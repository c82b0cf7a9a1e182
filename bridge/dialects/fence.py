"""``fence``: all calls of a reply in one fenced block, one JSON object a line. The default.

A fenced JSON object has the best mean and the least regret of all formats in the Berkeley
leaderboard's study of prompted models; one fence for all calls, because a fence a call makes
models stop after the first.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bridge.dialects.base import (
    EMPTY_RESULT,
    EXAMPLE_TOOL,
    Dialect,
    Grammar,
    WrittenCall,
    call_object,
    fenced,
    quoted,
)
from bridge.signatures import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

CALL = "tool_call"
RESULT = "tool_result"

PROTOCOL = """\
# Tools

{tools}

You cannot look anything up, compute or act on your own: whenever a request needs one of these \
tools, your reply must be a block with one JSON object per call, like this:
{example}
The user runs the calls and sends back each result in a {result} block; then answer from the \
results. For anything else, answer in words; if no tool here can do what the user wants, tell them \
that you cannot do it."""
"""Tried on the embedded model: told what it cannot do, it calls; told when to, it rarely does."""


class Fence(Dialect):
    """One fenced block for all calls."""

    def __init__(self, key: str) -> None:
        self.grammar = Grammar(f"```{CALL} {key}", "```", f"```{RESULT} {key}", key)

    @property
    def block(self) -> str:
        """The opening line, as the model knows it."""
        return self.grammar.open

    def protocol(self, tools: Sequence[str]) -> str:
        """The tools, one worked example, and what happens to a call."""
        return PROTOCOL.format(
            tools=listed(tools), example=self.example, result=self.grammar.result
        )

    @cached_property
    def example(self) -> str:
        """A block with two calls of a tool that does not exist."""
        return self.calls(
            [
                WrittenCall(EXAMPLE_TOOL, '{"text": "first"}'),
                WrittenCall(EXAMPLE_TOOL, '{"text": "second"}'),
            ]
        )

    def calls(self, calls: Sequence[WrittenCall]) -> str:
        """One object a line, in one fence."""
        lines = [self.grammar.open, *map(call_object, calls), self.grammar.close]
        return "\n".join(lines)

    def result(self, position: int, name: str, content: str) -> str:
        """A fence of its own, numbered and named."""
        info = f"{RESULT} {self.grammar.key} {position} {name}"
        return fenced(info, content or EMPTY_RESULT)

    def opening(self, name: str | None = None) -> str:
        """Up to the name, or up to the arguments of the named call."""
        if name is None:
            return f'{self.grammar.open}\n{{"name": "'
        return f'{self.grammar.open}\n{{"name": {quoted(name)}, "arguments":'
