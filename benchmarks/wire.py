"""Streams over real sockets: what toolbridge adds to them, beside a pass-through and no one at all.

All sides are measured in each round, and where it can be at the same time, so that a machine that
is busy for a while is busy for all. *Added* is what a side needs beyond reading the upstream
directly.
"""

from __future__ import annotations

import json
import urllib.request
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import Limit, Row, Sample, percentile, sample
from benchmarks.reading import arrivals, first_delta, record, request
from benchmarks.workload import TYPICAL_TOOLS, chat

if TYPE_CHECKING:
    from benchmarks.processes import Server
    from benchmarks.reading import Asked

DIRECT, PASSED, OURS, PEER = "direct", "pass-through", "toolbridge", "LiteLLM proxy"

STREAMS = 64
"""At once, for throughput."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. ``gap``: milliseconds between deltas, more than any side needs."""

    rounds: int = 9
    firsts: int = 15
    deltas: int = 200
    gap: int = 5
    burst: int = 300


QUICK = Effort(rounds=3, firsts=8, deltas=100, burst=100)

Measured = dict[str, dict[str, Sample]]
"""Figure → side → its values by round. Times are in seconds."""


def measure(sides: dict[str, Server], source: Server, effort: Effort) -> Measured:
    """All figures of all sides; ``source`` is the upstream, which is one of the sides itself."""
    for number, server in enumerate(sides.values()):
        for kind in ("text", "arguments"):  # connections, caches and imports on first use
            record([_asked(server, f"{kind}-10-0-{number}")] * 3)
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(effort.rounds):
        turned = deque(sides.items())
        turned.rotate(number)
        for name, found in _round(dict(turned), source, effort):
            for figure, value in found.items():
                values[figure][name].append(value)
    return {
        figure: {name: sample(found) for name, found in by_side.items()}
        for figure, by_side in values.items()
    }


def _asked(server: Server, model: str) -> Asked:
    return request(server.address, chat(model, TYPICAL_TOOLS), server.key)


Found = Iterator[tuple[str, dict[str, float]]]
"""A side, and figures of it."""


def _round(sides: dict[str, Server], source: Server, effort: Effort) -> Found:
    firsts: dict[str, list[float]] = defaultdict(list)
    before = {name: server.cpu() for name, server in sides.items()}
    for _ in range(effort.firsts):
        for name, server in sides.items():
            (recording,) = record([_asked(server, "text-1-0-x")])
            firsts[name].append(first_delta(recording))
    for name, server in sides.items():
        cpu = (server.cpu() - before[name]) / effort.firsts
        yield name, {"first": percentile(firsts[name], 0.5), "first cpu": cpu}
    for kind in ("text", "arguments"):
        yield from _paced(sides, source, kind, effort)
    for name, server in sides.items():
        yield name, _burst(server, effort)


def _paced(sides: dict[str, Server], source: Server, kind: str, effort: Effort) -> Found:
    """A stream of every side at the same time, whose deltas come one by one.

    How late each delta is, and what it costs the side's process.
    """
    asked = [
        _asked(s, f"{kind}-{effort.deltas}-{effort.gap}-{n}") for n, s in enumerate(sides.values())
    ]
    before = [server.cpu() for server in sides.values()]
    recordings = record(asked)
    after = [server.cpu() for server in sides.values()]
    sent = _sent(source)
    for number, name in enumerate(sides):
        left, came = sent[str(number)], arrivals(recordings[number], kind)
        if len(came) < len(left):
            raise RuntimeError(f"{name}: {len(left) - len(came)} of {len(left)} deltas never came")
        late = [(then - when) / 1e9 for when, then in zip(left, came, strict=False)]
        yield (
            name,
            {
                f"{kind} p50": percentile(late, 0.5),
                f"{kind} p99": percentile(late, 0.99),
                f"{kind} cpu": (after[number] - before[number]) / effort.deltas,
            },
        )


def _sent(source: Server) -> dict[str, list[int]]:
    with urllib.request.urlopen(f"{source.url}/sent") as answer:
        times: dict[str, list[int]] = json.load(answer)
    return times


def _burst(server: Server, effort: Effort) -> dict[str, float]:
    """Many streams at once, each as fast as it is taken."""
    asked = [_asked(server, f"text-{effort.burst}-0-x")] * STREAMS
    spent = server.cpu()
    recordings = record(asked)
    spent = server.cpu() - spent
    if any(len(arrivals(recording, "text")) != effort.burst for recording in recordings):
        raise RuntimeError("a stream came short")
    begun = min(recording.asked for recording in recordings)
    ended = max(recording.reads[-1][0] for recording in recordings)
    deltas = STREAMS * effort.burst
    return {"rate": deltas / (ended - begun) * 1e9, "burst cpu": spent / deltas}


# The results --------------------------------------------------------------------------------------

ADDED = {
    "first": "added time to the first delta",
    "text p50": "added time a delta, text, p50",
    "text p99": "added time a delta, text, p99",
    "arguments p50": "added time a delta, arguments, p50",
    "arguments p99": "added time a delta, arguments, p99",
}
SPENT = {
    "first cpu": "server's CPU a request of one delta",
    "text cpu": "server's CPU a delta, text, one at a time",
    "arguments cpu": "server's CPU a delta, arguments, one at a time",
    "burst cpu": f"server's CPU a delta, {STREAMS} streams",
}


def rows(measured: Measured) -> list[Row]:
    """What toolbridge adds and spends, beside the pass-through and any peer."""
    found = []
    goal = Limit(at_most=1.5)
    for figure, what in ADDED.items():
        by_side = measured[figure]
        added = {
            name: _scaled(by_side[name].less(by_side[DIRECT]), 1e3)
            for name in by_side
            if name != DIRECT
        }
        found.append(Row(what, added[OURS], "ms", PASSED, added[PASSED], goal))
        if PEER in added:
            found.append(Row(what, added[OURS], "ms", PEER, added[PEER]))
    for figure, what in SPENT.items():
        spent = {name: _scaled(values, 1e6) for name, values in measured[figure].items()}
        found.append(Row(what, spent[OURS], "µs", PASSED, spent[PASSED]))
        if PEER in spent:
            found.append(Row(what, spent[OURS], "µs", PEER, spent[PEER]))
    return found + _rates(measured["rate"])


def _rates(rate: dict[str, Sample]) -> list[Row]:
    what = f"deltas a second, {STREAMS} streams"
    found = [
        Row(what, rate[OURS], "/s", PASSED, rate[PASSED], Limit(at_least=0.5)),
        Row(what, rate[OURS], "/s", DIRECT, rate[DIRECT]),
    ]
    if PEER in rate:
        found.append(Row(what, rate[OURS], "/s", PEER, rate[PEER], Limit(at_least=5)))
    return found


def _scaled(values: Sample, factor: float) -> Sample:
    return sample(value * factor for value in values.values)
