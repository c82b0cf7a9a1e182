"""The properties at length: ``python -m tests.properties.fuzz``, or ``make fuzz``.

    FUZZ_MINUTES    how long, by the clock (20)
    FUZZ_SEED       what the examples are made from; printed, and random unless given
    FUZZ_PROPERTY   one property alone

Rounds of examples, each from a seed of its own, in one process a core. What fails is made as small
as can be and printed: the seed of its round, and the case as a file for ``tests/replies``.
"""

from __future__ import annotations

import os
import random
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.properties.case_files import case_files
from tests.properties.table import PROPERTIES, Property

ROUND = 400
"""Examples of a property in a round: enough to leave the simple ones behind."""


@dataclass(frozen=True)
class Failure:
    """A property that does not hold, for the smallest arguments that show it."""

    name: str
    round: int
    arguments: tuple[Any, ...]
    error: str
    place: str


class Tried:
    """A property that counts its examples and remembers what failed last."""

    def __init__(self, row: Property) -> None:
        self._row = row
        self.examples = 0
        self.failed: tuple[Any, ...] = ()

    def __call__(self, arguments: tuple[Any, ...]) -> None:
        self.examples += 1
        try:
            self._row.holds(*arguments)
        except Exception:
            self.failed = arguments
            raise


def play(name: str, number: int) -> tuple[int, Failure | None]:
    """One round of one property: how many examples, and what failed."""
    row = PROPERTIES[name]
    tried = Tried(row)

    def round_of_examples(arguments: tuple[Any, ...]) -> None:
        tried(arguments)

    chosen = settings(
        max_examples=max(int(ROUND * row.share), 10),
        deadline=None,
        database=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    try:
        seed(number)(chosen(given(st.tuples(*row.of))(round_of_examples)))()
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "hypothesis" not in frame.filename]
        place = f"{ours[-1].filename.rpartition('/')[2]}:{ours[-1].lineno}"
        told = f"{type(error).__name__}: {error}\n" + "".join(traceback.format_list(ours[-3:]))
        return tried.examples, Failure(name, number, tried.failed, told, place)
    return tried.examples, None


def play_until(end: float, first: int, step: int, names: list[str]) -> tuple[Counter[str], list]:
    """Rounds of all properties in turn, as long as there is time."""
    counts: Counter[str] = Counter()
    failures: dict[tuple[str, str], Failure] = {}
    number = first
    while True:
        for name in names:
            if time.time() > end:
                return counts, list(failures.values())
            examples, failure = play(name, number)
            counts[name] += examples
            if failure is not None:
                failures.setdefault((name, failure.place), failure)
        number += step


def report(counts: Counter[str], failures: list[Failure]) -> None:
    """What ran and what it found."""
    for name in sorted(counts):
        print(f"{counts[name]:>9,}  {name}")
    print(f"{counts.total():>9,}  examples in all")
    for failure in failures:
        print(f"\n--- {failure.name} does not hold ({failure.place})")
        again = f"FUZZ_SEED={failure.round} FUZZ_PROPERTY={failure.name} FUZZ_MINUTES=0.1"
        print(f"again: make fuzz {again}")
        print(failure.error)
        for file in case_files(failure.arguments):
            print(file)


def main() -> int:
    """Run for as long as the environment says; 1 if anything failed."""
    environ = os.environ
    minutes = float(environ.get("FUZZ_MINUTES") or 20)
    first = int(environ.get("FUZZ_SEED") or random.SystemRandom().randrange(10**6))
    one = environ.get("FUZZ_PROPERTY")
    workers = os.cpu_count() or 1
    print(f"fuzzing for {minutes:g} minutes, FUZZ_SEED={first}", flush=True)
    end = time.time() + 60 * minutes
    counts: Counter[str] = Counter()
    found: dict[tuple[str, str], Failure] = {}
    names = [one] if one else list(PROPERTIES)
    with ProcessPoolExecutor(workers) as pool:
        runs = []
        for worker in range(workers):
            # Each begins elsewhere, so that a short run reaches all of them.
            begin = worker * len(names) // workers
            order = names[begin:] + names[:begin]
            runs.append(pool.submit(play_until, end, first + worker, workers, order))
        for run in runs:
            examples, failures = run.result()
            counts += examples
            for failure in failures:
                found.setdefault((failure.name, failure.place), failure)
    report(counts, list(found.values()))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
