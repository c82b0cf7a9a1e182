"""One answer, streamed to the Runtime API.

On the wire: a JSON prelude (status, headers, cookies), eight NUL bytes, the body; chunked, with
trailers where it breaks off. While it is under way the connection is also read: an answer of the
API before the end, or its hanging up, means that nobody takes the rest.
"""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.aws.runtime import http1
from bridge.aws.runtime.messages import (
    ERROR_BODY,
    ERROR_TYPE,
    ContainerError,
    RuntimeAPIError,
    expect,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.aws.runtime.messages import Fault

logger = logging.getLogger(__name__)

_DELIMITER = bytes(8)
_HEADERS = {
    "Content-Type": "application/vnd.awslambda.http-integration-response",
    "Lambda-Runtime-Function-Response-Mode": "streaming",
    "Transfer-Encoding": "chunked",
    "Trailer": f"{ERROR_TYPE}, {ERROR_BODY}",
}

_current: ContextVar[StreamedResponse | None] = ContextVar("response", default=None)


def refusal() -> Refusal | None:
    """How Lambda refused the answer of the running task before its end; None if it did not.

    The application only sees its client leave.
    """
    response = _current.get()
    return response.refused if response else None


class Refusal(NamedTuple):
    """The status of the answer, and the one with which Lambda would have no more of it."""

    answered: int
    status: int


class StreamedResponse:
    """Begun once, written to, ended once.

    When the API stops taking it before its end, ``on_lost`` is called once and all later writes
    go nowhere, as ASGI 2.0 has it for a client that left.
    """

    def __init__(self, address: http1.Address, target: str, headers: Mapping[str, str]) -> None:
        self._address = address
        self._head = http1.head(address, "POST", target, {**_HEADERS, **headers})
        self._connection: http1.Connection | None = None
        self._receipt: asyncio.Task[http1.Response] | None = None
        self._ended = False
        self._status = 0
        self.refused: Refusal | None = None
        self.on_lost: Callable[[], None] | None = None
        _current.set(self)

    @property
    def begun(self) -> bool:
        """Whether anything has been sent."""
        return self._connection is not None

    async def begin(self, prelude: Mapping[str, Any], body: bytes) -> None:
        """Send the prelude and the first bytes of the body, at least one; raises ``OSError``."""
        self._status = prelude["statusCode"]
        self._connection = await http1.Connection.open(self._address)
        self._receipt = asyncio.create_task(self._connection.response())
        self._receipt.add_done_callback(self._answered)
        # JSON escapes control characters: there is no NUL in the prelude itself.
        start = json.dumps(prelude).encode() + _DELIMITER
        await self._send(self._head, http1.chunk(start), http1.chunk(body))

    async def write(self, body: bytes) -> None:
        """Send more of the body; waits while Lambda throttles."""
        if body:
            await self._send(http1.chunk(body))

    def end(self, fault: Fault | None = None) -> None:
        """Send the end, with error trailers if there is a fault. Ending twice changes nothing."""
        trailers = fault and {ERROR_TYPE: fault.type, ERROR_BODY: b64encode(fault.json()).decode()}
        if self._connection and self._flowing:
            self._connection.write(http1.last_chunk(trailers or {}))
        self._ended = True

    async def delivered(self, timeout: float) -> None:
        """Wait, at most ``timeout`` seconds, until the API has the whole answer.

        Raises ``ContainerError``; any other failure is logged, for the invocation is over.
        """
        if not (self._connection and self._receipt):
            return
        try:
            expect({202}, await asyncio.wait_for(self._receipt, timeout), "/response")
        except ContainerError:
            raise
        except (RuntimeAPIError, OSError) as error:
            logger.warning("Lambda did not take the whole answer: %r", error)
        finally:
            self._connection.close()

    @property
    def _flowing(self) -> bool:
        return not self._ended and self._receipt is not None and not self._receipt.done()

    async def _send(self, *pieces: bytes) -> None:
        if self._connection and self._flowing:
            self._connection.write(*pieces)
            with suppress(OSError):  # a lost connection also ends the receipt: `_answered`
                await self._connection.drain()

    def _answered(self, receipt: asyncio.Task[http1.Response]) -> None:
        # An exception is read here, or asyncio complains; `delivered` tells it.
        answered = not receipt.cancelled() and receipt.exception() is None
        if self._ended:
            return
        if answered:
            self.refused = Refusal(self._status, receipt.result().status)
        if self.on_lost:
            self.on_lost()
