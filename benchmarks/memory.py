"""Memory of the server's process: at rest, for each waiting stream, and after many requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.figures import Limit, Row, sample
from benchmarks.processes import KEY, bridge, passthrough, upstream
from benchmarks.reading import opened, record, request
from benchmarks.wire import OURS, PASSED
from benchmarks.workload import TYPICAL_TOOLS, chat

if TYPE_CHECKING:
    from benchmarks.processes import Server
    from benchmarks.reading import Asked

MIB = 1024 * 1024
WAITING = 200
AT_ONCE = 8
WARM = 400
"""Requests before the memory of many is measured: pools and caches have their size then."""


def rows(requests: int) -> list[Row]:
    """``requests`` is how many the flatness is measured over."""
    found: dict[str, dict[str, float]] = {}
    with upstream() as source:
        for name, side in ((PASSED, passthrough), (OURS, bridge)):
            with side(source.url) as server:
                found[name] = _measured(server, requests)
    ours, passed = found[OURS], found[PASSED]
    goals = {
        "at rest": Limit(at_most=80, of_ratio=False, unit="MiB"),
        f"a waiting stream, of {WAITING}": Limit(at_most=64, of_ratio=False, unit="kB"),
        f"growth over {requests:,} requests": Limit(at_most=1, of_ratio=False, unit="MiB"),
    }
    units = ("MiB", "kB", "MiB")
    return [
        Row(f"memory {what}", sample([ours[what]]), unit, PASSED, sample([passed[what]]), goal)
        for (what, goal), unit in zip(goals.items(), units, strict=True)
    ]


def _asked(server: Server, model: str) -> Asked:
    return request(server.address, chat(model, TYPICAL_TOOLS), KEY)


def _measured(server: Server, requests: int) -> dict[str, float]:
    at_rest = server.memory() / MIB
    _many(server, WARM)
    before = server.memory()
    waiting = opened(_asked(server, "wait-1-0-x"), WAITING, b"W000")
    each = (server.memory() - before) / WAITING / 1000
    for connection in waiting:
        connection.close()
    time.sleep(1)  # for the server to notice
    before = server.memory()
    _many(server, requests)
    return {
        "at rest": at_rest,
        f"a waiting stream, of {WAITING}": each,
        f"growth over {requests:,} requests": (server.memory() - before) / MIB,
    }


def _many(server: Server, count: int) -> None:
    text, call = (_asked(server, f"{kind}-20-0-x") for kind in ("text", "arguments"))
    for _ in range(count // AT_ONCE):
        record([text, call] * (AT_ONCE // 2))
