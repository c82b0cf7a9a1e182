"""How long an upstream may keep us waiting."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

import msgspec

from bridge.errors import UpstreamTimeout

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    T = TypeVar("T")


class Timeouts(msgspec.Struct, frozen=True):
    """Limits in seconds.

    ``connect``: TCP and TLS need a few round trips; five seconds are one lost packet and its
    retransmissions. ``first_byte``: from sending the request to the first byte of the reply's
    body; long prompts and hidden thinking take tens of seconds. ``silence``: between two reads
    after that; models write many pieces a second, and gateways send comments at least every 15 to
    30 seconds while they wait. Sixty is also where most load balancers give up.
    """

    connect: float = 5.0
    first_byte: float = 60.0
    silence: float = 60.0


DEFAULT_TIMEOUTS = Timeouts()


async def paced(
    source: AsyncGenerator[T, None], *, first: float, silence: float
) -> AsyncGenerator[T, None]:
    """The items of ``source``, each waited for no longer than so many seconds.

    Only the upstream's time counts: the clock stands while the consumer is busy. Raises
    ``UpstreamTimeout``; ``source`` is closed in every case.
    """
    limit = first
    async with aclosing(source):
        while True:
            try:
                async with asyncio.timeout(limit):
                    item = await anext(source)
            except StopAsyncIteration:
                return
            except TimeoutError as exc:
                raise silent() from exc
            yield item
            limit = silence


def silent() -> UpstreamTimeout:
    """The error for an upstream that let a limit pass."""
    return UpstreamTimeout("The upstream model did not answer in time.")
