"""Tokens of real tools' signatures beside those of their compact JSON Schema.

    python -m benchmarks.signatures [--show NAME]

The six sets of ``benchmarks/toolsets`` have the shape of what coding agents, editors, browsers and
MCP servers offer. ``--show`` prints a set as the prompt has it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.tokens import counter
from bridge.schema import Tool
from bridge.signatures import describe, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.tokens import Count
    from bridge.schema import FunctionDefinition

FOLDER = Path(__file__).with_name("toolsets")


class Size(msgspec.Struct, frozen=True):
    """Tokens of one set both ways; ``words``: of its descriptions alone, which none can save.

    ``in_json``: how many tools are no signature at all.
    """

    name: str
    tools: int
    words: int
    signatures: int
    schemas: int
    in_json: int

    @property
    def ratio(self) -> float:
        return self.signatures / self.schemas


def toolset(path: Path) -> list[FunctionDefinition]:
    """The tools of one set."""
    return [Tool.model_validate(each).function for each in json.loads(path.read_text("utf-8"))]


def toolsets() -> dict[str, list[FunctionDefinition]]:
    """All sets by name."""
    return {path.stem: toolset(path) for path in sorted(FOLDER.glob("*.json"))}


def words_of(part: object) -> list[str]:
    """The descriptions in a tool, at every depth."""
    if isinstance(part, list):
        return [text for each in part for text in words_of(each)]
    if not isinstance(part, dict):
        return []
    own = part.get("description")
    below = [text for each in part.values() for text in words_of(each)]
    return [own, *below] if isinstance(own, str) else below


def size(name: str, tools: Sequence[FunctionDefinition], count: Count) -> Size:
    """What a set costs."""
    signatures = [describe(tool) for tool in tools]
    schemas = [describe(tool, "json-schema") for tool in tools]
    return Size(
        name,
        len(tools),
        count("\n".join(text for tool in tools for text in words_of(tool.model_dump()))),
        count(listed(signatures)),
        count(listed(schemas)),
        sum(text.startswith("{") for text in signatures),
    )


def total(sizes: Sequence[Size]) -> Size:
    """The sets together."""
    sums = (sum(getattr(each, key) for each in sizes) for key in Size.__struct_fields__[1:])
    return Size("all", *sums)


def table(sizes: Iterable[Size], how: str) -> str:
    """The figures as Markdown."""
    lines = [
        f"Tokens by {how}:",
        "",
        "| set | tools | descriptions alone | signatures | compact JSON Schema | ratio |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {s.name} | {s.tools} | {s.words:,} | {s.signatures:,} | {s.schemas:,} | {s.ratio:.2f} |"
        for s in sizes
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Tokens of signatures beside JSON Schema.")
    parser.add_argument("--show", choices=sorted(toolsets()), help="print a set as it is shown")
    asked = parser.parse_args()
    if asked.show:
        print(listed([describe(tool) for tool in toolsets()[asked.show]]))
        return
    with counter() as (how, count):
        sizes = [size(name, tools, count) for name, tools in toolsets().items()]
    print(table([*sizes, total(sizes)], how))


if __name__ == "__main__":
    main()
