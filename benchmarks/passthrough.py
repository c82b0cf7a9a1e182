"""The baseline: FastAPI and httpx, passing an upstream's bytes through, and nothing else.

    python -m benchmarks.passthrough <upstream's base URL> [<port>]

prints its own base URL and serves until killed.

It runs under the same uvicorn with the same settings as toolbridge, by toolbridge's own ``run``.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from bridge.server.local import base_url, listen, run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


def create_app(upstream: str) -> FastAPI:
    """``/v1/chat/completions`` of the upstream, byte for byte."""
    client = httpx.AsyncClient(
        timeout=60, limits=httpx.Limits(max_connections=None, max_keepalive_connections=100)
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        async with client:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> StreamingResponse:
        headers = {"content-type": "application/json"}
        url = f"{upstream}/chat/completions"
        sent = client.build_request("POST", url, content=await request.body(), headers=headers)
        answer = await client.send(sent, stream=True)
        return StreamingResponse(
            answer.aiter_raw(),
            media_type="text/event-stream",
            background=BackgroundTask(answer.aclose),
        )

    return app


if __name__ == "__main__":
    upstream_url, port = [*sys.argv[1:], "0"][:2]
    with listen("127.0.0.1", port) as listening:
        print(base_url(listening), flush=True)
        run(create_app(upstream_url), listening)
