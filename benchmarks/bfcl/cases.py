"""The cases of the leaderboard that this project may see, and their fixed order. Pure.

Three quarters of the cases judge the project from outside. A prompt that was tuned on them would
make that judgement worthless, so they are refused here, at the one door.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CATEGORIES = (
    *("simple_python", "multiple", "parallel", "parallel_multiple"),
    *("irrelevance", "live_simple", "live_multiple"),
)
REFUSALS = frozenset({"irrelevance"})
"""The categories in which no call is right."""


class NotForDevelopment(ValueError):
    """A case that is kept for judging from outside."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question: its messages and its tools, as the wire has them."""

    id: str
    category: str
    messages: tuple[dict[str, Any], ...]
    tools: tuple[dict[str, Any], ...]

    def __post_init__(self) -> None:
        if not is_development(self.id):
            raise NotForDevelopment(self.id)

    @property
    def refusal(self) -> bool:
        return self.category in REFUSALS

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(tool["function"]["name"] for tool in self.tools)


def is_development(case_id: str) -> bool:
    """Whether a case may be used while developing: a quarter, picked by a hash of the id."""
    return _number(f"toolbridge-58824:{case_id}") % 4 == 0


def ordered(cases: Iterable[Case]) -> list[Case]:
    """The cases so that any first few of them hold as many of each category as there are.

    Within a category the order is that of a hash of the id: neighbours are often variants of one
    question.
    """
    by_category: dict[str, list[Case]] = {category: [] for category in CATEGORIES}
    for case in sorted(cases, key=lambda case: _number(f"order:{case.id}")):
        by_category[case.category].append(case)
    return [case for row in _rounds([*by_category.values()]) for case in row]


def _rounds(columns: Sequence[Sequence[Case]]) -> Iterable[list[Case]]:
    for place in range(max(map(len, columns))):
        yield [column[place] for column in columns if place < len(column)]


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
