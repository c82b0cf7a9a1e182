"""The Lambda Runtime API, version 2018-06-01, as a client.

Every call is a coroutine on a connection of its own, so any number of polls and answers can be
under way on one event loop. Of what the API says, only status 500 ends the process; a report it
did not take is told in the log, because the invocation it belongs to is over either way.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bridge.aws.runtime import http1
from bridge.aws.runtime.messages import (
    ERROR_TYPE,
    ContainerError,
    Fault,
    Invocation,
    RuntimeAPIError,
    expect,
)
from bridge.aws.runtime.response import StreamedResponse

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

logger = logging.getLogger(__name__)

_ROOT = "/2018-06-01/runtime"
_RETRY_DELAYS = (0.1, 0.2, 0.4, 0.8)
"""Seconds before ``/next`` is tried again: as AWS's Python runtime does on Managed Instances."""


class RuntimeAPI:
    """The Runtime API at ``address`` (``host:port``, from ``AWS_LAMBDA_RUNTIME_API``)."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = http1.Address(host.strip("[]"), int(port))

    async def next(self) -> Invocation:
        """Wait, for ever if need be, for the next invocation.

        Tries again while the API fails. Raises ``RuntimeAPIError`` or ``OSError`` after the last
        try, ``ContainerError`` after the first.
        """
        for delay in _RETRY_DELAYS:
            try:
                return await self._poll()
            except ContainerError:
                raise
            except (RuntimeAPIError, OSError) as error:
                logger.warning("Polling for the next invocation failed: %s", error)
                await asyncio.sleep(delay)
        return await self._poll()

    async def _poll(self) -> Invocation:
        response = await self._call("GET", "/invocation/next")
        while response.status == 204:  # a poll may end without an event: AWS's clients poll again
            response = await self._call("GET", "/invocation/next")
        expect({200}, response, "/next")
        if not (request_id := response.headers.get("lambda-runtime-aws-request-id")):
            raise RuntimeAPIError("/next: no request id")
        return Invocation(request_id, response.headers, response.body)

    def respond(self, invocation: Invocation) -> StreamedResponse:
        """Prepare the answer to an invocation; nothing is sent before it begins."""
        target = f"{_ROOT}/invocation/{invocation.id}/response"
        return StreamedResponse(self._address, target, invocation.echo)

    async def acknowledge(self, invocation: Invocation) -> None:
        """Answer an event that asks for nothing; raises ``ContainerError``."""
        headers = {"Content-Type": "application/json", **invocation.echo}
        path = f"/invocation/{invocation.id}/response"
        await self._post(path, headers, b'{"status":"ok"}', {202}, "the answer")

    async def fail(self, invocation: Invocation, fault: Fault) -> None:
        """Report that an event could not be answered at all; raises ``ContainerError``."""
        await self._report(f"/invocation/{invocation.id}/error", fault, invocation.echo, {202})

    async def fail_init(self, fault: Fault) -> None:
        """Report that the function could not be started; raises ``ContainerError``."""
        # 403: another process of this environment was the first to report.
        await self._report("/init/error", fault, {}, {202, 403})

    async def restored(self) -> None:
        """Be frozen into a snapshot; returns in each copy of it that is restored.

        Raises ``RuntimeAPIError`` or ``OSError``.
        """
        expect({200}, await self._call("GET", "/restore/next"), "/restore/next")

    async def fail_restore(self, fault: Fault) -> None:
        """Report that a copy of the snapshot is of no use; raises ``ContainerError``."""
        await self._report("/restore/error", fault, {}, {202})

    async def _report(
        self, path: str, fault: Fault, echo: Mapping[str, str], accepted: Container[int]
    ) -> None:
        headers = {"Content-Type": "application/json", ERROR_TYPE: fault.type, **echo}
        await self._post(path, headers, fault.json(), accepted, f"the report of {fault.type}")

    async def _post(
        self,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        accepted: Container[int],
        what: str,
    ) -> None:
        try:
            expect(accepted, await self._call("POST", path, headers, body), path)
        except ContainerError:
            raise
        except (RuntimeAPIError, OSError) as error:
            logger.warning("Lambda did not take %s: %s", what, error)

    async def _call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> http1.Response:
        return await http1.request(self._address, method, _ROOT + path, headers or {}, body)
