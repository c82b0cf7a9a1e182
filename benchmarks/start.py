"""Starting: from the process to its first answer, and what ``--help`` takes."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from benchmarks.figures import Limit, Row, Sample, sample
from benchmarks.processes import KEY, environment, python, toolbridge, upstream

if TYPE_CHECKING:
    from collections.abc import Sequence

IMPORTS = "import fastapi, uvicorn, httpx"
TRY_EVERY = 0.002
PATIENCE = 60.0

Took = dict[str, tuple[float, float]]
"""What → seconds of the clock and of the processor."""


def rows(rounds: int) -> list[Row]:
    clock: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    with upstream() as source:
        for _ in range(rounds + 1):
            for what, (took, spent) in _round(source.url).items():
                clock[what].append(took)
                cpu[what].append(spent)
    # The first round reads from the disk.
    seconds = {what: sample(values[1:]) for what, values in clock.items()}
    spent_cpu = {what: sample(values[1:]) for what, values in cpu.items()}
    goal, starts = Limit(at_most=1.3), "importing FastAPI, uvicorn and httpx"
    over = Limit(at_most=150, of_ratio=False, unit="ms")
    what, bare = "process to first answer", "bare Python"
    asked = "`toolbridge --help`, over bare Python"
    return [
        Row(what, seconds["serve"], "s", starts, seconds["imports"], goal),
        Row(f"{what}, CPU", spent_cpu["serve"], "s", starts, spent_cpu["imports"]),
        Row(what, seconds["serve"], "s", "pass-through", seconds["passthrough"]),
        Row(asked, _over(seconds), "ms", bare, milli(seconds["python"]), over),
        Row(f"{asked}, CPU", _over(spent_cpu), "ms", bare, milli(spent_cpu["python"])),
    ]


def _over(found: dict[str, Sample]) -> Sample:
    return milli(found["help"].less(found["python"]))


def milli(figure: Sample) -> Sample:
    return sample(value * 1000 for value in figure.values)


def _round(upstream_url: str) -> Took:
    serve = toolbridge("serve", "--upstream", upstream_url, "--port")
    passed = python("-m", "benchmarks.passthrough", upstream_url)
    return {
        "python": _ended(python("-c", "pass")),
        "help": _ended(toolbridge("--help")),
        "imports": _ended(python("-c", IMPORTS)),
        "passthrough": _answered(passed),
        "serve": _answered(serve),
    }


def _ended(command: Sequence[str]) -> tuple[float, float]:
    begun = time.perf_counter()
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
    spent = _reaped(process)
    return time.perf_counter() - begun, spent


def _reaped(process: subprocess.Popen[bytes]) -> float:
    """Wait for the end; the processor seconds of the process."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _answered(command: Sequence[str]) -> tuple[float, float]:
    """Until ``/healthz`` answers, on a port that is given last."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    begun = time.perf_counter()
    environ = environment({"TOOLBRIDGE_API_KEYS": KEY})
    process = subprocess.Popen(
        [*command, str(port)],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _healthy(port):
            if process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                raise RuntimeError(f"{' '.join(command[:6])} … does not answer")
            time.sleep(TRY_EVERY)
        took = time.perf_counter() - begun
    finally:
        process.terminate()
        spent = _reaped(process)
    return took, spent


def _healthy(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return connection.recv(64).startswith(b"HTTP/1.1 200")
    return False
