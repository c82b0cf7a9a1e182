"""Reading a request body: its type, its size and its pace are checked while it comes in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.errors import BodyTimeout, UnsupportedMediaType
from bridge.server.tracking import ClientGone
from bridge.validation import too_large

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Receive, Scope

    from bridge.validation import Limits

MAX_LENGTH_DIGITS = 18
"""More than any size; Python would refuse to read a number of thousands of digits."""


async def read_body(scope: Scope, receive: Receive, limits: Limits, *, seconds: float) -> bytes:
    """The whole body, of at most ``limits.body_bytes``, within so many seconds.

    Raises ``UnsupportedMediaType``, ``BodyTooLarge`` (at once when the length is declared),
    ``BodyTimeout``, and ``ClientGone`` when the connection closes first.
    """
    headers = scope["headers"]
    _check_type(headers)
    declared = _header(headers, b"content-length")[:MAX_LENGTH_DIGITS]
    if declared.isdigit() and int(declared) > limits.body_bytes:
        raise too_large(limits)
    try:
        async with asyncio.timeout(seconds):
            return await _gathered(receive, limits)
    except TimeoutError:
        raise BodyTimeout(f"The request body did not arrive within {seconds:g} seconds.") from None


async def _gathered(receive: Receive, limits: Limits) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > limits.body_bytes:
            raise too_large(limits)
        if not message.get("more_body", False):
            return bytes(body)


def _check_type(headers: Iterable[tuple[bytes, bytes]]) -> None:
    kind = _header(headers, b"content-type").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise UnsupportedMediaType("Send the request as JSON: 'Content-Type: application/json'.")
    if _header(headers, b"content-encoding").strip().lower() not in (b"", b"identity"):
        raise UnsupportedMediaType("Send the request body without a Content-Encoding.")


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    return next((value for name, value in headers if name == wanted), b"")
