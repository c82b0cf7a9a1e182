"""The scripted upstream on a thread of its own, so that a test may block."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.fake_upstream import FakeUpstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_upstream import Answers


@contextmanager
def upstream(answers: Answers) -> Iterator[FakeUpstream]:
    """Run it while the ``with`` block runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = FakeUpstream(answers)
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(60)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
