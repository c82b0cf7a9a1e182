"""The polls in flight: as many as the environment may take invocations at once."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

from bridge.aws.runtime.invocation import answer
from bridge.aws.runtime.messages import ContainerError

if TYPE_CHECKING:
    from mangum import Mangum

    from bridge.aws.runtime.api import RuntimeAPI

_TRACE_ID = "_X_AMZN_TRACE_ID"
_SHUTDOWN_SECONDS = 2
"""Lambda's whole shutdown phase, of which a runtime has 300 ms before it is killed."""


class _Told(Exception):
    """Lambda told this process, by SIGTERM, that its environment ends."""


async def serve(
    api: RuntimeAPI, adapter: Mangum, state: dict[str, Any], concurrency: int = 1
) -> None:
    """Answer invocations, ``concurrency`` of them at once, until the API fails.

    Then what is being answered is finished and the failures are raised as an exception group;
    only after ``ContainerError`` nothing is waited for. Returns after SIGTERM: what is being
    answered is then cut at once, so that the application can tell its clients while there is time.
    """
    answering: set[asyncio.Task[None]] = set()
    stop = asyncio.Event()

    async def lane() -> None:
        while True:
            invocation = await api.next()
            if concurrency == 1:
                _export_trace_id(invocation.headers.get("lambda-runtime-trace-id"))
            task = asyncio.create_task(answer(api, adapter, state, invocation, stop))
            answering.add(task)
            task.add_done_callback(answering.discard)
            await asyncio.wait({task})  # not `await task`: the end of a lane must not cut an answer
            task.result()

    try:
        async with asyncio.TaskGroup() as lanes:
            for _ in range(concurrency):
                lanes.create_task(lane())
            lanes.create_task(_until_told(stop))
    except* _Told:
        await _ended(answering, _SHUTDOWN_SECONDS)
    except* ContainerError:
        raise
    except* Exception:
        await _ended(answering)
        raise


async def _ended(answering: set[asyncio.Task[None]], seconds: float | None = None) -> None:
    if answering:
        await asyncio.wait(answering, timeout=seconds)


async def _until_told(stop: asyncio.Event) -> None:
    """Wait for SIGTERM, set ``stop``, raise ``_Told``."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    raise _Told


def _export_trace_id(trace_id: str | None) -> None:
    """Put the trace id where AWS's SDKs look for it; possible for one invocation at a time only."""
    if trace_id is None:
        os.environ.pop(_TRACE_ID, None)
    else:
        os.environ[_TRACE_ID] = trace_id
