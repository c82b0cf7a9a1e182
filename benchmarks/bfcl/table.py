"""The tables of the judged answers. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.bfcl.cases import CATEGORIES, REFUSALS
from benchmarks.bfcl.statistics import interval, sign_test
from benchmarks.figures import short, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.bfcl.checker import Verdict
    from benchmarks.bfcl.rows import Row


@dataclass(frozen=True, slots=True)
class Judged:
    """A row and what became of it."""

    row: Row
    verdict: Verdict

    @property
    def right(self) -> bool:
        return self.verdict.right

    @property
    def refusal(self) -> bool:
        return self.row.category in REFUSALS


HEADING = "## In public: the Berkeley Function Calling Leaderboard"
HEAD = """\
{heading}

Written by `make bench-bfcl`, with {model}: single-turn cases of bfcl-eval {version}, of which a \
quarter is for development and these are the first so many, as many of each category as there \
are. Each is asked once, greedily, and judged by the leaderboard's own checker. A call in the text \
is wrong, whatever else was called; a refusal is right where no call was written anywhere. `naive` \
is the prompt of Hermes, read leniently; `native` and `native-tag` are as above. In brackets, the \
95 % interval.
"""
PAIRS = """\
Paired, on the cases that both sides were asked: how many {base} alone got right, and the other \
side alone, with the probability of so uneven a split by chance (exact sign test, two-sided).
"""


def section(results: Mapping[str, Mapping[str, Judged]], model: str, version: str) -> str:
    """All tables of the sides that have answered."""
    present = {side: own for side, own in results.items() if own}
    if not present:
        return "Nothing has been asked yet.\n"
    base = next(iter(present))
    parts = [
        HEAD.format(heading=HEADING, model=model, version=version),
        table(
            ("side", "cases", "right", "calls", "refusals", "prompt tokens", "seconds"),
            [_totals(side, [*own.values()]) for side, own in present.items()],
        ),
        "",
        table(
            ("category", *present),
            [
                [category, *(_share(_of(own.values(), category)) for own in present.values())]
                for category in CATEGORIES
            ],
        ),
    ]
    others = [side for side in present if side != base]
    if others:
        columns = ("calls", "refusals", "right")
        lines = [[f"{base} : {other}", *pairs(present[base], present[other])] for other in others]
        parts += ["", PAIRS.format(base=f"`{base}`"), table(("sides", *columns), lines)]
    return "\n".join(parts) + "\n"


def _of(judged: Iterable[Judged], category: str) -> list[Judged]:
    return [each for each in judged if each.row.category == category]


def _totals(side: str, own: Sequence[Judged]) -> list[str]:
    return [
        side,
        str(len(own)),
        _share(own, exact=True),
        _share([each for each in own if not each.refusal], exact=True),
        _share([each for each in own if each.refusal], exact=True),
        short(median(each.row.prompt_tokens for each in own)),
        short(median(each.row.seconds for each in own)),
    ]


def _share(own: Sequence[Judged], *, exact: bool = False) -> str:
    """Right of asked; ``exact`` adds the interval."""
    if not own:
        return ""
    right = sum(each.right for each in own)
    if not exact:
        return f"{right}/{len(own)}"
    low, high = interval(right, len(own))
    return f"{right} of {len(own)} ({100 * low:.0f}–{100 * high:.0f} %)"


def pairs(one: Mapping[str, Judged], other: Mapping[str, Judged]) -> list[str]:
    """For calls, refusals and all: right here alone, right there alone, and the probability."""
    shared = [(one[case], other[case]) for case in one if case in other]
    return [
        _pair([pair for pair in shared if pair[0].refusal in kinds])
        for kinds in ((False,), (True,), (False, True))
    ]


def _pair(shared: Sequence[tuple[Judged, Judged]]) -> str:
    if not shared:
        return ""
    here = sum(one.right and not other.right for one, other in shared)
    there = sum(other.right and not one.right for one, other in shared)
    return f"{here} : {there} of {len(shared)}, p = {sign_test(here, there):.2g}"


def faults(own: Iterable[Judged]) -> list[tuple[str, int]]:
    """What was wrong, the most frequent first."""
    found = Counter(_kind(each) for each in own if not each.right)
    return found.most_common()


def _kind(judged: Judged) -> str:
    if judged.row.error:
        return f"error: {judged.row.error[:80]}"
    kind, _, _ = judged.verdict.fault.partition("[")
    return kind.strip()
