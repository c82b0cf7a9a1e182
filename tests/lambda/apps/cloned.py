"""The deployed handler, which splits in two where Lambda would take its snapshot.

What follows the fork has the same memory twice, as two environments that are restored from one
snapshot have. A fork shares with its parent what a snapshot does not, and renews what a snapshot
does not: both are undone here.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bridge.aws.runtime import snapstart
from handler import handler

__all__ = ["handler"]


def become_two() -> None:
    state = random.getstate()
    loop: Any = asyncio.get_running_loop()
    os.fork()
    random.setstate(state)
    asyncio._set_running_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor())
    # Its own way of being woken by threads.
    loop._close_self_pipe()
    loop._make_self_pipe()


async def tell() -> None:
    print("restored", random.random(), ssl.RAND_bytes(8).hex(), flush=True)


snapstart.before_snapshot.insert(0, become_two)  # the last to run
snapstart.after_restore.append(tell)
