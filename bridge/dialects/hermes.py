"""``hermes``: the tags that some models are trained on.

Only for those, served without their own template, and only by configuration: anywhere else a
platform may take the tags for its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.dialects.base import (
    EMPTY_RESULT,
    EXAMPLE_TOOL,
    Dialect,
    Grammar,
    WrittenCall,
    call_object,
    quoted,
)
from bridge.signatures import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

PROTOCOL = """\
# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{tools}
</tools>

For each function call, return a json object with function name and arguments within \
<tool_call></tool_call> XML tags:
{example}"""


class Hermes(Dialect):
    """One pair of tags a call."""

    def __init__(self, key: str) -> None:
        """``key`` is not used: the tags are what such models know."""
        del key
        self.grammar = Grammar(
            "<tool_call>",
            "</tool_call>",
            "<tool_response>",
            others=("</tool_response>", "<tools>", "</tools>"),
        )

    @property
    def block(self) -> str:
        """The opening tag."""
        return self.grammar.open

    def protocol(self, tools: Sequence[str]) -> str:
        """The text that such models saw in training."""
        example = self.calls([WrittenCall(EXAMPLE_TOOL, '{"text": "first"}')])
        return PROTOCOL.format(tools=listed(tools), example=example)

    def calls(self, calls: Sequence[WrittenCall]) -> str:
        """A pair of tags a call."""
        return "\n".join(f"<tool_call>\n{call_object(call)}\n</tool_call>" for call in calls)

    def result(self, position: int, name: str, content: str) -> str:
        """The tags that such models know; the position says which call it answers."""
        del position, name
        return f"<tool_response>\n{content or EMPTY_RESULT}\n</tool_response>"

    def opening(self, name: str | None = None) -> str:
        """Up to the name, or up to the arguments of the named call."""
        if name is None:
            return '<tool_call>\n{"name": "'
        return f'<tool_call>\n{{"name": {quoted(name)}, "arguments":'
