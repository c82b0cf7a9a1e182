"""One request seen from outside: its id, its report, and what became of it.

The outermost layer of the application, a plain ASGI middleware: a wrapper that copies bodies would
end streaming.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import TYPE_CHECKING

import msgspec

from bridge.report import RequestReport, loggable

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bridge.report import Reporter

REQUEST_ID = b"x-request-id"
SANE_ID = re.compile(rb"[A-Za-z0-9._:=/+-]{1,128}")
"""What is echoed of a client's own id: printable, and short enough for a log line."""
CLIENT_GONE = 499
"""nginx's number for a client that closed the connection before it had its answer."""
KEY = "toolbridge.tracked"


class ClientGone(Exception):
    """The client has closed the connection: there is no one to answer."""


class Tracked(msgspec.Struct, frozen=True):
    """A request's report, and when it began, on the event loop's clock."""

    report: RequestReport
    began: float


def tracked(scope: Scope) -> Tracked:
    """What is tracked of the request of this scope."""
    found: Tracked = scope[KEY]
    return found


class Watched:
    """A request's ``send``: it adds the id, notes the status and knows when all is said."""

    def __init__(self, send: Send, report: RequestReport) -> None:
        self.report = report
        self.complete = False
        self._send = send

    async def __call__(self, message: Message) -> None:
        """Meet ASGI."""
        if message["type"] == "http.response.start":
            self.report.status = message["status"]
            identity = (REQUEST_ID, self.report.request_id.encode())
            message["headers"] = [*message.get("headers", ()), identity]
        else:
            self.complete = not message.get("more_body", False)
        await self._send(message)


class Tracking:
    """Gives every request an id and a report, and every failure an answer."""

    def __init__(
        self,
        app: ASGIApp,
        report: Reporter,
        request_id: Callable[[Scope], str | None],
        failed: Callable[[BaseException], ASGIApp],
    ) -> None:
        """``failed`` makes the answer to an exception that nothing else has answered."""
        self._app = app
        self._report = report
        self._request_id = request_id
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Meet ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clock = asyncio.get_running_loop().time
        platform_id = self._request_id(scope)
        report = RequestReport(
            request_id=_own_id(scope) or platform_id or f"req_{secrets.token_hex(16)}",
            function_request_id=platform_id,
            method=loggable(scope["method"]),
            path=loggable(scope["path"]),
        )
        scope[KEY] = track = Tracked(report, clock())
        try:
            await self._answered(scope, receive, Watched(send, report))
        finally:
            report.total = clock() - track.began
            self._report(report)

    async def _answered(self, scope: Scope, receive: Receive, send: Watched) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientGone:
            # Servers say so as well when the answer is complete: that is no leaving.
            if not send.complete:
                send.report.status = CLIENT_GONE
                send.report.error = "client_gone"
        except (Exception, asyncio.CancelledError) as error:
            cancelled = isinstance(error, asyncio.CancelledError)
            send.report.error = "cancelled" if cancelled else "internal_error"
            answer = self._failed(error)
            if not send.report.status:
                await answer(scope, receive, send)
            # When the last word has been said, a server need not log how it came to it.
            if cancelled and not send.complete:
                raise


def _own_id(scope: Scope) -> str | None:
    """The client's own id of its request."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and SANE_ID.fullmatch(value):
            return str(value, "ascii")
    return None
