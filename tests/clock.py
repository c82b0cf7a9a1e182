"""An event loop whose clock moves only when nothing else is left to do.

Its time stands while anything runs and while bytes are on their way, and jumps to the next timer
when nothing is ready: a limit passes in no time, and never because the machine is busy. Whoever
asks the loop for the time is told when, to the millisecond, something happened.

    assert run(scenario()) == …     # in place of asyncio.run

For what happens on one loop; threads count if the loop started them.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    T = TypeVar("T")

GRACE_SECONDS = 0.05
"""What the kernel may take to hand bytes from one socket of the loop to another."""

LATE_SECONDS = 1e-6


class JumpingLoop(asyncio.SelectorEventLoop):
    """The loop; ``time`` begins at 0."""

    def __init__(self) -> None:
        self._now = 0.0
        self._threads = 0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        """Let so much time pass; as with any clock, a timer is found a little late."""
        self._now += seconds + LATE_SECONDS

    def grace(self) -> float | None:
        """How long to wait for what is under way before time may pass; None: until it comes."""
        if self._threads:
            return None
        own = 1  # the pipe that wakes the loop
        return GRACE_SECONDS if len(self._selector.get_map()) > own else 0  # type: ignore[attr-defined]

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        def done(_: object) -> None:
            self._threads -= 1

        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(done)
        return future


class _Jumping(selectors.DefaultSelector):
    """Waits for no timer: it tells the loop that the time has come."""

    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(self._loop.grace())
        if not ready:
            self._loop.jump(timeout)
        return ready


def run(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` on such a loop."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)
