"""Decoding in tests: replies in any pieces, and generators that write like models do."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from bridge.block import Expected
from bridge.decoder import ReplyDecoder, Thoughts
from bridge.dialects import DIALECTS
from bridge.parts import Block, Call, CallArguments, CallEnd, CallStart, Malformed, Text, Thinking

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.parts import Part

KEY = "amber otter"

TOOLS = {
    "get_weather": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
    "write_file": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path"],
    },
    "ping": None,
    "any-thing": {},
}


def decoder(
    dialect: str | None = "fence",
    *,
    tools: dict | None = None,
    asked: bool = False,
    opened: bool = False,
    messages: Sequence[str] = (),
    **expected: object,
) -> ReplyDecoder:
    """A decoder for one reply; ``dialect`` is None for a prompt without protocol."""
    return ReplyDecoder(
        DIALECTS[dialect](KEY).grammar if dialect else None,
        Expected(TOOLS if tools is None else tools, **{"hold": 2048, **expected}),
        thoughts=Thoughts(asked, opened),
        messages=messages,
    )


def parts_of(pieces: Iterable[str], *, finished: bool = True, **options: object) -> list[Part]:
    """What a decoder makes of a reply in these pieces; neighbours of one kind are made one."""
    reading = decoder(**options)
    parts: list[Part] = []
    for piece in pieces:
        parts += reading.feed(piece)
    return coalesced([*parts, *reading.close(finished=finished)])


def coalesced(parts: Iterable[Part]) -> list[Part]:
    """The parts with neighbours of one kind made one: where text is divided means nothing."""
    out: list[Part] = []
    for part in parts:
        match part, out[-1] if out else None:
            case Text(text), Text(before):
                out[-1] = Text(before + text)
            case Thinking(text), Thinking(before):
                out[-1] = Thinking(before + text)
            case CallArguments(text), CallArguments(before):
                out[-1] = CallArguments(before + text)
            case _:
                out.append(part)
    return out


def content(parts: Iterable[Part]) -> str:
    """The text among the parts."""
    return "".join(part.text for part in parts if isinstance(part, Text))


def calls(parts: Iterable[Part]) -> list[tuple[str, str]]:
    """The whole calls among the parts, held or streamed: name and arguments."""
    found: list[tuple[str, str]] = []
    name, arguments = "", ""
    for part in parts:
        if isinstance(part, Block):
            found += [(c.name, c.arguments) for c in part.calls if isinstance(c, Call)]
        elif isinstance(part, CallStart):
            name, arguments = part.name, ""
        elif isinstance(part, CallArguments):
            arguments += part.json
        elif isinstance(part, CallEnd) and part.whole:
            found.append((name, arguments))
    return found


def malformed(parts: Iterable[Part]) -> list[Malformed]:
    """The calls among the parts that could not be understood."""
    blocks = [part for part in parts if isinstance(part, Block)]
    return [call for block in blocks for call in block.calls if isinstance(call, Malformed)]


def characters(text: str) -> list[str]:
    """A text, character by character."""
    return list(text)


def cut_at_random(text: str, seed: int) -> list[str]:
    """A text in random pieces, many short and some long."""
    dice = random.Random(seed)
    pieces, place = [], 0
    while place < len(text):
        size = dice.choice((1, 1, 2, 3, 4, 5, 8, 13, 40, 200))
        pieces.append(text[place : place + size])
        place += size
    return pieces


REPLIES = [
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
"""What models write, good and bad."""

SCRAPS = [
    *("`", "```", "````", "```json\n", "```tool_call amber otter\n", "```tool_result amber otter"),
    *("{", "}", "[", "]", '"', "'", ",", ":", "\\", "\n", "\r\n", " ", "\t", "  \n\n", "> ", "- "),
    *("1. ", "*", "~~~", "<", ">", "</", "<think>", "</think>", "\n<think>", "<tool_call>"),
    *("</tool_call>", "<tool_response>", "<function=", "</function>", "<invoke name=", "[TOOL"),
    *(
        '{"name": "ping"}',
        '"arguments": ',
        '"name": "get_weather"',
        "ping(",
        "amber",
        "amber otter",
    ),
    *("@content amber otter\n", "\n@end amber otter", "\u2060", "<\u2060", "`\u2060``tool_call"),
    *(
        "\ufeff",
        "\u2028",
        "\x00",
        "\ud83d",
        "北京",
        "😀",
        "/*",
        "//",
        "#",
        "True",
        "null",
        "12",
        "é",
    ),
]
"""What breaks decoders when it stands where it should not."""


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A reply with characters dropped, doubled, swapped, cut off, or scraps put in."""
    text = draw(st.sampled_from(REPLIES))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 8))
        match draw(st.sampled_from(["drop", "double", "swap", "cut", "scrap", "scrap", "join"])):
            case "drop":
                text = text[:at] + text[at + length :]
            case "double":
                text = text[: at + length] + text[at:]
            case "swap":
                text = text[:at] + text[at : at + length][::-1] + text[at + length :]
            case "cut":
                text = text[:at]
            case "scrap":
                text = text[:at] + draw(st.sampled_from(SCRAPS)) + text[at:]
            case _:
                text += draw(st.sampled_from(["\n", "\n\n", " ", ""])) + draw(
                    st.sampled_from(REPLIES)
                )
    return text


SCRAPPY = st.lists(st.sampled_from(SCRAPS) | st.text(max_size=4), max_size=14).map("".join)
"""Nothing but scraps."""

WRITTEN = mutated() | SCRAPPY

CUTS = st.lists(st.integers(0, 700), max_size=10)


def split(text: str, cuts: Sequence[int]) -> list[str]:
    """The text cut at these places."""
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[a:b] for a, b in pairwise(places)]


OPTIONS = st.fixed_dictionaries(
    {
        "dialect": st.sampled_from(["fence", "fence", "raw", "raw", "hermes", None]),
        "asked": st.booleans(),
        "opened": st.booleans(),
        "hold": st.sampled_from([0, 1, 30, 80, 2048]),
        "first_only": st.booleans(),
        "named": st.sampled_from([None, None, "get_weather"]),
        "strict": st.sampled_from([frozenset(), frozenset({"get_weather"})]),
    }
)
