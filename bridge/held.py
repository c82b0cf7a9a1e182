"""What waits in an attempt, text and calls, in the order in which it came."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.parts import ECHO, Call, Malformed, Text, Thinking
from bridge.repeats import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.parts import Part
    from bridge.repeats import Answered

    Item = str | tuple[Call | Malformed, ...]
    """Words, or the calls of one block."""

UNUSABLE = "(The model wrote a tool call that could not be used.)"
"""Stands in the place of an answer that was nothing but an unusable block."""

_MARKUP = re.compile(r"[ \t]*(?:`{3,}|~{3,}|@end\b)")
_EMPTY_FENCE = re.compile(r"`{3,}[ \t]{0,3}[A-Za-z0-9_+-]{0,30}(?:\s+`{3,})?")


class Held:
    """Add what has to wait, ``take`` all of it. ``answered``: calls that would be repeats."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._items: list[Item] = []
        self._faulty = False
        self._all_repeat = True
        self.written = 0
        """The characters that the model needed for the calls."""

    def __bool__(self) -> bool:
        return bool(self._items)

    def add_words(self, text: str) -> None:
        """Let this text wait."""
        self._items.append(text)

    def add_calls(self, *calls: Call | Malformed) -> None:
        """Let the calls of a block wait."""
        self._items.append(calls)
        meant = [call for call in calls if call.fault is not ECHO]
        self.written += sum(len(call.raw) for call in meant)
        self._faulty = self._faulty or any(call.fault is not None for call in meant)
        self._all_repeat = self._all_repeat and all(map(self._is_repeat, meant))

    @property
    def calls(self) -> list[Call | Malformed]:
        """The calls among it; echoes are none."""
        items = [item for item in self._items if not isinstance(item, str)]
        return [call for item in items for call in item if call.fault is not ECHO]

    @property
    def unusable(self) -> bool:
        """Whether there is a call among it that cannot be understood."""
        return any(isinstance(call, Malformed) for call in self.calls)

    @property
    def has_words(self) -> bool:
        """Whether there is text among it, if only a quotation."""
        return any(
            isinstance(item, str) or any(call.fault is ECHO for call in item)
            for item in self._items
        )

    @property
    def repeats(self) -> bool:
        """Whether there are calls, and all have their results already."""
        return self._all_repeat and bool(self.calls)

    @property
    def doubtful(self) -> bool:
        """Whether another attempt may bring better calls."""
        return self._faulty or self.repeats

    def _is_repeat(self, call: Call | Malformed) -> bool:
        if isinstance(call, Malformed) or not self._answered:
            return False
        return (call.name, canonical(call.arguments)) in self._answered

    def take(self, *, faulty: bool = True) -> tuple[list[str], list[Call]]:
        """The texts, which are to stand apart, and the calls; they wait no longer.

        Of a malformed call the words remain, if it held any; of an echo all that was written.
        Without ``faulty``, what has a fault is left out.
        """
        runs: list[list[str]] = [[]]
        calls: list[Call] = []
        for item in self._items:
            if isinstance(item, str):
                runs[-1].append(item)
                continue
            kept = [call for call in item if call.fault in (None, ECHO) or faulty]
            calls += [call for call in kept if isinstance(call, Call)]
            if unread := [_shown(call) for call in kept if isinstance(call, Malformed)]:
                runs += [unread, []]
        self._items, self.written = [], 0
        self._faulty, self._all_repeat = False, True
        return _apart(["".join(run) for run in runs]), calls


def _shown(call: Malformed) -> str:
    """What a client sees of what could not be read: no markup, which would mean nothing to it."""
    if call.fault is ECHO:
        return call.raw
    lines = [line for line in call.raw.split("\n") if not _MARKUP.match(line)]
    text = "\n".join(lines).strip()
    return "" if text[:1] in set('{[<"@') else text


def _apart(texts: list[str]) -> list[str]:
    """Words and blocks; white space before a block was taken for the block's."""
    if len(texts) == 1:
        return texts
    apart: list[str] = []
    for text in filter(str.strip, texts):
        if apart and text.startswith("\n"):
            apart[-1] = apart[-1].rstrip("\n") + text
        else:
            apart.append(text)
    return [text.strip("\n") for text in apart]


def empty_fence(parts: Sequence[Part]) -> str:
    """The text of these parts if, thinking aside, it is a fence with nothing in it, or else ""."""
    text = "".join(part.text for part in parts if isinstance(part, Text)).strip()
    nothing_else = all(isinstance(part, Text | Thinking) for part in parts)
    return text if nothing_else and _EMPTY_FENCE.fullmatch(text) else ""
