"""Mangum's HTTP cycle, streaming.

Mangum keeps the state machine, the queue that the application receives from and the answer to a
crash before the first byte; only ``send`` is changed, so that a body message goes out at once.

The prelude waits for the first byte of the body, as the ASGI specification allows: until then
the answer can still become an error, and an answer with no body at all is recognised. Such an
answer (204, 304, a redirect) gets one newline as its body and loses its ``content-length``: with
nothing after the prelude a Function URL never ends the response (aws-lambda-nodejs-runtime-
interface-client issue 95), while one byte of white space lets status and headers through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mangum.protocols import HTTPCycle
from mangum.protocols.http import HTTPCycleState

from bridge.aws.runtime.messages import Fault, fault_type

if TYPE_CHECKING:
    from mangum.types import ASGI, Headers, LambdaHandler, Message, Receive, Scope, Send

    from bridge.aws.runtime.response import StreamedResponse

_PRELUDE_KEYS = ("statusCode", "headers", "multiValueHeaders", "cookies")
_EMPTY_BODY = b"\n"
_PLAIN_TEXT: Headers = [[b"content-type", b"text/plain; charset=utf-8"]]


class StreamCycle(HTTPCycle):
    """Runs the application once and streams what it sends into ``response``."""

    def __init__(
        self, handler: LambdaHandler, state: dict[str, Any], response: StreamedResponse
    ) -> None:
        super().__init__({**handler.scope, "state": dict(state)}, handler.body)
        self._handler = handler
        self._response = response
        self._fault = "Function.IncompleteResponse"
        response.on_lost = self._disconnect

    async def run(self, app: ASGI) -> None:
        """Run the application. It never raises: Mangum logs a crash and, in time, answers 500."""

        async def noting_its_fault(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except BaseException as error:
                self._fault = fault_type(error)
                raise

        await super().run(noting_its_fault)

    async def send(self, message: Message) -> None:
        """Send an ASGI message; waits while Lambda throttles."""
        if self.state is HTTPCycleState.RESPONSE and message["type"] == "http.response.body":
            more = message.get("more_body", False)
            await self._stream(message.get("body", b""), more=more)
        # After the write: at the end Mangum queues http.disconnect, on which Starlette cancels
        # whatever is still sending.
        await super().send({**message, "body": b""})

    async def finish(self, fault: str | None = None) -> None:
        """Bring the answer to its end, whatever the application did; ``fault`` says why if known.

        An answer of which nothing is out becomes a 500, any other that is incomplete gets error
        trailers. Raises ``OSError``.
        """
        if not self._response.begun:
            await self._begin(500, _PLAIN_TEXT, b"Internal Server Error")
            self._response.end()
        # The details are for the log alone: trailers travel to the client's side.
        self._response.end(Fault(fault or self._fault, "The answer is incomplete."))

    async def _stream(self, body: bytes, *, more: bool) -> None:
        if self._response.begun:
            await self._response.write(body)
        elif body or not more:
            await self._begin(self.status, self.headers, body)
        if not more:
            self._response.end()

    async def _begin(self, status: int, headers: Headers, body: bytes) -> None:
        whole = self._handler({"status": status, "headers": headers, "body": b""})
        prelude = {key: whole[key] for key in _PRELUDE_KEYS if key in whole}
        if not body:
            prelude["headers"].pop("content-length", None)
        await self._response.begin(prelude, body or _EMPTY_BODY)

    def _disconnect(self) -> None:
        self.app_queue.put_nowait({"type": "http.disconnect"})
