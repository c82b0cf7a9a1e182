"""The core alone, in bulk: text without calls, and prompts. Processor time, as in ``core``."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from benchmarks import workload
from benchmarks.core import exchange_of, measured, per_second, request_of, spent
from benchmarks.figures import Limit, Row, sample
from bridge.decoder import ReplyDecoder
from bridge.dialects import DIALECTS
from bridge.dialects.expected import Expected

if TYPE_CHECKING:
    from benchmarks.core import Work
    from bridge.dialects.base import Grammar

PROSE = "The wind came from the west, and it was the first day of the year that felt like spring. "
MARKDOWN = (
    "Use `value[0]` if x < 5, else:\n\n```python\nprint({'a': [1, 2]})\n```\n\n- **then** go on.\n"
)
TEXTS = {
    "prose": PROSE,
    "Chinese prose": "风从西边来，这是一年里第一个有春意的日子。",
    "Markdown": MARKDOWN,
}
TEXT_SIZE, TEXT_PIECE = 1_000_000, 4096


def texts() -> list[Row]:
    """Text without markers through the decoder."""
    grammar = DIALECTS["fence"]("green table").grammar
    tools = {
        tool["function"]["name"]: tool["function"]["parameters"] for tool in workload.TYPICAL_TOOLS
    }
    works: Work = {}
    sizes: dict[str, int] = {}
    for name, sentence in TEXTS.items():
        text = sentence * (TEXT_SIZE // len(sentence))
        sizes[name] = len(text.encode())
        works[name] = partial(decoded, grammar, tools, text)
        works[f"{name} json"] = partial(spent, partial(json.dumps, text, ensure_ascii=False))
    found = measured(works)
    rows = []
    for name, size in sizes.items():
        rate, base = (
            per_second(sample(value / size for value in found[figure].values))
            for figure in (name, f"{name} json")
        )
        goal = Limit(at_least=100, of_ratio=False, unit="MB/s") if name == "prose" else None
        rows.append(
            Row(f"decoder, {name}, pieces of 4 kB", rate, "MB/s", "json.dumps of it", base, goal)
        )
    return rows


def decoded(grammar: Grammar, tools: dict[str, Any], text: str) -> float:
    """CPU seconds of a whole text."""
    decoder = ReplyDecoder(grammar, Expected(tools=tools))
    parts = workload.pieces(text, TEXT_PIECE)
    return spent(lambda: [decoder.feed(part) for part in parts])


# Rendering ----------------------------------------------------------------------------------------


def rendering() -> list[Row]:
    """Opening an exchange: everything from a validated request to its prompt."""
    body = {**_body(128), "messages": workload.conversation(500)}
    sizes = {
        "500 messages": {**_body(0), "messages": workload.conversation(500)},
        "250 messages": {**_body(0), "messages": workload.conversation(250)},
        "128 tools": _body(128),
        "64 tools": _body(64),
    }
    works: Work = {
        name: partial(spent, partial(exchange_of, request_of(sized)))
        for name, sized in {"all": body, **sizes}.items()
    }
    works["json"] = partial(spent, partial(json.dumps, body))
    works["parse"] = partial(spent, partial(request_of, body))
    found = {
        name: sample(v * 1e3 for v in figure.values) for name, figure in measured(works).items()
    }
    goal, linear = Limit(at_most=10, of_ratio=False, unit="ms"), Limit(at_most=2.2)
    base, named = found["json"], "json.dumps of the request"
    return [
        Row("rendering 128 tools and 500 messages", found["all"], "ms", named, base, goal),
        *(
            Row(f"rendering {more}", found[more], "ms", less, found[less], linear)
            for more, less in pairwise(sizes)
            if more.split()[1] == less.split()[1]
        ),
        Row("reading that request from its bytes", found["parse"], "ms", named, base),
    ]


def _body(tools: int) -> dict[str, Any]:
    return workload.chat("m", workload.many_tools(tools) if tools else None)


def rows() -> list[Row]:
    return [*texts(), *rendering()]
