"""toolbridge on the embedded model, once in each dialect, with a record of what the model wrote.

    python -m benchmarks.recorded <model file> <record>

Prints its base URL and serves until killed. A model is named as its dialect. Each request becomes
one line of JSON in the record: its report, and the model's raw replies. One request at a time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from benchmarks.processes import KEY
from bridge.dialects import DIALECTS
from bridge.models import Catalog, Model
from bridge.server.app import create_app
from bridge.server.auth import EnvironmentKeys
from bridge.server.local import base_url, listen, run
from bridge.server.settings import Settings
from bridge.upstream.llama import Llama

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from typing import TextIO

    from bridge.report import RequestReport
    from bridge.turns import Options, Piece, Turn
    from bridge.upstream.base import Upstream

UP = "embedded"


class Recording:
    """An upstream as it is, whose replies are kept until they are asked for."""

    def __init__(self, upstream: Upstream) -> None:
        self.capabilities = upstream.capabilities
        self.models = upstream.models
        self.aclose = upstream.aclose
        self._upstream = upstream
        self._replies: list[list[str]] = []

    async def stream(self, turns: Sequence[Turn], options: Options) -> AsyncGenerator[Piece, None]:
        reply: list[str] = []
        self._replies.append(reply)
        async for piece in self._upstream.stream(turns, options):
            reply.append(piece.text)
            yield piece

    def taken(self) -> list[str]:
        """The replies since the last time."""
        replies, self._replies = self._replies, []
        return ["".join(reply) for reply in replies]


def serve(model_file: str, record: TextIO) -> None:
    upstream = Recording(Llama.load(Path(model_file), slots=1))
    models = tuple(Model(name, UP, "embedded", dialect=name) for name in DIALECTS)

    def report(told: RequestReport) -> None:
        line = {**asdict(told), "replies": upstream.taken()}
        record.write(json.dumps(line, ensure_ascii=False) + "\n")
        record.flush()

    settings = Settings(models=models, upstreams={})
    keys = EnvironmentKeys([KEY], {})
    app = create_app(settings, Catalog(models), {UP: upstream}, keys, report=report)
    with listen("127.0.0.1", "0") as listening:
        print(base_url(listening), flush=True)
        run(app, listening)


if __name__ == "__main__":
    with Path(sys.argv[2]).open("a", encoding="utf-8") as opened:
        serve(sys.argv[1], opened)
