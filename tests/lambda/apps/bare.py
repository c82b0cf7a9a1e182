"""Applications that speak ASGI without a framework, some of them badly."""

from __future__ import annotations

import asyncio
from typing import Any

START = {"type": "http.response.start", "status": 200, "headers": [(b"x-bare", b"1")]}
END = {"type": "http.response.body"}

seen: list[str] = []


def piece(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """Send nothing."""


async def unfinished(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(piece(b"half"))


async def no_start(scope: Any, receive: Any, send: Any) -> None:
    await send(piece(b"early"))


async def bad_header(scope: Any, receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"x-bare", b"\xff")]})
    await send(END)


async def empty_pieces(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    for body in (b"", b"a", b"", b"b", b""):
        await send(piece(body))
    await send(END)


async def stubborn(scope: Any, receive: Any, send: Any) -> None:
    """Go on for a second after having been cancelled."""
    await send(START)
    await send(piece(b"half"))
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        seen.append("stubborn")
        await asyncio.sleep(1)
        await send({**END, "body": b"too late"})


async def stubborn_at_first(scope: Any, receive: Any, send: Any) -> None:
    """Likewise, before anything was sent."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(1)
        await send(START)
        await send({**END, "body": b"too late"})


async def deaf(scope: Any, receive: Any, send: Any) -> None:
    """Never look whether anyone is there."""
    await send(START)
    for _ in range(20):
        await send(piece(b"more"))
        await asyncio.sleep(0.02)
    await send(END)
    seen.append("deaf")


APPLICATIONS = {
    f"/bare/{app.__name__}": app
    for app in (
        *(nothing, unfinished, no_start, bad_header, empty_pieces),
        *(stubborn, stubborn_at_first, deaf),
    )
}
