"""The local server over an upstream with a fault: ``python -m tests.broken_server WHEN``."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from bridge.models import Catalog, Model
from bridge.server.app import create_app
from bridge.server.auth import EnvironmentKeys
from bridge.server.local import base_url, greeting, listen, log_request, log_to_stderr, run
from bridge.server.settings import Settings
from bridge.turns import Capabilities, Piece
from tests.canaries import CLIENT_KEY, MARK, MODEL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from starlette.types import ASGIApp

    from bridge.report import RequestReport
    from bridge.turns import Options, Turn


class Broken:
    """An upstream that raises what quotes its prompt: ``at-once``, ``midway`` or another time."""

    capabilities = Capabilities()

    def __init__(self, when: str) -> None:
        self._when = when
        self._task: asyncio.Task[None] | None = None

    async def stream(self, turns: Sequence[Turn], options: Options) -> AsyncGenerator[Piece, None]:
        words = f"{MARK} {[turn.text for turn in turns]} {options}"
        if self._when == "at-once":
            raise RuntimeError(words)
        yield Piece("So far, so good: ")
        if self._when == "midway":
            raise RuntimeError(words) from ValueError(words)
        if self._when == "in-a-task":
            self._task = asyncio.create_task(_fail(words))
        yield Piece("all of it.", "stop")
        if self._when == "at-the-end":
            raise RuntimeError(words)

    async def models(self) -> list[str]:
        return []

    async def aclose(self) -> None:
        self._task = None


async def _fail(words: str) -> None:
    raise RuntimeError(words)


def broken_app(when: str, **options) -> ASGIApp:
    """The application with that upstream; ``options`` are its own."""
    model = Model(MODEL, "up", "theirs")
    keys = EnvironmentKeys([CLIENT_KEY], {})
    settings = Settings(models=(model,), upstreams={})
    return create_app(settings, Catalog([model]), {"up": Broken(when)}, keys, **options)


def failing_report(report: RequestReport) -> None:
    """Log the request, then fail beyond the last layer that answers for anything."""
    log_request(report)
    raise RuntimeError(MARK)


def main() -> None:
    log_to_stderr()
    report = failing_report if sys.argv[1] == "in-the-report" else log_request
    with listen("127.0.0.1", "0") as listening:
        print(greeting(base_url(listening), [], "", ""), flush=True)
        run(broken_app(sys.argv[1], report=report), listening)


if __name__ == "__main__":
    main()
