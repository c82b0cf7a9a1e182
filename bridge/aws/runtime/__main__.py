"""``python -m bridge.aws.runtime``: the process that Lambda starts through the exec wrapper."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from bridge.aws.runtime import logs, snapstart
from bridge.aws.runtime.api import RuntimeAPI
from bridge.aws.runtime.handler import load, start_lifespan
from bridge.aws.runtime.loop import serve
from bridge.aws.runtime.messages import ContainerError, Fault, RuntimeAPIError

if TYPE_CHECKING:
    from mangum import Mangum
    from mangum.protocols import LifespanCycle

logger = logging.getLogger("bridge.aws.runtime")

_SPARE_THREADS = 4
"""For blocking calls that belong to no request, such as refreshing secrets."""


def main() -> NoReturn:
    """Load the handler that ``_HANDLER`` names, start its lifespan, answer invocations.

    Ends with status 1 when the start failed (which is reported to Lambda) or the Runtime API
    fails, with SnapStart's own when one of its hooks failed, and with 0 when Lambda ends the
    environment.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A frozen process flushes nothing, and metrics are printed.
        sys.stdout.reconfigure(line_buffering=True)
    # What a start makes is kept: looking through it for garbage is a tenth of the start.
    gc.disable()
    logs.install(os.environ)
    # Not asyncio.run: Mangum and module-level code use the loop before it runs.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    api = RuntimeAPI(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        concurrency = max(1, int(os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY", 1)))
        if concurrency > 1:
            # asyncio's own pool is sized for the processors, not for requests that wait.
            loop.set_default_executor(ThreadPoolExecutor(concurrency + _SPARE_THREADS))
        adapter = load(os.environ["_HANDLER"])
        asyncio.set_event_loop(loop)  # a module that calls asyncio.run has unset it
        lifespan = start_lifespan(adapter)
    except (Exception, SystemExit) as error:
        logger.critical("The function could not be started.", exc_info=error)
        with suppress(ContainerError):
            loop.run_until_complete(api.fail_init(Fault.of(error)))
        _exit(1)
    gc.freeze()
    gc.enable()
    _exit(_serve(loop, api, adapter, lifespan, concurrency))


def _serve(
    loop: asyncio.AbstractEventLoop,
    api: RuntimeAPI,
    adapter: Mangum,
    lifespan: LifespanCycle | None,
    concurrency: int,
) -> int:
    """Become a snapshot where that is asked for, and answer; the status to end with."""
    try:
        if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == snapstart.INITIALIZATION_TYPE:
            status = loop.run_until_complete(snapstart.freeze(api))
            if status:
                return status
        state = lifespan.lifespan_state if lifespan else {}
        loop.run_until_complete(serve(api, adapter, state, concurrency))
    except ExceptionGroup as failures:
        _tell_end(failures.exceptions[0])  # with many polls they are all alike
        return 1
    except (RuntimeAPIError, OSError) as error:
        _tell_end(error)
        return 1
    return 0


def _tell_end(error: BaseException) -> None:
    logger.critical("The runtime ends: %s", error, exc_info=error)


def _exit(status: int) -> NoReturn:
    """Exit at once, as AWS asks: no thread of the application may hold the process."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
