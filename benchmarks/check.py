"""``python -m benchmarks.check``: the part of the benchmarks that may fail a build.

Nothing is timed: ``python -m benchmarks`` has the figures that are. Steps are lines of the package
that were run, the same on every machine for the same Python; what a line leaves to Python's own
strings shows in the characters that they copy or look through.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import bridge
from benchmarks import bulk, core, workload
from benchmarks.figures import short, table
from benchmarks.tokens import by_characters, chatml_of, kept, prompt
from bridge.turns import Piece
from tests.properties.steps import Counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from bridge.exchange import Exchange
    from bridge.schema import ChatCompletionRequest

PACKAGE = bridge.__path__[0]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    what: str
    value: float
    at_most: float

    @property
    def holds(self) -> bool:
        return self.value <= self.at_most


def steps(work: Callable[[], object]) -> int:
    """How many lines of the package run."""
    lines = 0

    def count(frame: FrameType, kind: str, _: Any) -> Any:
        nonlocal lines
        if kind == "call":
            return count if frame.f_code.co_filename.startswith(PACKAGE) else None
        lines += kind == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def request(tools: int) -> ChatCompletionRequest:
    return core.request_of(workload.chat("m", workload.many_tools(tools)))


# Steps a delta ------------------------------------------------------------------------------------

FEW, MANY = 100, 1000
MOST_STEPS = {"text": 150, "arguments": 240}
"""A delta, when this was written: 119 and 189. Lower them when they fall."""


def of_deltas() -> Iterator[Check]:
    for kind in MOST_STEPS:
        few, more, offered = (
            delta_steps(request(tools), kind, count)
            for tools, count in ((1, FEW), (1, MANY), (128, FEW))
        )
        each = (more - few) / (MANY - FEW)
        yield Check(f"steps a delta, {kind}", each, MOST_STEPS[kind])
        yield Check(f"steps of {MANY} deltas over those of {FEW}, {kind}", more / few, 10.3)
        yield Check(f"steps with 128 tools over those with 1, {kind}", offered / few, 1.01)


def delta_steps(asked: ChatCompletionRequest, kind: str, count: int) -> int:
    exchange = core.exchange_of(asked)
    if kind == "arguments":
        exchange.feed(Piece(core.opening(exchange)))
    pieces = [Piece(text) for text in workload.words(count)]
    return steps(lambda: drain(exchange, pieces))


def drain(exchange: Exchange, pieces: list[Piece]) -> None:
    """Feed all pieces and keep nothing: what is kept makes Python's garbage collector slower."""
    for piece in pieces:
        exchange.feed(piece)


# Growth -------------------------------------------------------------------------------------------

SIZE = 5_000
"""More than what is held back for a while."""
GROWTH = 4
MOST_GROWTH = 1.2
"""Times the fourfold. What is quadratic tends to 4."""

REPLIES = {
    "prose": bulk.PROSE,
    "Markdown": bulk.MARKDOWN,
    "backticks": "`",
    "fences": "```\n",
    "foreign fences": "```json\n{}\n```\n",
    "brackets": "<",
    "white space": " \n\t",
    "quote marks": "> - ",
    "tags": "<think></think>",
    "foreign calls": "<tool_call>\n",
    "bare objects": '{"name": "write_file", "arguments": {}} ',
    "word joiners": "\u2060",
    "no key": '```tool_call\n{"name": "',
}
"""What a reply repeats; none of it is a call."""

ARGUMENTS = {
    "program text": workload.code(200),
    "escapes": "\\u00e9\\n\\\\",
    "raw new lines": "\n",
    "closing fences": "\n```\n",
    "numbers": '", 1, -2.5e3, "',
}
"""What the long argument repeats."""


def of_growth() -> Iterator[Check]:
    asked = request(5)
    for size in (4, 2048):
        for name, unit in REPLIES.items():
            work = partial(feed, asked, unit, size, call=False)
            yield from growth(f"reply of {name}, pieces of {size}", work)
    for name, unit in ARGUMENTS.items():
        work = partial(feed, asked, unit, 64, call=True)
        yield from growth(f"argument of {name}, pieces of 64", work)


def growth(what: str, work: Callable[[int], tuple[int, int]]) -> Iterator[Check]:
    """Steps and characters of a text four times as long, over four times those of the short one."""
    few, many = work(SIZE), work(SIZE * GROWTH)
    for counted, less, more in zip(("steps", "characters"), few, many, strict=True):
        yield Check(f"growth in {counted}, {what}", more / max(less, SIZE) / GROWTH, MOST_GROWTH)


def feed(
    asked: ChatCompletionRequest, unit: str, piece: int, size: int, *, call: bool
) -> tuple[int, int]:
    """The steps that a reply of this size takes, and the characters that are looked at."""
    exchange = core.exchange_of(asked)
    if call:
        exchange.feed(Piece(core.opening(exchange)))
    texts = workload.pieces(unit * (size // len(unit)), piece)
    pieces = [Piece(Counted(text)) for text in texts]
    Counted.looked = 0
    return steps(lambda: drain(exchange, pieces)), Counted.looked


# Prompts ------------------------------------------------------------------------------------------


def of_prompts() -> Iterator[Check]:
    bare, five = workload.chat("m"), workload.chat("m", workload.TYPICAL_TOOLS)
    extra = len(prompt(bare)) - len(chatml_of(bare))
    yield Check("characters that the prompt has more without tools", abs(extra), 0)
    protocol = by_characters(prompt(five)) - by_characters(prompt(bare))
    yield Check("tokens of the protocol with five tools, at 4 characters", protocol, 450)
    grown, again = kept({**five, "messages": workload.conversation(41)})
    yield Check("characters of a prompt that the next turn changes", len(grown) - len(again), 0)
    for name, more, less in (("messages", (500, 0), (250, 0)), ("tools", (1, 128), (1, 64))):
        ratio = rendering_steps(*more) / rendering_steps(*less)
        yield Check(f"steps of rendering twice the {name}", ratio, 2.1)


def rendering_steps(messages: int, tools: int) -> int:
    body = workload.chat("m", workload.many_tools(tools) if tools else None)
    if messages > 1:
        body["messages"] = workload.conversation(messages)
    asked = core.request_of(body)
    core.exchange_of(asked)  # what is kept from one request to the next is kept now
    return steps(lambda: core.exchange_of(asked))


def checks() -> list[Check]:
    return [*of_deltas(), *of_growth(), *of_prompts()]


def main() -> int:
    found = checks()
    cells = [
        [check.what, short(check.value), short(check.at_most), "yes" if check.holds else "**no**"]
        for check in found
    ]
    print(table(("what", "is", "at most", "holds"), cells))
    broken = [check.what for check in found if not check.holds]
    for what in broken:
        print(f"does not hold: {what}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
