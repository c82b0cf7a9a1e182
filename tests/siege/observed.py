"""``toolbridge`` as it is; on a signal it tells what no one sees from outside.

SIGUSR1: how many asyncio tasks there are. A signal runs in the main thread, where the event loop
runs, so it sees that loop's. SIGUSR2: how many objects, without those that only wait for Python's
collector. Not with the first one: a connection that only the collector closes is a lost one.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys

from bridge.cli import main


def tell_tasks(*_: object) -> None:
    os.write(sys.stdout.fileno(), b"%d\n" % len(asyncio.all_tasks()))


def tell_objects(*_: object) -> None:
    gc.collect()
    os.write(sys.stdout.fileno(), b"%d\n" % len(gc.get_objects()))


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, tell_tasks)
    signal.signal(signal.SIGUSR2, tell_objects)
    sys.exit(main())
