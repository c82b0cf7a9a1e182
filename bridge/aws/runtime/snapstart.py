"""SnapStart: a start that becomes a snapshot, of which every environment is a copy.

Lambda starts a published version once, freezes it while it asks for ``/restore/next``, and answers
that request in each copy. So what a start leaves in memory is the same in all of them, and as old
as the version: randomness is renewed here, and whoever keeps what ages or must not be shared says
with a hook how it is put away and fetched again. Hooks that are registered with AWS's
``snapshot_restore_py`` are run as well.

Source: AWS Lambda Developer Guide, "Improving startup performance with Lambda SnapStart".
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import random
import ssl
import sys
from functools import partial
from typing import TYPE_CHECKING

from bridge.aws.runtime.messages import Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from bridge.aws.runtime.api import RuntimeAPI

    Hook = Callable[[], Awaitable[object] | object]

logger = logging.getLogger(__name__)

INITIALIZATION_TYPE = "snap-start"

RESTORE_SECONDS = 9.0
"""For what is done after a restore: Lambda gives it ten, and ends the environment then."""

BEFORE_SNAPSHOT_FAILED, AFTER_RESTORE_FAILED = 64, 65
"""Exit statuses, as of AWS's runtimes."""

before_snapshot: list[Hook] = []
"""Run, the last first, before the process is frozen; coroutine functions are awaited."""

after_restore: list[Hook] = []
"""Run, the first first, in each copy before its first invocation."""


async def freeze(api: RuntimeAPI) -> int:
    """Become a snapshot, come back from it; 0, or the status to exit with at once.

    Failures of hooks are reported. Raises ``RuntimeAPIError`` or ``OSError`` when Lambda does not
    answer.
    """
    try:
        await _run([*reversed(before_snapshot), *reversed(_theirs("before_snapshot"))])
    except Exception as error:  # of a hook that is not ours: Lambda is told, then it ends
        logger.critical("The function could not be made ready for a snapshot.", exc_info=error)
        await api.fail_init(_fault("Runtime.BeforeSnapshotError", error))
        return BEFORE_SNAPSHOT_FAILED
    await api.restored()
    try:
        renew_randomness()
        async with asyncio.timeout(RESTORE_SECONDS):
            await _run([*_theirs("after_restore"), *after_restore])
    except Exception as error:
        logger.critical("The function could not be restored.", exc_info=error)
        await api.fail_restore(_fault("Runtime.AfterRestoreError", error))
        return AFTER_RESTORE_FAILED
    return 0


def renew_randomness() -> None:
    """Take new randomness from the system wherever a generator is in this process's own memory."""
    random.seed()
    ssl.RAND_add(os.urandom(64), 64)


async def _run(hooks: Iterable[Hook]) -> None:
    for hook in hooks:
        found = hook()
        if inspect.isawaitable(found):
            await found


def _theirs(kind: str) -> list[Hook]:
    """Hooks that the application gave AWS's module, if it has imported that."""
    module = sys.modules.get("snapshot_restore_py")
    registered = getattr(module, f"get_{kind}")() if module else []
    return [partial(function, *args, **named) for function, args, named in registered]


def _fault(kind: str, error: BaseException) -> Fault:
    told = Fault.of(error)
    return Fault(kind, told.message, told.stack)
