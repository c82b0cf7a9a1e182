"""``raw``: for arguments that are long code or prose, which JSON escaping makes longer and wrong.

One call a block. String parameters may be left out of the object and follow it as they are,
between two lines that hold the key. Only by configuration: small models ignore it and get worse.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bridge.dialects.base import EXAMPLE_TOOL, Grammar, WrittenCall, call_object, quoted
from bridge.dialects.fence import CALL, RESULT, Fence
from bridge.signatures import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

LONG_NAMES = frozenset(
    """
    body code content contents css diff html javascript markdown message new_str new_string old_str
    old_string patch prompt python query script sql source svg text xml yaml
    """.split()  # noqa: SIM905  a list of words is easier to read and to edit than of strings
)
"""Parameters that hold long text by their name."""

PROTOCOL = """\
# Tools

{tools}

You cannot look anything up, compute or act on your own: whenever a request needs one of these \
tools, your reply must be a block for each call. A long string parameter may be left out of the \
JSON object and follow it as it is, nothing escaped:
{example}
The user runs the calls and sends back each result in a {result} block; then answer from the \
results. For anything else, answer in words; if no tool here can do what the user wants, tell them \
that you cannot do it."""


class Raw(Fence):
    """One fenced block a call, with raw string parameters."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.grammar = Grammar(f"```{CALL} {key}", "```", f"```{RESULT} {key}", key, raw=True)

    def protocol(self, tools: Sequence[str]) -> str:
        """As ``fence``, with the raw form in the example."""
        return PROTOCOL.format(
            tools=listed(tools), example=self.example, result=self.grammar.result
        )

    @cached_property
    def example(self) -> str:
        """One call with a raw parameter."""
        return self.calls([WrittenCall(EXAMPLE_TOOL, '{"path": "a.txt", "text": "one\\ntwo"}')])

    def calls(self, calls: Sequence[WrittenCall]) -> str:
        """A block a call; strings with a line break follow their object."""
        return "\n\n".join(map(self._block, calls))

    def _block(self, call: WrittenCall) -> str:
        short, long = _divided(call)
        lines = [self.grammar.open, call_object(short)]
        for name, text in long.items():
            lines += [f"@{name} {self.grammar.key}", text, f"@end {self.grammar.key}"]
        return "\n".join([*lines, self.grammar.close])


def _divided(call: WrittenCall) -> tuple[WrittenCall, dict[str, str]]:
    """The call without its long strings, and those."""
    try:
        arguments: Any = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call, {}
    if not isinstance(arguments, dict):
        return call, {}
    long = {
        name: value
        for name, value in arguments.items()
        if isinstance(value, str) and name in LONG_NAMES and "\n" in value and "\r" not in value
    }
    if not long:
        return call, {}
    short = ", ".join(
        f"{quoted(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in arguments.items()
        if name not in long
    )
    return WrittenCall(call.name, f"{{{short}}}"), long
