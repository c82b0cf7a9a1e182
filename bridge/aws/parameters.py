"""Keys from one SSM path: read at start, kept in memory, refreshed without delaying requests.

``<path>/clients/<name>`` holds one client key each (as it is, or as ``sha256:…``) and
``<path>/upstreams/<name>`` the operator's own keys; ``<path>/salt``, which ``toolbridge keys add``
makes, is the deployment's salt (see ``bridge.keys``). With *age* for the seconds since the last
read that worked began:

    age ≤ ttl/2          served from memory
    ttl/2 < age ≤ ttl    served from memory, while one refresh runs beside the request
    ttl < age            the request waits for a refresh, so that a key added, changed or revoked
                         takes effect within the ttl, also after the environment was frozen
    and SSM fails        served from memory until ``KEEP``; then, or with nothing read, it waits
                         out the pause between two reads; 503 when that takes too long, or at once
                         when SSM refuses and would refuse again

Age goes by the wall clock, because a monotonic one may stand still while an execution environment
is frozen, and from the beginning of a read, because a read that was frozen in its middle is old
when it ends. Values never reach a log; names do.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from contextlib import suppress
from contextvars import Context
from random import SystemRandom
from typing import TYPE_CHECKING

import msgspec

from bridge.aws.key_reader import ReadRefused
from bridge.errors import KeysUnavailable
from bridge.keys import ClientKeys, usable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.aws.key_reader import Reader

logger = logging.getLogger(__name__)

DEFAULT_TTL = 60.0
KEEP = 3600.0
"""Seconds that the last good keys outlive SSM: time to mend an outage, but no key revoked while
it lasts stays good for ever."""

REFRESH_WAIT = 5.0
"""Seconds a request waits for a refresh; SSM answers in tens of milliseconds."""

START_WAIT = 8.0
"""Seconds the start waits; Lambda gives an initialisation ten."""

BACKOFF = (1.0, 30.0)
"""Seconds between reads that fail: the first and the longest pause, doubling in between. A share of
each, half at most, is left to chance: what was throttled together must not come back together."""

CLIENTS, UPSTREAMS = "clients/", "upstreams/"
SALT = "salt"

by_chance = SystemRandom().random
"""The system's randomness: two environments that were restored from one snapshot share no other."""


class Kept(msgspec.Struct, frozen=True):
    """The keys of one read and when, in epoch seconds, that read began."""

    began: float
    clients: ClientKeys
    upstreams: Mapping[str, str]
    summary: str


class ParameterKeys:
    """A ``KeyStore`` over a reader; one refresh at a time, whatever the number of requests."""

    def __init__(
        self,
        read: Reader,
        *,
        ttl: float = DEFAULT_TTL,
        wait: float = REFRESH_WAIT,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = by_chance,
    ) -> None:
        """``ttl`` (above 0) and ``wait`` are in seconds; ``clock`` gives epoch seconds.

        ``chance`` gives numbers from 0 to 1.
        """
        self._reader = read
        self._ttl = ttl
        self._patience = wait
        self._clock = clock
        self._chance = chance
        self._kept: Kept | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._failures = 0
        self._failed_at = -math.inf
        self._pause = 0.0
        self._hopeless = False

    async def start(self) -> None:
        """Read the keys while the environment has its start-up CPU. Never raises."""
        if self._age() > self._ttl:
            await self._wait(START_WAIT)

    def forget(self) -> None:
        """Hold no key any more, as before a snapshot that others are made of."""
        self._kept = None

    async def clients(self) -> ClientKeys:
        """The client keys; raises ``KeysUnavailable`` when none can be had."""
        return (await self._current()).clients

    async def upstream(self, name: str) -> str | None:
        """The operator's key under ``upstreams/<name>``; raises ``KeysUnavailable`` as above."""
        return (await self._current()).upstreams.get(name)

    async def _current(self) -> Kept:
        age = self._age()
        if age > self._ttl:
            await self._wait(self._patience)
        elif age > self._ttl / 2:
            self._refresh()
        if self._kept is None or not self._usable():
            pause = math.ceil(max(1.0, self._pause_left()))
            raise KeysUnavailable(
                "The keys of this server cannot be read right now.",
                headers={"Retry-After": str(pause)},
            )
        return self._kept

    async def _wait(self, seconds: float) -> None:
        """Wait until the keys are no older than the ttl, or the time is over.

        What is kept ends the wait as soon as a read fails; with nothing to serve, another try is
        waited for, if it may help.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._age() > self._ttl:
                    if (refresh := self._refresh()) is not None:
                        await asyncio.shield(refresh)
                    elif self._usable() or self._hopeless:
                        return
                    else:
                        # Timers fire a little early, too.
                        await asyncio.sleep(max(0.001, self._pause_left()))

    def _refresh(self) -> asyncio.Task[None] | None:
        """The read that runs, or a new one; None while a failed one is being rested from."""
        if self._refreshing is None or self._refreshing.done():
            if self._pause_left() > 0:
                return None
            # A context of its own: the read outlives the request that happened to start it.
            self._refreshing = asyncio.create_task(self._read(), context=Context())
        return self._refreshing

    async def _read(self) -> None:
        began = self._clock()
        try:
            values = await asyncio.to_thread(self._reader)
        except Exception as exc:
            # Whatever it is, it must not end the server; the next read may work.
            self._failures += 1
            self._failed_at = self._clock()
            self._pause = self._next_pause()
            self._hopeless = isinstance(exc, ReadRefused)
            logger.warning("keys not read (attempt %d): %s", self._failures, exc)
            return
        self._failures = 0
        self._keep(_kept(began, values))

    def _keep(self, kept: Kept) -> None:
        if self._kept is None or self._kept.summary != kept.summary:
            level = logging.INFO if len(kept.clients) else logging.WARNING
            logger.log(level, "keys read: %s", kept.summary)
        self._kept = kept

    def _age(self) -> float:
        return math.inf if self._kept is None else max(0.0, self._clock() - self._kept.began)

    def _usable(self) -> bool:
        return self._age() <= KEEP

    def _next_pause(self) -> float:
        first, longest = BACKOFF
        pause = min(first * (1 << min(self._failures - 1, 10)), longest)
        return pause * (1 - self._chance() / 2)

    def _pause_left(self) -> float:
        if not self._failures:
            return 0.0
        waited = self._clock() - self._failed_at
        # A clock that was set back must not turn a pause into hours.
        return max(0.0, self._pause - waited) if waited >= 0 else 0.0


def _kept(began: float, values: Mapping[str, str]) -> Kept:
    good = {name: text for name, value in values.items() if usable(text := value.strip())}
    clients = _under(CLIENTS, good)
    upstreams = _under(UPSTREAMS, good)
    summary = "; ".join(
        f"{what}: {', '.join(sorted(names)) or 'none'}"
        for what, names in (
            ("clients", clients),
            ("upstreams", upstreams),
            ("not usable", values.keys() - good.keys()),
        )
    )
    return Kept(began, ClientKeys(clients, good.get(SALT, "").encode()), upstreams, summary)


def _under(prefix: str, values: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix) and name != prefix
    }
