"""The embedded model through toolbridge, beside xllamacpp used directly on the same engine.

Both get the same prompt again and again, so that the prompt cache has it. Only where the model and
xllamacpp are at hand.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.core import exchange_of, request_of
from benchmarks.figures import Limit, Row, sample
from benchmarks.processes import KEY
from benchmarks.reading import events, record, request, said
from benchmarks.tokens import model_file
from benchmarks.wire import OURS
from bridge.models import Catalog, Model
from bridge.server.app import create_app
from bridge.server.auth import EnvironmentKeys
from bridge.server.local import listen
from bridge.server.settings import Settings
from bridge.upstream.llama import Llama, completion_body
from bridge.upstream.llama_engine import load_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.upstream.llama_engine import Engine

CONTEXT = 4096
TOKENS = 48
BODY = {
    "model": "m",
    "stream": True,
    "max_tokens": TOKENS,
    "messages": [{"role": "user", "content": "Count from 1 to 100, in words."}],
}
NATIVE = "xllamacpp directly"

Times = list[float]
"""Seconds from the request to each bit of text."""


def rows(rounds: int) -> list[Row]:
    """Nothing where there is no model."""
    path = model_file()
    if path is None:
        return []
    engine = load_engine(path, slots=1, context=CONTEXT, threads=None)
    found: dict[str, list[Times]] = {NATIVE: [], OURS: []}
    with _served(engine) as address:
        for number in range(rounds + 1):
            native, ours = _directly(engine), _through(address)
            if number:
                found[NATIVE].append(native)
                found[OURS].append(ours)
    first = {name: sample(t[0] * 1000 for t in times) for name, times in found.items()}
    rate = {
        name: sample((len(t) - 1) / (t[-1] - t[0]) for t in times) for name, times in found.items()
    }
    return [
        Row(
            "first delta, prompt cached",
            first[OURS],
            "ms",
            NATIVE,
            first[NATIVE],
            Limit(at_most=1.05),
        ),
        Row("tokens a second", rate[OURS], "/s", NATIVE, rate[NATIVE], Limit(at_least=0.95)),
    ]


def _directly(engine: Engine) -> Times:
    exchange = exchange_of(request_of(BODY))
    times: Times = []
    begun = time.perf_counter()

    def take(chunk: dict[str, Any]) -> bool:
        if chunk.get("choices") and chunk["choices"][0]["text"]:
            times.append(time.perf_counter() - begun)
        return False

    engine.handle_completions(completion_body(exchange.turns, exchange.options, CONTEXT), take)
    return times


def _through(address: tuple[str, int]) -> Times:
    (recording,) = record([request(address, BODY, KEY)])
    return [
        (when - recording.asked) / 1e9
        for when, event in events(recording.reads)
        if any(said(event))
    ]


@contextmanager
def _served(engine: Engine) -> Iterator[tuple[str, int]]:
    """The application, on an engine that is shared, served from another thread."""
    import uvicorn

    model = Model("m", "up", "m")
    llama = Llama(engine, name="m", context=CONTEXT, slots=1)
    settings = Settings(models=(model,), upstreams={})
    keys = EnvironmentKeys([KEY], {})
    app = create_app(settings, Catalog([model]), {"up": llama}, keys)
    with listen("127.0.0.1", "0") as listening:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            host, port = listening.getsockname()
            while not server.started:
                time.sleep(0.01)
            yield host, port
        finally:
            server.should_exit = True
            thread.join()
