"""The application: routes, and the layers around them.

    Tracking            request id, report, answers to what no one expected
      HostCheck         the local server's: names that it goes by
        CanonicalPath   one spelling of a path
          routes        each endpoint lets nobody in without a key, but for /healthz

Every answer has a body, because a Lambda Function URL never ends one without (an OPTIONS or a HEAD
included), and every error is OpenAI's object.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Route

from bridge.checks import load_validator
from bridge.errors import BridgeError
from bridge.server.chat import ChatCompletions
from bridge.server.errors import (
    bridge_error,
    error_response,
    http_error,
    in_background,
    stopping,
    unexpected,
)
from bridge.server.framework import FastAPI
from bridge.server.hosts import HostCheck
from bridge.server.models_list import Models
from bridge.server.pace import Pace
from bridge.server.paths import CanonicalPath
from bridge.server.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Scope

    from bridge.keys import KeyStore
    from bridge.models import Catalog
    from bridge.report import Reporter, RequestReport
    from bridge.server.hosts import Hosts
    from bridge.server.settings import Settings
    from bridge.upstream.base import Upstream

    Handlers = dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]


def unreported(report: RequestReport) -> None:
    """Tell nobody."""


def unlimited(scope: Scope) -> float | None:
    """The platform sets no time limit."""


def unnamed(scope: Scope) -> str | None:
    """The platform gives requests no id."""


def create_app(
    settings: Settings,
    catalog: Catalog,
    upstreams: Mapping[str, Upstream],
    keys: KeyStore,
    *,
    report: Reporter = unreported,
    time_left: Callable[[Scope], float | None] = unlimited,
    request_id: Callable[[Scope], str | None] = unnamed,
    startup: Sequence[Callable[[], Awaitable[None]]] = (),
    meanwhile: Callable[[], object] = load_validator,
    pace: Pace | None = None,
    hosts: Hosts | None = None,
) -> FastAPI:
    """The ASGI application for these models, upstreams and keys.

    ``report`` is given every request when it is over. ``time_left`` and ``request_id`` are what the
    platform knows of a request. ``startup`` runs in order before the first one; an exception there
    stops the start. ``meanwhile`` is called once, in a thread, while the first chat waits for its
    upstream. Upstreams are closed at the end. ``pace`` is by default as the settings say.
    ``hosts`` are the names that the server goes by; None where the platform sees to that.
    """
    chat = ChatCompletions(
        catalog,
        upstreams,
        keys,
        limits=settings.limits,
        concurrency=settings.concurrency,
        pace=pace or Pace(request=settings.request_seconds),
        time_left=time_left,
        meanwhile=meanwhile,
    )
    handlers: Handlers = {BridgeError: bridge_error, HTTPException: http_error}
    living = partial(lifespan, upstreams, startup)
    app = FastAPI(openapi_url=None, lifespan=living, exception_handlers=handlers)
    app.router.routes += routes(chat, Models(catalog, upstreams, keys))
    app.add_middleware(CanonicalPath)
    if hosts is not None:
        app.add_middleware(HostCheck, hosts=hosts, origins=settings.cors_origins)
    app.add_middleware(Tracking, report=report, request_id=request_id, failed=failed)
    if settings.cors_origins:
        open_to_browsers(app, settings.cors_origins)
    return app


def open_to_browsers(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins call; the outermost layer, so that they may read errors too."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["x-request-id", "retry-after"],
    )


def routes(chat: ChatCompletions, models: Models) -> list[Route]:
    """What is served, by canonical path."""
    return [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/models", models.list),
        Route("/v1/models/{model:path}", models.retrieve),
        Route("/healthz", health),
    ]


@asynccontextmanager
async def lifespan(
    upstreams: Mapping[str, Upstream], startup: Sequence[Callable[[], Awaitable[None]]], _: FastAPI
) -> AsyncGenerator[None, None]:
    """Run ``startup``; close every upstream at the end, whatever happens."""
    asyncio.get_running_loop().set_exception_handler(in_background)
    async with AsyncExitStack() as stack:
        for upstream in upstreams.values():
            stack.push_async_callback(upstream.aclose)
        for start in startup:
            await start()
        yield


def failed(error: BaseException) -> ASGIApp:
    """The answer to being cancelled, or to an exception that no one expected; that is logged."""
    if isinstance(error, asyncio.CancelledError):
        return error_response(stopping())
    return error_response(unexpected(error))


async def health(request: Request) -> Response:
    """``GET /healthz``: the process answers. Nothing is asked of keys or upstreams."""
    return Response('{"status":"ok"}', media_type="application/json")
