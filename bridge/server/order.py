"""Several choices in one stream, in an order that clients can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.answers import ChatCompletionChunk


class InOrder:
    """Holds a choice's chunks until every choice before it has begun.

    Choices are answered side by side, and openai's own accumulation fails when it hears of choice
    1 before choice 0.
    """

    def __init__(self) -> None:
        self._begun = 0
        self._waiting: dict[int, list[ChatCompletionChunk]] = {}

    def take(self, chunks: Iterable[ChatCompletionChunk]) -> list[ChatCompletionChunk]:
        """The chunks that may go now, in order."""
        ready: list[ChatCompletionChunk] = []
        for chunk in chunks:
            index = chunk.choices[0].index
            if index > self._begun:
                self._waiting.setdefault(index, []).append(chunk)
                continue
            ready.append(chunk)
            if index == self._begun:
                self._begun += 1
                while self._begun in self._waiting:
                    ready += self._waiting.pop(self._begun)
                    self._begun += 1
        return ready
