"""``python -m benchmarks``: measure everything, print it, and write ``RESULTS.md``.

Every figure stands beside a baseline that was measured in the same run. ``--only`` names parts,
``--quick`` does less of each; neither writes.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import bulk, core, embedded, memory, start, tokens, wire
from benchmarks.figures import Row, results
from benchmarks.lambda_report import written
from benchmarks.processes import passthrough, streaming, upstream

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = [
    "toolbridge",
    "fastapi",
    "starlette",
    "uvicorn",
    "httpx",
    "pydantic",
    "msgspec",
    "xllamacpp",
]

HEAD = """\
# Results

Written by `make bench`. A figure is the median over the rounds of one run, its quartiles in \
parentheses (lowest and highest where there were less than four rounds). A ratio is that of the \
medians, its spread the quartiles over rounds drawn anew from those measured; a goal that lies \
within the spread is unclear. *Added* is what a side needs beyond reading the scripted upstream \
directly. CPU is processor time, and says nearly the same on a busy machine; a p99 does not.
"""

NOTES = {
    "streams": "One scripted upstream, a process of its own that writes chunks encoded beforehand, "
    "read by a raw client; behind a FastAPI + httpx pass-through of bytes; and behind `toolbridge "
    "serve`, five tools offered, `hold = 0`. Both under the same uvicorn. A delta is four "
    "characters.",
    "core": "In one process, processor time. A delta is decoded, completed and encoded.",
    "memory": "Resident memory of the server's process, no local model.",
    "start": "Processes started one after the other; the first round, which reads from the disk, "
    "is left out.",
    "prompt": "What the rendered prompt costs.",
    "embedded": "The embedded model, the same prompt on the same engine, in the prompt cache.",
}


def streams(quick: bool) -> list[Row]:
    effort = wire.QUICK if quick else wire.Effort()
    with (
        upstream() as source,
        passthrough(source.url) as passed,
        streaming(source.url) as ours,
    ):
        sides = {wire.DIRECT: source, wire.PASSED: passed, wire.OURS: ours}
        return wire.rows(wire.measure(sides, source, effort))


PARTS: dict[str, Callable[[bool], list[Row]]] = {
    "streams": streams,
    "core": lambda quick: [*core.rows(), *bulk.rows()],
    "memory": lambda quick: memory.rows(800 if quick else 10_000),
    "start": lambda quick: start.rows(3 if quick else 9),
    "prompt": lambda quick: tokens.rows(),
    "embedded": lambda quick: embedded.rows(2 if quick else 5),
}


def machine() -> str:
    """What it ran on: no names of machines or people."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text().splitlines()
        model = next(
            (line.partition(":")[2].strip() for line in lines if "model name" in line), model
        )
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{model}, {os.cpu_count()} cores, {pages:.0f} GiB; {platform.system()} "
        f"{platform.release()}; load averages at the end {load}"
    )


def versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join(found)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure everything.")
    parser.add_argument("--quick", action="store_true", help="do less, write nothing")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS], metavar="PART")
    given = parser.parse_args()
    text = HEAD
    for name in given.only:
        begun = time.perf_counter()
        rows = PARTS[name](given.quick)
        took = time.perf_counter() - begun
        body = results(rows) if rows else "Not measured: there is no model here."
        section = f"\n## {name.capitalize()}\n\n{NOTES[name]}\n\n{body}\n"
        print(f"{section}\n({took:.0f} s)", flush=True)
        text += section
    text += f"\n## Where\n\n{machine()}. {versions()}.\n"
    if not given.quick and len(given.only) == len(PARTS):
        RESULTS.write_text(text + written("Lambda"), encoding="utf-8")
        print(f"\nWritten to {RESULTS}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
