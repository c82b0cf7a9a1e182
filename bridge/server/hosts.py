"""Whom a browser may speak for: the ``Host`` and ``Origin`` of a request to the local server.

A web page can have its own name resolve to this machine (DNS rebinding). The browser then takes the
local server for the page's own and lets the page read and send everything; only ``Host`` still says
whose name was asked for. An address in ``Host`` was never resolved, so it is no such trick.

``Origin`` says which page a request comes from. Browsers let other origins' pages send simple
requests without asking, and a page in a sandbox says ``null``. Applications that are no web page
have schemes of their own.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge.errors import ForbiddenHost, ForbiddenOrigin
from bridge.server.errors import error_response
from bridge.server.tracking import tracked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from bridge.errors import RequestError

ANY = "*"
LOOPBACK = "localhost"


class Hosts:
    """The names that a server goes by: loopback's, and those given.

    A name that begins with a dot stands for all that end in it, ``*`` for every one.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        plain = {name.lower().rstrip(".") for name in names}
        self._any = ANY in plain
        self._names = {LOOPBACK} | {name for name in plain if not name.startswith(".")}
        self._endings = (f".{LOOPBACK}", *(name for name in plain if name.startswith(".")))

    def take_host(self, authority: str) -> bool:
        """Whether a request may name this server so in its ``Host``."""
        name = _name(f"//{authority}")
        return self._any or _address(name) is not None or self._known(name)

    def take_origin(self, origin: str, authority: str | None) -> bool:
        """Whether a page of this origin may call; ``authority`` is the ``Host`` that was taken."""
        scheme, _, place = origin.partition("://")
        if scheme not in ("http", "https"):
            return self._any or origin != "null"
        name = _name(f"//{place}")
        address = _address(name)
        own = authority is not None and place == authority.lower()
        loopback = address is not None and address.is_loopback
        return self._any or own or loopback or self._known(name)

    def _known(self, name: str) -> bool:
        return name in self._names or name.endswith(self._endings)


class HostCheck:
    """Refuses requests that name another server. ``origins``: web pages that may call."""

    def __init__(self, app: ASGIApp, hosts: Hosts, origins: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Meet ASGI."""
        if scope["type"] == "http" and (refusal := self._refusal(scope)) is not None:
            tracked(scope).report.error = refusal.code
            await error_response(refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> RequestError | None:
        host, origin = _header(scope, b"host"), _header(scope, b"origin")
        # HTTP/1.0 need not name a host; no browser speaks it.
        if host is not None and not self._hosts.take_host(host):
            return ForbiddenHost(
                "This server does not go by the name in the Host header. "
                "Whoever runs it can add it to TOOLBRIDGE_ALLOWED_HOSTS."
            )
        if origin is None or origin in self._origins or ANY in self._origins:
            return None
        if not self._hosts.take_origin(origin.lower(), host):
            return ForbiddenOrigin(
                "Pages of this Origin may not call. "
                "Whoever runs the server can add it to TOOLBRIDGE_CORS_ORIGINS."
            )
        return None


def _header(scope: Scope, name: bytes) -> str | None:
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def _name(authority: str) -> str:
    """The host of an authority, without its port; "" when it is none."""
    try:
        parts = urlsplit(authority)
        name = (parts.hostname or "").rstrip(".")
        userinfo, rest = parts.username, parts.path + parts.query + parts.fragment
        _ = parts.port
    except ValueError:
        return ""
    return "" if userinfo is not None or rest else name


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
