"""The one protocol every upstream meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from bridge.turns import Capabilities, Options, Piece, Turn

    Secret = Callable[[], Awaitable[str | None]]
    """Gives the operator's key for an upstream when it is needed, so that it can be rotated."""


class Upstream(Protocol):
    """A text chat.

    Everything an upstream raises is an ``UpstreamError`` or a ``RequestError`` of
    ``bridge.errors``; other libraries' errors are renamed inside it.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this kind can do."""
        ...

    def stream(self, turns: Sequence[Turn], options: Options) -> AsyncGenerator[Piece, None]:
        """Send the turns, yield the reply piece by piece.

        A reply that ended as it should has had one piece with a ``finish``; one that broke off
        raises ``UpstreamCut``. Closing the generator closes the upstream request at once.
        """
        ...

    async def models(self) -> list[str]:
        """The upstream's own names of the models it serves."""
        ...

    async def aclose(self) -> None:
        """Free connections and threads. Called once, when the server stops."""
        ...
