"""An application that shows from within what the runtime does with it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
import time
from contextlib import asynccontextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import bare  # type: ignore[import-not-found]  # beside it, as in a function's folder
import httpx
from mangum import Mangum
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bridge.aws.runtime import request_id, trace_id

if TYPE_CHECKING:
    from starlette.requests import Request

SECRET = ContextVar("SECRET", default="unset")
PERIOD = 0.02
seen = bare.seen


@asynccontextmanager
async def lifespan(app):
    seen.append("startup")
    print("lifespan started")
    async with httpx.AsyncClient() as client:
        yield {"client": client, "loop": id(asyncio.get_running_loop())}


async def echo(request: Request):
    body = await request.body()
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": dict(request.query_params),
            "header": request.headers.get("x-probe"),
            "cookies": request.cookies,
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
    )


async def context(request: Request):
    given = request.scope["aws.context"]
    before, _ = SECRET.get(), SECRET.set(given.aws_request_id)
    return JSONResponse(
        {
            "aws_request_id": given.aws_request_id,
            "remaining": given.get_remaining_time_in_millis(),
            "deadline_ms": given.deadline_ms,
            "arn": given.invoked_function_arn,
            "function": [given.function_name, given.function_version, given.memory_limit_in_mb],
            "log": [given.log_group_name, given.log_stream_name],
            "identity": given.identity.cognito_identity_id,
            "client": getattr(getattr(given.client_context, "client", None), "app_title", None),
            "custom": given.client_context and given.client_context.custom,
            "tenant": given.tenant_id,
            "trace": [given.trace_id, trace_id.get(), os.environ.get("_X_AMZN_TRACE_ID")],
            "request_id": request_id.get(),
            "secret_before": before,
            "event": request.scope["aws.event"]["version"],
            "loop": [id(asyncio.get_running_loop()), request.state.loop],
            "pid": os.getpid(),
            "seen": seen,
        }
    )


def pieces(request: Request) -> tuple[int, float, int]:
    query = request.query_params
    return int(query.get("n", 10)), float(query.get("gap", 0)), int(query.get("size", 0))


async def events(request: Request):
    """n events, gap seconds apart, each with its request's id and padded to a size."""
    count, gap, size = pieces(request)

    async def stream():
        for i in range(count):
            if i and gap:
                await asyncio.sleep(gap)
            line = json.dumps({"i": i, "id": request_id.get(), "at": time.monotonic()})
            yield f"data: {line}\n\n".encode().ljust(size, b" ")

    return StreamingResponse(stream(), media_type="text/event-stream")


async def ticking(request: Request):
    """Send n pieces as fast as Lambda takes them; the last tells how another task fared."""
    count, _, size = pieces(request)
    ticks: list[float] = []

    async def tick():
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(PERIOD)

    async def stream():
        ticker = asyncio.create_task(tick())
        for _ in range(count):
            yield bytes(size)
        ticker.cancel()
        gaps = [after - before for before, after in pairwise(ticks)]
        yield json.dumps({"ticks": len(ticks), "longest": max(gaps)}).encode()

    return StreamingResponse(stream(), media_type="application/octet-stream")


async def endless(request: Request):
    """Stream until cancelled, then say so."""
    seen.append("endless")

    async def stream():
        try:
            while True:
                yield b"more\n"
                await asyncio.sleep(float(request.query_params.get("gap", 0.02)))
        finally:
            seen.append("endless was ended")

    return StreamingResponse(stream(), media_type="text/plain")


async def hang(request: Request):
    await asyncio.sleep(60)


async def crash(request: Request):
    raise LookupError("secret detail")


async def crash_midway(request: Request):
    async def stream():
        yield b"so far"
        raise LookupError("secret detail")

    return StreamingResponse(stream(), media_type="text/plain")


async def crash_before_body(request: Request):
    async def stream():
        raise LookupError("secret detail")
        yield b""

    return StreamingResponse(stream(), media_type="text/plain")


async def empty(request: Request):
    status = int(request.query_params["status"])
    return Response(status_code=status, headers={"location": "/elsewhere"})


async def cookies(request: Request):
    response = JSONResponse({}, headers={"vary": "accept"})
    response.headers.append("vary", "origin")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def background(request: Request):
    async def later():
        await asyncio.sleep(0.4)
        seen.append("background")

    return JSONResponse({}, background=BackgroundTask(later))


async def detached(request: Request):
    """Leave a task behind that no request waits for."""

    async def later():
        await asyncio.sleep(0.1)
        seen.append("detached")

    request.app.state.detached = asyncio.create_task(later())
    return JSONResponse({})


async def blocking(request: Request):
    """Block a thread until so many requests do."""
    state = request.app.state
    if not hasattr(state, "barrier"):
        state.barrier = threading.Barrier(int(request.query_params["parties"]), timeout=10)
    await asyncio.to_thread(state.barrier.wait)
    return JSONResponse({})


async def upstream(request: Request):
    """Call a URL with the client made at start-up."""
    answer = await request.state.client.get(request.query_params["url"])
    return Response(answer.content, answer.status_code)


starlette = Starlette(
    lifespan=lifespan,
    routes=[
        Route(f"/{endpoint.__name__.replace('_', '-')}", endpoint, methods=["GET", "POST", "HEAD"])
        for endpoint in (
            *(echo, context, events, ticking, endless, hang, crash, crash_midway),
            *(crash_before_body, empty, cookies, background, blocking, detached, upstream),
        )
    ],
)


async def app(scope: Any, receive: Any, send: Any) -> None:
    await bare.APPLICATIONS.get(scope.get("path"), starlette)(scope, receive, send)


handler = Mangum(app)
