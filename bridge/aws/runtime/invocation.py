"""One invocation, from its event to Lambda's receipt of the answer, within its deadline."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import TYPE_CHECKING, Any, cast

from bridge.aws.runtime.context import Context, request_id, trace_id
from bridge.aws.runtime.cycle import StreamCycle
from bridge.aws.runtime.messages import ContainerError, Fault
from bridge.aws.runtime.warming import keeps_warm

if TYPE_CHECKING:
    from mangum import Mangum
    from mangum.types import LambdaContext

    from bridge.aws.runtime.api import RuntimeAPI
    from bridge.aws.runtime.messages import Invocation

logger = logging.getLogger(__name__)

_MARGIN = 0.5
"""Seconds before the deadline at which the application is cancelled: half of it for the
application's own cleaning up, the rest for the end of the answer to reach Lambda. An application
that wants to end in its own way does so earlier, by ``get_remaining_time_in_millis``."""


async def answer(
    api: RuntimeAPI,
    adapter: Mangum,
    state: dict[str, Any],
    invocation: Invocation,
    stop: asyncio.Event,
) -> None:
    """Answer one invocation; returns when the application is done with it, and Lambda too.

    Runs as a task of its own, so that what the application puts into context variables ends
    with it. ``state`` is the lifespan's; ``stop`` is set when the environment is to end. Raises
    ``ContainerError``.
    """
    request_id.set(invocation.id)
    try:
        context = Context.of(invocation.headers, os.environ)
        trace_id.set(context.trace_id)
        event = json.loads(invocation.payload)
        if keeps_warm(event):
            await api.acknowledge(invocation)
            return
        handler = adapter.infer(event, cast("LambdaContext", context))
        response = api.respond(invocation)
        cycle = StreamCycle(handler, state, response)
    except ContainerError:
        raise
    except Exception as error:
        logger.exception("The event is none that the adapter can read.")
        await api.fail(invocation, Fault.of(error))
        return
    fault = await _run(cycle, adapter, _seconds_left(context) - _MARGIN, stop)
    try:
        await cycle.finish(fault)
    except OSError as error:
        logger.warning("No connection for the answer: %s", error)
    await response.delivered(_seconds_left(context))


async def _run(
    cycle: StreamCycle, adapter: Mangum, seconds: float, stop: asyncio.Event
) -> str | None:
    """Run the application for so long; what to call its fault if that was not enough."""
    running = asyncio.create_task(cycle.run(adapter.app))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        return None
    if stop.is_set():
        logger.warning("Lambda ends this environment: the application is cancelled.")
        fault = "Function.Shutdown"
    else:
        logger.error("The deadline is near: the application is cancelled.")
        fault = "Function.DeadlineExceeded"
    running.cancel()
    await asyncio.wait({running}, timeout=_MARGIN / 2)
    return fault


def _seconds_left(context: Context) -> float:
    return context.get_remaining_time_in_millis() / 1000
