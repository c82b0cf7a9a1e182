"""An upstream in a process of its own, whose every reply depends on what it was asked.

It writes its port, and ends when its input does. A reply is DELTAS events (SHORT, when the name
begins with w): words that count on from the request's own name, and then a call with arguments made
from it, in small pieces.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from tests.fake_upstream import Answer, FakeUpstream, Pause, chunk, frames
from tests.siege.markers import written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_upstream import Request, Step

DELTAS = 500
SHORT = 150
CALL_DELTAS = 100
PAUSE = 0.02
"""Seconds between two events of a stream: some fifty a second, as a quick model writes."""


def words(name: str) -> list[str]:
    """The text of that stream, a delta each."""
    count = (SHORT if name.startswith("w") else DELTAS) - CALL_DELTAS
    return [f"{name}:{number} " for number in range(count)]


def arguments(name: str) -> dict[str, object]:
    """Those of its call: short, held until it is whole; or long, and streamed."""
    lines = [f"{name}/{number}" for number in range(400 if name.endswith("1") else 20)]
    return {"name": name, "lines": lines}


def deltas(name: str) -> list[str]:
    """The whole reply."""
    call = "\n\n" + written(("keep", arguments(name)))
    size = -(-len(call) // CALL_DELTAS)
    return [*words(name), *(call[place : place + size] for place in range(0, len(call), size))]


def reply(request: Request) -> Answer:
    """What the name in the last message asks for."""
    name = request.json()["messages"][-1]["content"]

    def steps() -> Iterator[Step]:
        for text in deltas(name):
            yield frames(chunk(content=text), done=False)[0]
            yield Pause(PAUSE)
        yield from frames(chunk(finish="stop"))

    return Answer(steps(), headers={"Content-Type": "text/event-stream"})


async def main() -> None:
    async with FakeUpstream(reply) as upstream:
        print(upstream.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
