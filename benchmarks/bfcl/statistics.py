"""How sure a share of right answers is, and whether one side is better than another. Pure."""

from __future__ import annotations

from math import comb, sqrt

Z = 1.959963984540054
"""The normal distribution's quantile of 97.5 %."""


def interval(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson's score; all of it where nothing was asked."""
    if not of:
        return 0.0, 1.0
    share, weight = right / of, Z * Z / of
    middle = share + weight / 2
    reach = Z * sqrt(share * (1 - share) / of + weight / (4 * of))
    low, high = (middle - reach) / (1 + weight), (middle + reach) / (1 + weight)
    return max(0.0, low), min(1.0, high)


def sign_test(better: int, worse: int) -> float:
    """The exact two-sided probability of so uneven a split, or a more uneven one, by chance."""
    changed = better + worse
    tail = sum(comb(changed, count) for count in range(min(better, worse) + 1))
    return float(min(1.0, 2 * tail / 2**changed))
