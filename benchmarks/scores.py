"""What became of the tasks, and the tables of it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.figures import short, table
from benchmarks.judge import KINDS, right

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.judge import Call, Task


FAILED = "error: "
"""Stands before the text where the server answered with an error."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer. ``near_misses`` and ``re_asks`` are None where no report tells of them.

    ``version`` is that of the code which the answer depends on.
    """

    side: str
    task: str
    kind: str
    right: bool
    seconds: float
    prompt_tokens: int
    near_misses: int | None = None
    re_asks: int | None = None
    calls: tuple[Call, ...] = ()
    text: str = ""
    replies: tuple[str, ...] = ()
    version: str = ""

    def judged(self, task: Task) -> Outcome:
        """The same answer, held against the task as it now stands. An error is never right."""
        failed = self.text.startswith(FAILED)
        return replace(self, right=not failed and right(task, list(self.calls), self.text))

    @classmethod
    def of(cls, value: dict[str, Any]) -> Outcome:
        """From its JSON form."""
        known = {each.name: value[each.name] for each in fields(cls) if each.name in value}
        known["calls"] = tuple((name, arguments) for name, arguments in known.get("calls", ()))
        known["replies"] = tuple(known.get("replies", ()))
        return cls(**known)

    def line(self) -> str:
        """For whoever watches."""
        said = "; ".join(f"{name}{arguments}" for name, arguments in self.calls) or self.text
        verdict = "right" if self.right else "WRONG"
        return f"{verdict} {self.side:10} {self.task:20} {self.seconds:6.1f} s  {said[:100]!r}"


COLUMNS = (
    *("side", "right", "near miss repaired", "re-asked", "wrong"),
    *("prompt tokens", "seconds"),
)


def row(side: str, outcomes: Sequence[Outcome]) -> list[str]:
    """A side's line; near misses and re-asks are counted among those that came out right."""
    good = [outcome for outcome in outcomes if outcome.right]
    return [
        side,
        f"{len(good)} of {len(outcomes)}",
        _counted([outcome.near_misses for outcome in good]),
        _counted([outcome.re_asks for outcome in good]),
        str(len(outcomes) - len(good)),
        short(median(outcome.prompt_tokens for outcome in outcomes)),
        short(median(outcome.seconds for outcome in outcomes)),
    ]


def _counted(values: list[int | None]) -> str:
    """How many are more than zero; a dash where nobody tells."""
    return "–" if not values or None in values else str(sum(bool(value) for value in values))


def by_kind(outcomes: Sequence[Outcome], sides: Sequence[str]) -> str:
    """Right answers by kind of task."""
    lines = []
    for kind in KINDS:
        of_kind = [outcome for outcome in outcomes if outcome.kind == kind]
        if of_kind:
            lines.append([kind, *(_right(of_kind, side) for side in sides)])
    return table(["kind", *sides], lines)


def _right(outcomes: Iterable[Outcome], side: str) -> str:
    own = [outcome.right for outcome in outcomes if outcome.side == side]
    return f"{sum(own)}/{len(own)}" if own else ""


HEAD = """\
# Accuracy

Written by `make bench-accuracy`, on the {split} tasks. Each is asked once, greedily. A near miss \
or a re-ask is counted where the answer came out right; prompt tokens (re-asks included) and \
seconds are medians. `plain` is a naive prompt and `json.loads`; `native` is llama.cpp's own tool \
calling with the model's own template, `native-tag` the same with another tag in that template. \
The sides are asked one after the other, so their seconds compare only roughly.
"""


def report(outcomes: Sequence[Outcome], sides: Iterable[str], split: str) -> str:
    """The tables, for the sides that have answered."""
    answered = {side: [each for each in outcomes if each.side == side] for side in sides}
    present = {side: own for side, own in answered.items() if own}
    if not present:
        return "Nothing has been asked yet.\n"
    scores = table(COLUMNS, [row(side, own) for side, own in present.items()])
    return f"{HEAD.format(split=split)}\n{scores}\n\n{by_kind(outcomes, list(present))}\n"


def cases(outcomes: Iterable[Outcome]) -> str:
    """What was got wrong, a line of JSON each, with the model's own words where they are known."""
    wrong = (
        {
            "side": outcome.side,
            "task": outcome.task,
            "replies": list(outcome.replies),
            "calls": [list(call) for call in outcome.calls],
            "text": outcome.text,
        }
        for outcome in outcomes
        if not outcome.right
    )
    return "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in wrong)
