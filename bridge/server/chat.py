"""``POST /v1/chat/completions``: from the request's bytes to its answer's."""

from __future__ import annotations

import asyncio
import secrets
import string
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from bridge.errors import OutOfTime, Overloaded
from bridge.exchange import open_exchanges
from bridge.report import loggable
from bridge.server.answer import Answer
from bridge.server.auth import authenticate
from bridge.server.body import read_body
from bridge.server.streaming import while_connected
from bridge.server.tracking import tracked
from bridge.validation import parse_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.types import Receive, Scope, Send

    from bridge.keys import Client, KeyStore
    from bridge.models import Catalog
    from bridge.server.pace import Pace
    from bridge.upstream.base import Upstream
    from bridge.validation import Limits

P = ParamSpec("P")
T = TypeVar("T")

TOKEN_LENGTH = 24
ALPHABET = string.ascii_letters + string.digits
RETRY_AFTER_SECONDS = 1

MEANWHILE_SECONDS = 0.3
"""After the first request was read: its upstream has been asked by then and is at work, and a
processor that is shared out, as Lambda's is, has nothing else to do."""


SMALL_BODY = 64 * 1024
"""Bytes. What is worked out of a smaller body takes 30 ms at the worst; of a larger one, it is done
in a thread."""


class ChatCompletions:
    """The endpoint, an ASGI application of its own."""

    def __init__(
        self,
        catalog: Catalog,
        upstreams: Mapping[str, Upstream],
        keys: KeyStore,
        *,
        limits: Limits,
        concurrency: int,
        pace: Pace,
        time_left: Callable[[Scope], float | None],
        meanwhile: Callable[[], object],
    ) -> None:
        """``time_left`` tells the seconds that the platform leaves a request, if it limits it.

        ``meanwhile`` is called once, in a thread, while the first request waits for its upstream.
        """
        self._catalog = catalog
        self._upstreams = upstreams
        self._keys = keys
        self._limits = limits
        self._free = concurrency
        self._pace = pace
        self._time_left = time_left
        self._meanwhile: Callable[[], object] | None = meanwhile
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Meet ASGI."""
        deadline = self._deadline(scope)
        track = tracked(scope)
        client = await authenticate(scope, self._keys)
        track.report.client = client.name
        with self._place():
            answer = await self._opened(scope, receive, client, deadline)
            self._use_the_wait()
            work = answer.stream(send, self._pace) if track.report.stream else answer.whole()
            try:
                response = await while_connected(work, receive)
            except asyncio.CancelledError:
                await answer.interrupted()
                raise
            finally:
                answer.tell()
            if response is not None:
                await response(scope, receive, send)

    async def _opened(
        self, scope: Scope, receive: Receive, client: Client, deadline: float
    ) -> Answer:
        """The answer, before anything of it: body and request end here, however long it takes."""
        track = tracked(scope)
        body = await read_body(scope, receive, self._limits, seconds=self._pace.body)
        mended: list[str] = []
        request = await self._work(len(body), parse_request, body, self._limits, mended)
        track.report.mended = len(mended)
        model = self._catalog.find(request.model)
        track.report.model = loggable(model.id)
        track.report.stream = bool(request.stream)
        upstream = self._upstreams[model.upstream]
        opened = partial(
            open_exchanges,
            id=f"chatcmpl-{token()}",
            created=int(time.time()),
            new_call_id=new_call_id,
            seed=client.seed,
        )
        exchanges = await self._work(len(body), opened, request, model, upstream.capabilities)
        return Answer(exchanges, upstream, track, deadline, include_usage=request.includes_usage)

    async def _work(self, size: int, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """What is worked out of a body of that size; a large one must not hold the event loop."""
        if size <= SMALL_BODY:
            return work(*args, **named)
        async with self._one_at_a_time:  # Python would run them no faster side by side
            return await asyncio.to_thread(work, *args, **named)

    def _use_the_wait(self) -> None:
        if (meanwhile := self._meanwhile) is not None:
            self._meanwhile = None
            loop = asyncio.get_running_loop()
            loop.call_later(MEANWHILE_SECONDS, loop.run_in_executor, None, meanwhile)

    def _deadline(self, scope: Scope) -> float:
        seconds = self._pace.request
        if (left := self._time_left(scope)) is not None:
            seconds = min(seconds, left - self._pace.margin)
        if seconds <= 0:
            raise OutOfTime("No time is left for this request.")
        return asyncio.get_running_loop().time() + seconds

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places for requests that run at once; raises ``Overloaded``."""
        if self._free <= 0:
            raise Overloaded(
                "Too many requests are running; try again shortly.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


def token() -> str:
    """24 letters and digits.

    From the system's own generator: a restored snapshot of this process must not repeat them.
    """
    number = secrets.randbelow(len(ALPHABET) ** TOKEN_LENGTH)
    letters = []
    for _ in range(TOKEN_LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def new_call_id() -> str:
    """A call id as OpenAI makes them."""
    return f"call_{token()}"
