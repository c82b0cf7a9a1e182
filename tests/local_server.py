"""Any ASGI application behind a real uvicorn on a real socket of 127.0.0.1.

    async with serving(app) as server:
        ...                     # server.url is http://127.0.0.1:<port>

httpx's ASGITransport gathers whole bodies, so it can show nothing of streams or of leaving clients.
"""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from bridge.dialects.base import WrittenCall
from bridge.dialects.fence import Fence
from bridge.dialects.key import key_for
from bridge.keys import hashed
from bridge.models import Catalog, Model
from bridge.server.app import create_app
from bridge.server.auth import EnvironmentKeys
from bridge.server.local import server_of
from bridge.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import ASGIApp

    from bridge.report import RequestReport
    from bridge.upstream.base import Upstream

KEY = "0000"
AUTH = {"Authorization": f"Bearer {KEY}"}
FENCE = Fence(key_for(hashed(KEY).encode()))
"""The default dialect, as the client with that key has it."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running server and a client of it that has the key."""

    url: str
    port: int
    http: httpx.AsyncClient


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncGenerator[LocalServer, None]:
    """Run the application until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = server_of(app, drain=2)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            assert not running.done(), "the server did not start"
            await asyncio.sleep(0.005)
        url = f"http://127.0.0.1:{port}"
        try:
            async with httpx.AsyncClient(base_url=url, headers=AUTH, timeout=120) as http:
                yield LocalServer(url, port, http)
        finally:
            server.should_exit = True
            await running


def an_app(upstream: Upstream, *, keys=None, reports: list[RequestReport] | None = None, **options):
    """The application with one model ``m`` of one upstream; ``options`` of settings or of it."""
    model = options.pop("model", Model(id="m", upstream="up", name="theirs"))
    own = {name: options.pop(name) for name in list(options) if name in Settings.__slots__}
    settings = Settings(models=(model,), upstreams={}, **own)
    return create_app(
        settings,
        Catalog([model]),
        {"up": upstream},
        keys or EnvironmentKeys([KEY], {}),
        report=(reports if reports is not None else []).append,
        **options,
    )


def chat(content: str = "hi", **fields: object) -> dict[str, object]:
    """A request of one user message."""
    return {"model": "m", "messages": [{"role": "user", "content": content}], **fields}


def written(*calls: tuple[str, object], fence: Fence = FENCE) -> str:
    """These calls, ``(name, arguments)``, the way the model is told to write them."""
    return fence.calls(
        [WrittenCall(name, json.dumps(given, ensure_ascii=False)) for name, given in calls]
    )
