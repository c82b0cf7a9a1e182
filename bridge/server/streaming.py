"""The pump: an exchange's turns to the upstream, its pieces back, until the exchange is done.

One task reads, feeds and writes, so a client that reads slowly slows the upstream by itself and
nothing piles up in between. Three things can end it early, and each closes the upstream request at
once: the exchange has all that can count, the client is gone, or the time is used up.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from bridge.errors import OutOfTime
from bridge.server.tracking import ClientGone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from starlette.types import Receive

    from bridge.answers import ChatCompletionChunk
    from bridge.exchange import Exchange
    from bridge.upstream.base import Upstream

    Write = Callable[[list[ChatCompletionChunk]], Awaitable[None]]
    """Takes what one piece came to. The first call, even with nothing, says that the upstream
    has begun to answer: a piece of counts alone does not, since a reply may be cut after it."""

T = TypeVar("T")


async def run(
    exchanges: Sequence[Exchange], upstream: Upstream, write: Write, *, deadline: float
) -> None:
    """Run the exchanges side by side to their ends; the first failure ends them all.

    ``deadline`` is on the event loop's clock. Raises ``OutOfTime`` when it passes, and whatever
    the upstream or an exchange raises.
    """
    limit = asyncio.timeout_at(deadline)
    try:
        async with limit:
            if len(exchanges) == 1:
                await _converse(exchanges[0], upstream, write, deadline)
            else:
                async with asyncio.TaskGroup() as group:
                    for exchange in exchanges:
                        group.create_task(_converse(exchange, upstream, write, deadline))
    except BaseExceptionGroup as group_of_errors:
        raise group_of_errors.exceptions[0] from None
    except TimeoutError:
        if not limit.expired():
            raise
        raise OutOfTime("The time for this request is used up.") from None


async def _converse(exchange: Exchange, upstream: Upstream, write: Write, deadline: float) -> None:
    """One exchange: a request to the upstream, and one more each time it asks again."""
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        async with aclosing(upstream.stream(exchange.turns, exchange.options)) as pieces:
            async for piece in pieces:
                chunks = exchange.feed(piece)
                if piece.text or piece.finish:
                    await write(chunks)
                if exchange.done:
                    break
        now = clock()
        await write(exchange.close(may_ask_again=deadline - now > now - began))
        if not exchange.asks_again:
            return


async def while_connected(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """The result of ``work``, which is cancelled when the client leaves; raises ``ClientGone``.

    The request body must have been read: what ``receive`` then brings is the end of the
    connection.
    """
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        working.cancel()
        watching.cancel()
        # Only when both have ended is nothing left that holds the upstream.
        await asyncio.gather(working, watching, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
