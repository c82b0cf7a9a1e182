"""Errors as answers: OpenAI's error object, whatever went wrong, and never a word of what was sent.

An unexpected exception is logged with its type and the places it came through. Its own words are
left out of the log too: they may quote a prompt or a reply (a ``ValidationError`` does).
"""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from starlette.responses import Response

from bridge.answers import ErrorBody, ErrorResponse, encoded
from bridge.errors import MethodNotAllowed, OutOfTime, ServerError, UnknownPath
from bridge.server.tracking import tracked

if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from starlette.exceptions import HTTPException
    from starlette.requests import Request

    from bridge.errors import BridgeError

logger = logging.getLogger("toolbridge")

UNEXPECTED = "The server had an error while processing your request."
METHOD_NOT_ALLOWED = 405
MAX_TOLD_PATH = 200
PATHS = "POST /v1/chat/completions, GET /v1/models, GET /v1/models/{model}"


def error_json(error: BridgeError) -> bytes:
    """The error object; all four of its keys are always there."""
    body = ErrorBody(message=error.message, type=error.type, param=error.param, code=error.code)
    return encoded(ErrorResponse(error=body))


def error_response(error: BridgeError) -> Response:
    """The answer that tells of ``error``."""
    return Response(error_json(error), error.status, error.headers, "application/json")


async def bridge_error(request: Request, error: BridgeError) -> Response:
    """Starlette's handler for every error of our own tree."""
    report = tracked(request.scope).report
    report.error, report.upstream_said = error.code or error.type, error.said
    return error_response(error)


async def http_error(request: Request, error: HTTPException) -> Response:
    """Starlette's handler for what its router raises: no such path, or not with that method."""
    asked = f"{request.method} {request.scope['path'][:MAX_TOLD_PATH]}"
    if error.status_code != METHOD_NOT_ALLOWED:
        missing = UnknownPath(f"There is no {asked} here. Served: {PATHS}.")
        return await bridge_error(request, missing)
    headers = dict(error.headers or {})
    if request.method == "OPTIONS":
        # Never an empty body: a Lambda Function URL would not end such an answer.
        return Response('{"object":"options"}', 200, headers, "application/json")
    allowed = headers.get("Allow", "")
    refused = MethodNotAllowed(f"There is no {asked} here, only {allowed}.", headers=headers)
    return await bridge_error(request, refused)


def stopping() -> OutOfTime:
    """The error of a request that the server, or the platform it runs on, does not let end."""
    return OutOfTime("The server is stopping and could not finish this request.")


def unexpected(error: BaseException) -> ServerError:
    """Log an exception that should not have happened; what the caller is told of it."""
    logger.error("unexpected %s", described(error))
    return ServerError(UNEXPECTED)


def in_background(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's handler of what no one awaits; its own quotes the exception's words."""
    error = context.get("exception")
    logger.error("unexpected %s", context["message"] if error is None else described(error))


class WordlessFormatter(logging.Formatter):
    """Tells of exceptions that others log, a server or a library, without their words too."""

    def formatException(self, ei: Any) -> str:
        """The types and places."""
        return described(ei[1])


def described(error: BaseException) -> str:
    """The types of an exception and of its causes, with the places they came through."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        frames = traceback.StackSummary.extract(
            traceback.walk_tb(cause.__traceback__), lookup_lines=False
        )
        lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n".join(lines)
