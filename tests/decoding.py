"""Decoding in tests: replies in any pieces, and what came of them."""

from __future__ import annotations

import json
import random
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.decoder import ReplyDecoder
from bridge.dialects import DIALECTS
from bridge.dialects.echoes import Echoes
from bridge.dialects.expected import Expected
from bridge.dialects.shown import MARKER_BEFORE_KEY
from bridge.parts import Block, Call, CallArguments, CallEnd, CallStart, Malformed, Text, Thinking
from bridge.thinking import Thoughts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.parts import Part

KEY = "amber otter"

TOOLS = {
    **json.loads((Path(__file__).parent / "replies" / "tools.json").read_text("utf-8")),
    "any-thing": {},
}


def marked(key: str) -> re.Pattern[str]:
    """What no client may see: the key behind the word of a marker, which is the first group."""
    return re.compile(f"((?i:{MARKER_BEFORE_KEY})){key}")


def decoder(
    dialect: str | None = "fence",
    *,
    tools: dict | None = None,
    asked: bool = False,
    opened: bool | None = None,
    messages: Sequence[str] = (),
    **expected: object,
) -> ReplyDecoder:
    """A decoder for one reply; ``dialect`` is None for a prompt without protocol."""
    grammar = DIALECTS[dialect](KEY).grammar if dialect else None
    echoes = Echoes(messages, grammar.open if grammar else "")
    given = {"hold": 2048, "echoes": echoes, **expected}
    return ReplyDecoder(
        grammar,
        Expected(TOOLS if tools is None else tools, **given),
        thoughts=Thoughts(asked, opened),
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


def split(text: str, cuts: Sequence[int]) -> list[str]:
    """The text cut at these places."""
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[a:b] for a, b in pairwise(places)]
