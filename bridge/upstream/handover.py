"""From a thread that blocks to the event loop: items in order, in bounded number."""

from __future__ import annotations

import asyncio
import threading
from typing import Generic, TypeVar

T = TypeVar("T")

ROOM = 64
"""Items that may wait. A model writes some ten to a hundred pieces a second, so this is about a
second of them; a consumer that is slower than that makes the thread wait, and through it the
upstream."""


class Handover(Generic[T]):
    """One thread puts, one coroutine gets; either side may end it.

    Made on the event loop that gets.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[T | BaseException | None] = asyncio.Queue()
        self._room = threading.Semaphore(room)
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nobody will get anything more."""
        return self._closed

    def put(self, item: T) -> bool:
        """In the thread: hand over, waiting for room; False when nobody wants it any more."""
        self._room.acquire()
        return self._give(item)

    def end(self, error: BaseException | None = None) -> None:
        """In the thread: there is nothing more, because of ``error`` or because that was all."""
        self._give(error)

    async def get(self) -> T | None:
        """The next item, None after the last; raises what the thread ended with."""
        item = await self._items.get()
        self._room.release()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """On the loop: stop. A thread that waits for room goes on and is told; so is a getter."""
        self._closed = True
        self._room.release()
        self._items.put_nowait(None)

    def _give(self, item: T | BaseException | None) -> bool:
        if self._closed:
            return False
        try:
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
        except RuntimeError:  # the loop is closed: nobody waits
            return False
        return True
