"""Generators that write like models do: real replies, damaged as models damage them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from bridge.dialects import DIALECTS
from bridge.dialects.thoughts import FAMILIES
from tests.properties.corpus import CORPUS

if TYPE_CHECKING:
    from collections.abc import Callable

    Draw = st.DrawFn
    Mutation = Callable[[Draw, str], str]

LONGEST = 12_000
"""Characters of a mutated reply."""

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
SCRAPS += [tag.replace("*", " to=x") for family in FAMILIES for tag in family.tags][::4]
"""What breaks decoders when it stands where it should not."""

CONFUSABLES = {
    '"': "“”＂'", "'": "‘’`", "`": "ˋ´'", ":": "：", ",": "，،", "{": "｛", "}": "｝", "<": "＜‹",
    ">": "＞", "[": "［", "]": "］", " ": "\u00a0\u3000\u200b\u2060", "\n": "\r\u2028\x0b",
    "a": "а", "_": "-＿", "\\": "＼/",
}  # fmt: skip
"""What stands where an ASCII character was meant."""

FLIPS = [('"', "'"), ("'", '"'), ('"', '\\"'), ('\\"', '"'), ('"', "“")]

TOKEN = re.compile(r"\w+|[^\S\n]+|.", re.DOTALL)

WRAPPINGS = [
    *(("```\n", "\n```"), ("```json\n", "\n```"), ("````\n", "\n````"), ("~~~\n", "\n~~~")),
    *(
        ("<think>", "</think>\n"),
        ("<think>Hm.</think>\n", ""),
        ("<think>\n", ""),
        ("Hm.</think>", ""),
    ),
    *(
        ("[", "]"),
        ("{", "}"),
        ("<tool_call>", "</tool_call>"),
        ("`", "`"),
        ("Sure!\n\n", "\nDone."),
    ),
]
"""What stands around a reply, or around a part of it."""


def _span(draw: Draw, text: str, longest: int) -> tuple[int, int]:
    start = draw(st.integers(0, len(text)))
    return start, min(start + draw(st.integers(0, longest)), len(text))


def _other(draw: Draw) -> str:
    text: str = draw(st.sampled_from(CORPUS)).text
    return text


def _characters(draw: Draw, text: str) -> str:
    """Characters dropped, doubled or swapped."""
    a, b = _span(draw, text, 8)
    piece = draw(st.sampled_from(["", text[a:b] * 2, text[a:b][::-1]]))
    return text[:a] + piece + text[b:]


def _tokens(draw: Draw, text: str) -> str:
    """Tokens dropped, doubled, or changed for others of the reply."""
    tokens = TOKEN.findall(text)
    a, b = _span(draw, tokens, 3)
    c, d = _span(draw, tokens, 3)
    piece = draw(st.sampled_from([[], tokens[a:b] * 2, tokens[c:d]]))
    return "".join([*tokens[:a], *piece, *tokens[b:]])


def _cut(draw: Draw, text: str) -> str:
    return text[: draw(st.integers(0, len(text)))]


def _scrap(draw: Draw, text: str) -> str:
    """A marker, or a bit of one, where it should not stand."""
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from(SCRAPS)) + text[at:]


def _splice(draw: Draw, text: str) -> str:
    """The first half of one reply and the second half of another."""
    other = _other(draw)
    return text[: draw(st.integers(0, len(text)))] + other[draw(st.integers(0, len(other))) :]


def _join(draw: Draw, text: str) -> str:
    return text + draw(st.sampled_from(["\n", "\n\n", " ", ""])) + _other(draw)


def _quotes(draw: Draw, text: str) -> str:
    """Quotes flipped in a part of the reply."""
    a, b = _span(draw, text, 200)
    old, new = draw(st.sampled_from(FLIPS))
    return text[:a] + text[a:b].replace(old, new) + text[b:]


def _confusable(draw: Draw, text: str) -> str:
    """A character that looks like the one that was meant."""
    places = [place for place, character in enumerate(text) if character in CONFUSABLES]
    if not places:
        return text
    at = draw(st.sampled_from(places))
    lookalike: str = draw(st.sampled_from(CONFUSABLES[text[at]]))
    return text[:at] + lookalike + text[at + 1 :]


def _escapes(draw: Draw, text: str) -> str:
    """Backslashes doubled or dropped, and escapes that are none."""
    a, b = _span(draw, text, 200)
    part = text[a:b]
    damaged = [
        *(part.replace("\\", "\\\\"), part.replace("\\", ""), part.replace("\n", "\\n")),
        *(part + "\\", part + "\\u12", part + "\\ud83d", part + "\\x", part + "\\'"),
    ]
    return text[:a] + draw(st.sampled_from(damaged)) + text[b:]


def _lines(draw: Draw, text: str) -> str:
    """A line again and again, every line marked, or other line breaks."""
    lines = text.split("\n")
    at = draw(st.integers(0, len(lines) - 1))
    match draw(st.sampled_from(["again", "loop", "mark", "return", "none"])):
        case "again":
            lines[at:at] = [lines[at]] * draw(st.integers(1, 3))
        case "loop":
            lines[at:at] = [lines[at]] * min(100, LONGEST // (len(lines[at]) + 1))
        case "mark":
            mark = draw(st.sampled_from(["> ", "- ", "  ", "    ", "1. ", "\t"]))
            lines[at:] = [mark + line for line in lines[at:]]
        case "return":
            return "\r\n".join(lines)
        case _:
            lines[at : at + 2] = ["".join(lines[at : at + 2])]
    return "\n".join(lines)


def _wrap(draw: Draw, text: str) -> str:
    before, after = draw(st.sampled_from(WRAPPINGS))
    a, b = draw(st.sampled_from([(0, len(text)), _span(draw, text, 100)]))
    return text[:a] + before + text[a:b] + after + text[b:]


def _case(draw: Draw, text: str) -> str:
    a, b = _span(draw, text, 20)
    return text[:a] + text[a:b].swapcase() + text[b:]


MUTATIONS: list[Mutation] = [
    *(_characters, _characters, _tokens, _tokens, _scrap, _scrap, _scrap, _cut, _splice, _join),
    *(_quotes, _confusable, _escapes, _lines, _wrap, _case),
]


@dataclass(frozen=True)
class Case:
    """A reply, how it is decoded, whether it ended by itself, and where it is cut into pieces."""

    text: str
    options: dict[str, Any] = field(default_factory=dict)
    finished: bool = True
    cuts: tuple[int, ...] = ()


@st.composite
def mutated(draw: Draw, text: str | None = None) -> str:
    """A reply, this one or any, with a few things wrong, sometimes many."""
    text = _other(draw) if text is None else text
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 2, 3, 5]))):
        text = draw(st.sampled_from(MUTATIONS))(draw, text)
    return text[:LONGEST]


SCRAPPY = st.lists(st.sampled_from(SCRAPS) | st.text(max_size=4), max_size=14).map("".join)
"""Nothing but scraps."""

WRITTEN = mutated() | SCRAPPY

CUTS = st.lists(st.integers(0, 700), max_size=10)

HOLDS = [0, 1, 30, 80, 2048]

OPTIONS = st.fixed_dictionaries(
    {
        "dialect": st.sampled_from(["fence", "fence", "raw", "raw", "hermes", None]),
        "asked": st.booleans(),
        "opened": st.sampled_from([None, None, False, True]),
        "hold": st.sampled_from(HOLDS),
        "first_only": st.booleans(),
        "named": st.sampled_from([None, None, "get_weather"]),
        "strict": st.sampled_from([frozenset(), frozenset({"get_weather"})]),
    }
)


@st.composite
def cases(draw: Draw) -> Case:
    """A case: mostly decoded as its reply was meant to be, else by any options."""
    if draw(st.sampled_from([True, True, True, False])):
        seed = draw(st.sampled_from(CORPUS))
        text, options = draw(mutated(seed.text)), dict(seed.options)
        if draw(st.booleans()):
            options["hold"] = draw(st.sampled_from(HOLDS))
        if draw(st.sampled_from([False, False, True])):
            name = draw(st.sampled_from(["asked", "opened", "first_only", "strict", "named"]))
            options[name] = draw(OPTIONS)[name]
    else:
        text, options = draw(WRITTEN), draw(OPTIONS)
    return Case(text, options, draw(st.sampled_from([True, True, False])), tuple(draw(CUTS)))


CASES = cases()
DIALECT_NAMES = st.sampled_from(sorted(DIALECTS))
