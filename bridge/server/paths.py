"""One spelling of every path.

Clients join a base URL and a path in several ways: ``/v1//models``, ``/v1/models/``, and without
``/v1`` where the base URL was given without it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SLASHES = re.compile("/{2,}")
UNPREFIXED = re.compile(r"/(?:chat/completions|models(?:/.+)?)")


def canonical(path: str) -> str:
    """The path with single slashes, none at its end, and ``/v1`` before the paths that have it."""
    path = SLASHES.sub("/", path).rstrip("/") or "/"
    return f"/v1{path}" if UNPREFIXED.fullmatch(path) else path


class CanonicalPath:
    """Plain ASGI middleware: the application within sees canonical paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Meet ASGI."""
        if scope["type"] == "http" and (path := canonical(scope["path"])) != scope["path"]:
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)
