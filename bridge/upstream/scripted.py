"""An upstream that replays a script: for demonstrations, tests and trying out a client.

A script is a list of replies, or a function from the request to one. A reply is a text, an error,
or a list of steps: text, a ``Piece``, a ``Delay``, an error. A reply that says no finish and raises
nothing ends with ``stop``. Requests beyond the list get the last reply again, or start over.

In a file (TOML or JSON) a step is a string or a table with one or more of ``text``, ``finish``,
``delay`` (seconds, before the rest of the step) and ``error`` (a code of ``bridge.errors``):

    cycle = true
    replies = [
        "Hello!",
        ["Well", {delay = 0.5, text = ", hello."}],
        ["This is cut", {finish = "length"}],
        [{error = "rate_limit_exceeded"}],
    ]
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bridge.errors import BridgeError, ContextTooLong, UpstreamError
from bridge.turns import Capabilities, Options, Piece, Turn, UpstreamFinish

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MAX_RECORDED = 1000
"""Requests kept for inspection; a demonstration server may run for months."""


class Delay(msgspec.Struct, frozen=True):
    """A pause of so many seconds."""

    seconds: float


Step = str | Piece | Delay | BridgeError
Reply = str | BridgeError | Sequence[Step]
Script = Sequence[Reply] | Callable[[Sequence[Turn], Options], Reply]


class Recorded(msgspec.Struct, frozen=True):
    """One request as the upstream got it."""

    turns: tuple[Turn, ...]
    options: Options


class Scripted:
    """An upstream of kind ``scripted``.

    ``requests`` are the latest requests, oldest first; ``closed`` counts replies that the caller
    left before their end.
    """

    def __init__(
        self,
        script: Script,
        *,
        cycle: bool = False,
        capabilities: Capabilities | None = None,
        names: Sequence[str] = ("scripted",),
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Take a script that is not an empty list; ``names`` is what ``models`` answers."""
        if not callable(script) and not script:
            raise ValueError("a script needs at least one reply")
        self.requests: deque[Recorded] = deque(maxlen=MAX_RECORDED)
        self.closed = 0
        self._script = script
        self._cycle = cycle
        self._served = 0
        self._capabilities = capabilities or Capabilities()
        self._names = list(names)
        self._sleep = sleep

    @classmethod
    def from_file(cls, path: Path | str) -> Scripted:
        """Read a script; raises ``ValueError`` that names the file and what is wrong in it."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
            value = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
            file = _File.model_validate(value)
            return cls([_reply(reply) for reply in file.replies], cycle=file.cycle)
        except (OSError, ValueError) as exc:
            raise ValueError(f"{path}: {exc}") from exc

    @property
    def capabilities(self) -> Capabilities:
        """As given."""
        return self._capabilities

    async def stream(self, turns: Sequence[Turn], options: Options) -> AsyncGenerator[Piece, None]:
        """Replay the next reply."""
        self.requests.append(Recorded(tuple(turns), options))
        finished = False
        try:
            for step in self._next(turns, options):
                match step:
                    case Delay():
                        await self._sleep(step.seconds)
                    case Piece():
                        finished = finished or step.finish is not None
                        yield step
                    case str():
                        yield Piece(step)
                    case BridgeError():
                        # A repeated reply raises the same instance; its traceback must not grow.
                        raise step.with_traceback(None)
                    case _:
                        assert_never(step)
            if not finished:
                yield Piece(finish="stop")
        except (GeneratorExit, asyncio.CancelledError):
            self.closed += 1
            raise

    async def models(self) -> list[str]:
        """The names given."""
        return list(self._names)

    async def aclose(self) -> None:
        """Nothing to free."""

    def _next(self, turns: Sequence[Turn], options: Options) -> Sequence[Step]:
        served, self._served = self._served, self._served + 1
        if callable(self._script):
            reply = self._script(turns, options)
        else:
            count = len(self._script)
            reply = self._script[served % count if self._cycle else min(served, count - 1)]
        return [reply] if isinstance(reply, str | BridgeError) else reply


def _kinds() -> list[type[BridgeError]]:
    return [ContextTooLong, UpstreamError, *UpstreamError.__subclasses__()]


ERRORS: dict[str, type[BridgeError]] = {str(kind.code): kind for kind in _kinds()}
"""What a script in a file may raise, by code."""


def _known(code: str) -> str:
    if code not in ERRORS:
        raise ValueError(f"not one of {', '.join(sorted(ERRORS))}")
    return code


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid")
    delay: Annotated[float, Field(ge=0)] = 0
    text: str = ""
    finish: UpstreamFinish | None = None
    error: Annotated[str, AfterValidator(_known)] | None = None

    def steps(self) -> list[Step]:
        found: list[Step] = [Delay(self.delay)] if self.delay else []
        if self.text or self.finish:
            found.append(Piece(self.text, self.finish))
        if self.error is not None:
            found.append(ERRORS[self.error]("The script says so."))
        return found


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    cycle: bool = False
    replies: Annotated[list[str | list[str | _Step]], Field(min_length=1)]


def _reply(reply: str | list[str | _Step]) -> Reply:
    if isinstance(reply, str):
        return reply
    return [step for item in reply for step in ([item] if isinstance(item, str) else item.steps())]
