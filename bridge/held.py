"""What waits in an attempt, text and calls, in the order in which it came."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.parts import Call, Malformed, Text, Thinking
from bridge.repeats import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.parts import Part
    from bridge.repeats import Answered

    Item = str | tuple[Call | Malformed, ...]
    """Words, or the calls of one block."""

_EMPTY_FENCE = re.compile(r"`{3,}[ \t]{0,3}[A-Za-z0-9_+-]{0,30}(?:\s+`{3,})?")


class Held:
    """Add what has to wait, ``take`` all of it. ``answered``: calls that would be repeats."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._items: list[Item] = []

    def __bool__(self) -> bool:
        return bool(self._items)

    def add_words(self, text: str) -> None:
        """Let this text wait."""
        self._items.append(text)

    def add_calls(self, *calls: Call | Malformed) -> None:
        """Let the calls of a block wait."""
        self._items.append(calls)

    @property
    def calls(self) -> list[Call | Malformed]:
        """The calls among it."""
        return [call for item in self._items if not isinstance(item, str) for call in item]

    @property
    def written(self) -> int:
        """The characters that the model needed for the calls."""
        return sum(len(call.raw) for call in self.calls)

    @property
    def has_words(self) -> bool:
        """Whether there is text among it."""
        return any(isinstance(item, str) for item in self._items)

    @property
    def repeats(self) -> bool:
        """Whether there are calls, and all have their results already."""
        calls = self.calls
        return bool(calls) and all(
            isinstance(call, Call) and (call.name, canonical(call.arguments)) in self._answered
            for call in calls
        )

    @property
    def doubtful(self) -> bool:
        """Whether another attempt may bring better calls."""
        return self.repeats or any(call.fault is not None for call in self.calls)

    def take(self, *, faulty: bool = True) -> tuple[str, list[Call]]:
        """The text and the calls, which wait no longer.

        A malformed call is text, as the model wrote it. Without ``faulty``, what has a fault is
        left out.
        """
        runs: list[list[str]] = [[]]
        calls: list[Call] = []
        for item in self._items:
            if isinstance(item, str):
                runs[-1].append(item)
                continue
            kept = [call for call in item if call.fault is None or faulty]
            calls += [call for call in kept if isinstance(call, Call)]
            if unread := [call.raw for call in kept if isinstance(call, Malformed)]:
                runs += [unread, []]
        self._items = []
        return _apart(["".join(run) for run in runs]), calls


def _apart(texts: list[str]) -> str:
    """Words and blocks as they stood; white space before a block was taken for the block's."""
    if len(texts) == 1:
        return texts[0]
    whole = ""
    for text in filter(str.strip, texts):
        whole = whole.rstrip("\n") + ("" if text.startswith("\n") else "\n\n") + text
    return whole.strip("\n")


def is_empty_fence(parts: Sequence[Part]) -> bool:
    """Whether these parts, thinking aside, are a fence with nothing in it: that is no answer."""
    text = "".join(part.text for part in parts if isinstance(part, Text))
    nothing_else = all(isinstance(part, Text | Thinking) for part in parts)
    return nothing_else and _EMPTY_FENCE.fullmatch(text.strip()) is not None
