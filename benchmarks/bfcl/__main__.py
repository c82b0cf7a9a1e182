"""``python -m benchmarks.bfcl``: right calls and refusals on the leaderboard's cases.

The first cases of a fixed order, on each side: toolbridge in each dialect; a naive prompt, read
leniently; and llama.cpp's own tool calling, with the model's template and with one other word in
it. Every answer is written to a file of its side at once, and is not asked for again: a run can be
broken off and goes on where it was. Answers of a dialect count as long as the core is what it was,
or with ``--any-version``. They are judged anew each time.

``--write`` puts the tables into ``ACCURACY.md``; ``--wrong`` prints what went wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.accuracy import WRITTEN, Servers
from benchmarks.bfcl.cases import ordered
from benchmarks.bfcl.checker import PYTHON, Verdict, judged, package
from benchmarks.bfcl.rows import append_row, read_rows
from benchmarks.bfcl.sides import SIDES, ask
from benchmarks.bfcl.table import HEADING, Judged, faults, section
from benchmarks.processes import ROOT
from benchmarks.sections import with_section
from benchmarks.tokens import model_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.bfcl.cases import Case
    from benchmarks.bfcl.checker import Checker
    from benchmarks.bfcl.rows import Row
    from benchmarks.bfcl.sides import Side

ROWS = ROOT / ".cache" / "bfcl"
VERSION = "2026.3.23"


def given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bfcl", description="Measure on the leaderboard's cases.")
    parser.add_argument("--sides", nargs="+", choices=[*SIDES], metavar="SIDE", default=[*SIDES])
    parser.add_argument("--cases", type=int, metavar="N", help="the first so many of each side")
    parser.add_argument("--model", type=Path, help="a GGUF file in place of the embedded model")
    parser.add_argument("--rows", type=Path, default=ROWS, help="folder of the answers' files")
    parser.add_argument("--any-version", action="store_true", help="count answers of older code")
    parser.add_argument("--table", action="store_true", help="ask nothing, show what is kept")
    parser.add_argument("--wrong", action="store_true", help="print every wrong answer as JSON")
    parser.add_argument("--write", action="store_true", help="write the tables into ACCURACY.md")
    return parser.parse_args()


def main() -> int:
    options = given()
    path = options.model or model_file()
    if path is None:
        raise SystemExit("There is no model here: run `make serve` once, or give --model.")
    model: Path = path.resolve()
    folder: Path = options.rows / model.stem
    sides = [SIDES[name] for name in options.sides]
    with package(PYTHON) as leaderboard:
        cases = ordered(leaderboard.cases)[: options.cases]
        if not options.table:
            measure(sides, cases, Servers(str(model)), folder, leaderboard, options.any_version)
        results = {
            side.name: kept(side, cases, folder, leaderboard, options.any_version) for side in sides
        }
    text = section(results, model.stem, VERSION)
    print(text)
    for side, own in results.items():
        print(side, *(f"{count} × {fault}" for fault, count in faults(own.values())), sep="\n  ")
    if options.wrong:
        print_wrong(each for own in results.values() for each in own.values())
    if options.write:
        WRITTEN.write_text(with_section(WRITTEN.read_text("utf-8"), HEADING, text), "utf-8")
    return 0


def measure(
    sides: Iterable[Side],
    cases: Sequence[Case],
    servers: Servers,
    folder: Path,
    checker: Checker,
    any_version: bool,
) -> None:
    """Ask what has not been asked yet."""
    with servers.stack:
        for side in sides:
            path = folder / f"{side.name}.jsonl"
            known = read_rows(path, None if any_version else side.version)
            for case in cases:
                if case.id not in known:
                    row = ask(side, case, servers.of(side.server))
                    append_row(path, row)
                    print(line(row, verdict(checker, case, row)), file=sys.stderr, flush=True)


def kept(
    side: Side, cases: Iterable[Case], folder: Path, checker: Checker, any_version: bool
) -> dict[str, Judged]:
    """The side's answers to these cases, judged."""
    rows = read_rows(folder / f"{side.name}.jsonl", None if any_version else side.version)
    return {
        case.id: Judged(rows[case.id], verdict(checker, case, rows[case.id]))
        for case in cases
        if case.id in rows
    }


def verdict(checker: Checker, case: Case, row: Row) -> Verdict:
    """An error is never right."""
    if row.error:
        return Verdict(False, row.error)
    return judged(checker, case, row.calls, row.text)


def line(row: Row, found: Verdict) -> str:
    """For whoever watches."""
    said = "; ".join(f"{name}{arguments}" for name, arguments in row.calls) or row.text or row.error
    told = "right" if found.right else f"WRONG ({found.fault[:60]})"
    return f"{row.side:10} {row.case:24} {row.seconds:6.1f} s  {told}  {said[:100]!r}"


def print_wrong(results: Iterable[Judged]) -> None:
    for each in results:
        if not each.right:
            print(json.dumps({**asdict(each.row), "fault": each.verdict.fault}, ensure_ascii=False))


if __name__ == "__main__":
    raise SystemExit(main())
