"""Samples, ratios and tables: what a benchmark says of what it measured. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure, measured once in each round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The first and the third quartile; of fewer than four values, the lowest and highest."""
        if len(self.values) < 4:
            return min(self.values), max(self.values)
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high

    def less(self, other: Sample) -> Sample:
        """The difference, round by round."""
        return Sample(tuple(a - b for a, b in zip(self.values, other.values, strict=True)))


def sample(values: Iterable[float]) -> Sample:
    return Sample(tuple(values))


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of two medians, and how far chance may have moved it.

    A ratio of small differences is mostly noise in a single round, so it is taken of the medians.
    ``spread`` are the quartiles over rounds drawn anew from those that were measured, in pairs:
    what was measured side by side stays together. Nothing where the baseline is not above zero.
    """

    value: float
    spread: tuple[float, float]


DRAWS = 400


def ratio_of(figure: Sample, base: Sample) -> Ratio | None:
    """``figure`` over ``base``; None where the baseline is lost in noise."""
    pairs = list(zip(figure.values, base.values, strict=True))
    if not pairs or base.median <= 0:
        return None
    draw = random.Random(1)
    drawn = []
    for _ in range(DRAWS):
        above, below = zip(*draw.choices(pairs, k=len(pairs)), strict=True)
        if (bottom := median(below)) > 0:
            drawn.append(median(above) / bottom)
    return Ratio(figure.median / base.median, Sample(tuple(drawn)).spread)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of the values do not exceed; there must be one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def short(number: float) -> str:
    """A number with three significant digits, plain: 0.0123, 1.23, 123, 12,345."""
    if abs(number) >= 100:
        return f"{number:,.0f}"
    if number == 0:
        return "0"
    return f"{number:.3g}" if abs(number) >= 0.001 else f"{number:.2g}"


def told(figure: Sample, unit: str = "") -> str:
    """``median unit (spread)``; a single value has no spread."""
    text = short(figure.median) + (f" {unit}" if unit else "")
    if len(figure.values) > 1:
        low, high = map(short, figure.spread)
        text += f" ({low} – {high})"
    return text


def told_ratio(ratio: Ratio | None) -> str:
    """The same of a ratio."""
    if ratio is None:
        return "lost in noise"
    low, high = map(short, ratio.spread)
    return f"{short(ratio.value)} ×" + (f" ({low} – {high})" if low != high else "")


@dataclass(frozen=True, slots=True)
class Limit:
    """A goal: on the ratio, or on the figure itself."""

    at_most: float | None = None
    at_least: float | None = None
    of_ratio: bool = True
    unit: str = ""

    def kept(self, value: float) -> bool:
        if self.at_most is not None and value > self.at_most:
            return False
        return self.at_least is None or value >= self.at_least

    def __str__(self) -> str:
        sign, bound = ("≥", self.at_least) if self.at_most is None else ("≤", self.at_most)
        return f"{sign} {short(bound or 0)}{' ×' if self.of_ratio else ' ' + self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results: a figure beside its baseline's."""

    what: str
    figure: Sample
    unit: str
    baseline: str
    base: Sample
    goal: Limit | None = None

    @property
    def ratio(self) -> Ratio | None:
        return ratio_of(self.figure, self.base)

    @property
    def verdict(self) -> str:
        """``yes``, ``no``, or ``unclear`` where the goal lies within the spread."""
        if self.goal is None:
            return ""
        judged: Ratio | Sample | None = self.ratio if self.goal.of_ratio else self.figure
        if judged is None:
            return "unclear"
        verdicts = {self.goal.kept(value) for value in judged.spread}
        if len(verdicts) > 1:
            return "unclear"
        return "yes" if verdicts == {True} else "**no**"

    def cells(self) -> list[str]:
        goal = str(self.goal) if self.goal is not None else ""
        base = f"{self.baseline}: {told(self.base, self.unit)}"
        figure, ratio = told(self.figure, self.unit), told_ratio(self.ratio)
        return [self.what, figure, base, ratio, goal, self.verdict]


COLUMNS = ("what", "measured", "baseline", "ratio", "goal", "kept")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned so that it reads as text too."""
    lines = [[*map(str, columns)], *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    ]
    ruler = ["-" * width for width in widths]
    return "\n".join(f"| {' | '.join(line)} |" for line in [padded[0], ruler, *padded[1:]])


def results(rows: Iterable[Row]) -> str:
    """The rows as a table."""
    return table(COLUMNS, [row.cells() for row in rows])
