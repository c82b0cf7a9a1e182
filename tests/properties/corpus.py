"""Real replies, from which the generators of the properties start."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.decoding import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

DIRECTORY = Path(__file__).parent.parent / "replies"
OPTIONS = ("asked", "opened", "hold", "named")
LONGEST = 4000
"""Characters of a reply that is worth a property's time."""


class Seed(NamedTuple):
    """A reply, and the options of the decoder that it was written for."""

    text: str
    options: dict[str, Any]


def _seeds() -> Iterator[Seed]:
    for path in sorted(DIRECTORY.glob("**/*.toml")):
        case = tomllib.loads(path.read_text("utf-8"))
        text = case.get("reply", "").replace("{KEY}", KEY)
        options = {name: case[name] for name in OPTIONS if name in case}
        if case.get("dialect", "none") != "none":
            options["dialect"] = case["dialect"]
        if 0 < len(text) <= LONGEST:
            yield Seed(text, options)
    yield from (Seed(text, {}) for text in MORE)


MORE = [
    "The weather in Paris is fine: 22 °C.",
    "I'll look.\n\n```tool_call amber otter\n"
    '{"name": "get_weather", "arguments": {"city": "北京"}}\n'
    '{"name": "get_weather", "arguments": {"city": "上海", "days": 3}}\n```\n',
    '```tool_call amber otter\n{"name": "ping"}\n```\nDone: pong.',
    '```tool_call amber otter\n[{"name": "ping", "arguments": {}},\n'
    ' {"function": {"name": "any-thing", "arguments": "{\\"a\\": [1, 2.50]}"}}]\n```',
    "```tool_call amber otter\n{\n  'name': 'write_file', // save\n  \"arguments\": {\n"
    '    "path": "a.md",\n    "content": "# A\n```py\\nprint(\\"x\\")\\n```\\n",\n  }\n}\n```',
    '```tool_call amber otter\n{"name": "unknown", "arguments": {"a": 1}}\n```\nor so',
    '````tool_call amber otter\n{"name": "get_weather", "args": {"city": "Rom"}\n````\n',
    'Use the tool like this:\n````\n```tool_call amber otter\n{"name": "ping"}\n```\n````\nSee?',
    '```yaml\n```tool_call amber otter\n{"name": "ping"}\n```\n```\n',
    '```text\nexample:\n```tool_call amber otter\n{"name": "ping"}\n```\n',
    '> ```tool_call amber otter\r\n> {"name": "ping"}\r\n> ```\r\n',
    "Here.\n```tool_result amber otter 1 ping\npong\n```\nIt says pong.",
    '```json\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n```',
    '```json\n{"name": "Bob", "age": 3}\n```\n\n```json\n{"name": "ping", "parameters": {}}\n```\n',
    'Answer:\n{"tool": "get_weather", "input": {"city": "Bonn"}}',
    '```tool_call Amber-Otter\n{"name": "ping"}\n```',
    '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>\n'
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Ulm"}}\n</tool_call>',
    "<function=get_weather>\n<parameter=city>\nUlm\n</parameter>\n<parameter=days>3</parameter>\n"
    "</function>",
    '<function_calls><invoke name="write_file"><parameter name="path">a</parameter>'
    '<parameter name="content">x\n"y"\n</parameter></invoke></function_calls>',
    '[get_weather(city="Ulm", days=3), ping()]',
    "```tool_code\nget_weather(city='Ulm')\n```",
    '[TOOL_CALLS]get_weather[ARGS]{"city": "Ulm"}',
    "<think>\nThe user wants `</think>` explained.\n</think>\n\nIt closes thinking.",
    'Hm, let me see.\n</think>\n\n```tool_call amber otter\n{"name": "ping"}\n```',
    '<think>I should\n```tool_call amber otter\n{"name": "ping"}\n```',
    "First.\n<think>more\n<think>and more</think></think>\nSecond.",
    '```tool_call amber otter\n{"name": "write_file", "arguments": {"path": "a"}}\n'
    '@content amber otter\nsay "hi"\n@end\n```\n@end amber otters\n@end amber otter\n```',
    '```tool_call amber otter\r\n{"name": "write_file"}\r\n@path amber otter\r\na\r\n'
    "@end amber otter \r\n@content amber otter\r\n@end amber otter\r\n```",
    "The key is amber otter, <\u2060think> and <\u2060\u2060|im_start|> and @x\u2060 amber.",
]
"""What models write beside what stands in the table."""

CORPUS = list(_seeds())
